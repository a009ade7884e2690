//! An emulated proxy with one latency histogram in it, and what its metrics say.

use std::collections::BTreeMap;
use std::time::Duration;

use fairlead_emulator::{CompiledModule, Emulator, Histogram, Report, Request, Response};
use fairlead_tests::{modules, names};
use serde_json::{Value, json};

pub(crate) use fairlead_tests::configs::with;
pub(crate) use fairlead_tests::emulated::{PLUGIN, jump, logged, memory, plugin, send, start, update};

/// The module under test.
pub(crate) const FILTER: &str = "latency-histogram";
/// Its name in metrics and shared keys.
pub(crate) const NAME: &str = "latency_histogram";
/// The proxy's histogram in microseconds.
pub(crate) const MICROS: &str = "request_duration_microseconds";
/// And in milliseconds.
pub(crate) const MILLIS: &str = "request_duration_milliseconds";
/// Exact buckets.
pub(crate) const BUCKET: &str = "request_exact_microseconds_bucket";
/// Quantiles.
pub(crate) const QUANTILE: &str = "request_quantile_microseconds";
pub(crate) const MS: Duration = Duration::from_millis(1);
/// Within so long every worker has handed on what it has counted.
pub(crate) const TICK: Duration = Duration::from_secs(1);
/// Headers that hostile requests set besides those that every filter reads.
pub(crate) const HEADERS: [&str; 6] = [
    "x-version",
    "te",
    "user-agent",
    "b3",
    "x-b3-traceid",
    "x-request-id",
];

/// A proxy of so many workers with this config; `None` if the module is not built.
pub(crate) fn begin(workers: usize, config: &Value) -> Option<Emulator> {
    let module = modules::compiled(FILTER)?;
    Some(start(Emulator::builder().workers(workers), &module, config))
}

/// Everything that counts, by status class: the proxy's histogram in microseconds, exact buckets, one objective, the quantiles
/// of the last 60 s.
pub(crate) fn counting() -> Value {
    json!({
        "unit": "us",
        "buckets": ["1ms", "10ms", "100ms"],
        "slos": [{"name": "fast", "threshold": "10ms", "objective": "95%"}],
        "quantiles": {"of": ["50%", "95%"], "window": "60s", "by": ["status_class"]},
    })
}

/// The same without labels.
pub(crate) fn unlabelled() -> Value {
    let mut config = with(counting(), json!({"labels": {}}));
    config["quantiles"]["by"] = json!([]);
    config
}

/// Every source of a label but the request's status, all phases, exclusions but of the client's aborts, sizes, objectives of all
/// kinds, quantiles, a line in the log for some.
pub(crate) fn full() -> Value {
    json!({
        "labels": labels(),
        "phases": ["total", "upstream", "filter"],
        "unit": "us",
        "buckets": ["1ms", "10ms"],
        "exclude": {"grpc_streams": true, "websockets": true, "health_checks": true, "match": [{"path": {"exact": "/left-out"}}]},
        "slos": [
            {"name": "time", "threshold": "2ms", "objective": "95%"},
            {"name": "strict", "threshold": "2ms", "objective": "95%", "failures": "bad"},
            {"name": "served", "threshold": "2ms", "objective": "95%", "failures": "ignore", "match": [{"path": {"prefix": "/users/"}}]},
        ],
        "quantiles": {"of": ["50%", "99%"], "window": "10s", "by": ["variant"], "phase": "upstream"},
        "sizes": {"request": true, "response": true},
        "access_log": {"sample": "10%", "slow_above": "3ms", "max_per_second": 50},
    })
}

/// Labels that attributes, gRPC and a header tell.
pub(crate) fn labels() -> Value {
    json!({
        "route": {"name": true, "max": 2},
        "grpc_status": true,
        "variant": {"header": "x-version", "max": 2},
        "cluster": {"max": 2},
    })
}

/// A request whose upstream answers so after a millisecond.
pub(crate) fn answered(status: u16) -> Request {
    Request::get("/").upstream(Response::new(status).after(MS))
}

/// A request that is answered after so long.
pub(crate) fn taking(after: Duration) -> Request {
    Request::get("/").upstream(Response::new(200).after(after))
}

pub(crate) fn version(request: Request, version: impl AsRef<[u8]>) -> Request {
    request.header("x-version", version)
}

/// Sends requests as [`send`] does, none of which may end a VM.
pub(crate) fn ask(proxy: &mut Emulator, requests: impl IntoIterator<Item = Request>) -> Report {
    let report = send(proxy, requests);
    assert_eq!(report.faults, [], "{:?}", report.logs);
    report
}

/// Lets every worker hand on what it has counted, and every gauge be set after the last of them.
pub(crate) fn settle(proxy: &mut Emulator) {
    let report = proxy.advance(2 * TICK + MS);
    assert_eq!(report.faults, [], "{:?}", report.logs);
}

/// What a metric's name says in Istio's patterns: `tag`, `cache`, and the name that is left. `None` for one of another kind.
pub(crate) fn parts(name: &str) -> Option<(&str, &str, &str)> {
    let rest = name.strip_prefix(&format!("wasm_filter.{NAME}.component.{PLUGIN}."))?;
    let (tag, rest) = match rest.strip_prefix("tag.") {
        Some(rest) => rest.split_once(";.")?,
        None => ("", rest),
    };
    let (cache, rest) = match rest.strip_prefix("cache.") {
        Some(rest) => rest.split_once('.')?,
        None => ("", rest),
    };
    Some((tag, cache, rest.strip_prefix("fairlead_latency_histogram_")?))
}

