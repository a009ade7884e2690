//! Names, units and labels in a real Prometheus, from an Envoy whose patterns for labels are Istio's own.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_tests::client::{Connection, Request};
use fairlead_tests::prometheus::Prometheus;
use fairlead_tests::proxy::{Lab, assert_alive};
use serde_json::{Value, json};

use crate::quantiles::scraping;
use crate::series::{PREFIX, label_of};
use crate::service::{Service, counted};
use crate::{FILTER, PLUGIN};

/// A config with one of everything.
fn everything() -> Value {
    json!({
        "labels": {
            "route": {"templates": ["/users/{id}"]},
            "method": true,
            "status_class": true,
            "variant": {"header": "x-canary", "values": ["v2"], "default": "stable"},
            "host": ["test.local"],
            "cluster": {"max": 1},
        },
        "phases": ["total", "upstream", "filter"],
        "sizes": {"request": true, "response": true},
        "buckets": ["10ms", "25ms", "1m"],
        "exclude": {"health_checks": true},
        "slos": [{"name": "p95-25ms", "threshold": "25ms", "objective": "95%"}],
        "quantiles": {"of": ["50%", "99.9%"], "window": "1h", "by": ["route", "variant"]},
        "access_log": {"slow_above": "1s"},
    })
}

/// The labels of a request of [`everything`], as `tag` has them.
const TAG: &str = "route=/users/{id},method=GET,status=2xx,variant=v2,host=test.local,cluster=main";
/// Those that have quantiles of their own.
const GROUP: &str = "route=/users/{id},variant=v2";

/// Every series, by its name without the prefix: its own labels in one text, and its value.
type Series = BTreeMap<String, BTreeMap<String, f64>>;

/// All that Prometheus has of the filter.
fn ask_for_all(prometheus: &Prometheus) -> Series {
    let mut series = Series::new();
    for (mut labels, value) in prometheus.query(&format!("{{__name__=~\"{PREFIX}.+\"}}")) {
        let mut take = |name: &str| labels.remove(name);
        let name = take("__name__").expect("a name");
        let name = name.strip_prefix(PREFIX).expect("the prefix").to_owned();
        let fixed =
            ["component", "wasm_filter", "instance", "job"].map(|label| take(label).unwrap_or_default());
        assert_eq!(fixed, [PLUGIN, "latency_histogram", "envoy", "envoy"], "{name}");
        let own: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label} {value}"))
            .collect();
        series.entry(name).or_default().insert(own.join("; "), value);
    }
    series
}

/// The names and labels that there should be.
fn expected() -> BTreeMap<String, BTreeSet<String>> {
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut expect = |name: &str, labels: &[&str]| {
        let labels = labels.iter().map(ToString::to_string);
        expected.entry(name.to_owned()).or_default().extend(labels);
    };
    let tag = format!("tag {TAG}");
    for phase in ["request", "upstream", "first_byte"] {
        for bound in ["10000", "25000", "60000000", "+Inf"] {
            let cache = format!("cache {bound}; {tag}");
            expect(&format!("{phase}_exact_microseconds_bucket"), &[&cache]);
        }
        for end in ["sum", "count"] {
            expect(&format!("{phase}_exact_microseconds_{end}"), &[&tag]);
        }
    }
    let durations =
        ["request", "upstream", "first_byte"].map(|phase| format!("{phase}_duration_milliseconds"));
    let sizes = ["request", "response"].map(|of| format!("{of}_size_bytes"));
    for histogram in durations.iter().chain(&sizes) {
        for end in ["sum", "count"] {
            expect(&format!("{histogram}_{end}"), &[&tag]);
        }
        for bound in ISTIO_STOCK {
            expect(&format!("{histogram}_bucket"), &[&format!("le {bound}; {tag}")]);
        }
    }
    expect(
        "request_quantile_microseconds",
        &[
            &format!("cache p50; tag {GROUP}"),
            &format!("cache p99_9; tag {GROUP}"),
        ],
    );
    expect("window_requests", &[&format!("tag {GROUP}")]);
    for name in [
        "slo_requests_total",
        "slo_good_total",
        "slo_objective_ppm",
        "slo_threshold_microseconds",
    ] {
        expect(name, &["tag p95-25ms"]);
    }
    expect("excluded_total", &["cache health_check"]);
    expect("label_overflow_total", &["cache cluster"]);
    expect(
        "access_log_lines_total",
        &["cache sampled", "cache slow", "cache failed"],
    );
    expect("access_log_dropped_total", &[""]);
    // What all filters have.
    expect("config_rejected", &[""]);
    expect("config_fingerprint", &[""]);
    expect("state_limit_bytes", &[""]);
    expect(
        "faults_total",
        &["cache cas_retry", "cache cas_exhausted", "cache host_error"],
    );
    expected
}

