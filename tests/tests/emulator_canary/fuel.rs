//! What a request costs, against `fuel/canary.json` and `fuel/canary-lean.json`.

use fairlead_emulator::{Request, Response};
use fairlead_tests::fuel::{self, Scenario};
use serde_json::{Value, json};

use crate::rig::{FILTER, release, user, with};

/// Of its lean build.
const LEAN: &str = "canary-lean";

/// A user who is not drawn at 10 %, and one who is, in release `r`.
const OUT: &str = "ann";
const IN: &str = "jim";

fn scenario(name: &'static str, config: Value, request: Request, route_refreshes: u32) -> Scenario {
    Scenario {
        name,
        config,
        request,
        status: 200,
        route_refreshes,
    }
}

fn plain() -> Value {
    release("r", "10%")
}

fn sticky(by: Value) -> Value {
    with(plain(), json!({"sticky": {"by": by}}))
}

fn scenarios() -> Vec<Scenario> {
    let rule = |n: usize| json!({"match": [{"hosts": [format!("h{n}.example.com")]}], "variant": "v2"});
    let rules = |count: usize| {
        let rules: Vec<Value> = (0..count).map(rule).collect();
        with(plain(), json!({"rules": rules}))
    };
    let by_rules = rules(1000);
    let shop = with(plain(), json!({"match": [{"path": {"prefix": "/shop/"}}]}));
    let force = with(
        plain(),
        json!({"force": {"header": "x-force", "cookie": "canary"}}),
    );
    let guard = json!({"minimum_requests": 1_000_000, "error_rate": {"max": "5%"}});
    let guarded = with(plain(), json!({"guard": guard}));
    let timed = with(
        plain(),
        json!({"guard": with(guard.clone(), json!({"latency": {"max": "1s"}}))}),
    );
    let ramp = json!({"start": "2026-01-01T00:00:00Z", "steps": [{"at": "0s", "weight": "10%"}, {"at": "1h", "weight": "50%"}]});
    let shadow = with(guarded.clone(), json!({"mode": "shadow"}));
    let secret = "an example of a secret";
    let mut cookie = sticky(json!([{"header": "x-user"}]));
    cookie["sticky"]["cookie"] = json!({"secret": secret});
    let held = "fairlead-release=v2.00000.00018a34170b86ee";
    let grpc = Response::new(200)
        .header("content-type", "application/grpc")
        .trailer("grpc-status", "0");
    vec![
        scenario("match says no", shop, user(IN), 0),
        scenario("no variant has a share", release("r", "0%"), user(IN), 0),
        scenario("key absent", plain(), Request::get("/"), 0),
        scenario("one header key, not drawn", plain(), user(OUT), 0),
        scenario("one header key, drawn", plain(), user(IN), 1),
        scenario("one header key, drawn, shadow", shadow, user(IN), 0),
        scenario(
            "one header key, not drawn, routing header removed",
            plain(),
            user(OUT).header("x-canary", "v2"),
            1,
        ),
        scenario(
            "force may be asked for and is not, not drawn",
            force.clone(),
            user(OUT),
            0,
        ),
        scenario(
            "force header",
            force.clone(),
            user(OUT).header("x-force", "always"),
            2,
        ),
        scenario(
            "force cookie",
            force,
            user(OUT).header("cookie", "a=b; canary=always"),
            1,
        ),
        scenario(
            "1,000 rules on hosts, one matches",
            by_rules.clone(),
            user(OUT).authority("h200.example.com"),
            1,
        ),
        scenario(
            "1,000 rules on hosts, none matches, not drawn",
            by_rules,
            user(OUT),
            0,
        ),
        scenario(
            "one rule on a host, which does not match, not drawn",
            rules(1),
            user(OUT),
            0,
        ),
        scenario("release cookie issued", cookie.clone(), user(IN), 1),
        scenario(
            "release cookie held",
            cookie.clone(),
            user(OUT).header("cookie", held),
            1,
        ),
        scenario(
            "release cookie forged, cleared",
            cookie,
            user(OUT).header("cookie", "fairlead-release=v2.00000.0000000000000000"),
            0,
        ),
        scenario(
            "ramp, not drawn",
            with(plain(), json!({"ramp": ramp})),
            user(OUT),
            0,
        ),
        scenario("guard, not drawn", guarded.clone(), user(OUT), 0),
        scenario("guard, drawn", guarded.clone(), user(IN), 1),
        scenario("guard of latency, not drawn", timed, user(OUT), 0),
        scenario(
            "guard, gRPC with trailers, not drawn",
            guarded,
            user(OUT).upstream(grpc),
            0,
        ),
        scenario(
            "random, not drawn",
            with(
                release("r", "0.0001%"),
                json!({"sticky": {"by": [{"random": true}]}}),
            ),
            Request::get("/"),
            0,
        ),
        scenario(
            "baggage appended",
            with(plain(), json!({"propagate": {"baggage": true}})),
            user(IN).header("baggage", "a=1"),
            2,
        ),
        scenario(
            "claim of a token, not drawn",
            sticky(json!([{"jwt_claim": "sub"}])),
            Request::get("/").header(
                "authorization",
                "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.c2ln",
            ),
            0,
        ),
        scenario(
            "sha256, not drawn",
            with(
                plain(),
                json!({"sticky": {"by": [{"header": "x-user"}], "hash": "sha256_percent"}}),
            ),
            user(OUT),
            0,
        ),
    ]
}

/// Those that the lean build serves and that tell of the canary rather than of keys.
fn lean_scenarios() -> Vec<Scenario> {
    const NAMES: [&str; 5] = [
        "match says no",
        "no variant has a share",
        "key absent",
        "one header key, not drawn",
        "one header key, drawn",
    ];
    let mut scenarios = scenarios();
    scenarios.retain(|scenario| NAMES.contains(&scenario.name));
    scenarios
}

#[test]
fn fuel_of_a_request_stays_what_it_was() {
    fuel::check(FILTER, "emulator_canary", &scenarios());
    fuel::check(LEAN, "emulator_canary", &lean_scenarios());
}

#[test]
fn fuel_is_the_same_in_every_run_and_does_not_grow_with_the_rules() {
    let all = scenarios();
    let find = |name: &str| all.iter().find(|scenario| scenario.name == name).unwrap();
    let measure = |name: &str| fuel::measure(FILTER, find(name));
    let Some(first) = measure("one header key, drawn") else {
        return;
    };
    assert_eq!(measure("one header key, drawn"), Some(first));
    // Hosts are looked up, not tried one after the other.
    let one = measure("one rule on a host, which does not match, not drawn").unwrap();
    let many = measure("1,000 rules on hosts, none matches, not drawn").unwrap();
    assert!(
        many < one + 1000,
        "with 1,000 rules it costs {many}, with one {one}"
    );
}
