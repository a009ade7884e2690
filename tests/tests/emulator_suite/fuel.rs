//! What a request costs that four filters see in one context, against `fuel/suite.json`.

use std::time::Duration;

use fairlead_emulator::{Request, Response};
use fairlead_tests::fuel::{self, Scenario};
use serde_json::{Value, json};

const SUITE: &str = "suite";

fn scenario(name: &'static str, config: Value, status: u16, route_refreshes: u32) -> Scenario {
    Scenario {
        name,
        config,
        request: asked(200),
        status,
        route_refreshes,
    }
}

fn asked(status: u16) -> Request {
    Request::get("/orders/7")
        .header("x-user", "jim")
        .header("x-api-key", "k")
        .upstream(Response::new(status).after(Duration::from_millis(1)))
}

fn latency() -> Value {
    json!({"labels": {"route": {"templates": ["/orders/{id}", "/search"]}, "status_class": true}})
}

fn limits(rate: &str, scope: &str) -> Value {
    json!({"limits": [{"name": "per-key", "key": [{"header": "x-api-key"}], "rate": rate, "scope": scope}]})
}

/// Draws user `jim` at this weight.
fn release(weight: &str) -> Value {
    json!({"release": "r", "variants": [{"name": "v2", "weight": weight}], "sticky": {"by": [{"header": "x-user"}]}})
}

/// A refusal has another status than a failure.
fn breaker(minimum: u32) -> Value {
    json!({"breakers": [{"name": "all", "minimum_requests": minimum, "open": {"duration": "1h"}, "fallback": {"status": 418}}]})
}

fn all(limits: Value, release: Value, breaker: Value) -> Value {
    json!({"latency_histogram": latency(), "rate_limit": limits, "canary": release, "circuit_breaker": breaker})
}

fn scenarios() -> Vec<Scenario> {
    let calm = || breaker(1_000_000);
    let worker = || limits("1000/s", "worker");
    let elsewhere = json!([{"path": {"prefix": "/other"}}]);
    let mut idle = all(worker(), release("10%"), calm());
    idle["latency_histogram"]["match"] = elsewhere.clone();
    idle["rate_limit"]["limits"][0]["match"] = elsewhere.clone();
    idle["canary"]["match"] = elsewhere.clone();
    idle["circuit_breaker"]["breakers"][0]["match"] = elsewhere;
    let mut off = all(worker(), release("10%"), calm());
    for filter in ["latency_histogram", "rate_limit", "canary", "circuit_breaker"] {
        off[filter]["mode"] = json!("off");
    }
    let mut open = scenario(
        "all four, refused by an open breaker",
        all(worker(), release("0%"), breaker(1)),
        418,
        0,
    );
    open.request = asked(500);
    let mut shadow = all(worker(), release("10%"), calm());
    for filter in ["rate_limit", "canary", "circuit_breaker"] {
        shadow[filter]["mode"] = json!("shadow");
    }
    let proxy = || limits("1000/s", "proxy");
    vec![
        scenario(
            "all four, drawn, worker's quota",
            all(worker(), release("10%"), calm()),
            200,
            1,
        ),
        scenario(
            "all four, drawn, proxy's quota",
            all(proxy(), release("10%"), calm()),
            200,
            1,
        ),
        scenario(
            "all four, not drawn, worker's quota",
            all(worker(), release("0%"), calm()),
            200,
            0,
        ),
        scenario("all four, shadow", shadow, 200, 0),
        scenario(
            "all four, refused by a quota",
            all(limits("1/h", "worker"), release("10%"), calm()),
            429,
            0,
        ),
        open,
        scenario("all four, none matches", idle, 200, 0),
        scenario("all four, off", off, 200, 0),
        scenario(
            "only latency_histogram",
            json!({"latency_histogram": latency()}),
            200,
            0,
        ),
        scenario(
            "only rate_limit, worker's quota",
            json!({"rate_limit": worker()}),
            200,
            0,
        ),
        scenario(
            "only rate_limit, proxy's quota",
            json!({"rate_limit": proxy()}),
            200,
            0,
        ),
        scenario("only canary, drawn", json!({"canary": release("10%")}), 200, 1),
        scenario(
            "only circuit_breaker, closed",
            json!({"circuit_breaker": calm()}),
            200,
            0,
        ),
    ]
}

#[test]
fn fuel_of_a_request_stays_what_it_was() {
    fuel::check(SUITE, "emulator_suite", &scenarios());
}

/// What the suite may cost more than a module of the only filter that is configured.
const OVERHEAD: u64 = 1000;

/// The same of a limit with fields: its own module has room to be compiled for more speed than the suite.
const OVERHEAD_OF_FASTER: u64 = 1250;

#[test]
fn filters_that_are_not_configured_cost_next_to_nothing() {
    let singles = [
        (
            "only latency_histogram",
            "latency-histogram",
            latency(),
            0,
            OVERHEAD,
        ),
        (
            "only rate_limit, worker's quota",
            "rate-limit",
            limits("1000/s", "worker"),
            0,
            OVERHEAD_OF_FASTER,
        ),
        ("only canary, drawn", "canary", release("10%"), 1, OVERHEAD),
        (
            "only circuit_breaker, closed",
            "circuit-breaker",
            breaker(1_000_000),
            0,
            OVERHEAD,
        ),
    ];
    let all = scenarios();
    for (name, module, config, route_refreshes, overhead) in singles {
        let in_suite = all.iter().find(|scenario| scenario.name == name).unwrap();
        let alone = scenario(name, config, 200, route_refreshes);
        let (Some(suite), Some(alone)) = (fuel::measure(SUITE, in_suite), fuel::measure(module, &alone))
        else {
            return;
        };
        assert!(suite < alone + overhead, "{name}: {suite}, alone {alone}");
    }
}
