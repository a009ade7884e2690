//! How long a call may take, and how many there may be at a time.

use super::Options;
use crate::convert::draft::{number, text};
use crate::convert::units::{UP_TO_AN_HOUR, millis, span};
use crate::document::Kind;

/// `timeout` where it is not written.
const TIMEOUT_MS: f64 = 10_000.0;
/// What `max_in_flight` can be.
const MOST_IN_FLIGHT: u64 = 100_000;
/// `Number.MAX_SAFE_INTEGER`: no cap.
const NO_CAP: f64 = 9_007_199_254_740_991.0;

impl Options<'_, '_> {
    pub(super) fn timeout(&mut self) {
        let found = self.fields.take("timeout");
        let written = match &found {
            Some(found) if found.value.kind == Kind::Bool(false) => {
                self.log.became(&found.at, "no timeout but that of the route");
                return;
            }
            Some(found) => match found.number(self.log) {
                Some(number) if number <= 0.0 => {
                    self.log.became(&found.at, "no timeout but that of the route");
                    return;
                }
                Some(number) => number,
                None => return,
            },
            None => TIMEOUT_MS,
        };
        let fitted = UP_TO_AN_HOUR.fit(millis(written));
        let length = span(fitted.duration);
        let from = match &found {
            Some(_) => format!("timeout: {written}"),
            None => "opossum's default".to_owned(),
        };
        self.draft.set("timeout", text(&length), from);
        let at = found.as_ref().map_or(&self.whole, |found| &found.at).clone();
        let why = if fitted.why.is_empty() {
            String::new()
        } else {
            format!(" ({})", fitted.why)
        };
        let absent = if found.is_none() {
            "timeout is not written, but there by default: "
        } else {
            ""
        };
        self.log.changed(
            &at,
            format!(
                "{absent}timeout: {length}{why}. It is of the request with all retries, and Envoy ends the call, \
                 which opossum leaves running"
            ),
        );
    }

    pub(super) fn capacity(&mut self) {
        let Some(found) = self.fields.take("capacity") else {
            return;
        };
        let Some(written) = found.number(self.log) else {
            return;
        };
        if written.fract() != 0.0 || written >= NO_CAP {
            self.log.became(&found.at, "no max_in_flight: it is no cap");
            return;
        }
        let most = (written.max(1.0) as u64).min(MOST_IN_FLIGHT);
        self.draft
            .set("max_in_flight", number(most), format!("capacity: {written}"));
        let more = if written < 1.0 {
            ". There it refuses all calls: for that, write force: open"
        } else {
            ""
        };
        self.log.changed(
            &found.at,
            format!(
                "max_in_flight: {most}, of one proxy. A request over it counts as nothing; in opossum it is a \
                 failure, and can open the breaker{more}"
            ),
        );
    }
}
