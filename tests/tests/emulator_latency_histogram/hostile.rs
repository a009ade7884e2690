//! What clients and upstreams may send to hurt: no trap, no growth, each request counted once.

use std::cell::RefCell;
use std::time::Duration;

use fairlead_emulator::{Emulator, LogLevel, Request, Response, Upstream};
use fairlead_tests::{hostile, modules};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::rig::{
    BUCKET, FILTER, HEADERS, MICROS, MS, TICK, answered, ask, begin, counts, full, memory, metrics, one,
    settle, start, sum, total, unlabelled, with,
};

/// All that a client can reach into.
fn reachable() -> Value {
    let labels = json!({
        "route": {"templates": ["/users/{id}", "/users/{id}/orders/{order}"]},
        "method": true,
        "status_class": true,
        "variant": {"header": "x-version", "max": 3},
        "host": ["*.example.com"],
    });
    with(
        full(),
        json!({"labels": labels, "exclude": {"websockets": true, "client_aborts": true, "health_checks": true}}),
    )
}

/// Responses with whatever an upstream may get wrong.
fn responses() -> Vec<Upstream> {
    let plain = |status| Response::new(status).after(MS);
    let one = |name: &str, value: &[u8]| plain(200).header(name, value).body("body");
    let mut all: Vec<Upstream> = [
        0, 1, 99, 100, 101, 102, 103, 199, 204, 304, 418, 599, 600, 999, 65535,
    ]
    .map(plain)
    .map(Upstream::from)
    .into();
    all.extend(
        [
            plain(200).header(":status", "503"),
            plain(599).body(vec![0xff; 100_000]),
            one("x-version", &[0xff; 5000]),
            one("x-version", b""),
            one("grpc-status", b"999999999999999999999999"),
            one("grpc-status", b"\xff\xfe"),
            one("grpc-status", b""),
            one("content-type", b"application/grpc").trailer("grpc-status", b"-1"),
            one("content-type", b"application/grpc").trailer("grpc-status", [b'9'; 60_000]),
            (0..1000).fold(plain(200), |response, n| response.header(format!("x-{n}"), "v")),
            plain(200).header("x-big", [b'x'; 100_000]).body("body"),
        ]
        .map(Upstream::from),
    );
    all.extend([
        Upstream::Reset { after: MS },
        Upstream::Reset {
            after: Duration::ZERO,
        },
        Upstream::Never,
    ]);
    all
}

#[test]
fn nothing_that_a_client_or_an_upstream_sends_ends_the_vm_or_grows_it_or_goes_uncounted() {
    let responses = responses();
    for config in [full(), reachable()] {
        let Some(mut proxy) = begin(2, &config) else {
            return;
        };
        let requests = hostile::requests(&HEADERS);
        let mut sent = 0;
        let mut warm = None;
        // Each request meets each response, and some of them again.
        let turns = responses.len();
        for turn in 0..turns + 6 {
            for worker in 0..2 {
                let answered = requests.iter().enumerate().map(|(n, request)| {
                    let request = request.clone().worker(worker).abort_after(MS * 2);
                    request.upstream(responses[(n + turn) % turns].clone())
                });
                let report = ask(&mut proxy, answered);
                assert_eq!(report.outcomes.len(), requests.len());
                sent += requests.len() as u64;
            }
            settle(&mut proxy);
            if turn + 1 == turns {
                warm = Some((memory(&proxy), metrics(&proxy), proxy.shared_data("").len()));
            }
        }
        let now = (memory(&proxy), metrics(&proxy), proxy.shared_data("").len());
        assert_eq!(Some(now), warm, "it has grown");
        let reasons = [
            "match",
            "health_check",
            "websocket",
            "client_abort",
            "grpc_stream",
        ];
        let excluded: u64 = reasons
            .iter()
            .map(|reason| one(&proxy, "", reason, "excluded_total"))
            .sum();
        assert!(excluded > 0);
        assert_eq!(total(&proxy, MICROS) + excluded, sent);
        assert_eq!(sum(&proxy, BUCKET, "+Inf") + excluded, sent);
        let (requests, good) = crate::rig::slo(&proxy, "time");
        assert_eq!(requests + excluded, sent);
        assert!(good <= requests);
    }
}

#[test]
fn odd_statuses_have_a_class_each_and_fail_or_not() {
    let slo = json!([{"name": "strict", "threshold": "1h", "objective": "95%", "failures": "bad"}]);
    let config = json!({"unit": "us", "slos": slo});
    let Some(mut proxy) = begin(1, &config) else {
        return;
    };
    // A status of four digits is none.
    for (status, class, failed) in [
        (0, "none", true),
        (1, "none", false),
        (99, "none", false),
        (100, "1xx", false),
        (103, "1xx", false),
        (199, "1xx", false),
        (200, "2xx", false),
        (299, "2xx", false),
        (499, "4xx", false),
        (500, "5xx", true),
        (599, "5xx", true),
        (600, "5xx", true),
        (999, "5xx", true),
        (1000, "none", true),
        (65535, "none", true),
    ] {
        let before = (counts(&proxy, MICROS), crate::rig::slo(&proxy, "strict"));
        ask(&mut proxy, [answered(status)]);
        let tag = format!("status={class}");
        let mut expected = before.0;
        *expected.entry(tag).or_insert(0) += 1;
        assert_eq!(counts(&proxy, MICROS), expected, "{status}");
        let good = before.1.1 + u64::from(!failed);
        assert_eq!(
            crate::rig::slo(&proxy, "strict"),
            (before.1.0 + 1, good),
            "{status}"
        );
    }
}

