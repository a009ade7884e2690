//! `fairlead up` as its users run it: the built binary, the built modules, a real Envoy. Without an Envoy or without the
//! modules in dist/ the tests skip themselves, unless `CI` is `true`.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "the functions between the tests may fail as tests do"
)]

#[path = "up_once/leak.rs"]
mod leak;
#[path = "up_once/running.rs"]
mod running;

use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The modules of the demo's policy.
const MODULES: [&str; 4] = [
    "canary.wasm",
    "latency-histogram.wasm",
    "rate-limit.wasm",
    "circuit-breaker.wasm",
];

fn dist() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist")
}

/// `fairlead up` on free ports, or `None` to skip.
fn up(more: &[&str]) -> Option<Command> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let envoy: PathBuf = match fairlead_envoy::Locator::from_env(root.join(".fairlead")).locate_for_test() {
        Ok(found) => found?.path,
        Err(error) => panic!("{error}"),
    };
    let modules = dist();
    if let Some(missing) = MODULES.iter().find(|module| !modules.join(module).is_file()) {
        assert!(
            std::env::var_os("CI").is_none_or(|value| value != "true"),
            "there is no dist/{missing}: build it with `cargo xtask build`"
        );
        let _ = writeln!(
            std::io::stderr(),
            "skipped: fairlead up (there is no dist/{missing})"
        );
        return None;
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_fairlead"));
    command
        .args(["up", "--port", "0", "--admin-port", "0", "--modules"])
        .arg(modules)
        .args(more)
        .env("FAIRLEAD_ENVOY", envoy)
        .stdin(Stdio::null());
    Some(command)
}

#[test]
fn every_promise_of_the_demo_holds() {
    let Some(mut command) = up(&["--once", "--json"]) else {
        return;
    };
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["ok"], true);
    assert_eq!(report["checks"].as_array().unwrap().len(), 53);
    let rules = report["rules"].as_array().unwrap();
    let of = |name: &str, count: &str| {
        rules.iter().find(|rule| rule["rule"] == name).unwrap()[count]
            .as_u64()
            .unwrap()
    };
    assert!(of("per-key", "admitted") > 100 && of("per-key", "denied") > 100);
    assert!(of("anonymous", "denied") > 0);
    assert!(of("search-trial", "would_deny") > 0);
    assert_eq!(of("search-trial", "denied"), 0);
    let v2 = &report["variants"][0];
    assert_eq!(
        (&v2["variant"], &v2["trips"], &v2["weight_ppm"]),
        (&json!("v2"), &json!(1), &json!(200_000))
    );
    assert!(v2["failed"].as_u64().unwrap() > 0 && v2["exposures"]["sticky"].as_u64().unwrap() > 100);
    let reviews = &report["breakers"][0];
    assert_eq!(
        (&reviews["breaker"], &reviews["state"], &reviews["opened"]),
        (&json!("reviews"), &json!("closed"), &json!(2))
    );
    let latencies = report["latencies"].as_array().unwrap();
    let of = |what: &str| -> Vec<&Value> { latencies.iter().map(|row| &row[what]).collect() };
    assert_eq!(
        of("route"),
        ["/shop/items/{id}", "/shop/items/{id}", "/shop/pay", "/shop/pay"]
    );
    assert_eq!(of("variant"), ["stable", "v2", "stable", "v2"]);
    assert_eq!(
        (of("requests"), of("counted")),
        (vec![&json!(100); 4], vec![&json!(100); 4])
    );
    for (row, p95_ms) in latencies.iter().zip([57, 115, 168, 189]) {
        // What the upstream was asked for; what the filter says of it is among the checks.
        let p95 = &row["quantiles"][1];
        let asked_for_ms = p95["delay_us"].as_u64().unwrap() / 1000;
        assert_eq!((&p95["quantile"], asked_for_ms), (&json!("p95"), p95_ms));
        assert!(p95["filter_us"].as_u64() >= p95["least_us"].as_u64());
        assert!(p95["filter_us"].as_u64() <= p95["most_us"].as_u64());
    }
    let pay = &report["slos"][0];
    assert_eq!((&pay["slo"], &pay["requests"]), (&json!("pay"), &json!(200)));
    assert!((150..=170).contains(&pay["good"].as_u64().unwrap()));
    let timeline = report["timeline"].as_array().unwrap();
    let of = |what: &str| {
        timeline
            .iter()
            .map(|row| row[what].clone())
            .collect::<Vec<Value>>()
    };
    assert_eq!(
        of("state"),
        [
            "closed",
            "closed, then open",
            "open",
            "half-open",
            "open",
            "half-open",
            "closed"
        ]
    );
    assert_eq!(of("upstream")[2..6], [0, 3, 0, 3].map(Value::from));
    assert!(of("at_ms").is_sorted_by_key(Value::as_u64));
    assert!(timeline[4]["clients"]["stale"].as_u64().unwrap() > 100);
}

