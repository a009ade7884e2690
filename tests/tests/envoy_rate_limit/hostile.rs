//! Bytes that break other filters: the VM lives, and the limit holds afterwards.

use fairlead_envoy::FailurePolicy;
use fairlead_tests::client::{Connection, Request};
use fairlead_tests::proxy::{Lab, assert_alive, listener, port};
use serde_json::{Value, json};

use crate::{PLUGIN, per_key, with_key};

const NOT_UTF8: &[u8] = b"\xff\xfe\x80bad";

#[test]
fn values_that_are_not_text_are_keys_like_others_whatever_the_failure_policy() {
    let Some(lab) = Lab::enter("rate-limit") else {
        return;
    };
    let mut config = per_key("2/h", 2);
    let more = [
        json!({"name": "cookie", "key": [{"cookie": "sid"}], "rate": "1000/s"}),
        json!({"name": "claim", "key": [{"jwt_claim": "sub"}], "rate": "1000/s"}),
        json!({"name": "client", "key": [{"client_ip": {"trusted_hops": 1}}], "rate": "1000/s"}),
    ];
    config["limits"].as_array_mut().unwrap().extend(more);
    for policy in [FailurePolicy::Closed, FailurePolicy::Reload, FailurePolicy::Open] {
        let plugin = lab.plugin(PLUGIN, &config).failure_policy(policy);
        let envoy = lab.start(1, [listener("main").filter(plugin)]);
        let mut connection = Connection::open(port(&envoy, "main"));
        assert_eq!(
            connection.statuses(&with_key("good"), 3),
            [200, 200, 429],
            "{policy:?}"
        );
        assert_eq!(
            connection.statuses(&with_key(NOT_UTF8), 3),
            [200, 200, 429],
            "{policy:?}"
        );
        let names = [
            "x-other",
            "cookie",
            "authorization",
            "x-forwarded-for",
            "user-agent",
            "referer",
            "x-request-id",
        ];
        for name in names {
            let request = Request::get("/").header(name, NOT_UTF8);
            assert_eq!(connection.ask(&request).status, 200, "{policy:?}: {name}");
        }
        let everywhere = names
            .iter()
            .fold(with_key(NOT_UTF8), |request, name| request.header(name, NOT_UTF8));
        assert_eq!(connection.ask(&everywhere).status, 429, "{policy:?}");
        assert_eq!(connection.statuses(&with_key("good"), 1), [429], "{policy:?}");
        assert_eq!(
            connection.statuses(&with_key("new"), 3),
            [200, 200, 429],
            "{policy:?}"
        );
        assert_alive(&envoy);
    }
}

/// A limit that asks for three headers makes the filter fetch all of them at once.
fn by_three_headers() -> Value {
    let part = |name: &str| json!({"header": name, "default": "none"});
    json!({"limits": [{
        "name": "per-key",
        "key": [part("x-api-key"), part("x-second"), part("x-third")],
        "rate": "2/h",
        "burst": 2,
    }]})
}

#[test]
fn a_thousand_headers_and_huge_values_are_keys_like_others() {
    let Some(lab) = Lab::enter("rate-limit") else {
        return;
    };
    let large = |name: &str| {
        listener(name)
            .with_manager("max_request_headers_kb", json!(8192))
            .with_manager("common_http_protocol_options", json!({"max_headers_count": 3000}))
    };
    let by_address = json!({"limits": [
        {"name": "per-key", "key": [{"client_ip": {"trusted_hops": 2}}], "rate": "2/h", "burst": 2},
    ]});
    let envoy = lab.start(
        2,
        [
            large("one").filter(lab.plugin("one", &per_key("2/h", 2))),
            large("three").filter(lab.plugin("three", &by_three_headers())),
            large("address").filter(lab.plugin("address", &by_address)),
        ],
    );
    let many = |key: &str, count: usize| {
        (0..count).fold(with_key(key), |request, n| {
            request.header(format!("x-{n}"), "value")
        })
    };
    for name in ["one", "three"] {
        let mut connection = Connection::open(port(&envoy, name));
        for count in [100, 1000, 1500] {
            let key = format!("with-{count}");
            assert_eq!(
                connection.statuses(&many(&key, count), 3),
                [200, 200, 429],
                "{name}: {count} headers"
            );
        }
        let huge = vec![b'x'; 64 * 1024];
        assert_eq!(
            connection.statuses(&with_key(&huge), 3),
            [200, 200, 429],
            "{name}"
        );
        assert_eq!(
            connection.statuses(&with_key([huge.as_slice(), b"y"].concat()), 1),
            [200],
            "{name}"
        );
    }
    let mut connection = Connection::open(port(&envoy, "address"));
    let from = |entries: &str| Request::get("/").header("x-forwarded-for", entries);
    // The second entry from the right counts, whatever a client writes before it.
    for spoofed in [
        "",
        "1.1.1.1",
        &"9.9.9.9, ".repeat(10_000),
        &",".repeat(10_000),
        "[::1]:80, garbage, \"x\"",
    ] {
        let request = from(&format!("{spoofed}, 203.0.113.7, 198.51.100.1"));
        let expected = if spoofed.is_empty() {
            [200, 200, 429]
        } else {
            [429; 3]
        };
        assert_eq!(
            connection.statuses(&request, 3),
            expected,
            "{} bytes spoofed",
            spoofed.len()
        );
    }
    for odd in [
        ",,,",
        "unknown",
        "999.1.1.1, 1.2.3.4:99999",
        "[::1, 1.2.3.4",
        "::ffff:1.2.3.4, x",
    ] {
        let status = connection.ask(&from(odd)).status;
        assert!(matches!(status, 200 | 429), "{odd}: {status}");
    }
    assert_alive(&envoy);
}

#[test]
fn a_client_does_not_escape_by_a_second_line_of_a_list() {
    let Some(lab) = Lab::enter("rate-limit") else {
        return;
    };
    let limited_by =
        |part: Value| json!({"limits": [{"name": "one", "key": [part], "rate": "1/h", "burst": 2}]});
    let cookie = lab.plugin("by-cookie", &limited_by(json!({"cookie": "sid"})));
    let address = lab.plugin(
        "by-address",
        &limited_by(json!({"client_ip": {"trusted_hops": 1}})),
    );
    let envoy = lab.start(
        1,
        [
            listener("cookie").filter(cookie),
            listener("address").filter(address),
        ],
    );
    let split =
        |name: &str, first: String, second: &str| Request::get("/").header(name, first).header(name, second);
    let mut cookies = Connection::open(port(&envoy, "cookie"));
    let mut addresses = Connection::open(port(&envoy, "address"));
    for (number, expected) in [200, 200, 429, 429].into_iter().enumerate() {
        let request = split("cookie", format!("junk={number}"), "sid=one");
        assert_eq!(cookies.ask(&request).status, expected, "cookie, request {number}");
        let request = split("x-forwarded-for", format!("9.9.9.{number}"), "203.0.113.7");
        assert_eq!(
            addresses.ask(&request).status,
            expected,
            "address, request {number}"
        );
    }
    // Another cookie has a bucket of its own.
    let other = split("cookie", "sid=two".to_owned(), "junk=1");
    assert_eq!(cookies.ask(&other).status, 200);
}
