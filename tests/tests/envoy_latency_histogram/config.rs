//! Configs that are refused or replace others, and VMs that end: what was counted stays counted.

use std::collections::BTreeMap;

use fairlead_envoy::{Envoy, Error, ExtensionFile, Route, Update, Wasm};
use fairlead_tests::client::{Connection, Request, meanwhile};
use fairlead_tests::names;
use fairlead_tests::prometheus::Labels;
use fairlead_tests::proxy::{Lab, PATIENCE, assert_alive, listener, port, wait};
use fairlead_tests::refusing::ends_when_it_warns;
use serde_json::{Value, json};

use crate::series::{Scraped, label_of};
use crate::service::{counted, stat, streams, unrouted};
use crate::{FILTER, PLUGIN};

/// A config that differs from others of this kind by number, and not in what it counts under which labels. Neighbours have other
/// buckets: what a worker has counted into those of one is of no use to the next, and has to be handed on.
fn numbered(number: usize) -> Value {
    let buckets = [["1ms", "10ms", "1m"], ["2ms", "20ms", "1m"]];
    json!({
        "labels": {"method": true, "variant": {"header": "x-canary", "max": 3}},
        "buckets": buckets[number % 2],
        "slos": [{"name": "all", "threshold": "1m", "objective": "99%"}],
        "quantiles": {"of": ["50%", "99%"], "window": "1h", "by": ["variant"]},
        "access_log": {"failed": true, "max_per_second": number + 1},
    })
}

/// Two mistakes, and a number: Envoy remembers what it has refused, and does not try it again.
fn bad(number: usize) -> Value {
    json!({"phases": ["all"], "bukets": number})
}

/// Everything that only ever grows: the values must not fall from one look to the next.
#[derive(Default)]
struct Grown(BTreeMap<(String, Labels), f64>);

impl Grown {
    fn look(&mut self, envoy: &Envoy) {
        let scraped = Scraped::of(envoy);
        let grows = |name: &str| {
            ["_bucket", "_sum", "_count", "_total"]
                .iter()
                .any(|end| name.ends_with(end))
        };
        let mut now = BTreeMap::new();
        for sample in scraped.samples().iter().filter(|sample| grows(&sample.name)) {
            now.insert((sample.name.clone(), sample.labels.clone()), sample.value);
        }
        for (series, before) in &self.0 {
            let after = now.get(series);
            assert!(
                after.is_some_and(|after| after >= before),
                "{series:?}: {after:?} after {before}"
            );
        }
        self.0 = now;
    }
}

#[test]
fn envoy_does_not_start_on_a_bad_static_config_and_its_log_names_every_mistake() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let (error, log) = lab.refused(listener("main").filter(lab.plugin(PLUGIN, &bad(0))));
    assert!(matches!(error, Error::Exited { .. }), "{error}");
    for part in [
        "latency_histogram edge: configuration refused:",
        "phases[0]",
        "bukets",
    ] {
        assert!(log.contains(part), "no `{part}` in {log}");
    }
}

