//! The JSON lines that `fairlead simulate` prints: a public, stable format.

use super::exposure::{carried_out, exposures, only_counted};
use super::metric::Metric;
use super::play::{End as Ended, Played};
use crate::lossless::json as bytes;
use crate::time::seconds;
use fairlead_emulator::{
    Answer, Fault, FaultKind, Headers, Histogram, LogLevel, LogLine, Outcome, Thread, Update,
};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What one request met.
#[derive(Serialize)]
pub(super) struct Met<'p> {
    id: &'p str,
    at: String,
    end: Option<String>,
    status: Option<u16>,
    from: &'static str,
    by: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    would: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    would_variant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    would_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'p str>,
    worker: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_request: Option<Diff>,
    response_headers: Fields<'p>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_trailers: Option<Fields<'p>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

/// What the filters did to a request on its way: names and values that changed, names that are gone.
#[derive(Serialize)]
struct Diff {
    set: BTreeMap<String, Value>,
    removed: Vec<String>,
}

impl<'p> Met<'p> {
    pub(super) fn of(played: &'p Played) -> Self {
        let outcome = &played.outcome;
        let open = outcome.from == Answer::Open;
        let trailers = &outcome.response_trailers;
        let body = &outcome.response_body;
        let exposures = exposures(outcome);
        let (done, would_be) = (carried_out(&exposures), only_counted(&exposures));
        Self {
            id: &played.id,
            at: seconds(outcome.start),
            end: (!open).then(|| seconds(outcome.end)),
            status: outcome.status,
            from: from(&outcome.from),
            by: by(&outcome.from),
            would: would(outcome),
            variant: done.map(|exposure| exposure.variant.clone()),
            reason: done.map(|exposure| exposure.reason.clone()),
            would_variant: would_be.map(|exposure| exposure.variant.clone()),
            would_reason: would_be.and_then(|exposure| exposure.would().map(str::to_owned)),
            details: match &outcome.from {
                Answer::Envoy { details } => Some(details),
                _ => None,
            },
            worker: outcome.worker,
            upstream_request: outcome
                .upstream_request
                .as_ref()
                .map(|after| diff(&outcome.request, after)),
            response_headers: Fields(&outcome.response_headers),
            response_trailers: (!trailers.is_empty()).then_some(Fields(trailers)),
            body: (!body.is_empty()).then(|| bytes(body)),
            truncated: outcome.truncated,
        }
    }
}

/// Who answered.
pub(super) fn from(answer: &Answer) -> &'static str {
    match answer {
        Answer::Upstream => "upstream",
        Answer::Filter { .. } => "filter",
        Answer::Envoy { .. } => "envoy",
        Answer::Abort => "abort",
        Answer::Open => "open",
    }
}

/// The filter and rule that decided, which is what filters write into the response code details.
pub(super) fn by(answer: &Answer) -> Option<&str> {
    match answer {
        Answer::Filter { details, .. } => Some(details),
        _ => None,
    }
}

/// The first filter and rule in shadow that would have refused the request.
pub(super) fn would(outcome: &Outcome) -> Option<String> {
    let mut counted = outcome.counted.iter().map(|(stat, _)| Metric::of(stat));
    counted
        .find(|metric| {
            metric.name.ends_with("_requests_total")
                && matches!(metric.label("cache"), Some("would_deny" | "would_reject"))
        })
        .and_then(|metric| metric.rule())
}

fn diff(before: &Headers, after: &Headers) -> Diff {
    let names =
        |headers: &Headers| -> BTreeSet<Vec<u8>> { headers.iter().map(|(name, _)| name.to_vec()).collect() };
    let (had, has) = (names(before), names(after));
    let changed = has.iter().filter(|name| !before.all(name).eq(after.all(name)));
    Diff {
        set: changed
            .map(|name| (text(name), values(&after.all(name).collect::<Vec<_>>())))
            .collect(),
        removed: had.difference(&has).map(|name| text(name)).collect(),
    }
}

/// Header fields as a map; a repeated name has a list of values, where its first value stood.
struct Fields<'h>(&'h Headers);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut seen: BTreeSet<&[u8]> = BTreeSet::new();
        for (name, _) in self.0.iter() {
            if seen.insert(name) {
                map.serialize_entry(&text(name), &values(&self.0.all(name).collect::<Vec<_>>()))?;
            }
        }
        map.end()
    }
}

fn values(all: &[&[u8]]) -> Value {
    match all {
        [one] => bytes(one),
        many => many.iter().map(|one| bytes(one)).collect(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The last line.
#[derive(Serialize)]
pub(super) struct End {
    metrics: Metrics,
    logs: Vec<Value>,
    /// Policies that were sent to the running proxy.
    updates: Vec<Value>,
    /// Traps and the like.
    faults: Vec<Value>,
}

#[derive(Serialize)]
struct Metrics {
    counters: BTreeMap<String, u64>,
    gauges: BTreeMap<String, u64>,
    histograms: BTreeMap<String, Value>,
}

impl End {
    pub(super) fn of(end: &Ended) -> Self {
        let shown = |stat: &String| Metric::of(stat).shown();
        let numbers =
            |all: &BTreeMap<String, u64>| all.iter().map(|(stat, value)| (shown(stat), *value)).collect();
        let metrics = Metrics {
            counters: numbers(&end.metrics.counters),
            gauges: numbers(&end.metrics.gauges),
            histograms: end
                .metrics
                .histograms
                .iter()
                .map(|(stat, value)| (shown(stat), histogram(value)))
                .collect(),
        };
        Self {
            metrics,
            logs: end.logs.iter().map(log).collect(),
            updates: end.updates.iter().map(update).collect(),
            faults: end.faults.iter().map(fault).collect(),
        }
    }
}

fn histogram(histogram: &Histogram) -> Value {
    let quantile = |quantile| histogram.quantile(quantile);
    json!({
        "count": histogram.count(),
        "sum": histogram.sum(),
        "p50": quantile(0.5),
        "p95": quantile(0.95),
        "p99": quantile(0.99),
    })
}

/// `"worker": 0`, or `"thread": "main"` for what no worker did.
fn on(thread: Thread, mut line: Value) -> Value {
    let (key, value) = match thread {
        Thread::Worker(worker) => ("worker", worker.into()),
        other => ("thread", other.to_string().into()),
    };
    if let Value::Object(fields) = &mut line {
        fields.insert(key.to_owned(), value);
    }
    line
}

fn log(line: &LogLine) -> Value {
    let level = if line.level == LogLevel::Warn {
        "warn"
    } else {
        line.level.name()
    };
    let json =
        json!({ "at": seconds(line.at), "level": level, "plugin": line.plugin, "message": line.message });
    on(line.thread, json)
}

fn update(update: &Update) -> Value {
    json!({ "at": seconds(update.at), "plugin": update.plugin, "accepted": update.accepted })
}

fn fault(fault: &Fault) -> Value {
    let kind = match fault.kind {
        FaultKind::Trap => "trap",
        FaultKind::OutOfFuel => "out_of_fuel",
        FaultKind::Killed => "killed",
        FaultKind::BadPointer => "bad_pointer",
        FaultKind::Refused => "refused",
    };
    let json = json!({
        "at": seconds(fault.at),
        "kind": kind,
        "plugin": fault.plugin,
        "callback": fault.callback,
        "message": fault.message,
    });
    on(fault.thread, json)
}
