//! What clients may send to hurt: no trap, no growth, no request that is refused or goes uncounted.

use std::cell::RefCell;
use std::time::Duration;

use fairlead_emulator::{Emulator, Request};
use fairlead_tests::{hostile, modules};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::rig::{FILTER, PLUGIN, drawn, memory, release, send, start, user, with};

/// Every header that [`everything`] reads.
const HEADERS: [&str; 10] = [
    "x-user",
    "x-force",
    "x-canary",
    "x-beta",
    "cookie",
    "authorization",
    "x-forwarded-for",
    "baggage",
    "traceparent",
    "content-type",
];

/// A config that reads all there is to read, of which `keys` say what comes first.
fn everything(keys: Value) -> Value {
    let rules = json!([
        {"match": [{"headers": {"x-beta": {"regex": "(a+)+b"}}}, {"cookies": {"sid": {"prefix": "z"}}}], "variant": "v2"},
        {"match": [{"hosts": ["*.beta.example.com"], "path": {"template": "/users/{id}"}}, {"query": {"q": {"suffix": "z"}}}], "variant": "v3", "mode": "shadow"},
        {"match": [{"grpc": {"service": "demo.Trips"}, "not": {"headers": {"x-beta": {"absent": true}}}}], "variant": "stable"},
    ]);
    let mut config = with(
        release("r", "0%"),
        json!({
            "variants": [{"name": "v2", "weight": "30%"}, {"name": "v3", "value": "three", "weight": "30%"}],
            "force": {"header": "x-force", "cookie": "canary", "allow_from": [{"cidrs": ["10.0.0.0/8", "2001:db8::/32"], "trusted_hops": 2}]},
            "rules": rules,
            "guard": {"window": "1s", "minimum_requests": 1_000_000, "error_rate": {"max": "1%"}, "latency": {"max": "1s"}},
            "propagate": {"baggage": true, "trace": true},
        }),
    );
    config["sticky"] = json!({"by": keys, "cookie": {}});
    config
}

/// Keys in this order and in the other.
fn configs() -> [Value; 3] {
    [
        everything(json!([
            {"header": "x-user"}, {"cookie": "sid"}, {"jwt_claim": "sub"}, {"baggage": "user"}, {"trace_id": true}, {"query": "q"},
            {"client_ip": {"trusted_hops": 1}}, {"random": true},
        ])),
        everything(json!([
            [{"template": "/users/{id}/orders/{order}"}, {"baggage": "user"}], {"trace_id": true}, {"baggage": "user"}, {"jwt_claim": "sub"},
            {"cookie": "sid"}, [{"host": true}, {"path": true}, {"method": true}, {"header": "x-user", "default": ""}],
        ])),
        with(
            everything(
                json!([{"property": ["xds", "route_name"]}, {"client_ip": {"trusted_hops": 10, "ipv6_prefix": 48}}]),
            ),
            json!({"mode": "shadow"}),
        ),
    ]
}

/// The sum of the exposures of all variants for all reasons.
fn exposures(proxy: &Emulator) -> u64 {
    let counters = proxy.metrics().counters;
    let exposures = counters
        .iter()
        .filter(|(name, _)| name.ends_with("_exposures_total"));
    exposures
        .filter(|(name, _)| !name.contains("would_rule"))
        .map(|(_, count)| count)
        .sum()
}

/// What is hostile to this filter in particular.
fn of_releases() -> Vec<Request> {
    let one = |name: &str, value: String| Request::get("/").header(name, value);
    let traceparent = |id: &str| one("traceparent", format!("00-{id}-00f067aa0ba902b7-01"));
    let mut all = vec![
        one("cookie", "fairlead-release=".to_owned()),
        one("cookie", "fairlead-release".to_owned()),
        one("cookie", "fairlead-release=; ".repeat(5000)),
        one(
            "cookie",
            "fairlead-release=v2.00000.0000000000000000; ".repeat(1400),
        ),
        one("cookie", format!("fairlead-release={}", "v2.".repeat(20_000))),
        one(
            "cookie",
            format!("fairlead-release={}.fffff.ffffffffffffffff", "v".repeat(65)),
        ),
        one("cookie", "fairlead-release=.00000.0000000000000000".to_owned()),
        one("cookie", "fairlead-release=00000.0000000000000000".to_owned()),
        one(
            "cookie",
            "fairlead-release=\"v2.fffff.ffffffffffffffff\"".to_owned(),
        ),
        one("cookie", format!("canary={}", "always".repeat(10_000))),
        one("baggage", "user".to_owned()),
        one("baggage", "user=%".to_owned()),
        one("baggage", "user=%f;;;=;user=,,user==".to_owned()),
        one("baggage", "fairlead.r=v2,".repeat(5000)),
        one("baggage", ",".repeat(60_000)),
        one("baggage", format!("user={}", "%ff".repeat(20_000))),
        one("x-force", "always".repeat(10_000)),
        one("x-canary", "v2".repeat(30_000)),
        traceparent(""),
        traceparent(&"0".repeat(32)),
        traceparent(&"f".repeat(60_000)),
        traceparent(&"\u{e9}".repeat(16)),
        one("traceparent", "-".repeat(60_000)),
        one("traceparent", "00-".to_owned()),
    ];
    // All of it in one request, and every line a second time.
    let together = all
        .iter()
        .fold(Request::get("/users/1/orders/2"), |request, _| request);
    all.push(HEADERS.iter().fold(together, |request, name| {
        (0..100).fold(request, |request, n| {
            request.header(name, format!("{n}=\u{fffd};,{n}"))
        })
    }));
    all
}

