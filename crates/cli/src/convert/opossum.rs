//! The options of opossum, Node.js's breaker (source: `lib/circuit.js` of 9.0).
//!
//! A field that is left out is as the preset has it, which has opossum's defaults; the timeout alone is no part of a
//! preset and is written always.

mod limits;
mod lost;

use super::draft::{Draft, Log, Made, Place, number, object, text};
use super::fields::{Fields, Found};
use super::is_object;
use super::units::{UP_TO_AN_HOUR, WINDOW, millis, percentage, share, span};
use crate::document::{Mistake, Node};

/// `rollingCountTimeout` where it is not written.
const WINDOW_MS: f64 = 10_000.0;
/// What `minimum_requests` can be.
const MOST_REQUESTS: u64 = 1_000_000;
const MOST_BUCKETS: u64 = 60;

/// Fields by which an object is known as these options.
const KNOWN_BY: [&str; 12] = [
    "timeout",
    "errorThresholdPercentage",
    "resetTimeout",
    "rollingCountTimeout",
    "rollingCountBuckets",
    "volumeThreshold",
    "allowWarmUp",
    "capacity",
    "errorFilter",
    "coalesce",
    "rollingPercentilesEnabled",
    "enableSnapshots",
];

/// Whether the document looks like the options of a breaker.
pub(super) fn is_one(document: &Node) -> bool {
    KNOWN_BY.iter().any(|key| document.get(key).is_some())
}

/// Reads the options.
///
/// # Errors
/// Every mistake.
pub(super) fn read(documents: &[Node]) -> Result<Made, Vec<Mistake>> {
    let [document] = documents else {
        let message = "holds no options, or those of several breakers: write one object";
        return Err(vec![Mistake::at(0, message)]);
    };
    if !is_object(document) {
        let message = format!(
            "{} is not an object: write the options of one breaker",
            document.excerpt()
        );
        return Err(vec![Mistake::at(document.line, message)]);
    }
    let mut made = Made::new("opossum");
    let mut log = Log::default();
    let mut options = Options {
        fields: Fields::of(document, "", &mut log),
        whole: Place {
            line: document.line,
            path: String::new(),
        },
        draft: Draft::new("opossum", "the options of opossum"),
        log: &mut log,
    };
    options.read();
    let Options { fields, draft, .. } = options;
    made.drafts.push(draft);
    lost::note(fields, &mut log);
    log.changed(
        &Place {
            line: document.line,
            path: String::new(),
        },
        "the breaker is about every request that the filter sees: say in `match` which calls the action makes. What has \
         failed is said by `failure`, for which opossum has a rejected promise",
    );
    log.finish(made)
}

struct Options<'o, 'n> {
    fields: Fields<'n>,
    whole: Place,
    draft: Draft,
    log: &'o mut Log,
}

impl Options<'_, '_> {
    fn read(&mut self) {
        let preset = "what is not written is as opossum has it";
        self.draft.set("preset", text("opossum"), preset);
        self.name();
        let window = self.window();
        self.volume();
        self.threshold();
        self.reset();
        if let Some(warm_up) = self.fields.take("allowWarmUp")
            && warm_up.flag(self.log) == Some(true)
        {
            self.draft.set("warm_up", text(&window), "allowWarmUp: true");
            self.log.became(
                &warm_up.at,
                format!("warm_up: {window}, as long as the window; it begins with the first request, there with the object"),
            );
        }
        self.timeout();
        self.capacity();
        if let Some(enabled) = self.fields.take("enabled")
            && enabled.flag(self.log) == Some(false)
        {
            self.draft.set("force", text("closed"), "enabled: false");
            self.log.changed(
                &enabled.at,
                "force: closed, so that nothing opens it. There the timeout and the capacity are off as well; for that, \
                 write mode: \"off\" in its place",
            );
        }
    }

