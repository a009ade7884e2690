//! What clients and upstreams may send to hurt: no trap, no growth, no request that goes uncounted.

use std::cell::RefCell;
use std::time::Duration;

use fairlead_emulator::{Emulator, Request, Response};
use fairlead_tests::{hostile, modules, names};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::rig::{
    FILTER, MINIMUM, PLUGIN, answered, ask_many, count, memory, one, send, start, tenant, with,
};

/// Headers that [`one_of_each`] reads.
const HEADERS: [&str; 10] = [
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
];

/// A breaker for each source of a key, each kind of window and each fallback. All are in shadow, so that every one decides on
/// every request; a missing value has a default, so that none passes by.
fn one_of_each() -> Value {
    let key = |name: &str, mut part: Value| {
        part["default"] = json!("none");
        json!({"name": name, "per": {"key": [part]}, "max_keys": 65536})
    };
    json!({"mode": "shadow", "breakers": [
        key("header", json!({"header": "x-tenant"})),
        key("cookie", json!({"cookie": "sid"})),
        key("query", json!({"query": "q"})),
        key("path", json!({"path": true})),
        key("template", json!({"template": "/users/{id}/orders/{order}"})),
        key("hop-1", json!({"client_ip": {"trusted_hops": 1}})),
        key("claim", json!({"jwt_claim": "sub"})),
        key("host", json!({"host": true})),
        {"name": "cluster", "per": "cluster"},
        {"name": "rule"},
        {"name": "calls", "window": {"calls": 100}},
        {"name": "fixed", "window": {"duration": "1s", "buckets": 1}},
        {"name": "slow", "trip": {"slow": {"above": "1ms", "rate": "10%"}}},
        {"name": "throttle", "throttle": {"success_rate": "95%"}},
        {"name": "bulkhead", "max_in_flight": 100000},
    ]})
}

/// Breakers that do what they say.
fn enforced() -> Value {
    json!({"breakers": [
        {"name": "stale", "match": [{"path": {"prefix": "/"}}], "minimum_requests": 1_000_000, "timeout": "3s", "fallback": {"stale": {"max_entries": 8, "max_body": 4096}}},
        {"name": "host", "per": "host", "minimum_requests": 3, "open": {"duration": "1s"}, "fallback": {"stale": {"max_entries": 8}}},
        {"name": "reroute", "per": {"key": [{"header": "x-tenant"}]}, "minimum_requests": 3, "open": {"duration": "1s"}, "fallback": {"reroute": {"header": "x-fallback", "value": "1"}}},
    ]})
}

fn told(proxy: &Emulator, breaker: &str) -> u64 {
    let counter = |name: &str, outcome: Option<&str>| {
        let name = names::circuit_breaker(PLUGIN, Some(breaker), outcome, name);
        proxy.counter(&name).unwrap_or(0)
    };
    let outcomes = ["success", "failure", "ignored", "late", "would_reject"];
    let told = outcomes.map(|outcome| counter("requests_total", Some(outcome)));
    told.iter().sum::<u64>() + counter("overflow_total", None)
}

/// Responses with whatever an upstream may get wrong.
fn responses() -> Vec<Response> {
    let plain = |status| Response::new(status).after(Duration::from_millis(1));
    let one = |name: &str, value: &[u8]| plain(200).header(name, value).body("body");
    vec![
        plain(200),
        plain(503),
        plain(599).body(vec![0xff; 100_000]),
        one("grpc-status", b"999999999999999999999999"),
        one("grpc-status", b"\xff\xfe"),
        one("grpc-status", b""),
        one("content-type", b"application/grpc").trailer("grpc-status", b"-1"),
        one("content-type", b"application/grpc").trailer("grpc-status", [b'9'; 60_000]),
        one("cache-control", &b"no-store,".repeat(5000)),
        one("cache-control", b"max-age=99999999999999999999, s-maxage=\xff"),
        one("vary", &b"accept-encoding,".repeat(5000)),
        one("content-length", b"99999999999999999999999"),
        one("age", b"99999999999999999999999"),
        one("set-cookie", &[0x80; 5000]),
        (0..1000).fold(plain(200), |response, n| response.header(format!("x-{n}"), "v")),
        plain(200).header("x-big", [b'x'; 100_000]).body("body"),
    ]
}

#[test]
fn nothing_that_a_client_sends_ends_the_vm_or_grows_it_or_goes_uncounted() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let responses = responses();
    for config in [one_of_each(), enforced()] {
        let mut proxy = start(Emulator::builder().workers(2), &module, &config);
        let requests = hostile::requests(&HEADERS);
        let mut sent = 0;
        let mut warm = None;
        for turn in 0..8 {
            for worker in 0..2 {
                let answered = requests.iter().enumerate().map(|(n, request)| {
                    let response = responses[(n + turn) % responses.len()].clone();
                    request.clone().worker(worker).upstream(response)
                });
                let report = send(&mut proxy, answered);
                assert_eq!(report.faults, [], "{:?}", report.logs);
                assert_eq!(report.outcomes.len(), requests.len());
                sent += requests.len() as u64;
            }
            proxy.advance(Duration::from_secs(1));
            if turn == 3 {
                warm = Some(memory(&proxy));
            }
        }
        assert_eq!(Some(memory(&proxy)), warm, "memory has grown");
        if config["mode"] == "shadow" {
            for breaker in config["breakers"].as_array().unwrap() {
                let breaker = breaker["name"].as_str().unwrap();
                // In shadow what would be refused passes, and is late if it ends.
                assert_eq!(told(&proxy, breaker), sent, "{breaker}");
            }
        }
    }
}

