mod access_log;
mod labels;

use super::*;
use fairlead_config::latency_histogram as config;
use fairlead_stage::memory::{MemoryCells, MemoryJournal, MemoryMeter, MemoryView};
use fairlead_stage::{Done, HeaderMap, Parts, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A filter with all that it is lent, on one worker.
struct Bench {
    stage: LatencyHistogram,
    needs: Needs,
    cells: MemoryCells,
    meter: MemoryMeter,
    journal: MemoryJournal,
}

/// How a request goes.
struct Ride {
    request: MemoryView,
    response: Option<MemoryView>,
    trailers: Option<MemoryView>,
    first_byte: u64,
    took: u64,
    ended: MemoryView,
}

fn at(micros: u64) -> Timestamp {
    Timestamp::from_unix_nanos(1_000_000_000_000 + micros * 1000)
}

fn response(status: u16) -> MemoryView {
    MemoryView::default().with_header(HeaderMap::Response, ":status", status.to_string())
}

/// A request for `/` that is answered with 200 after a while.
fn ride(took: u64) -> Ride {
    Ride {
        request: MemoryView::get("shop.example.com", "/"),
        response: Some(response(200)),
        trailers: None,
        first_byte: took / 2,
        took,
        ended: MemoryView::default(),
    }
}

impl Ride {
    fn request(mut self, request: MemoryView) -> Self {
        self.request = request;
        self
    }

    fn answered(mut self, response: Option<MemoryView>) -> Self {
        self.response = response;
        self
    }

    fn told(mut self, needs: &Needs, path: &[&str], value: impl AsRef<[u8]>) -> Self {
        self.ended = self.ended.with_attribute(needs, path, value);
        self
    }
}

impl Bench {
    fn new(config: Value) -> Self {
        let (stage, needs) = LatencyHistogram::plan(config.to_string().as_bytes()).expect("a config");
        Self {
            stage,
            needs,
            cells: MemoryCells::default(),
            meter: MemoryMeter::default(),
            journal: MemoryJournal::default(),
        }
    }

    fn proxy(&self) -> Parts<'_, MemoryCells, MemoryMeter, MemoryJournal> {
        Parts {
            cells: &self.cells,
            meter: &self.meter,
            journal: &self.journal,
        }
    }

    fn send(&self, ride: Ride) {
        let proxy = self.proxy();
        let mut effects = Effects::default();
        let request = ride.request.steadily(at(0));
        let (verdict, mut flight) = self.stage.on_request(&request, &proxy, &mut effects);
        assert!(matches!(verdict, Verdict::Continue));
        if let Some(response) = ride.response.filter(|_| self.needs.response) {
            let response = response.steadily(at(ride.first_byte));
            self.stage
                .on_response(&mut flight, &response, &proxy, &mut effects);
        }
        if let Some(trailers) = ride.trailers.filter(|_| self.needs.trailers) {
            self.stage.on_trailers(&mut flight, &trailers, &proxy);
        }
        let ended = ride.ended.steadily(at(ride.took));
        self.stage.on_done(Some(flight), &ended, &proxy);
        assert_eq!(effects.edits().count(), 0, "it changes nothing");
    }

    fn recorded(&self, name: &str) -> BTreeMap<String, Vec<u64>> {
        self.meter.recorded(&self.needs, name)
    }

    fn labels(&self) -> Vec<String> {
        self.recorded("request_duration_milliseconds")
            .into_keys()
            .collect()
    }

    fn count(&self, name: &str, rule: Option<&str>, outcome: Option<&str>) -> u64 {
        self.meter
            .named(&self.needs, name, rule, outcome)
            .expect("a metric")
    }

    fn tick(&self) {
        self.stage.on_tick(at(0), &self.proxy());
    }
}

#[test]
fn what_was_measured_is_recorded_to_the_nearest_millisecond() {
    let bench = Bench::new(json!({}));
    for micros in [0, 499, 500, 1_499, 1_500, 250_000] {
        bench.send(ride(micros));
    }
    let recorded = bench.recorded("request_duration_milliseconds");
    assert_eq!(
        recorded,
        BTreeMap::from([("status=2xx".to_owned(), vec![0, 0, 1, 1, 2, 250])])
    );
    let micros = Bench::new(json!({"unit": "us"}));
    micros.send(ride(1_499));
    assert_eq!(
        micros.recorded("request_duration_microseconds"),
        BTreeMap::from([("status=2xx".to_owned(), vec![1_499])])
    );
}

