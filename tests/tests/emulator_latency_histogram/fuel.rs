//! What a request costs, against `fuel/latency-histogram.json`.

use fairlead_emulator::{Emulator, Request, Response};
use fairlead_tests::fuel::{self, Scenario};
use fairlead_tests::modules;
use serde_json::{Value, json};

use crate::rig::{FILTER, MS, answered, ask, start, version, with};

fn scenario(name: &'static str, config: Value, request: Request) -> Scenario {
    Scenario {
        name,
        config,
        request,
        status: 200,
        route_refreshes: 0,
    }
}

/// A label of the values that are seen first.
fn seen(max: u32) -> Value {
    json!({"variant": {"header": "x-version", "max": max}})
}

fn scenarios() -> Vec<Scenario> {
    let good = || answered(200);
    let none = |fields: Value| with(json!({"labels": {}}), fields);
    let by = |labels: Value| json!({"labels": labels});
    let templates: Vec<String> = (0..50).map(|n| format!("/v1/r{n}/{{id}}/items")).collect();
    let route = || Request::get("/v1/r40/7/items").upstream(Response::new(200).after(MS));
    let slo = json!({"name": "fast", "threshold": "1s", "objective": "95%"});
    let quantiles = json!({"of": ["50%", "95%", "99%"], "window": "60s"});
    let grpc = Request::new("POST", "/demo.Trips/Create")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body("x")
        .upstream(Response::new(200).body("x").trailer("grpc-status", "0"));
    let log = |log: Value| none(json!({"access_log": log}));
    let host = |n: usize| format!("h{n}.example.com");
    let hosts: Vec<String> = (0..100).map(host).collect();
    vec![
        scenario("off", none(json!({"mode": "off"})), good()),
        scenario(
            "no match",
            none(json!({"match": [{"path": {"prefix": "/v1/"}}]})),
            good(),
        ),
        scenario("no labels", none(json!({})), good()),
        scenario("status class", json!({}), good()),
        scenario("method", by(json!({"method": true})), good()),
        scenario(
            "50 templates, method, status class",
            by(json!({"route": {"templates": templates}, "method": true, "status_class": true})),
            route(),
        ),
        scenario("route name", by(json!({"route": {"name": true}})), good()),
        scenario("cluster", by(json!({"cluster": true})), good()),
        scenario(
            "100 hosts",
            by(json!({"host": hosts})),
            good().authority(host(70)),
        ),
        scenario("gRPC status, no call", by(json!({"grpc_status": true})), good()),
        scenario(
            "gRPC status, call with trailers",
            by(json!({"grpc_status": true})),
            grpc,
        ),
        scenario(
            "variant of a list",
            by(json!({"variant": {"header": "x-version", "values": ["v1", "v2"]}})),
            version(good(), "v2"),
        ),
        scenario(
            "variant of a list, absent",
            by(json!({"variant": {"header": "x-version", "values": ["v1", "v2"]}})),
            good(),
        ),
        scenario("variant as seen, known", by(seen(100)), version(good(), "v2")),
        scenario("one objective", none(json!({"slos": [slo]})), good()),
        scenario("quantiles", none(json!({"quantiles": quantiles})), good()),
        scenario(
            "6 exact buckets",
            none(json!({"buckets": ["1ms", "5ms", "10ms", "50ms", "100ms", "1s"]})),
            good(),
        ),
        scenario(
            "106 exact buckets",
            none(json!({"buckets": {"scale": 3, "from": "1ms", "to": "10s"}})),
            good(),
        ),
        scenario(
            "upstream and filter too",
            none(json!({"phases": ["total", "upstream", "filter"]})),
            good(),
        ),
        scenario(
            "sizes",
            none(json!({"sizes": {"request": true, "response": true}})),
            good(),
        ),
        scenario("access log of failures, none", log(json!({})), good()),
        scenario(
            "access log of slow ones, none",
            log(json!({"slow_above": "1s", "failed": false})),
            good(),
        ),
        scenario(
            "access log, written",
            log(json!({"sample": "100%", "max_per_second": 10_000})),
            good(),
        ),
        scenario(
            "access log, sampled at 0.0001 %",
            log(json!({"sample": "0.0001%", "failed": false})),
            good(),
        ),
        scenario(
            "exclusion that does not apply",
            none(json!({"exclude": {"client_aborts": true, "health_checks": true}})),
            good(),
        ),
    ]
}

#[test]
fn fuel_of_a_request_stays_what_it_was() {
    fuel::check(FILTER, "emulator_latency_histogram", &scenarios());
}

#[test]
fn fuel_is_the_same_in_every_run_and_grows_with_what_is_asked_for() {
    let all = scenarios();
    let find = |name: &str| all.iter().find(|scenario| scenario.name == name).unwrap();
    let measure = |name: &str| fuel::measure(FILTER, find(name));
    let Some(plain) = measure("no labels") else {
        return;
    };
    assert_eq!(measure("no labels"), Some(plain));
    let off = measure("off").unwrap();
    assert!(4 * off < 3 * plain, "off costs {off}, on {plain}");
    // Bounds are searched, not tried one after the other.
    let few = measure("6 exact buckets").unwrap();
    let many = measure("106 exact buckets").unwrap();
    assert!(many < few + 2000, "106 buckets cost {many}, 6 cost {few}");
}

#[test]
fn values_for_which_there_is_no_room_cost_as_much_as_known_ones_and_a_counter() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    for max in [1, 1000] {
        let mut proxy = start(Emulator::builder(), &module, &json!({"labels": seen(max)}));
        let numbers = (0..max + 10).map(|n| version(answered(200), format!("v{n}")));
        ask(&mut proxy, numbers);
        let mut fuel = |value: &str| {
            let report = ask(&mut proxy, vec![version(answered(200), value); 2]);
            report.outcomes[1].fuel
        };
        let (known, full) = (fuel("v0"), fuel("new"));
        assert!(full < known + 1000, "{max}: full costs {full}, known {known}");
    }
}
