//! One breaker of resilience4j.

mod open;
mod window;

use crate::convert::draft::{Draft, Log, number, object, text};
use crate::convert::fields::Found;
use crate::convert::units::{ALL_PPM, SLOW, UP_TO_A_DAY, percentage, share, span, spring_duration};
use crate::document::{Kind, Node};
use std::time::Duration;

/// resilience4j's defaults, where a policy has to write what the configuration does not.
const FAILURE_RATE: f64 = 50.0;
const SLOW_RATE: f64 = 100.0;
const SLOW_CALL: Duration = Duration::from_secs(60);
/// What a policy can hold.
const MOST_PROBES: u64 = 1000;

/// Makes the breaker of an instance with these fields.
pub(super) fn read<'n>(one: &Found<'n>, of: String, fields: &[(String, Found<'n>)], log: &mut Log) -> Draft {
    let mut instance = Instance {
        left: fields.to_vec(),
        draft: Draft::new(one.key, of),
        needed: None,
        log,
    };
    let preset = "what is not written is as resilience4j has it";
    instance.draft.set("preset", text("resilience4j"), preset);
    instance.state();
    instance.window();
    instance.trip();
    instance.open();
    instance.half_open();
    for (key, found) in std::mem::take(&mut instance.left) {
        instance.log.lost(&found.at, why_lost(&key));
    }
    instance.draft
}

struct Instance<'i, 'n> {
    left: Vec<(String, Found<'n>)>,
    draft: Draft,
    /// The share of probes that must succeed, if it is another one than the preset's.
    needed: Option<String>,
    log: &'i mut Log,
}

/// A share of the source, and as the policy has it.
struct Rate {
    ppm: u32,
    changed: &'static str,
}

impl<'n> Instance<'_, 'n> {
    fn take(&mut self, key: &str) -> Option<Found<'n>> {
        let index = self.left.iter().position(|(known, _)| known == key)?;
        Some(self.left.remove(index).1)
    }

    fn duration(&mut self, found: &Found<'_>) -> Option<Duration> {
        let read = match &found.value.kind {
            Kind::Number(number) => number.as_u64().map(Duration::from_millis),
            Kind::Text(text) => spring_duration(text),
            _ => None,
        };
        if read.is_none() {
            self.log.wrong(
                &found.at,
                found.value,
                "a duration: write a number and its unit, as in 500ms or 10s, and no placeholder",
            );
        }
        read
    }

    fn fitted(&mut self, found: &Found<'_>, text: String, why: &str) {
        if why.is_empty() {
            self.log.became(&found.at, text);
        } else {
            self.log.changed(&found.at, format!("{text}; {why}"));
        }
    }

    fn state(&mut self) {
        let Some(found) = self.take("initialstate") else {
            return;
        };
        let Some(state) = found.text(self.log) else { return };
        let (key, value, text_of) = match state.to_ascii_uppercase().as_str() {
            "CLOSED" => {
                self.log.became(&found.at, "nothing: a breaker begins closed");
                return;
            }
            "FORCED_OPEN" => ("force", "open", "force: open"),
            "DISABLED" => ("force", "closed", "force: closed"),
            "METRICS_ONLY" => ("mode", "shadow", "mode: shadow"),
            _ => {
                self.log
                    .lost(&found.at, "a breaker begins closed; force: open holds it open");
                return;
            }
        };
        self.draft.set(key, text(value), format!("initialState: {state}"));
        self.log.became(&found.at, text_of);
    }

    fn rate(&mut self, found: Option<&Found<'_>>, default: f64) -> Rate {
        let read = percentage(found.and_then(|found| found.number(self.log)).unwrap_or(default));
        Rate {
            ppm: read.ppm.max(1),
            changed: if read.changed {
                "a share has four decimals, and lies between nothing and all"
            } else {
                ""
            },
        }
    }

    /// `trip`, and which share of the probes must succeed.
    fn trip(&mut self) {
        let failures = self.take("failureratethreshold");
        let slow = self.take("slowcallratethreshold");
        let slower = self.take("slowcalldurationthreshold");
        if failures.is_none() && slow.is_none() && slower.is_none() {
            return;
        }
        let failure_rate = self.rate(failures.as_ref(), FAILURE_RATE);
        let slow_rate = self.rate(slow.as_ref(), SLOW_RATE);
        let above = slower
            .as_ref()
            .and_then(|found| self.duration(found))
            .unwrap_or(SLOW_CALL);
        let above = SLOW.fit(above);
        let (length, bound) = (span(above.duration), share(slow_rate.ppm));
        let error_rate = share(failure_rate.ppm);
        let value = object(vec![
            ("error_rate", text(&error_rate)),
            (
                "slow",
                object(vec![("above", text(&length)), ("rate", text(&bound))]),
            ),
        ]);
        self.draft.set(
            "trip",
            value,
            "failureRateThreshold, slowCallRateThreshold, slowCallDurationThreshold",
        );
        if let Some(found) = failures {
            let what =
                format!("trip: {{error_rate: {error_rate}}}, and half_open.success_rate from the other side");
            self.fitted(&found, what, failure_rate.changed);
            self.needed = Some(share(ALL_PPM.saturating_sub(failure_rate.ppm)));
        }
        if let Some(found) = slow {
            let what = format!("trip: {{slow: {{rate: {bound}}}}}");
            self.fitted(&found, what, slow_rate.changed);
        }
        if let Some(found) = slower {
            let what = format!(
                "trip: {{slow: {{above: {length}}}}}, until the response headers; there until the end"
            );
            self.fitted(&found, what, &above.why);
        }
    }

    fn half_open(&mut self) {
        if let Some(found) = self.take("permittednumberofcallsinhalfopenstate")
            && let Some(written) = found.whole(self.log)
        {
            let probes = written.clamp(1, MOST_PROBES);
            self.half_open_field("probes", number(probes));
            let why = if probes == written {
                ""
            } else {
                "1 to 1000 are possible"
            };
            self.fitted(&found, format!("half_open: {{probes: {probes}}}"), why);
        }
        if let Some(needed) = self.needed.take() {
            self.half_open_field("success_rate", text(needed));
        }
        if let Some(found) = self.take("maxwaitdurationinhalfopenstate")
            && let Some(written) = self.duration(&found)
        {
            if written.is_zero() {
                self.log.lost(
                    &found.at,
                    "nothing waits forever: after half_open.max_wait, which the preset has, it opens again",
                );
            } else {
                let fitted = UP_TO_A_DAY.fit(written);
                let length = span(fitted.duration);
                self.half_open_field("max_wait", text(&length));
                self.fitted(&found, format!("half_open: {{max_wait: {length}}}"), &fitted.why);
            }
        }
        if let Some(found) = self.take("transitiontostateafterwaitduration")
            && let Some(state) = found.text(self.log)
        {
            let then = if state.eq_ignore_ascii_case("CLOSED") {
                "close"
            } else {
                "open"
            };
            self.half_open_field("then", text(then));
            self.log.became(&found.at, format!("half_open: {{then: {then}}}"));
        }
    }

    /// Writes a field of `half_open`, which several fields of the source make up.
    fn half_open_field(&mut self, key: &'static str, value: Node) {
        let known = self
            .draft
            .fields
            .iter_mut()
            .find(|field| field.key == "half_open");
        let Some(field) = known else {
            let from = "permittedNumberOfCallsInHalfOpenState and what goes with it";
            self.draft.set("half_open", object(vec![(key, value)]), from);
            return;
        };
        if let (Kind::Object(entries), Kind::Object(more)) =
            (&mut field.value.kind, object(vec![(key, value)]).kind)
        {
            entries.extend(more);
        }
    }
}

fn why_lost(key: &str) -> &'static str {
    match key {
        "recordexceptions" | "recordfailurepredicate" | "recordresultpredicate" => {
            "a proxy sees no exceptions: write what has failed, as in failure: {status: [\"5xx\", 429]}"
        }
        "ignoreexceptions" | "ignoreexceptionpredicate" | "ignoreexceptionsprecedenceenabled" => {
            "a proxy sees no exceptions: write what says nothing about the upstream, as in ignore: {status: [404]}"
        }
        "automatictransitionfromopentohalfopenenabled" => {
            "has no counterpart: the first request after the wait is the first probe, and nothing happens without one"
        }
        "registerhealthindicator"
        | "allowhealthindicatortofail"
        | "eventconsumerbuffersize"
        | "writablestacktraceenabled"
        | "ignoreclassbindingexceptions"
        | "subscribeforevents" => {
            "is about the application. A breaker has metrics, and a line in the log for each transition"
        }
        _ => "is no field of a breaker that is known here",
    }
}
