//! What a request costs, against `fuel/circuit-breaker.json`.

use std::time::Duration;

use fairlead_emulator::{Request, Response};
use fairlead_tests::fuel::{self, Scenario};
use serde_json::{Value, json};

use crate::rig::{FILTER, answered, by_tenant, one, tenant, with};

fn scenario(name: &'static str, fields: Value, request: Request, status: u16) -> Scenario {
    Scenario {
        name,
        config: one(fields),
        request,
        status,
        route_refreshes: 0,
    }
}

fn scenarios() -> Vec<Scenario> {
    let good = || answered(200);
    let by = |fields: Value| with(by_tenant(), fields);
    // Opens at the first request of five; refused ones get another status than failed ones.
    let opens = |fields: Value| {
        with(
            json!({"minimum_requests": 1, "open": {"duration": "1h"}, "fallback": {"status": 429}}),
            fields,
        )
    };
    let calm = |fields: Value| with(json!({"minimum_requests": 1_000_000}), fields);
    let slow = |above: &str| json!({"trip": {"slow": {"above": above, "rate": "100%"}}});
    let stale = |status: u16| json!({"fallback": {"status": status, "stale": {"max_age": "5m"}}});
    let body = |status| {
        let response = Response::new(status).after(Duration::from_millis(1));
        Request::get("/").upstream(
            response
                .header("content-type", "text/plain")
                .body("x".repeat(1000)),
        )
    };
    let grpc = Request::new("POST", "/demo.Trips/Create")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body("x")
        .upstream(
            Response::new(200)
                .header("content-type", "application/grpc")
                .body("x")
                .trailer("grpc-status", "0"),
        );
    let mut nothing = scenario("no breakers", json!({}), good(), 200);
    nothing.config["breakers"] = json!([]);
    let mut elsewhere = scenario("no match", json!({}), Request::get("/other"), 200);
    elsewhere.config["breakers"][0]["match"] = json!([{"path": {"prefix": "/v1/"}}]);
    let host =
        |n: usize| json!({"name": format!("host-{n}"), "match": [{"hosts": [format!("h{n}.example.com")]}]});
    let mut hosts = scenario(
        "256 breakers on hosts, one matches, closed",
        json!({}),
        good().authority("h200.example.com"),
        200,
    );
    hosts.config["breakers"] = (0..256).map(host).collect();
    let mut single = Scenario {
        name: "one breaker on a host, matches, closed",
        ..hosts.clone()
    };
    single.config["breakers"] = json!([host(200)]);
    let mut shadow = scenario("open, shadow", opens(json!({})), answered(503), 503);
    shadow.config["mode"] = json!("shadow");
    let mut two = scenario("two breakers, closed", json!({}), good(), 200);
    let second = json!({"name": "second", "per": "host"});
    two.config["breakers"].as_array_mut().unwrap().push(second);
    let mut throttle = scenario("throttle, nothing refused", json!({}), good(), 200);
    throttle.config["breakers"] = json!([{"name": "b", "throttle": {"success_rate": "95%"}}]);
    let timeout = Scenario {
        route_refreshes: 1,
        ..scenario("closed, timeout", json!({"timeout": "3s"}), good(), 200)
    };
    let reroute = json!({"fallback": {"reroute": {"header": "x-fallback", "value": "1"}}});
    let reroute = Scenario {
        route_refreshes: 1,
        ..scenario(
            "open, rerouted",
            with(opens(json!({})), reroute),
            answered(503),
            503,
        )
    };
    vec![
        nothing,
        elsewhere,
        hosts,
        single,
        shadow,
        two,
        throttle,
        timeout,
        reroute,
        scenario("closed", json!({}), good(), 200),
        scenario("closed, slow calls count, fast", slow("1s"), good(), 200),
        scenario(
            "closed, slow calls count, slow",
            calm(slow("1ms")),
            Request::get("/").upstream(Response::new(200).after(Duration::from_millis(2))),
            200,
        ),
        scenario("closed, 404", json!({}), answered(404), 404),
        scenario("closed, 503", calm(json!({})), answered(503), 503),
        scenario(
            "closed, failures in a row, 200",
            json!({"trip": {"consecutive_failures": 5}}),
            good(),
            200,
        ),
        scenario(
            "closed, window of calls, 200",
            calm(json!({"window": {"calls": 100}})),
            good(),
            200,
        ),
        scenario("closed, gRPC with trailers", json!({}), grpc, 200),
        scenario(
            "closed, max_in_flight",
            json!({"max_in_flight": 100}),
            good(),
            200,
        ),
        scenario("closed, stale, not time to keep", stale(503), body(200), 200),
        scenario("key closed, 200", by_tenant(), tenant(good(), "a"), 200),
        scenario(
            "key closed, 503",
            by(calm(json!({}))),
            tenant(answered(503), "a"),
            503,
        ),
        scenario("key absent", by_tenant(), good(), 200),
        scenario(
            "key open, refused",
            by(opens(json!({}))),
            tenant(answered(503), "a"),
            429,
        ),
        scenario("open, refused", opens(json!({})), answered(503), 429),
        scenario(
            "open, stale missing",
            with(opens(json!({})), stale(429)),
            body(503),
            429,
        ),
        scenario("forced open", json!({"force": "open"}), good(), 503),
        scenario("forced closed", json!({"force": "closed"}), good(), 200),
    ]
}

#[test]
fn fuel_of_a_request_stays_what_it_was() {
    fuel::check(FILTER, "emulator_circuit_breaker", &scenarios());
}

#[test]
fn fuel_is_the_same_in_every_run_and_refusing_is_cheap() {
    let all = scenarios();
    let find = |name: &str| all.iter().find(|scenario| scenario.name == name).unwrap();
    let measure = |name: &str| fuel::measure(FILTER, find(name));
    let Some(closed) = measure("closed") else {
        return;
    };
    assert_eq!(measure("closed"), Some(closed));
    let refused = measure("open, refused").unwrap();
    assert!(refused < 2 * closed, "closed costs {closed}, refused {refused}");
    // Hosts are looked up, not tried one after the other.
    let many = measure("256 breakers on hosts, one matches, closed").unwrap();
    let single = measure("one breaker on a host, matches, closed").unwrap();
    assert!(many < single + 2000, "of 256 it costs {many}, of one {single}");
}
