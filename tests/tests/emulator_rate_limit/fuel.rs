//! What a request costs, against `fuel/rate-limit.json` and `fuel/rate-limit-lean.json`.

use fairlead_emulator::Request;
use fairlead_tests::fuel::{self, Scenario};
use serde_json::{Value, json};

use crate::rig::with_key;

const FILTER: &str = "rate-limit";
const LEAN: &str = "rate-limit-lean";

fn scenario(name: &'static str, limits: &Value, request: Request, status: u16) -> Scenario {
    Scenario {
        name,
        config: json!({"limits": limits}),
        request,
        status,
        route_refreshes: 0,
    }
}

fn scenarios() -> Vec<Scenario> {
    let per_key = |rate: &str, scope: &str| json!({"name": "per-key", "key": [{"header": "x-api-key"}], "rate": rate, "scope": scope});
    let by = |part: Value| json!([{"name": "by", "key": [part], "rate": "1000/s"}]);
    let host = |n: usize| json!({"name": format!("host-{n}"), "match": [{"hosts": [format!("h{n}.example.com")]}], "rate": "1000/s"});
    let hosts: Vec<Value> = (0..1000).map(host).collect();
    let on_host = with_key("k").authority("h200.example.com");
    let path = json!([{"name": "path", "match": [{"path": {"prefix": "/v1/"}}], "rate": "1000/s"}]);
    let two = json!([per_key("1000/s", "proxy"), {"name": "all", "rate": "1000/s"}]);
    let both_denied = json!([{"name": "all", "rate": "1000/s"}, per_key("1/h", "proxy")]);
    let token = Request::get("/").header(
        "authorization",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImF1ZCI6ImRlbW8ifQ.c2ln",
    );
    let forwarded = Request::get("/").header("x-forwarded-for", "203.0.113.7, 198.51.100.1");
    let mut quiet = scenario(
        "one header key, admitted, no response headers",
        &json!([per_key("1000/s", "proxy")]),
        with_key("k"),
        200,
    );
    quiet.config["response_headers"] = json!("none");
    let mut shadow = scenario(
        "one header key, shadow",
        &json!([per_key("1000/s", "proxy")]),
        with_key("k"),
        200,
    );
    shadow.config["mode"] = json!("shadow");
    vec![
        scenario("no limits", &json!([]), with_key("k"), 200),
        scenario("no match", &path, Request::get("/other"), 200),
        scenario(
            "key absent",
            &json!([per_key("1000/s", "proxy")]),
            Request::get("/"),
            200,
        ),
        scenario(
            "keyless, admitted",
            &json!([{"name": "all", "rate": "1000/s"}]),
            Request::get("/"),
            200,
        ),
        scenario(
            "one header key, admitted, proxy scope",
            &json!([per_key("1000/s", "proxy")]),
            with_key("k"),
            200,
        ),
        scenario(
            "one header key, admitted, worker scope",
            &json!([per_key("1000/s", "worker")]),
            with_key("k"),
            200,
        ),
        scenario(
            "one header key, denied",
            &json!([per_key("1/h", "proxy")]),
            with_key("k"),
            429,
        ),
        scenario("two limits, admitted", &two, with_key("k"), 200),
        scenario("two limits, the second denies", &both_denied, with_key("k"), 429),
        scenario("1,000 limits on hosts, one matches", &json!(hosts), on_host, 200),
        scenario(
            "1,000 limits on hosts, none matches",
            &json!(hosts),
            with_key("k"),
            200,
        ),
        scenario(
            "client address of the peer",
            &by(json!({"client_ip": {}})),
            Request::get("/"),
            200,
        ),
        scenario(
            "client address behind one proxy",
            &by(json!({"client_ip": {"trusted_hops": 1}})),
            forwarded,
            200,
        ),
        scenario("claim of a token", &by(json!({"jwt_claim": "sub"})), token, 200),
        quiet,
        shadow,
    ]
}

/// Those that the lean build serves and that tell of the limiter rather than of keys.
fn lean_scenarios() -> Vec<Scenario> {
    const NAMES: [&str; 6] = [
        "no match",
        "key absent",
        "keyless, admitted",
        "one header key, admitted, proxy scope",
        "one header key, admitted, worker scope",
        "one header key, denied",
    ];
    let mut scenarios = scenarios();
    scenarios.retain(|scenario| NAMES.contains(&scenario.name));
    for scenario in &mut scenarios {
        scenario.config["response_headers"] = json!("none");
    }
    scenarios
}

#[test]
fn fuel_of_a_request_stays_what_it_was() {
    fuel::check(FILTER, "emulator_rate_limit", &scenarios());
    fuel::check(LEAN, "emulator_rate_limit", &lean_scenarios());
}

#[test]
fn fuel_is_the_same_in_every_run_and_does_not_depend_on_the_other_limits() {
    let all = scenarios();
    let find = |name: &str| all.iter().find(|scenario| scenario.name == name).unwrap();
    let measure = |name: &str| fuel::measure(FILTER, find(name));
    let Some(first) = measure("one header key, denied") else {
        return;
    };
    assert_eq!(measure("one header key, denied"), Some(first));
    // Hosts are looked up, not tried one after the other.
    let none = measure("no match").unwrap();
    let many = measure("1,000 limits on hosts, none matches").unwrap();
    assert!(many < none + 2000, "1,000 limits cost {many}, one costs {none}");
}
