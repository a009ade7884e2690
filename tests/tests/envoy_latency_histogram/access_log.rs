//! Lines about single requests: one for each that was slow or has failed, with its trace id, and not more than may be.

use std::time::Instant;

use fairlead_envoy::{Envoy, Route};
use fairlead_tests::client::{Connection, PIPELINE, Request, side_by_side};
use fairlead_tests::proxy::{Lab, PATIENCE, assert_alive, port, wait};
use serde_json::{Value, json};

use crate::service::{Service, counted, listener, stat, unrouted};
use crate::{FILTER, PLUGIN};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The lines that the filter has written: level, and what it says.
fn lines(envoy: &Envoy) -> Vec<(String, Value)> {
    let log = envoy.logs();
    let lines = log.iter().filter_map(|line| {
        let (head, tail) = line.split_once("{\"access\":")?;
        let said = serde_json::from_str(&format!("{{\"access\":{tail}"));
        // [time][thread][level]...
        let level = head.split(['[', ']']).nth(5).expect("a level");
        Some((
            level.to_owned(),
            said.unwrap_or_else(|error| panic!("{error}: {line}")),
        ))
    });
    lines.collect()
}

fn written(envoy: &Envoy, why: &str) -> u64 {
    stat(envoy, None, Some(why), "access_log_lines_total")
}

#[test]
fn a_slow_and_a_failed_request_have_a_line_each_with_their_trace() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let config = json!({
        "labels": {"route": {"templates": ["/users/{id}"]}},
        "access_log": {"slow_above": "1s", "failed": true},
    });
    let service = Service::behind(&lab, 2, listener(lab.plugin(PLUGIN, &config)));
    let traced =
        |path: &str, span: &str| Request::get(path).header("traceparent", format!("00-{TRACE}-{span}-01"));
    let mut connection = Connection::open(service.port());
    for _ in 0..20 {
        assert_eq!(
            connection.ask(&traced("/users/1", "00f067aa0ba902b7")).status,
            200
        );
    }
    let slow = traced("/users/2?token=secret&delay=1100ms", "00f067aa0ba902b8").header("x-request-id", "r-2");
    let answer = connection.ask(&slow);
    assert_eq!(answer.status, 200);
    let failed = traced("/orders/3?status=503", "00f067aa0ba902b9").header("x-upstream-h-x", "a\"b");
    assert_eq!(connection.ask(&failed).status, 503);
    let b3 = Request::get("/users/4?status=500").header("b3", format!("{TRACE}-00f067aa0ba902b7-1"));
    assert_eq!(connection.ask(&b3).status, 500);
    service.envoy.wait_for_log("/users/4", PATIENCE).unwrap();

    let lines = lines(&service.envoy);
    let [(_, slow), (_, failed), (_, b3)] = &lines[..] else {
        panic!("{lines:#?}")
    };
    assert!(lines.iter().all(|(level, _)| level == "warning"), "{lines:#?}");
    let field = |line: &Value, names: [&str; 6]| names.map(|name| line[name].clone());
    let names = ["access", "method", "path", "status", "labels", "trace_id"];
    let expected = ["slow", "GET", "/users/2", "200", "route=/users/{id}", TRACE];
    assert_eq!(field(slow, names).map(plain), expected);
    assert_eq!(slow["request_id"], "r-2");
    let [duration, upstream] =
        ["duration_us", "upstream_us"].map(|name| slow[name].as_u64().expect("a number"));
    assert!(1_100_000 <= upstream && upstream <= duration, "{slow}");
    // Bodies, without headers.
    assert_eq!(
        (&slow["request_bytes"], &slow["response_bytes"]),
        (&json!(0), &json!(answer.body.len()))
    );
    assert_eq!(slow["upstream"], service.upstream.address().to_string());
    let expected = ["failed", "GET", "/orders/3", "503", "route=_other", TRACE];
    assert_eq!(field(failed, names).map(plain), expected);
    let expected = ["failed", "GET", "/users/4", "500", "route=/users/{id}", TRACE];
    assert_eq!(field(b3, names).map(plain), expected);
    assert_eq!(
        ["slow", "failed", "sampled"].map(|why| written(&service.envoy, why)),
        [1, 2, 0]
    );
    assert!(!service.envoy.logs().concat().contains("secret"));
    assert_alive(&service.envoy);
}

fn plain(value: Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn a_flood_of_failures_writes_no_more_lines_than_a_second_may_have() {
    const MOST: u64 = 10;
    const WORKERS: u32 = 2;
    const FLOOD: u64 = 8_000;
    let Some(lab) = Lab::enter(FILTER) else { return };
    let config = json!({"labels": {}, "access_log": {"failed": true, "max_per_second": MOST}});
    let listener = unrouted(lab.plugin(PLUGIN, &config)).route(Route::prefix("/").respond(503, ""));
    let service = Service::behind(&lab, WORKERS, listener);
    let begin = Instant::now();
    side_by_side(port(&service.envoy, "main"), 4, |_, connection| {
        let batch = vec![Request::get("/"); PIPELINE];
        for _ in 0..FLOOD as usize / 4 / PIPELINE {
            assert_eq!(connection.pipeline(&batch), [503; PIPELINE]);
        }
    });
    let dropped = || stat(&service.envoy, None, None, "access_log_dropped_total");
    wait("all have ended", || {
        written(&service.envoy, "failed") + dropped() == FLOOD
    });
    // The first and the last second are not whole.
    let seconds = begin.elapsed().as_secs() + 2;
    let bound = MOST * u64::from(WORKERS) * seconds;
    let written = written(&service.envoy, "failed");
    assert!(
        (MOST..=bound).contains(&written),
        "{written} lines in {seconds} s"
    );
    wait("all lines are there", || {
        lines(&service.envoy).len() as u64 >= written
    });
    assert_eq!(lines(&service.envoy).len() as u64, written);
    assert!(dropped() >= FLOOD - bound);
    assert_alive(&service.envoy);
}

#[test]
fn a_sample_is_about_as_large_as_was_asked_for() {
    const SENT: usize = 4_000;
    let Some(lab) = Lab::enter(FILTER) else { return };
    let log = json!({"sample": "10%", "failed": false, "max_per_second": 10_000});
    let config = json!({"labels": {}, "access_log": log, "buckets": ["1m"]});
    let listener = unrouted(lab.plugin(PLUGIN, &config)).route(Route::prefix("/").respond(503, ""));
    let service = Service::behind(&lab, 2, listener);
    side_by_side(port(&service.envoy, "main"), 4, |_, connection| {
        assert_eq!(
            connection.statuses(&Request::get("/"), SENT / 4),
            vec![503; SENT / 4]
        );
    });
    // Handed on by a later callback than the last line was written in.
    counted(&service.envoy, "request_exact_microseconds_count", SENT as u64);
    let sampled = written(&service.envoy, "sampled");
    // Ten standard deviations: 19 each.
    assert!((210..=590).contains(&sampled), "{sampled}");
    wait("all lines are there", || {
        lines(&service.envoy).len() as u64 >= sampled
    });
    let levels: Vec<String> = lines(&service.envoy)
        .into_iter()
        .map(|(level, _)| level)
        .collect();
    assert_eq!(levels, vec!["info"; sampled as usize]);
}
