//! What broke other filters, sent to a real proxy: it lives on, nobody chooses for themselves, and good requests go where they
//! did before.

use fairlead_envoy::FailurePolicy;
use fairlead_tests::client::{Connection, Request};
use fairlead_tests::proxy::{Lab, assert_alive, port};
use serde_json::{Value, json};

use crate::shop::{Shop, answering, listener};
use crate::{EARLY, FILTER, LATE, PLUGIN, ask, release, user, with};

const NOT_UTF8: &[u8] = b"\xff\xfe\x80bad";

/// A config that reads whatever it can.
fn everything() -> Value {
    let mut config = with(
        release("10%"),
        json!({
            "force": {"header": "x-force", "cookie": "canary"},
            "rules": [{"match": [{"headers": {"x-beta": {"prefix": "yes"}}}, {"cookies": {"beta": {"exact": "1"}}}], "variant": "v2"}],
            "propagate": {"baggage": true, "trace": true},
            "guard": {"minimum_requests": 1_000_000, "error_rate": {"max": "1%"}},
        }),
    );
    config["sticky"] = json!({
        "by": [{"header": "x-user"}, {"cookie": "sid"}, {"jwt_claim": "sub"}, {"baggage": "user"}, {"trace_id": true}, {"client_ip": {"trusted_hops": 1}}],
        "cookie": {},
    });
    config
}

/// Who was drawn is still, and who was not is not.
fn check_good(connection: &mut Connection) {
    assert_eq!(ask(connection, &user(EARLY)), "v2");
    assert_eq!(ask(connection, &user(LATE)), "v1");
    assert_eq!(ask(connection, &user(LATE).header("x-force", "always")), "v2");
}

#[test]
fn bytes_that_are_not_text_end_no_vm_whatever_the_failure_policy() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let policies = [
        ("closed", FailurePolicy::Closed),
        ("reload", FailurePolicy::Reload),
        ("open", FailurePolicy::Open),
    ];
    let listeners =
        policies.map(|(name, policy)| listener(name, lab.plugin(name, &everything()).failure_policy(policy)));
    let shop = Shop::open(&lab, 1, listeners);
    let names = [
        "x-user",
        "x-force",
        "x-canary",
        "x-beta",
        "cookie",
        "authorization",
        "baggage",
        "traceparent",
        "x-forwarded-for",
        "user-agent",
        "x-request-id",
    ];
    for (name, _) in policies {
        let mut connection = Connection::open(port(&shop.envoy, name));
        check_good(&mut connection);
        for header in names {
            let response = connection.ask(&Request::get("/").header(header, NOT_UTF8));
            assert_eq!(response.status, 200, "{name}: {header}");
        }
        let everywhere = names.iter().fold(Request::get("/"), |request, header| {
            request.header(header, NOT_UTF8)
        });
        let first = ask(&mut connection, &everywhere);
        assert_eq!(
            ask(&mut connection, &everywhere),
            first,
            "a key of bytes is a key"
        );
        assert_eq!(
            connection
                .ask(&user(LATE).header("cookie", b"sid=\xff; canary=\xfe; fairlead-release=\x80"))
                .status,
            200
        );
        check_good(&mut connection);
    }
    assert_alive(&shop.envoy);
}