#[test]
fn updates_and_refusals_under_load_lose_no_count_and_none_falls() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let folder = tempfile::tempdir().unwrap();
    let plugin = |config: &Value| lab.plugin(PLUGIN, config);
    let mut file = ExtensionFile::create(folder.path(), "live", &plugin(&numbered(0))).unwrap();
    let envoy = lab.start(2, [listener("main").filter(file.filter())]);
    let rejected = names::in_envoy(&names::metric(
        "latency_histogram",
        PLUGIN,
        None,
        None,
        "config_rejected",
    ));
    let mut grown = Grown::default();
    let ask = |connection: &mut Connection| {
        for variant in ["v1", "v2"] {
            assert_eq!(
                connection
                    .ask(&Request::get("/").header("x-canary", variant))
                    .status,
                200
            );
        }
    };
    let sent = meanwhile(port(&envoy, "main"), 4, ask, || {
        for number in 1..=8 {
            assert!(
                envoy
                    .update_extension(&mut file, &plugin(&numbered(number)), PATIENCE)
                    .unwrap()
                    .is_accepted()
            );
            grown.look(&envoy);
            let refused = envoy
                .update_extension(&mut file, &plugin(&bad(number)), PATIENCE)
                .unwrap();
            assert!(matches!(refused, Update::Rejected { .. }), "{refused:?}");
            assert_eq!(envoy.stat(&rejected).unwrap(), 1);
            // The one before goes on counting.
            let before = Scraped::of(&envoy).sum("slo_requests_total");
            wait("it counts", || {
                Scraped::of(&envoy).sum("slo_requests_total") > before
            });
            grown.look(&envoy);
        }
    });
    let sent = sent.len() as u64;
    for name in [
        "slo_requests_total",
        "request_exact_microseconds_count",
        "window_requests",
    ] {
        counted(&envoy, name, 2 * sent);
    }
    let scraped = counted(&envoy, "request_duration_milliseconds_count", 2 * sent);
    grown.look(&envoy);
    assert_eq!(streams(&envoy), 2 * sent);
    let of_each = ["v1", "v2"].map(|variant| (format!("method=GET,variant={variant}"), sent));
    for name in [
        "request_duration_milliseconds_count",
        "request_exact_microseconds_count",
    ] {
        assert_eq!(scraped.by("tag", name), BTreeMap::from(of_each.clone()), "{name}");
    }
    for bucket in scraped.named("request_exact_microseconds_bucket") {
        // Bounds that all configs have.
        if ["60000000", "+Inf"].contains(&label_of(bucket, "cache")) {
            assert_eq!(bucket.value, sent as f64, "{bucket:?}");
        }
    }
    assert_alive(&envoy);
}

#[test]
fn a_vm_that_ends_takes_what_it_was_counting_with_it_and_nothing_else() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ends.wasm");
    let Some(module) = ends_when_it_warns(FILTER) else {
        return;
    };
    std::fs::write(&path, module).unwrap();
    let plugin = Wasm::new(PLUGIN, path).configuration(numbered(0).to_string());
    let listener = unrouted(plugin)
        .route(Route::prefix("/end").respond(503, ""))
        .route(Route::prefix("/").respond(200, "hello"));
    let envoy = lab.start(2, [listener]);
    let mut grown = Grown::default();
    let of = |variant: &str| format!("method=GET,variant={variant}");
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    let mut ended = 0;
    for round in 0..3 {
        let mut connections = [0, 1].map(|_| Connection::open(port(&envoy, "main")));
        for variant in ["v2", "v1"] {
            for connection in &mut connections {
                let request = Request::get("/").header("x-canary", variant);
                let reloaded = |status| matches!(status, 200 | 503);
                // Until it is there again; reloads are at least a second apart.
                wait("a VM", || {
                    let status = connection.ask(&request).status;
                    assert!(status == 200 || (round > 0 && reloaded(status)), "{status}");
                    *expected.entry(of(variant)).or_default() += u64::from(status == 200);
                    grown.look(&envoy);
                    status == 200
                });
                for _ in 0..25 {
                    assert_eq!(connection.ask(&request).status, 200);
                    *expected.entry(of(variant)).or_default() += 1;
                }
            }
        }
        // Handed on, so that no VM has anything of its own.
        let sent = expected.values().sum();
        let scraped = counted(&envoy, "request_exact_microseconds_count", sent);
        assert_eq!(scraped.by("tag", "request_exact_microseconds_count"), expected);
        counted(&envoy, "window_requests", sent);
        for connection in &mut connections {
            // Answered before it was counted.
            assert_eq!(connection.ask(&Request::get("/end")).status, 503);
            ended += 1;
        }
        grown.look(&envoy);
    }
    let stats = envoy.stats().unwrap();
    let reloads = stats
        .iter()
        .filter(|(name, _)| name.contains("vm_reload_success"));
    assert_eq!(
        reloads.map(|(_, count)| *count).sum::<u64>(),
        ended - 2,
        "the last two are gone"
    );
    let sent: u64 = expected.values().sum();
    // What came in the end was counted where that is at once, and lost where it waits for a tick.
    let scraped = counted(&envoy, "request_duration_milliseconds_count", sent + ended);
    expected.insert(of("none"), ended);
    assert_eq!(scraped.by("tag", "request_duration_milliseconds_count"), expected);
    assert_eq!(
        stat(&envoy, Some("all"), None, "slo_requests_total"),
        sent + ended
    );
    assert_eq!(scraped.sum("request_exact_microseconds_count"), sent);
    assert_eq!(scraped.sum("window_requests"), sent);
    grown.look(&envoy);
}