#[test]
fn a_filter_that_does_nothing_is_found_out() {
    const IDLE: &str = r#"(module
        (memory (export "memory") 1)
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (i32.const 0))
        (func (export "proxy_on_context_create") (param i32 i32))
        (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
        (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1)))"#;
    let folder = tempfile::tempdir().unwrap();
    for module in MODULES {
        std::fs::write(folder.path().join(module), wat::parse_str(IDLE).unwrap()).unwrap();
    }
    let Some(mut command) = up(&["--once", "--modules", folder.path().to_str().unwrap()]) else {
        return;
    };
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let failed = failed(&said);
    for promise in [
        "x-canary: v2 and /v2/ go to v2, the rest to v1",
        "a hammered key gets its quota",
        "a forged first X-Forwarded-For entry is no new client",
        "and counts those it would have refused",
        "metrics of per-key are what clients saw",
        "every refusal is a 429",
        "every admitted request is told its limits",
        "a user gets the same version each time",
        "and it is what the hash of release and user id says",
        "a tester in the office is forced into v2",
        "upstreams see x-canary as it was decided",
        "the release cookie keeps a user in v2",
        "v2 fails half of its requests: the guard takes it out",
        "metrics say so: held",
        "a forced tester still reaches v2",
        "the holder of a release cookie goes home",
        "after the hold, half of its users come back",
        "Envoy's log tells of the trip once",
        "the guard has counted what clients saw of v2",
        "a new guard.attempt lets all of its users in again",
        "latencies count each request once, by route and version",
        "so do exact buckets, and their sums are what clients saw",
        "p50 of each is what clients measured",
        "p95 of each is what clients measured",
        "p99 of each is what clients measured",
        "the objective has counted each payment, and which were good",
        "the reviews fail: the breaker opens as soon as it may",
        "until then they get what it takes, and what is in flight",
        "while it is open, nothing reaches the reviews",
        "then exactly the probes do, over both workers",
        "when they succeed, everybody gets new reviews",
        "meanwhile clients get old reviews, or a 503 with Retry-After",
        "the breaker's metric says so each time",
        "metrics of the breaker are what clients saw",
        "and so are its probes and transitions",
        "Envoy's log tells of each transition once, and why",
        "after probes that fail it stays open for longer",
        "exposures of v2 are what clients saw",
        "exposures of stable are what clients saw",
        "so are cookies, and routing headers of clients",
    ] {
        assert!(
            failed.iter().any(|line| line.starts_with(promise)),
            "{promise} is not in\n{said}"
        );
        assert!(said.lines().last().unwrap().contains(promise), "{said}");
    }
}

/// The lines of a report that say what failed, without the word.
fn failed(said: &str) -> Vec<&str> {
    let lines = said.lines();
    lines.filter_map(|line| line.strip_prefix("FAILED  ")).collect()
}