#[test]
fn nobody_chooses_for_themselves_by_any_spelling() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let mut config = everything();
    config["force"]["allow_from"] = json!([{"cidrs": ["192.0.2.0/24"], "trusted_hops": 1}]);
    let shop = Shop::open(&lab, 2, [listener("main", lab.plugin(PLUGIN, &config))]);
    let mut connection = Connection::open(shop.port());
    let spoofed = [
        user(LATE).header("x-canary", "v2"),
        user(LATE).header("X-CANARY", "v2"),
        user(LATE).header("x-canary", "v1").header("x-canary", "v2"),
        user(LATE).header("x-canary", "").header("x-canary", "v2"),
        user(LATE).header("x-canary", "v2,v2"),
        user(LATE).header("x-canary", b"\xffv2").header("x-canary", "v2"),
        user(LATE).header("x-force", "always"),
        user(LATE).header("x-force", "never").header("x-force", "always"),
        user(LATE).header("cookie", "canary=always"),
        user(LATE).header("cookie", "canary"),
        user(LATE).header("cookie", "fairlead-release"),
        user(LATE).header("cookie", "fairlead-release=v2"),
        user(LATE).header("cookie", "fairlead-release=v2.00000.0000000000000000"),
        user(LATE).header("baggage", "fairlead.r=v2"),
        // The entry that the trusted proxy has written is the last one.
        user(LATE)
            .header("x-forwarded-for", "192.0.2.1, 203.0.113.9")
            .header("x-force", "always")
            .header("x-canary", "v2"),
        user(LATE)
            .header("x-forwarded-for", "192.0.2.1")
            .header("x-forwarded-for", "203.0.113.9")
            .header("x-force", "always"),
    ];
    for (n, request) in spoofed.iter().enumerate() {
        assert_eq!(ask(&mut connection, request), "v1", "spoof {n}");
    }
    let seen = shop.v1.requests();
    let leaked = seen
        .iter()
        .find(|head| head.header("x-canary").is_some() || head.header("x-force").is_some());
    assert_eq!(leaked, None, "routes and upstreams see what a client wrote");
    assert_eq!(shop.v2.counts().total, 0);
    // From where it is allowed, both count.
    let tester = || user(LATE).header("x-forwarded-for", "203.0.113.9, 192.0.2.1");
    assert_eq!(ask(&mut connection, &tester().header("x-force", "always")), "v2");
    assert_eq!(ask(&mut connection, &tester().header("x-canary", "v2")), "v2");
    assert_eq!(
        ask(&mut connection, &tester().header("cookie", "canary=always")),
        "v2"
    );
    assert_alive(&shop.envoy);
}

#[test]
fn a_thousand_headers_and_huge_values_are_read_or_passed_over() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let large = answering("main", lab.plugin(PLUGIN, &everything()))
        .with_manager("max_request_headers_kb", json!(8192))
        .with_manager("common_http_protocol_options", json!({"max_headers_count": 3000}));
    let envoy = lab.start(2, [large]);
    let mut connection = Connection::open(port(&envoy, "main"));
    let names = [
        "x-user",
        "x-force",
        "x-canary",
        "x-beta",
        "cookie",
        "authorization",
        "baggage",
        "traceparent",
        "x-forwarded-for",
    ];
    let big = 64 * 1024;
    let values = [
        "x".repeat(big),
        "a=b; ".repeat(big / 5),
        "fairlead-release=v2.00000.0000000000000000; ".repeat(big / 44),
        "fairlead.r=v2,".repeat(big / 14),
        ",".repeat(big),
        "%ff".repeat(big / 3),
        format!("Bearer {}.{}.{}", "e30".repeat(100), "W1tb".repeat(big / 4), "s"),
        format!("00-{}-", "0".repeat(big)),
        "9.9.9.9, ".repeat(big / 9),
    ];
    for value in &values {
        for name in names {
            let status = connection.ask(&Request::get("/").header(name, value)).status;
            assert_eq!(status, 200, "{name}: {} bytes", value.len());
        }
    }
    for count in [100, 1000, 2000] {
        let many = (0..count).fold(user(EARLY), |request, n| request.header(format!("x-{n}"), "v"));
        assert_eq!(ask(&mut connection, &many), "v2", "{count} headers");
        let cookies = (0..count).fold(user(LATE), |request, n| {
            request.header("cookie", format!("c{n}=v"))
        });
        assert_eq!(
            ask(
                &mut connection,
                &cookies.clone().header("cookie", "canary=always")
            ),
            "v2",
            "{count} lines of cookies"
        );
        assert_eq!(ask(&mut connection, &cookies), "v1", "{count} lines of cookies");
    }
    check_good(&mut connection);
    assert_alive(&envoy);
}