#[test]
fn a_config_asks_for_no_more_than_it_needs() {
    let bench = Bench::new(json!({"labels": {}}));
    assert!(bench.needs.request && !bench.needs.response && !bench.needs.trailers);
    assert_eq!((bench.needs.done, bench.needs.tick), (Done::Ended, None));
    assert!(bench.needs.headers().is_empty());
    bench.send(ride(7_000));
    assert_eq!(
        bench.recorded("request_duration_milliseconds"),
        BTreeMap::from([(String::new(), vec![7])])
    );
    let status = Bench::new(json!({"labels": {"status_class": true}}));
    let names: Vec<&str> = status
        .needs
        .headers()
        .iter()
        .map(|need| need.name.as_str())
        .collect();
    assert_eq!(names, [":status"]);
    let off = Bench::new(json!({"mode": "off"}));
    assert!(!off.needs.request && off.needs.done == Done::Never);
    assert!(off.needs.metrics().is_empty() && off.needs.families().is_empty());
}

#[test]
fn phases_are_measured_each_for_itself() {
    let bench = Bench::new(json!({"labels": {}, "phases": ["total", "upstream", "filter"], "unit": "us"}));
    let latency = 3_000_000_i64.to_le_bytes();
    let needs = &bench.needs;
    bench.send(Ride {
        first_byte: 4_000,
        ..ride(9_000).told(needs, &["response", "backend_latency"], latency)
    });
    // No upstream has answered, and then there is no response at all.
    bench.send(Ride {
        first_byte: 50,
        ..ride(80)
    });
    bench.send(ride(70).answered(None));
    let of = |name| bench.recorded(name).remove("").unwrap_or_default();
    assert_eq!(of("request_duration_microseconds"), [9_000, 80, 70]);
    assert_eq!(of("upstream_duration_microseconds"), [3_000]);
    assert_eq!(of("first_byte_duration_microseconds"), [4_000, 50]);
}

#[test]
fn what_is_excluded_is_counted_as_that() {
    let bench = Bench::new(json!({"exclude": {
        "grpc_streams": true, "websockets": true, "client_aborts": true, "health_checks": true,
        "match": [{"path": {"prefix": "/metrics"}}],
    }}));
    let needs = &bench.needs;
    let call = || {
        MemoryView::get("shop", "/demo.Trips/Watch")
            .with("te", "trailers")
            .with("content-type", "application/grpc")
    };
    let flags = |bits: u64| ride(1_000).told(needs, &["response", "flags"], bits.to_le_bytes());
    bench.send(ride(1_000).request(MemoryView::get("shop", "/metrics/all")));
    bench.send(ride(1_000).request(MemoryView::get("shop", "/").with("user-agent", "kube-probe/1.31")));
    bench.send(Ride {
        first_byte: 1_000,
        ..ride(1_002_000).request(call())
    });
    bench.send(ride(1_000).answered(Some(response(101))));
    bench.send(flags(0x4000));
    bench.send(flags(0x1000_0000));
    // A call that answers in one piece, other flags, and a slow response that is no call.
    bench.send(Ride {
        first_byte: 1_000_000,
        ..ride(1_002_000).request(call())
    });
    bench.send(flags(0x40));
    bench.send(Ride {
        first_byte: 1_000,
        ..ride(5_000_000)
    });
    let reasons = [
        "match",
        "health_check",
        "grpc_stream",
        "websocket",
        "client_abort",
    ];
    let counts = reasons.map(|reason| bench.count("excluded_total", None, Some(reason)));
    assert_eq!(counts, [1, 1, 1, 1, 2]);
    assert_eq!(
        bench.recorded("request_duration_milliseconds"),
        BTreeMap::from([("status=2xx".to_owned(), vec![1_002, 1, 5_000])])
    );
}

