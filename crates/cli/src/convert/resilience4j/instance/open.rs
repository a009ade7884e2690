//! For how long it stays open: a wait that grows, varies, or neither.

use super::Instance;
use crate::convert::draft::{Log, object, text};
use crate::convert::fields::Found;
use crate::convert::units::{UP_TO_A_DAY, UP_TO_AN_HOUR, percentage, share, span};
use crate::document::{Kind, Node};
use serde_json::Number;
use std::time::Duration;

/// resilience4j's defaults.
const BACKOFF: f64 = 1.5;
const RANDOMIZED: f64 = 0.5;
/// What `open.backoff` can be.
const MOST_FACTOR: f64 = 100.0;

impl Instance<'_, '_> {
    pub(super) fn open(&mut self) {
        let wait = self.take("waitdurationinopenstate");
        let exponential = self.take("enableexponentialbackoff");
        let factor = self.take("exponentialbackoffmultiplier");
        let most = self.take("exponentialmaxwaitdurationinopenstate");
        let randomized = self.take("enablerandomizedwait");
        let jitter = self.take("randomizedwaitfactor");
        let mut fields = Vec::new();
        let mut least = Duration::ZERO;
        if let Some(found) = &wait
            && let Some(duration) = self.duration(found)
        {
            let fitted = UP_TO_AN_HOUR.fit(duration);
            let length = span(fitted.duration);
            least = fitted.duration;
            fields.push(("duration", text(&length)));
            self.fitted(found, format!("open: {{duration: {length}}}"), &fitted.why);
        }
        let is_on = |found: &Option<Found<'_>>, log: &mut Log| {
            found.as_ref().and_then(|found| found.flag(log)).unwrap_or(false)
        };
        // Without a wait of its own, resilience4j makes neither.
        let grows = is_on(&exponential, self.log) && wait.is_some();
        let varies = is_on(&randomized, self.log) && wait.is_some();
        if grows {
            self.backoff(factor.as_ref(), most.as_ref(), least, &mut fields);
        }
        if varies {
            self.jitter(jitter.as_ref(), &mut fields);
        }
        for (found, used, unit) in [
            (&exponential, grows, "open.backoff"),
            (&factor, grows, "open.backoff"),
            (&most, grows, "open.max"),
            (&randomized, varies, "open.jitter"),
            (&jitter, varies, "open.jitter"),
        ] {
            if let Some(found) = found.as_ref().filter(|_| !used) {
                let text = format!("no {unit}: it is off, or has no waitDurationInOpenState");
                self.log.became(&found.at, text);
            }
        }
        if let Some(found) = exponential.filter(|_| grows) {
            match most {
                Some(_) => self.log.became(&found.at, "open.backoff"),
                None => self.log.changed(
                    &found.at,
                    format!(
                        "open.backoff, up to {}; there it grows without end",
                        span(UP_TO_A_DAY.most())
                    ),
                ),
            }
        }
        if let Some(found) = randomized.filter(|_| varies) {
            self.log.became(&found.at, "open.jitter");
        }
        if !fields.is_empty() {
            self.draft.set("open", object(fields), "waitDurationInOpenState");
        }
    }

    fn backoff(
        &mut self,
        factor: Option<&Found<'_>>,
        most: Option<&Found<'_>>,
        least: Duration,
        fields: &mut Vec<(&'static str, Node)>,
    ) {
        let written = factor.and_then(|found| found.number(self.log)).unwrap_or(BACKOFF);
        let thousandths = (written.clamp(1.0, MOST_FACTOR) * 1000.0).round() / 1000.0;
        fields.push(("backoff", factor_of(thousandths)));
        if let Some(found) = factor {
            let why = if (thousandths - written).abs() < 1e-9 {
                ""
            } else {
                "1 to 100 are possible, in thousandths"
            };
            self.fitted(found, format!("open: {{backoff: {thousandths}}}"), why);
        }
        // There it grows without bounds unless it is said.
        let longest = match most {
            Some(found) => self.duration(found),
            None => Some(UP_TO_A_DAY.most()),
        };
        let Some(longest) = longest else { return };
        let mut fitted = UP_TO_A_DAY.fit(longest);
        if fitted.duration < least {
            fitted = UP_TO_A_DAY.fit(least);
            fitted.why = "it is at least the first wait".to_owned();
        }
        fields.push(("max", text(span(fitted.duration))));
        if let Some(found) = most {
            let text = format!("open: {{max: {}}}", span(fitted.duration));
            self.fitted(found, text, &fitted.why);
        }
    }

    fn jitter(&mut self, factor: Option<&Found<'_>>, fields: &mut Vec<(&'static str, Node)>) {
        let written = factor
            .and_then(|found| found.number(self.log))
            .unwrap_or(RANDOMIZED);
        let read = percentage(written * 100.0);
        let jitter = share(read.ppm);
        fields.push(("jitter", text(&jitter)));
        if let Some(found) = factor {
            let why = if read.changed {
                "up to 100% are possible"
            } else {
                ""
            };
            self.fitted(found, format!("open: {{jitter: {jitter}}}"), why);
        }
    }
}

/// A factor as a policy writes it.
fn factor_of(factor: f64) -> Node {
    let whole = factor.fract() == 0.0;
    let number = if whole {
        Some(Number::from(factor as u64))
    } else {
        Number::from_f64(factor)
    };
    Node {
        line: 0,
        kind: number.map_or(Kind::Null, Kind::Number),
    }
}