    fn name(&mut self) {
        let Some(name) = self.fields.take("name") else {
            return;
        };
        if let Some(text) = name.text(self.log) {
            self.draft.name = text.to_owned();
            self.log.became(
                &name.at,
                "name, in which other characters than A-Z a-z 0-9 _ . - are replaced",
            );
        }
    }

    /// `window`; says how long it is.
    fn window(&mut self) -> String {
        let duration = self.fields.take("rollingCountTimeout");
        let buckets = self.fields.take("rollingCountBuckets");
        let written = duration.as_ref().and_then(|found| found.number(self.log));
        let fitted = WINDOW.fit(millis(written.unwrap_or(WINDOW_MS)));
        let length = span(fitted.duration);
        let mut fields = Vec::new();
        let mut from = Vec::new();
        if let (Some(found), Some(written)) = (&duration, written) {
            fields.push(("duration", text(&length)));
            from.push(format!("rollingCountTimeout: {written}"));
            self.fitted(found, format!("window: {{duration: {length}}}"), &fitted.why);
        }
        if let Some(found) = &buckets
            && let Some(written) = found.whole(self.log)
        {
            let count = written.clamp(1, MOST_BUCKETS);
            fields.push(("buckets", number(count)));
            from.push(format!("rollingCountBuckets: {written}"));
            let why = if count == written {
                String::new()
            } else {
                format!("1 to {MOST_BUCKETS} are possible")
            };
            self.fitted(found, format!("window: {{buckets: {count}}}"), &why);
        }
        if !fields.is_empty() {
            self.draft.set("window", object(fields), from.join(", "));
        }
        length
    }

    fn volume(&mut self) {
        let Some(found) = self.fields.take("volumeThreshold") else {
            return;
        };
        let Some(written) = found.whole(self.log) else {
            return;
        };
        let least = written.clamp(1, MOST_REQUESTS);
        self.draft.set(
            "minimum_requests",
            number(least),
            format!("volumeThreshold: {written}"),
        );
        if written == 0 {
            self.log.became(
                &found.at,
                "minimum_requests: 1, below which there is no failure either",
            );
            return;
        }
        self.log.changed(
            &found.at,
            format!(
                "minimum_requests: {least}, of completed calls. opossum compares calls begun (fires), those \
                 in flight and rejected among them"
            ),
        );
    }

    fn threshold(&mut self) {
        let Some(found) = self.fields.take("errorThresholdPercentage") else {
            return;
        };
        let Some(written) = found.number(self.log) else {
            return;
        };
        let read = percentage(written);
        let ppm = read.ppm.max(1);
        let rate = share(ppm);
        self.draft.set(
            "trip",
            object(vec![("error_rate", text(&rate))]),
            format!("errorThresholdPercentage: {written}; strictly above, as there"),
        );
        let more = if written >= 100.0 {
            ". It never opens: no share is above all. Write a lower one"
        } else if written <= 0.0 {
            ", the least that there is: the first failure opens it"
        } else {
            ""
        };
        let why = if read.changed && (0.0..=100.0).contains(&written) {
            ", at four decimals"
        } else {
            ""
        };
        self.log.changed(
            &found.at,
            format!(
                "trip: {{error_rate: {rate}}}{why}{more}. It is of completed calls; opossum's is of calls begun, so that \
                 calls in flight and rejected ones thin it out"
            ),
        );
    }

    fn reset(&mut self) {
        let Some(found) = self.fields.take("resetTimeout") else {
            return;
        };
        let Some(written) = found.number(self.log) else {
            return;
        };
        let fitted = UP_TO_AN_HOUR.fit(millis(written));
        let length = span(fitted.duration);
        self.draft.set(
            "open",
            object(vec![("duration", text(&length))]),
            format!("resetTimeout: {written}"),
        );
        self.fitted(&found, format!("open: {{duration: {length}}}"), &fitted.why);
    }

    fn fitted(&mut self, found: &Found<'_>, text: String, why: &str) {
        if why.is_empty() {
            self.log.became(&found.at, text);
        } else {
            self.log.changed(&found.at, format!("{text}; {why}"));
        }
    }
}