#[test]
fn only_matching_requests_are_measured_and_those_never_seen_are_not() {
    let bench = Bench::new(json!({"match": [{"path": {"prefix": "/api/"}}]}));
    bench.send(ride(1_000));
    bench.send(ride(2_000).request(MemoryView::get("shop", "/api/a")));
    bench.stage.on_done(None, &MemoryView::at(at(0)), &bench.proxy());
    assert_eq!(
        bench.recorded("request_duration_milliseconds"),
        BTreeMap::from([("status=2xx".to_owned(), vec![2])])
    );
}

#[test]
fn objectives_count_exactly() {
    let slo = |name: &str, failures: &str| json!({"name": name, "threshold": "100ms", "objective": "95%", "failures": failures});
    let bench = Bench::new(json!({"slos": [
        slo("time", "count"), slo("strict", "bad"), slo("served", "ignore"),
        {"name": "api", "threshold": "1ms", "objective": "99.9%", "match": [{"path": {"prefix": "/api/"}}]},
    ]}));
    for (took, status) in [
        (100_000, 200),
        (100_001, 200),
        (5_000, 404),
        (5_000, 500),
        (900_000, 503),
    ] {
        bench.send(ride(took).answered(Some(response(status))));
    }
    bench.send(ride(1_000).request(MemoryView::get("shop", "/api/a")));
    bench.tick();
    let counts = |name| {
        [
            "slo_requests_total",
            "slo_good_total",
            "slo_objective_ppm",
            "slo_threshold_microseconds",
        ]
        .map(|metric| bench.count(metric, Some(name), None))
    };
    assert_eq!(counts("time"), [6, 4, 950_000, 100_000]);
    assert_eq!(counts("strict"), [6, 3, 950_000, 100_000]);
    assert_eq!(counts("served"), [4, 3, 950_000, 100_000]);
    assert_eq!(counts("api"), [1, 1, 999_000, 1_000]);
}

#[test]
fn a_request_that_failed_before_a_phase_is_bad_nevertheless() {
    let slo = |name: &str, failures: &str| json!({"name": name, "threshold": "100ms", "objective": "95%", "failures": failures, "phase": "upstream"});
    let bench = Bench::new(json!({
        "phases": ["upstream"], "slos": [slo("time", "count"), slo("strict", "bad"), slo("served", "ignore")],
    }));
    let needs = &bench.needs;
    bench.send(ride(10).told(
        needs,
        &["response", "backend_latency"],
        5_000_000_i64.to_le_bytes(),
    ));
    bench.send(ride(10).answered(Some(response(503))));
    bench.send(ride(10));
    let counts =
        |name| ["slo_requests_total", "slo_good_total"].map(|metric| bench.count(metric, Some(name), None));
    assert_eq!(["time", "strict", "served"].map(counts), [[1, 1], [2, 1], [1, 1]]);
}

#[test]
fn exact_buckets_are_cumulative_and_handed_on_with_each_tick() {
    let bench =
        Bench::new(json!({"labels": {}, "envoy_histogram": false, "buckets": ["1ms", "5ms", "10ms"]}));
    assert!(bench.recorded("request_duration_milliseconds").is_empty());
    let of = |name: &str, bound: Option<&str>| bench.meter.series(&bench.needs, name, bound).remove("");
    let slow = Bench::new(json!({"labels": {}, "buckets": ["1ms", "5ms"]}));
    slow.send(ride(9_000));
    slow.tick();
    let opened = slow
        .meter
        .series(&slow.needs, "request_exact_microseconds_bucket", Some("1000"));
    assert_eq!(opened.get(""), Some(&0), "the bounds below are there, too");
    let bounds = || {
        ["1000", "5000", "10000", "+Inf"]
            .map(|bound| of("request_exact_microseconds_bucket", Some(bound)).unwrap_or(0))
    };
    for micros in [0, 1_000, 1_001, 5_000, 10_001] {
        bench.send(ride(micros));
    }
    assert_eq!(bounds(), [0; 4]);
    bench.tick();
    assert_eq!(bounds(), [2, 4, 4, 5]);
    bench.send(ride(10_000));
    bench.stage.on_retire(at(0), &bench.proxy());
    bench.tick();
    assert_eq!(bounds(), [2, 4, 5, 6]);
    assert_eq!(of("request_exact_microseconds_sum", None), Some(27_002));
    assert_eq!(of("request_exact_microseconds_count", None), Some(6));
}

