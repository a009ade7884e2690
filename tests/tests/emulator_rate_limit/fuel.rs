//! What a request costs, in Wasm instructions: exactly reproducible, so that a change which makes the request path dearer
//! (or cheaper) is seen in review. The numbers are in `fuel/rate-limit.json`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use fairlead_emulator::{Emulator, Request};
use fairlead_tests::modules;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::rig::{send, start, with_key};

const ABOUT: &str = "Wasm fuel (about one unit an instruction) of one request on a warm VM, by scenario. The test fails if a number is off by more than the tolerance. To take over new ones, and review them in the diff: cargo xtask build && UPDATE_FUEL=1 cargo test --release -p fairlead-tests --test emulator_rate_limit fuel";
const TOLERANCE_PERCENT: u64 = 2;

#[derive(Deserialize, Serialize)]
struct Table {
    about: String,
    tolerance_percent: u64,
    fuel: BTreeMap<String, u64>,
}

struct Scenario {
    name: &'static str,
    config: Value,
    request: Request,
    /// The status of the request that is measured.
    status: u16,
}

fn scenario(name: &'static str, limits: &Value, request: Request, status: u16) -> Scenario {
    Scenario {
        name,
        config: json!({"limits": limits}),
        request,
        status,
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

fn measure(scenario: &Scenario) -> Option<u64> {
    let module = modules::rate_limit()?;
    let mut proxy = start(Emulator::builder(), &module, &scenario.config);
    // The first ones fill the buffers of the VM.
    send(&mut proxy, (0..4).map(|_| scenario.request.clone()));
    proxy.advance(Duration::from_millis(100));
    let report = send(&mut proxy, [scenario.request.clone()]);
    let outcome = &report.outcomes[0];
    assert_eq!(outcome.status, Some(scenario.status), "{}", scenario.name);
    // A write to a request header would make the proxy match its routes again.
    assert_eq!(outcome.route_refreshes, 0, "{}", scenario.name);
    Some(outcome.fuel)
}

fn file() -> PathBuf {
    modules::workspace().join("tests/fuel/rate-limit.json")
}

#[test]
fn fuel_of_a_request_stays_what_it_was() {
    let mut fuel = BTreeMap::new();
    for scenario in scenarios() {
        let Some(units) = measure(&scenario) else { return };
        fuel.insert(scenario.name.to_owned(), units);
    }
    if std::env::var_os("UPDATE_FUEL").is_some() {
        let table = Table {
            about: ABOUT.to_owned(),
            tolerance_percent: TOLERANCE_PERCENT,
            fuel,
        };
        let text = serde_json::to_string_pretty(&table).unwrap();
        std::fs::write(file(), text + "\n").unwrap();
        return;
    }
    let known: Table = serde_json::from_slice(&std::fs::read(file()).unwrap()).unwrap();
    assert_eq!(
        known.fuel.keys().collect::<Vec<_>>(),
        fuel.keys().collect::<Vec<_>>(),
        "{ABOUT}"
    );
    let off = |name: &String, units: u64| {
        units.abs_diff(known.fuel[name]) * 100 > known.fuel[name] * known.tolerance_percent
    };
    let changed: Vec<String> = fuel
        .iter()
        .filter(|(name, units)| off(name, **units))
        .map(|(name, units)| format!("{name}: was {}, is {units}", known.fuel[name]))
        .collect();
    assert!(changed.is_empty(), "{}\n{ABOUT}", changed.join("\n"));
}

#[test]
fn fuel_is_the_same_in_every_run_and_does_not_depend_on_the_other_limits() {
    let all = scenarios();
    let find = |name: &str| all.iter().find(|scenario| scenario.name == name).unwrap();
    let Some(first) = measure(find("one header key, denied")) else {
        return;
    };
    assert_eq!(measure(find("one header key, denied")), Some(first));
    // Hosts are looked up, not tried one after the other.
    let none = measure(find("no match")).unwrap();
    let many = measure(find("1,000 limits on hosts, none matches")).unwrap();
    assert!(many < none + 2000, "1,000 limits cost {many}, one costs {none}");
}