#[test]
fn names_units_and_labels_are_as_they_should_be_scraped_by_prometheus() {
    const SENT: usize = 60;
    let (Some(lab), Some(program)) = (Lab::enter(FILTER), Prometheus::locate()) else {
        return;
    };
    let service = Service::open(&lab, &everything());
    let prometheus = scraping(&program, &service.envoy);
    let mut connection = Connection::open(service.port());
    let request = Request::get("/users/7?delay=15ms&bytes=1000").header("x-canary", "v2");
    assert_eq!(connection.statuses(&request, SENT), [200; SENT]);
    let check = Request::get("/").header("user-agent", "kube-probe/1.33");
    assert_eq!(connection.ask(&check).status, 200);
    counted(&service.envoy, "request_duration_milliseconds_count", SENT as u64);
    counted(&service.envoy, "window_requests", SENT as u64);
    for name in [
        "request_duration_milliseconds_count",
        "window_requests",
        "request_exact_microseconds_count",
    ] {
        prometheus.wait_for(
            &format!("{PREFIX}{name}"),
            |now| matches!(now, [(_, sent)] if *sent == SENT as f64),
        );
    }
    let series = ask_for_all(&prometheus);
    let expected = expected();
    let names = |of: &mut dyn Iterator<Item = &String>| of.cloned().collect::<Vec<_>>();
    assert_eq!(names(&mut series.keys()), names(&mut expected.keys()));
    for (name, expected) in &expected {
        assert_eq!(
            names(&mut series[name].keys()),
            names(&mut expected.iter()),
            "{name}"
        );
    }

    assert_units(&series, SENT as f64);
    assert_alive(&service.envoy);
}

/// Each of `sent` requests took 15 ms and somewhat more, and had 1000 bytes of an answer.
fn assert_units(series: &Series, sent: f64) {
    let tag = format!("tag {TAG}");
    let value = |name: &str, labels: &str| series[name][labels];
    let micros = value("request_exact_microseconds_sum", &tag) / sent;
    assert!((15_000.0..200_000.0).contains(&micros), "{micros} us");
    let millis = value("request_duration_milliseconds_sum", &tag) / sent;
    // Envoy knows sums to 5 % only, and values are rounded to milliseconds.
    assert!(
        (millis - micros / 1000.0).abs() <= 0.05 * millis + 0.5,
        "{millis} ms, {micros} us"
    );
    let bytes = value("response_size_bytes_sum", &tag) / sent;
    assert!((1000.0..1600.0).contains(&bytes), "{bytes} bytes");
    assert_eq!(value("slo_objective_ppm", "tag p95-25ms"), 950_000.0);
    assert_eq!(value("slo_threshold_microseconds", "tag p95-25ms"), 25_000.0);
    let median = value(
        "request_quantile_microseconds",
        &format!("cache p50; tag {GROUP}"),
    );
    assert!((15_000.0 / 1.05..micros * 2.0).contains(&median), "{median} us");
    assert_eq!(value("excluded_total", "cache health_check"), 1.0);
}

/// The bounds of Envoy's histograms where nobody says otherwise, as in Istio (`source/common/stats/histogram_impl.cc`).
const ISTIO_STOCK: [&str; 20] = [
    "0.5", "1", "5", "10", "25", "50", "100", "250", "500", "1000", "2500", "5000", "10000", "30000",
    "60000", "300000", "600000", "1800000", "3600000", "+Inf",
];

#[test]
fn values_that_look_like_labels_stay_what_they_are() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let templates = [
        "/cache.d/{x}/component.y",
        "/tag.a;.b/{x}",
        "/wasm_filter.z",
        "/v1.2/{file}",
    ];
    let config = json!({
        "labels": {
            "route": {"templates": templates},
            "variant": {"header": "x-canary", "max": 5},
        },
        "buckets": ["1m"],
    });
    let service = Service::open(&lab, &config);
    let mut connection = Connection::open(service.port());
    let requests = [
        ("/cache.d/1/component.y", "cache.x"),
        ("/tag.a;.b/1", "a;.b"),
        ("/wasm_filter.z", "\"q\\"),
        ("/v1.2/app.js", "tag.v2"),
    ];
    for (path, variant) in requests {
        assert_eq!(
            connection
                .ask(&Request::get(path).header("x-canary", variant))
                .status,
            200
        );
    }
    let scraped = counted(&service.envoy, "request_exact_microseconds_count", 4);
    for sample in scraped.named("request_exact_microseconds_bucket") {
        let labels: Vec<&str> = sample.labels.keys().map(String::as_str).collect();
        assert_eq!(labels, ["cache", "component", "tag", "wasm_filter"], "{sample:?}");
        let fixed = ["component", "wasm_filter"].map(|label| label_of(sample, label));
        assert_eq!(fixed, [PLUGIN, "latency_histogram"], "{sample:?}");
        assert!(
            ["60000000", "+Inf"].contains(&label_of(sample, "cache")),
            "{sample:?}"
        );
        assert!(label_of(sample, "tag").starts_with("route=/"), "{sample:?}");
        assert_eq!(label_of(sample, "tag").matches(',').count(), 1, "{sample:?}");
    }
    // Where a dot would end the name of a label, and nowhere else, it is replaced.
    let expected = [
        "route=/cache_d/{x}/component_y,variant=cache_x",
        "route=/tag_a_.b/{x},variant=a_.b",
        "route=/v1.2/{file},variant=tag_v2",
        "route=/wasm_filter_z,variant=_q_",
    ];
    let expected = expected.map(|tag| (tag.to_owned(), 1));
    assert_eq!(
        scraped.by("tag", "request_exact_microseconds_count"),
        expected.into()
    );
}
