//! `outlierDetection`: the breakers that watch for the same failures.
//!
//! Envoy counts 5xx and gateway errors of a host apart, and with `splitExternalLocalOriginErrors` what never reached it
//! as a third; each count that is on becomes a breaker with failures of its own. A gRPC call counts in Envoy by the HTTP
//! status that its gRPC status stands for (`source/common/grpc/status.cc`), so these are named.

mod counts;

use crate::convert::draft::{Draft, Field, Log, Place, number, object, text, texts};
use crate::convert::fields::{Fields, Found};
use crate::convert::units::{Bounds, UP_TO_AN_HOUR, WINDOW, go_duration, span};
use counts::Count;

/// `maxEjectionPercent` where it is not written.
const EJECTED_PERCENT: u64 = 10;

/// A breaker, and the fields that stand after what it is about.
pub(super) struct Watched {
    pub(super) draft: Draft,
    pub(super) fields: Vec<Field>,
}

/// The breakers of an `outlierDetection`, of which the fields so far are `preset` alone.
pub(super) fn read(found: &Found<'_>, base: &str, log: &mut Log) -> Vec<Watched> {
    let mut fields = Fields::of(found.value, &found.at.path, log);
    let five = fields.take("consecutive5xxErrors");
    let gateway = fields.take("consecutiveGatewayErrors");
    let split = fields.take("splitExternalLocalOriginErrors");
    let local = fields.take("consecutiveLocalOriginFailures");
    let is_split = split.as_ref().and_then(|split| split.flag(log)).unwrap_or(false);
    let counts = counts::read(five.as_ref(), gateway.as_ref(), local.as_ref(), is_split, log);
    let interval = span_of(fields.take("interval"), WINDOW, log);
    let base_time = span_of(fields.take("baseEjectionTime"), UP_TO_AN_HOUR, log);
    ejection(&mut fields, &found.at, log);
    for left in fields.rest() {
        match left.key {
            "consecutiveErrors" => log.lost(
                &left.at,
                "is no longer read by Istio: write consecutiveGatewayErrors or consecutive5xxErrors",
            ),
            _ => log.lost(&left.at, "is no field of outlierDetection that is known here"),
        }
    }
    if counts.is_empty() {
        log.lost(&found.at, "counts nothing: there is nothing to make a breaker of");
        return Vec::new();
    }
    explain(
        &counts,
        &found.at,
        interval.as_ref(),
        base_time.as_ref(),
        split.as_ref(),
        log,
    );
    let several = counts.len() > 1;
    counts
        .into_iter()
        .map(|count| watched(count, base, several, interval.as_ref(), base_time.as_ref()))
        .collect()
}

/// A duration of the source, and of the policy.
struct Timed {
    at: Place,
    written: String,
    text: String,
    why: String,
}

fn span_of(found: Option<Found<'_>>, bounds: Bounds, log: &mut Log) -> Option<Timed> {
    let found = found?;
    let Some(duration) = found.value.text().and_then(go_duration) else {
        log.wrong(
            &found.at,
            found.value,
            "a duration: write a number and its unit, as in 30s",
        );
        return None;
    };
    let fitted = bounds.fit(duration);
    Some(Timed {
        written: found.value.text().unwrap_or_default().to_owned(),
        at: found.at,
        text: span(fitted.duration),
        why: fitted.why,
    })
}

/// What is about hosts, and stays.
fn ejection(fields: &mut Fields<'_>, at: &Place, log: &mut Log) {
    let percent = fields.take("maxEjectionPercent");
    let whole = percent.as_ref().and_then(|percent| percent.whole(log));
    // istiod hands on what is above 0.
    let effective = whole.filter(|percent| *percent > 0).unwrap_or(EJECTED_PERCENT);
    let hosts = 100_u64.div_ceil(effective.min(100));
    let text = if effective >= 100 {
        "at 100 all hosts may be ejected, and Envoy then answers 503 (UH), which counts as a failure"
            .to_owned()
    } else {
        format!(
            "at {effective} Envoy ejects nobody while the service has fewer than {hosts} endpoints; the breaker opens with \
             any number"
        )
    };
    match percent {
        Some(percent) => log.stays(&percent.at, text),
        None => log.stays(at, format!("maxEjectionPercent is not written: {text}")),
    }
    if let Some(percent) = fields.take("minHealthPercent") {
        log.stays(&percent.at, "is about hosts: below it Envoy stops ejecting");
    }
}

/// Says what became of what the breakers have in common.
fn explain(
    counts: &[Count],
    at: &Place,
    interval: Option<&Timed>,
    base: Option<&Timed>,
    split: Option<&Found<'_>>,
    log: &mut Log,
) {
    if let Some(split) = split {
        log.became(
            &split.at,
            "what is a failure for which breaker: failure.reset and failure.local_replies",
        );
    }
    if let Some(interval) = interval {
        let text = format!(
            "window: {{duration: {}}}; the row of openings is one shorter after each that it stays closed",
            interval.text
        );
        fitted(interval, text, log);
    }
    if let Some(base) = base {
        fitted(
            base,
            format!("open: {{duration: {}, backoff: linear}}", base.text),
            log,
        );
    }
    if counts.len() > 1 {
        log.changed(
            at,
            format!(
                "{} breakers, as Envoy counts {} apart. What one refuses, the others do not see",
                counts.len(),
                counts
                    .iter()
                    .map(|count| count.field)
                    .collect::<Vec<_>>()
                    .join(" and ")
            ),
        );
    }
}

fn fitted(timed: &Timed, text: String, log: &mut Log) {
    if timed.why.is_empty() {
        log.became(&timed.at, text);
    } else {
        log.changed(&timed.at, format!("{text}; {}", timed.why));
    }
}

fn watched(
    count: Count,
    base: &str,
    several: bool,
    interval: Option<&Timed>,
    base_time: Option<&Timed>,
) -> Watched {
    let name = if several {
        format!("{base}-{}", count.suffix)
    } else {
        base.to_owned()
    };
    let mut draft = Draft::new(name, "");
    draft.set("preset", text("envoy"), "what is not written is as Envoy has it");
    let mut after = Draft::new("", "");
    if let Some(interval) = interval {
        after.set(
            "window",
            object(vec![("duration", text(&interval.text))]),
            format!("interval: {}", interval.written),
        );
    }
    after.set(
        "trip",
        object(vec![("consecutive_failures", number(count.threshold))]),
        count.field,
    );
    after.set("failure", object(count.failure), "");
    after.set(
        "ignore",
        object(vec![("status", texts::<String>([]))]),
        "Envoy counts 501 as any other status",
    );
    if let Some(base_time) = base_time {
        after.set(
            "open",
            object(vec![
                ("duration", text(&base_time.text)),
                ("backoff", text("linear")),
            ]),
            format!("baseEjectionTime: {}", base_time.written),
        );
    }
    Watched {
        draft,
        fields: after.fields,
    }
}