#[test]
fn quantiles_are_those_of_the_window_and_go_with_it() {
    let bench = Bench::new(json!({
        "labels": {"status_class": true, "method": true},
        "quantiles": {"of": ["50%", "99.9%"], "window": "10s", "by": ["status_class"]},
    }));
    for millis in 1..=1_000 {
        bench.send(ride(millis * 1_000));
    }
    bench.tick();
    let of = |name: &str, quantile: Option<&str>| bench.meter.series(&bench.needs, name, quantile);
    let p50 = of("request_quantile_microseconds", Some("p50"));
    assert_eq!(p50.keys().collect::<Vec<_>>(), ["status=2xx"]);
    for (value, exact) in [
        (p50["status=2xx"], 500_000.0),
        (
            of("request_quantile_microseconds", Some("p99_9"))["status=2xx"],
            999_000.0,
        ),
    ] {
        assert!((value as f64 / exact - 1.0).abs() < 0.0434, "{value} for {exact}");
    }
    assert_eq!(of("window_requests", None)["status=2xx"], 1_000);
    bench.stage.on_tick(at(20_000_000), &bench.proxy());
    assert_eq!(of("window_requests", None)["status=2xx"], 0);
    assert_eq!(of("request_quantile_microseconds", Some("p50"))["status=2xx"], 0);
}

#[test]
fn sizes_are_recorded_where_they_are_asked_for() {
    let bench = Bench::new(json!({"sizes": {"request": true, "response": true}}));
    let needs = &bench.needs;
    let sized = ride(1_000)
        .told(needs, &["request", "total_size"], 310_i64.to_le_bytes())
        .told(needs, &["response", "total_size"], 4_096_i64.to_le_bytes());
    bench.send(sized);
    let of = |name| bench.recorded(name).remove("status=2xx");
    assert_eq!(
        (of("request_size_bytes"), of("response_size_bytes")),
        (Some(vec![310]), Some(vec![4_096]))
    );
}

#[test]
fn a_clock_that_goes_back_measures_nothing_below_zero() {
    let bench = Bench::new(json!({"labels": {}, "phases": ["total", "filter"]}));
    let proxy = bench.proxy();
    let mut effects = Effects::default();
    let request = MemoryView::get("shop", "/").steadily(at(5_000));
    let (_, mut flight) = bench.stage.on_request(&request, &proxy, &mut effects);
    let response = response(200).steadily(at(1_000));
    bench
        .stage
        .on_response(&mut flight, &response, &proxy, &mut effects);
    bench
        .stage
        .on_done(Some(flight), &MemoryView::default().steadily(at(2_000)), &proxy);
    for name in [
        "request_duration_milliseconds",
        "first_byte_duration_milliseconds",
    ] {
        assert_eq!(bench.recorded(name).remove(""), Some(vec![0]), "{name}");
    }
}

#[test]
fn a_config_costs_what_is_said_of_it() {
    let labels = json!({"route": {"templates": ["/a", "/b/{c}"]}, "variant": {"header": "x-v"}, "cluster": {"max": 3}});
    for config in [
        json!({}),
        json!({"labels": labels, "phases": ["total", "upstream", "filter"], "sizes": {"request": true}}),
        json!({"buckets": ["1ms", "2ms"], "envoy_histogram": false, "slos": [{"name": "a", "threshold": "1s", "objective": "90%"}]}),
        json!({"labels": labels, "quantiles": {"by": ["route", "variant"]}, "access_log": {"sample": "1%"}}),
        json!({"exclude": {"websockets": true, "client_aborts": true, "match": [{"methods": ["GET"]}]}, "unit": "us"}),
    ] {
        let text = config.to_string();
        let estimate = config::estimate(&config::parse(text.as_bytes()).unwrap());
        let (_, needs) = LatencyHistogram::plan(text.as_bytes()).unwrap();
        // Six that every filter has, and four bytes for the number of each.
        let metrics = u64::from(needs.metric_limit()) + 6;
        assert_eq!(estimate.metrics, metrics, "{config}");
        assert_eq!(
            estimate.memory_bytes,
            needs.cell_memory_bytes() + 4 * metrics,
            "{config}"
        );
        let said = format!(
            ", at most {} label sets, about {} instructions a request",
            estimate.series, estimate.instructions
        );
        assert_eq!(needs.remark, Some(said));
    }
}