/// The values of a histogram, by labels.
pub(crate) fn recorded(proxy: &Emulator, name: &str) -> BTreeMap<String, Vec<u64>> {
    let values = |histogram: &Histogram| histogram.values().to_vec();
    let all = proxy.metrics().histograms;
    all.iter()
        .filter_map(|(full, histogram)| match parts(full) {
            Some((tag, "", found)) if found == name => Some((tag.to_owned(), values(histogram))),
            _ => None,
        })
        .collect()
}

/// How often a histogram has recorded, by labels.
pub(crate) fn counts(proxy: &Emulator, name: &str) -> BTreeMap<String, u64> {
    let recorded = recorded(proxy, name);
    recorded
        .into_iter()
        .map(|(tag, values)| (tag, values.len() as u64))
        .collect()
}

/// How often a histogram has recorded, over all labels.
pub(crate) fn total(proxy: &Emulator, name: &str) -> u64 {
    counts(proxy, name).values().sum()
}

/// All values of a histogram, sorted.
pub(crate) fn values(proxy: &Emulator, name: &str) -> Vec<u64> {
    let mut all: Vec<u64> = recorded(proxy, name).into_values().flatten().collect();
    all.sort_unstable();
    all
}

/// The series of a counter or gauge with this `cache`, by labels.
pub(crate) fn series(proxy: &Emulator, name: &str, cache: &str) -> BTreeMap<String, u64> {
    let metrics = proxy.metrics();
    let all = metrics.counters.iter().chain(&metrics.gauges);
    all.filter_map(|(full, value)| match parts(full) {
        Some((tag, outcome, found)) if found == name && outcome == cache => Some((tag.to_owned(), *value)),
        _ => None,
    })
    .collect()
}

/// What the series of a counter have together.
pub(crate) fn sum(proxy: &Emulator, name: &str, cache: &str) -> u64 {
    series(proxy, name, cache).values().sum()
}

/// A counter or gauge; 0 if there is none of that name.
pub(crate) fn one(proxy: &Emulator, tag: &str, cache: &str, name: &str) -> u64 {
    let some = |text| Some(text).filter(|text: &&str| !text.is_empty());
    let name = names::metric(NAME, PLUGIN, some(tag), some(cache), name);
    proxy.counter(&name).or_else(|| proxy.gauge(&name)).unwrap_or(0)
}

/// An objective: requests, and good ones.
pub(crate) fn slo(proxy: &Emulator, name: &str) -> (u64, u64) {
    let of = |metric| one(proxy, name, "", metric);
    (of("slo_requests_total"), of("slo_good_total"))
}

/// A fault counter of the plugin.
pub(crate) fn faults(proxy: &Emulator, kind: &str) -> u64 {
    proxy.counter(&names::faults(NAME, PLUGIN, kind)).unwrap_or(0)
}

/// How many metrics there are.
pub(crate) fn metrics(proxy: &Emulator) -> usize {
    let metrics = proxy.metrics();
    metrics.counters.len() + metrics.gauges.len() + metrics.histograms.len()
}

/// The values that a label's log has admitted, in order.
pub(crate) fn admitted(proxy: &Emulator, log: &str) -> Vec<String> {
    let prefix = format!("fairlead/1/{NAME}/{PLUGIN}/labels/{log}/");
    let mut found: Vec<(u32, String)> = Vec::new();
    for (key, value, _) in proxy.shared_data("") {
        if let Some(number) = key.strip_prefix(prefix.as_bytes()) {
            let number = u32::from_le_bytes(number.try_into().expect("a cell's number"));
            found.push((number, String::from_utf8(value[1..].to_vec()).expect("text")));
        }
    }
    found.sort();
    found.into_iter().map(|(_, text)| text).collect()
}

/// Makes sure that no counter and no histogram of `before` has less now.
pub(crate) fn assert_grown(before: &fairlead_emulator::Metrics, proxy: &Emulator) {
    let now = proxy.metrics();
    for (name, value) in &before.counters {
        assert!(now.counters.get(name) >= Some(value), "{name} was {value}");
    }
    for (name, histogram) in &before.histograms {
        let count = now.histograms.get(name).map(Histogram::count);
        assert!(count >= Some(histogram.count()), "{name} has lost values");
    }
}

/// A proxy whose workers race at each host call.
pub(crate) fn racing(module: &CompiledModule, seed: u64, workers: usize, config: &Value) -> Emulator {
    let builder = Emulator::builder().workers(workers).interleave(seed);
    start(
        builder.interleave_window(Duration::from_micros(10)),
        module,
        config,
    )
}

pub(crate) fn accepted(proxy: &mut Emulator, config: &Value) {
    assert!(update(proxy, config).updates[0].accepted, "{config}");
}

/// What exact buckets have counted, in all.
pub(crate) fn exact(proxy: &Emulator) -> u64 {
    sum(proxy, BUCKET, "+Inf")
}

pub(crate) fn window(proxy: &Emulator) -> u64 {
    one(proxy, "status=2xx", "", "window_requests")
}
