//! How far back calls count, and how many there must be.

use super::Instance;
use crate::convert::draft::{number, object, text};
use crate::convert::units::{WINDOW, span};
use std::time::Duration;

/// resilience4j's default.
const WINDOW_SIZE: u64 = 100;
/// What a policy can hold.
const MOST_CALLS: u64 = 1000;
const MOST_BUCKETS: u64 = 60;
const MOST_REQUESTS: u64 = 1_000_000;

impl Instance<'_, '_> {
    /// `window` and `minimum_requests`.
    pub(super) fn window(&mut self) {
        let kind = self.take("slidingwindowtype");
        let size = self.take("slidingwindowsize");
        let timed = kind
            .as_ref()
            .and_then(|kind| kind.text(self.log))
            .is_some_and(|kind| kind.eq_ignore_ascii_case("TIME_BASED"));
        let written = size.as_ref().and_then(|size| size.whole(self.log));
        let count = written.unwrap_or(WINDOW_SIZE);
        let (value, shown, why) = if timed {
            let fitted = WINDOW.fit(Duration::from_secs(count));
            let (duration, buckets) = (span(fitted.duration), count.clamp(1, MOST_BUCKETS));
            let shown = format!("window: {{duration: {duration}, buckets: {buckets}}}");
            let why = if count > MOST_BUCKETS {
                format!(
                    "its parts are longer than there, where each is a second. {}",
                    fitted.why
                )
            } else {
                fitted.why
            };
            let value = vec![("duration", text(duration)), ("buckets", number(buckets))];
            (object(value), shown, why)
        } else {
            let calls = count.clamp(1, MOST_CALLS);
            let why = if calls == count {
                String::new()
            } else {
                format!("1 to {MOST_CALLS} calls are possible; write a duration for more")
            };
            (
                object(vec![("calls", number(calls))]),
                format!("window: {{calls: {calls}}}"),
                why,
            )
        };
        if kind.is_some() || size.is_some() {
            let from = if timed { "TIME_BASED" } else { "COUNT_BASED" };
            self.draft
                .set("window", value, format!("slidingWindowSize: {count}, {from}"));
        }
        for found in [kind, size].into_iter().flatten() {
            self.fitted(&found, shown.clone(), why.trim());
        }
        let Some(found) = self.take("minimumnumberofcalls") else {
            return;
        };
        let Some(written) = found.whole(self.log) else {
            return;
        };
        let most = if timed {
            MOST_REQUESTS
        } else {
            count.clamp(1, MOST_CALLS)
        };
        let least = written.clamp(1, most);
        self.draft.set(
            "minimum_requests",
            number(least),
            format!("minimumNumberOfCalls: {written}"),
        );
        let why = match least == written {
            true => "",
            false if timed => "1 to 1000000 are possible",
            false => "a window of calls is judged when it is full, as there",
        };
        self.fitted(&found, format!("minimum_requests: {least}"), why);
    }
}