/// Bytes of a header's value: of any kind, and of kinds that are nearly right.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        Just("no-store".to_owned()),
        Just("s-maxage=1".to_owned()),
        Just("accept-encoding".to_owned()),
        Just("trailers".to_owned()),
        "[0-9]{1,30}",
        "[,;=. %\"]{1,4}",
        "[!-~]{0,20}",
    ];
    prop_oneof![
        3 => vec(pieces, 0..8).prop_map(|pieces| pieces.concat().into_bytes()),
        1 => vec(prop_oneof![Just(b'\t'), 0x20_u8..=0xff], 0..60),
    ]
}

#[test]
fn no_bytes_in_any_header_of_either_side_end_the_vm() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let answers = [
        "grpc-status",
        "content-type",
        "cache-control",
        "vary",
        "age",
        "content-length",
        "set-cookie",
    ];
    let proxy = RefCell::new(start(Emulator::builder(), &module, &enforced()));
    let lines = |names: &'static [&'static str]| vec((prop::sample::select(names), value()), 0..8);
    let asked = lines(&HEADERS);
    let answered = vec((prop::sample::select(answers.to_vec()), value()), 0..8);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let settings = Config {
        cases: 2000,
        failure_persistence: None,
        ..Config::default()
    };
    let statuses = prop::sample::select(vec![200_u16, 200, 204, 404, 500, 503]);
    let result = TestRunner::new_with_rng(settings, rng).run(
        &(asked, answered, statuses, "/[ -~]{0,30}"),
        |(asked, answered, status, path)| {
            let response = answered
                .iter()
                .fold(Response::new(status), |response, (name, value)| {
                    response.header(name, value).trailer(name, value)
                });
            let request = asked.iter().fold(Request::get(path), |request, (name, value)| {
                request.header(name, value)
            });
            let request = request
                .header("x-envoy-upstream-rq-timeout-ms", "9")
                .upstream(response.body("b"));
            let report = send(&mut proxy.borrow_mut(), [request]);
            prop_assert_eq!(&report.faults, &[]);
            let outcome = &report.outcomes[0];
            if let Some(upstream) = &outcome.upstream_request {
                let fallback: Vec<&[u8]> = upstream.all("x-fallback").collect();
                prop_assert!(matches!(fallback[..], [] | [b"1"]), "routes see {:?}", fallback);
                let timeouts: Vec<&[u8]> = upstream.all("x-envoy-upstream-rq-timeout-ms").collect();
                if fallback.is_empty() {
                    prop_assert_eq!(timeouts, [b"3000"]);
                }
            }
            Ok(())
        },
    );
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn keys_are_told_apart_by_every_byte() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let fields = json!({"per": {"key": [{"header": "x-tenant"}]}, "max_keys": 65536, "minimum_requests": 2, "open": {"duration": "1h"}});
    let mut proxy = start(Emulator::builder(), &module, &one(fields));
    let long = |last: u8| [vec![0xff; 64 * 1024], vec![last]].concat();
    let keys = (0x80..=0xff_u8).map(|byte| vec![byte]);
    let keys = keys.chain([long(1), long(2), Vec::new(), b" ".to_vec()]);
    for key in keys {
        let fail = tenant(answered(503), &key);
        assert_eq!(ask_many(&mut proxy, &fail, 4), 2, "{} bytes", key.len());
    }
    assert_eq!(count(&proxy, "overflow_total", ""), 0);
}

#[test]
fn a_million_keys_fit_into_the_memory_of_a_few_thousand() {
    const KEYS: u64 = 1_000_000;
    const BATCH: u64 = 10_000;
    const MAX_KEYS: usize = 4096;
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    // One that is in use has its breaker, whatever else is asked for.
    let config = one(with(
        json!({"per": {"key": [{"header": "x-tenant"}]}, "max_keys": MAX_KEYS}),
        json!({"max_in_flight": 1000, "open": {"duration": "1h"}}),
    ));
    let mut proxy = start(Emulator::builder().workers(2), &module, &config);
    assert_eq!(
        ask_many(&mut proxy, &tenant(answered(503), "known"), MINIMUM + 5),
        MINIMUM
    );
    let mut flood = |from: u64| {
        // A request each 100 us, each open for a millisecond: ten at a time. One in four fails, and so keeps its place.
        let begin = proxy.now();
        for key in 0..BATCH {
            let status = if key % 4 == 0 { 503 } else { 200 };
            proxy.request(
                begin + Duration::from_micros(100 * key),
                tenant(answered(status), (from + key).to_le_bytes()),
            );
        }
        let report = proxy.run();
        assert_eq!(report.faults, []);
        assert_eq!(report.outcomes.len() as u64, BATCH);
        let metrics = proxy.metrics();
        let series = metrics.counters.len() + metrics.gauges.len();
        (memory(&proxy), proxy.shared_data("").len(), series)
    };
    // Enough that every cell has been written.
    let warm = (0..4).map(|batch| flood(batch * BATCH)).last().unwrap();
    for from in (4 * BATCH..KEYS).step_by(BATCH as usize) {
        assert_eq!(flood(from), warm, "after {from} keys");
    }
    // A cell for each four keys, for breakers and for what is in flight; few more.
    assert!(
        (MAX_KEYS / 2..MAX_KEYS / 2 + 6).contains(&warm.1),
        "{} cells",
        warm.1
    );
    let of = |outcome| count(&proxy, "requests_total", outcome);
    let overflow = count(&proxy, "overflow_total", "");
    assert_eq!(
        of("success") + of("failure") + of("late") + of("rejected") + overflow,
        KEYS + MINIMUM as u64 + 5
    );
    assert!(
        overflow > KEYS / 10,
        "{overflow} keys without a place: the table was never full"
    );
    assert_eq!(
        ask_many(&mut proxy, &tenant(answered(200), "known"), 5),
        0,
        "it is still open"
    );
}