#[test]
fn a_guard_that_never_acts_and_gauges_that_are_never_set_are_found_out() {
    let Some(mut command) = up(&["--once"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for module in MODULES {
        let mut bytes = std::fs::read(dist().join(module)).unwrap();
        if module == "canary.wasm" || module == "latency-histogram.wasm" {
            // The guard judges in ticks, and latencies are handed on in ticks. Under another name the export is none that Envoy calls; all else is as it was.
            let tick = b"proxy_on_tick";
            let at = bytes.windows(tick.len()).position(|name| name == tick).unwrap();
            bytes[at..][..tick.len()].copy_from_slice(b"proxy_on_tock");
        }
        std::fs::write(folder.path().join(module), bytes).unwrap();
    }
    let output = command.arg("--modules").arg(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let failed = failed(&said);
    let expected = [
        "v2 fails half of its requests: the guard takes it out",
        "metrics say so: held, no weight, one trip over both workers",
        "the holder of a release cookie goes home",
        "after the hold, half of its users come back",
        "Envoy's log tells of the trip once",
        "the guard has counted what clients saw of v2",
        "a new guard.attempt lets all of its users in again",
        "latencies count each request once, by route and version",
        "so do exact buckets, and their sums are what clients saw",
        "p50 of each is what clients measured",
        "p95 of each is what clients measured",
        "p99 of each is what clients measured",
    ];
    assert_eq!(failed.len(), expected.len(), "{said}");
    for (line, promise) in failed.iter().zip(expected) {
        assert!(line.starts_with(promise), "{line} is not about: {promise}");
    }
}

#[test]
fn routes_follow_the_canary_of_a_policy_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    let with = |variant: &str| {
        let text = format!(
            "canary: {{release: mine, header: x-release, variants: [{variant}], guard: {{error_rate: {{max: 5%}}}}}}\n"
        );
        std::fs::write(&policy, text).unwrap();
        let mut command = up(&["--once", "--json", "--policy", policy.to_str().unwrap()])?;
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        Some(report["checks"][0]["seen"].as_str().unwrap().to_owned())
    };
    if let Some(seen) = with("{name: next, value: the-next, weight: 100%}") {
        assert_eq!(seen, "v2 v2 v2");
    }
    if let Some(seen) = with("{name: next, weight: 0%}") {
        assert_eq!(seen, "v1 v1 v2");
    }
}

#[test]
fn a_policy_of_ones_own_is_checked_for_what_holds_for_any() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    for (text, expected) in [
        (
            "rate_limit: {limits: [{name: all, rate: 1/h, burst: 1}], deny: {status: 503}}\n",
            ["v1 503 503", "503 503"],
        ),
        (
            "circuit_breaker: {breakers: [{name: shut, force: open, fallback: {status: 504}}]}\n",
            ["504 504 504", "504 504"],
        ),
    ] {
        std::fs::write(&policy, text).unwrap();
        let Some(mut command) = up(&["--once", "--json", "--policy", policy.to_str().unwrap()]) else {
            return;
        };
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let checks = report["checks"].as_array().unwrap();
        let seen: Vec<&str> = checks
            .iter()
            .map(|check| check["seen"].as_str().unwrap())
            .collect();
        assert_eq!(seen, expected);
        assert_eq!(report["timeline"], json!([]));
    }
}

#[test]
fn a_wrong_policy_ends_with_2_and_names_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    std::fs::write(&policy, "rate_limit:\n  limits:\n  - {name: a, rate: fast}\n").unwrap();
    let Some(mut command) = up(&["--policy", policy.to_str().unwrap()]) else {
        return;
    };
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(
        errors.contains("policy.yaml:3: rate_limit.limits[0].rate"),
        "{errors}"
    );
}

#[test]
fn a_port_in_use_is_said_with_the_option_that_changes_it() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    for option in [
        "--upstream-v1-port",
        "--upstream-v2-port",
        "--upstream-reviews-port",
    ] {
        let Some(mut command) = up(&[option, &port]) else {
            return;
        };
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        let expected = format!("port {port} is in use: choose another with {option}");
        assert!(
            output.status.code() == Some(1) && errors.contains(&expected),
            "{errors}"
        );
    }
}