/// Bytes of a header's value: of any kind, and of kinds that are nearly right.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        Just("trailers".to_owned()),
        Just("application/grpc".to_owned()),
        Just("kube-probe/".to_owned()),
        Just("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        "[0-9a-f-]{1,40}",
        "[,;=. %\"\\\\{}]{1,4}",
        "[!-~]{0,20}",
    ];
    prop_oneof![
        3 => vec(pieces, 0..8).prop_map(|pieces| pieces.concat().into_bytes()),
        1 => vec(prop_oneof![Just(b'\t'), 0x20_u8..=0xff], 0..60),
    ]
}

#[test]
fn no_bytes_in_any_header_of_either_side_end_the_vm_or_go_uncounted() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let mut config = with(
        reachable(),
        json!({"access_log": {"sample": "100%", "max_per_second": 10_000}}),
    );
    config.as_object_mut().unwrap().remove("exclude");
    let mut proxy = start(Emulator::builder(), &module, &config);
    // What it says of itself.
    proxy.run();
    let proxy = RefCell::new(proxy);
    let asked = [
        "x-version",
        "te",
        "content-type",
        "user-agent",
        "traceparent",
        "b3",
        "x-b3-traceid",
        "x-request-id",
    ];
    let answers = ["grpc-status", "content-type", ":status", "x-version"];
    let asked = vec((prop::sample::select(asked.to_vec()), value()), 0..8);
    let answered = vec((prop::sample::select(answers.to_vec()), value()), 0..8);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let settings = Config {
        cases: 2000,
        failure_persistence: None,
        ..Config::default()
    };
    let statuses = prop::sample::select(vec![200_u16, 101, 204, 404, 500, 503, 999]);
    let texts = ("[ -~]{0,12}", "/[ -~]{0,30}", "[ -~]{0,30}");
    let result = TestRunner::new_with_rng(settings, rng).run(
        &(asked, answered, statuses, texts),
        |(asked, answered, status, (method, path, host))| {
            let response = answered
                .iter()
                .fold(Response::new(status), |response, (name, value)| {
                    response.header(name, value).trailer(name, value)
                });
            let request = Request::new(method, path).authority(host);
            let request = asked
                .iter()
                .fold(request, |request, (name, value)| request.header(name, value));
            let mut proxy = proxy.borrow_mut();
            let before = total(&proxy, MICROS);
            let report = crate::rig::send(&mut proxy, [request.body("x").upstream(response.body("b"))]);
            prop_assert_eq!(&report.faults, &[]);
            prop_assert_eq!(total(&proxy, MICROS), before + 1);
            // A line is one line of JSON, whatever was sent.
            prop_assert_eq!(report.logs.len(), 1, "{:?}", report.logs);
            let message = &report.logs[0].message;
            prop_assert!(!message.contains(['\n', '\r', '\u{1b}']), "{:?}", message);
            let object = &message[message.find('{').expect("an object")..];
            let line: Result<serde_json::Map<String, Value>, _> = serde_json::from_str(object);
            prop_assert!(line.is_ok(), "{}: {:?}", object, line);
            Ok(())
        },
    );
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_flood_of_failures_is_as_many_lines_as_each_worker_may_write() {
    let config = with(
        unlabelled(),
        json!({"access_log": {"sample": "0%", "slow_above": "1h", "max_per_second": 10}}),
    );
    let Some(mut proxy) = begin(2, &config) else {
        return;
    };
    let mut lines = 0;
    for _ in 0..5 {
        // Within one second of the steady clock, whatever the other does.
        let requests = (0..800).map(|n| answered(503).worker(n % 2));
        let report = ask(&mut proxy, requests);
        lines += report
            .logs
            .iter()
            .filter(|line| line.level == LogLevel::Warn)
            .count() as u64;
        proxy.advance(Duration::from_millis(200));
        crate::rig::jump(&mut proxy, 3600);
    }
    let of = |name, cache| one(&proxy, "", cache, name);
    assert_eq!(lines, of("access_log_lines_total", "failed"));
    assert_eq!(lines + of("access_log_dropped_total", ""), 4000);
    // Five seconds of two workers, and the seconds that were begun.
    assert!((100..=120).contains(&lines), "{lines} lines");
    assert_eq!(total(&proxy, MICROS), 4000);
}

#[test]
fn what_was_sampled_is_about_as_much_as_was_asked_for() {
    let config = with(
        unlabelled(),
        json!({"access_log": {"sample": "5%", "failed": false, "max_per_second": 10_000}}),
    );
    let Some(mut proxy) = begin(2, &config) else {
        return;
    };
    // What it says of itself.
    proxy.run();
    let report = ask(&mut proxy, vec![answered(503); 10_000]);
    let lines = one(&proxy, "", "sampled", "access_log_lines_total");
    assert_eq!(report.logs.len() as u64, lines);
    // Six deviations of sqrt(10,000 x 5 % x 95 %).
    assert!((370..=630).contains(&lines), "{lines} of 10,000 requests at 5 %");
    proxy.advance(TICK);
}
