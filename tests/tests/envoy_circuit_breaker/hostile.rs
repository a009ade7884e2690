//! What broke other filters, sent to a real proxy: it lives on, and breakers do what they did before.

use fairlead_envoy::FailurePolicy;
use fairlead_tests::client::{Connection, Request};
use fairlead_tests::proxy::{Lab, assert_alive, listener, port};
use serde_json::{Value, json};

use crate::{FILTER, get};

const NOT_UTF8: &[u8] = b"\xff\xfe\x80bad";

/// Headers that [`everything`] reads, and some that it does not.
const NAMES: [&str; 14] = [
    "x-tenant",
    "x-fallback",
    "te",
    "cache-control",
    "accept-encoding",
    "range",
    "cookie",
    "authorization",
    "x-forwarded-for",
    "x-envoy-upstream-rq-timeout-ms",
    "grpc-status",
    "content-type",
    "user-agent",
    "x-request-id",
];

/// A config that reads whatever it can.
fn everything() -> Value {
    let part = |part: Value| json!([part]);
    json!({"breakers": [
        {"name": "tenant", "per": {"key": part(json!({"header": "x-tenant"}))}, "timeout": "3s", "fallback": {"stale": {}}},
        {"name": "cookie", "per": {"key": part(json!({"cookie": "sid"}))}, "max_in_flight": 100},
        {"name": "claim", "per": {"key": part(json!({"jwt_claim": "sub"}))}, "window": {"calls": 10}},
        {"name": "client", "per": {"key": part(json!({"client_ip": {"trusted_hops": 1}}))}, "fallback": {"reroute": {"header": "x-fallback", "value": "1"}}},
        {"name": "host", "per": "host", "trip": {"slow": {"above": "1m"}}, "failure": {"truncated": true}},
        {"name": "all", "recovery_ramp": "1s"},
        {"name": "shed", "throttle": {"success_rate": "95%"}},
        {"name": "beta", "match": [{"headers": {"x-tenant": {"regex": "(x+x+)+y"}}}], "force": "open"},
    ]})
}

#[test]
fn bytes_that_are_not_text_end_no_vm_whatever_the_failure_policy() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let policies = [
        ("closed", FailurePolicy::Closed),
        ("reload", FailurePolicy::Reload),
        ("open", FailurePolicy::Open),
    ];
    let listeners = policies
        .map(|(name, policy)| listener(name).filter(lab.plugin(name, &everything()).failure_policy(policy)));
    let envoy = lab.start(1, listeners);
    for (name, _) in policies {
        let mut connection = Connection::open(port(&envoy, name));
        for header in NAMES {
            let response = connection.ask(&get().header(header, NOT_UTF8));
            assert_eq!(response.status, 200, "{name}: {header}");
        }
        let everywhere = NAMES
            .iter()
            .fold(get(), |request, header| request.header(header, NOT_UTF8));
        assert_eq!(connection.statuses(&everywhere, 50), [200; 50], "{name}");
        let path = Request::get("/%ff%fe?q=%zz&%").header("cookie", b"sid=\xff; \xfe");
        assert_eq!(connection.ask(&path).status, 200, "{name}");
        assert_eq!(connection.statuses(&get(), 3), [200; 3], "{name}");
    }
    assert_alive(&envoy);
}

#[test]
fn a_thousand_headers_and_huge_values_are_read_or_passed_over() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let large = listener("main")
        .filter(lab.plugin("edge", &everything()))
        .with_manager("max_request_headers_kb", json!(8192))
        .with_manager("common_http_protocol_options", json!({"max_headers_count": 3000}));
    let envoy = lab.start(2, [large]);
    let mut connection = Connection::open(port(&envoy, "main"));
    let big = 64 * 1024;
    let values = [
        "x".repeat(big),
        "a=b; ".repeat(big / 5),
        "no-store,".repeat(big / 9),
        ",".repeat(big),
        "9".repeat(big),
        format!("Bearer {}.{}.{}", "e30".repeat(100), "W1tb".repeat(big / 4), "s"),
        "9.9.9.9, ".repeat(big / 9),
    ];
    for value in &values {
        for name in NAMES {
            let status = connection.ask(&get().header(name, value)).status;
            assert_eq!(status, 200, "{name}: {} bytes", value.len());
        }
    }
    for count in [100, 1000, 2000] {
        let many = (0..count).fold(get(), |request, n| request.header(format!("x-{n}"), "v"));
        assert_eq!(connection.ask(&many).status, 200, "{count} headers");
        let lines = (0..count).fold(get(), |request, n| request.header("x-tenant", n.to_string()));
        assert_eq!(connection.ask(&lines).status, 200, "{count} lines");
    }
    assert_eq!(connection.statuses(&get(), 20), [200; 20]);
    assert_alive(&envoy);
}