#[test]
fn nothing_that_a_client_sends_ends_the_vm_or_grows_it_or_goes_uncounted() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let requests: Vec<Request> = hostile::requests(&HEADERS)
        .into_iter()
        .chain(of_releases())
        .collect();
    for config in configs() {
        let mut proxy = start(Emulator::builder().workers(2), &module, &config);
        let mut sent = 0;
        let mut warm = None;
        for turn in 0..6 {
            for worker in 0..2 {
                let report = send(
                    &mut proxy,
                    requests.iter().map(|request| request.clone().worker(worker)),
                );
                assert_eq!(report.faults, [], "{:?}", report.logs);
                let bad = report.statuses().iter().position(|status| *status != 200);
                assert_eq!(bad, None, "{:?}", report.statuses());
                sent += requests.len() as u64;
            }
            proxy.advance(Duration::from_secs(1));
            if turn == 1 {
                warm = Some(memory(&proxy));
            }
        }
        assert_eq!(Some(memory(&proxy)), warm, "memory has grown");
        assert_eq!(exposures(&proxy), sent);
    }
}

/// Bytes of a header's value: of any kind, and of kinds that are nearly right.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        Just("fairlead-release=v2.00000.0123456789abcdef".to_owned()),
        Just("canary=always".to_owned()),
        Just("fairlead.r=v2".to_owned()),
        Just("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        Just("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.c2ln".to_owned()),
        Just("10.1.2.3".to_owned()),
        "[,;=. %\"]{1,4}",
        "(sid|user|v2|v3|three|stable|never|q)=?",
        "%[0-9a-fA-Fg]{0,3}",
        "[!-~]{0,20}",
    ];
    prop_oneof![
        3 => vec(pieces, 0..8).prop_map(|pieces| pieces.concat().into_bytes()),
        1 => vec(prop_oneof![Just(b'\t'), 0x20_u8..=0xff], 0..60),
    ]
}

#[test]
fn no_bytes_in_any_header_end_the_vm_or_reach_the_routes() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    for config in configs() {
        let enforced = config["mode"] != "shadow";
        let proxy = RefCell::new(start(Emulator::builder(), &module, &config));
        let lines = vec((prop::sample::select(&HEADERS[..]), value()), 0..12);
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
        let settings = Config {
            cases: 1500,
            failure_persistence: None,
            ..Config::default()
        };
        let result =
            TestRunner::new_with_rng(settings, rng).run(&(lines, "/[ -~]{0,30}"), |(lines, path)| {
                let request = lines.iter().fold(Request::get(path), |request, (name, value)| {
                    request.header(name, value)
                });
                let report = send(&mut proxy.borrow_mut(), [request]);
                prop_assert_eq!(&report.faults, &[]);
                prop_assert_eq!(report.statuses(), [200]);
                let outcome = &report.outcomes[0];
                let upstream = outcome.upstream_request.as_ref().expect("it went upstream");
                if enforced {
                    let routed: Vec<&[u8]> = upstream.all("x-canary").collect();
                    prop_assert!(
                        matches!(routed[..], [] | [b"v2"] | [b"three"]),
                        "routes see {:?}",
                        routed
                    );
                    prop_assert_eq!(upstream.all("x-force").count(), 0);
                } else {
                    prop_assert_eq!(upstream, &outcome.request);
                }
                Ok(())
            });
        result.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(exposures(&proxy.borrow()), 1500, "{PLUGIN}");
    }
}

#[test]
fn keys_are_told_apart_by_every_byte() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let mut proxy = start(Emulator::builder(), &module, &release("r", "50%"));
    let long = |last: u32| [vec![0xff; 60_000], last.to_le_bytes().to_vec()].concat();
    let is_in = drawn(&send(&mut proxy, (0..400).map(|n| user(long(n)))));
    // Of keys that differ in their last bytes alone, half are drawn.
    let count = is_in.iter().filter(|is_in| **is_in).count();
    assert!((150..=250).contains(&count), "{count} of 400");
    assert_eq!(drawn(&send(&mut proxy, (0..400).map(|n| user(long(n))))), is_in);
}
