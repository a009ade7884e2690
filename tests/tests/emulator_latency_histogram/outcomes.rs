//! However a request ends it counts once, or is left out and counts as that: what is counted equals what was sent.

use std::time::Duration;

use fairlead_emulator::{Emulator, LocalReply, Plugin, Request, Response, Upstream};
use fairlead_tests::modules;
use serde_json::{Value, json};

use crate::rig::{
    BUCKET, FILTER, MILLIS, MS, answered, ask, begin, counting, counts, full, one, plugin, series, settle,
    slo, sum, taking, total, unlabelled, with,
};

/// Objectives that differ in what a failure counts as.
fn judged() -> Value {
    let slo = |name: &str| json!({"name": name, "threshold": "10ms", "objective": "95%", "failures": name});
    json!({"unit": "ms", "slos": [slo("count"), slo("bad"), slo("ignore")]})
}

fn replied(reply: LocalReply, after: Duration) -> Request {
    Request::get("/").upstream(Upstream::LocalReply { reply, after })
}

fn excluded(proxy: &Emulator, reason: &str) -> u64 {
    one(proxy, "", reason, "excluded_total")
}

#[test]
fn every_way_to_end_counts_once_under_its_status() {
    let config = with(counting(), judged());
    let Some(mut proxy) = begin(2, &config) else {
        return;
    };
    let resets = Upstream::Reset { after: MS * 4 };
    let ways: Vec<(&str, Request)> = vec![
        ("2xx", answered(200)),
        ("3xx", answered(301)),
        ("4xx", answered(404)),
        ("5xx", answered(500)),
        ("4xx", replied(LocalReply::NoRoute, Duration::ZERO)),
        ("5xx", replied(LocalReply::Overflow, Duration::ZERO)),
        ("5xx", replied(LocalReply::ConnectionFailure, MS * 5)),
        ("5xx", replied(LocalReply::Timeout, MS * 20)),
        ("5xx", Request::get("/").upstream(resets)),
        // The client leaves before there is an answer: there is no status.
        (
            "none",
            Request::get("/").upstream(Upstream::Never).abort_after(MS * 6),
        ),
        ("none", taking(MS * 30).abort_after(MS * 15)),
        // It leaves when all is over.
        ("2xx", taking(MS * 3).abort_after(MS * 10)),
        // The VM sees an upgrade as it sees any other.
        ("1xx", answered(101)),
        ("2xx", Request::new("HEAD", "/").upstream(Response::new(204))),
        (
            "2xx",
            Request::new("POST", "/").body("x").body("y").trailer("t", "1"),
        ),
    ];
    let mut expected = std::collections::BTreeMap::new();
    for (round, (class, request)) in ways.iter().enumerate() {
        for _ in 0..=round {
            *expected.entry(format!("status={class}")).or_insert(0) += 1;
        }
        let report = ask(&mut proxy, vec![request.clone(); round + 1]);
        assert_eq!(report.outcomes.len(), round + 1);
    }
    settle(&mut proxy);
    let all: u64 = expected.values().sum();
    assert_eq!(counts(&proxy, MILLIS), expected);
    assert_eq!(series(&proxy, BUCKET, "+Inf"), expected);
    assert_eq!(series(&proxy, "window_requests", ""), expected);
    assert_eq!(all, 120);
    // Failures are 5xx, and those that were not answered: 4 + 6 + 7 + 8 + 9, and 10 + 11.
    let (failed, slow) = (55, [8, 11]);
    assert_eq!(slo(&proxy, "count"), (all, all - slow.iter().sum::<u64>()));
    assert_eq!(slo(&proxy, "bad"), (all, all - failed));
    assert_eq!(slo(&proxy, "ignore"), (all - failed, all - failed));
}

#[test]
fn what_an_earlier_filter_answers_is_never_seen() {
    let Some(mut proxy) = begin(2, &counting()) else {
        return;
    };
    let denied = Request::get("/").early_reply(403, "rbac_access_denied");
    let report = ask(&mut proxy, vec![denied; 10]);
    assert_eq!(report.statuses(), [403; 10]);
    ask(&mut proxy, vec![Request::get("/").without_authority(); 3]);
    settle(&mut proxy);
    assert_eq!(total(&proxy, "request_duration_microseconds"), 0);
    assert_eq!(slo(&proxy, "fast"), (0, 0));
    assert_eq!(sum(&proxy, "window_requests", ""), 0);
}

#[test]
fn what_a_later_filter_answers_counts_and_what_an_earlier_one_of_ours_answers_does_not() {
    let (Some(module), Some(limiter)) = (modules::compiled(FILTER), modules::compiled("rate-limit")) else {
        return;
    };
    let limit = json!({"limits": [{"name": "two", "rate": "2/h", "burst": 2}]});
    let limit = || Plugin::new("limit", &limiter).configuration(limit.to_string());
    let measure = || plugin(&module, &counting());
    for (before, expected) in [
        (true, [("status=2xx", 2), ("status=4xx", 8)].as_slice()),
        (false, &[("status=2xx", 2)]),
    ] {
        let builder = Emulator::builder();
        let builder = if before {
            builder.plugin(measure()).plugin(limit())
        } else {
            builder.plugin(limit()).plugin(measure())
        };
        let mut proxy = builder.build().unwrap();
        let report = ask(&mut proxy, vec![answered(200); 10]);
        assert_eq!(
            report.statuses(),
            [200, 200, 429, 429, 429, 429, 429, 429, 429, 429]
        );
        let found = counts(&proxy, "request_duration_microseconds");
        let found: Vec<(&str, u64)> = found.iter().map(|(tag, count)| (tag.as_str(), *count)).collect();
        assert_eq!(found, expected, "before: {before}");
    }
}

#[test]
fn what_is_excluded_counts_as_that_and_nowhere_else() {
    let exclude = json!({
        "grpc_streams": true, "websockets": true, "client_aborts": true, "health_checks": true,
        "match": [{"path": {"prefix": "/metrics"}}, {"methods": ["OPTIONS"]}],
    });
    let config = with(unlabelled(), json!({"exclude": exclude}));
    let Some(mut proxy) = begin(2, &config) else {
        return;
    };
    let probed = |agent: &str| answered(200).header("user-agent", agent);
    let left_out: Vec<(&str, Request)> = vec![
        ("match", Request::get("/metrics/x")),
        ("match", Request::new("OPTIONS", "/")),
        ("health_check", probed("kube-probe/1.31")),
        ("health_check", probed("Envoy/HC")),
        ("websocket", answered(101)),
        (
            "client_abort",
            Request::get("/").upstream(Upstream::Never).abort_after(MS),
        ),
        // Its reason is the first that is known.
        (
            "match",
            Request::get("/metrics").upstream(Upstream::Never).abort_after(MS),
        ),
    ];
    let counted = [
        answered(200),
        answered(503),
        probed("curl/8 kube-probe/1.31"),
        replied(LocalReply::ConnectionFailure, MS),
        Request::get("/").upstream(Upstream::Reset { after: MS }),
        Request::get("/metric"),
        // A call that answers in one piece.
        Request::new("POST", "/demo.Trips/Create")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body("x")
            .upstream(
                Response::new(200)
                    .body("x")
                    .trailer("grpc-status", "0")
                    .after(3 * Duration::from_secs(1)),
            ),
    ];
    for _ in 0..3 {
        ask(&mut proxy, left_out.iter().map(|(_, request)| request.clone()));
        ask(&mut proxy, counted.clone());
    }
    settle(&mut proxy);
    for reason in [
        "match",
        "health_check",
        "websocket",
        "client_abort",
        "grpc_stream",
    ] {
        let sent = left_out.iter().filter(|(known, _)| *known == reason).count() as u64;
        assert_eq!(excluded(&proxy, reason), 3 * sent, "{reason}");
    }
    let measured = 3 * counted.len() as u64;
    assert_eq!(total(&proxy, "request_duration_microseconds"), measured);
    assert_eq!(sum(&proxy, BUCKET, "+Inf"), measured);
    assert_eq!(sum(&proxy, "window_requests", ""), measured);
    assert_eq!(slo(&proxy, "fast").0, measured);
}

#[test]
fn without_exclusions_the_same_requests_count() {
    let Some(mut proxy) = begin(1, &counting()) else {
        return;
    };
    let leaves = Request::get("/").upstream(Upstream::Never).abort_after(MS);
    let check = answered(200).header("user-agent", "kube-probe/1.31");
    ask(&mut proxy, [answered(101), leaves, check]);
    assert_eq!(total(&proxy, "request_duration_microseconds"), 3);
    assert_eq!(sum(&proxy, "excluded_total", "client_abort"), 0);
}

#[test]
fn only_what_matches_is_measured_and_the_rest_counts_nowhere() {
    let config = with(
        counting(),
        json!({"match": [{"path": {"prefix": "/api/"}}], "exclude": {"websockets": true}}),
    );
    let Some(mut proxy) = begin(1, &config) else {
        return;
    };
    let other = Request::get("/other").upstream(Response::new(101));
    ask(&mut proxy, [Request::get("/api/a"), other, Request::get("/")]);
    settle(&mut proxy);
    assert_eq!(total(&proxy, "request_duration_microseconds"), 1);
    assert_eq!(slo(&proxy, "fast").0, 1);
    assert_eq!(excluded(&proxy, "websocket"), 0);
}

#[test]
fn phases_count_for_what_has_them() {
    let Some(mut proxy) = begin(1, &full()) else {
        return;
    };
    let timeout = replied(LocalReply::Timeout, MS * 20);
    let leaves = Request::get("/").upstream(Upstream::Never).abort_after(MS * 7);
    let no_route = replied(LocalReply::NoRoute, Duration::ZERO);
    ask(
        &mut proxy,
        [taking(MS * 5), taking(MS * 9), timeout, leaves, no_route],
    );
    settle(&mut proxy);
    let values = |phase: &str| crate::rig::values(&proxy, &format!("{phase}_duration_microseconds"));
    assert_eq!(values("request"), [0, 5000, 7000, 9000, 20_000]);
    assert_eq!(values("first_byte"), [0, 5000, 9000, 20_000]);
    // Only an upstream that has answered has taken time.
    assert_eq!(values("upstream"), [5000, 9000]);
    let inf = |phase: &str| sum(&proxy, &format!("{phase}_exact_microseconds_bucket"), "+Inf");
    assert_eq!(["request", "first_byte", "upstream"].map(inf), [5, 4, 2]);
    assert_eq!(total(&proxy, "request_size_bytes"), 5);
    assert_eq!(total(&proxy, "response_size_bytes"), 5);
}

#[test]
fn a_failure_without_the_phase_of_an_objective_is_bad_where_failures_are() {
    let slo = |name: &str| json!({"name": name, "threshold": "10ms", "objective": "95%", "failures": name, "phase": "upstream"});
    let config = json!({"phases": ["total", "upstream"], "slos": [slo("count"), slo("bad"), slo("ignore")]});
    let Some(mut proxy) = begin(1, &config) else {
        return;
    };
    let refused = replied(LocalReply::ConnectionFailure, Duration::ZERO);
    let reset = Request::get("/").upstream(Upstream::Reset { after: MS });
    ask(&mut proxy, [answered(200), answered(503), refused, reset]);
    let found = ["count", "bad", "ignore"].map(|name| crate::rig::slo(&proxy, name));
    assert_eq!(found, [(2, 2), (4, 1), (1, 1)]);
}

#[test]
fn a_label_set_has_all_its_buckets_once_it_has_one() {
    let bounds = json!({"buckets": {"scale": 3, "from": "1ms", "to": "1s"}});
    let Some(mut proxy) = begin(2, &with(counting(), bounds)) else {
        return;
    };
    ask(&mut proxy, vec![taking(MS * 60); 10]);
    settle(&mut proxy);
    // A quantile is looked for between a bucket and the one before: without that, it would be between 0 and 60 ms.
    let metrics = proxy.metrics();
    let found = metrics.counters.iter().filter_map(|(name, count)| {
        let (tag, bound, name) = crate::rig::parts(name)?;
        (tag == "status=2xx" && name == BUCKET).then(|| (bound.parse().unwrap_or(f64::INFINITY), *count))
    });
    let mut found: Vec<(f64, u64)> = found.collect();
    found.sort_by(|one, other| one.0.total_cmp(&other.0));
    // From 939 us, which is not above 1 ms, to 1 s and beyond.
    assert_eq!(found.len(), 83, "{found:?}");
    let below = found.iter().filter(|(bound, _)| *bound < 60_000.0);
    assert!(below.clone().count() > 40, "{found:?}");
    assert!(below.clone().all(|(_, count)| *count == 0), "{found:?}");
    let above = found.iter().filter(|(bound, _)| *bound >= 60_000.0);
    assert!(above.clone().all(|(_, count)| *count == 10), "{found:?}");
}

#[test]
fn nothing_about_a_request_or_its_response_is_changed() {
    let Some(mut proxy) = begin(1, &full()) else {
        return;
    };
    let response = Response::new(200)
        .header("x-a", "1")
        .body("body")
        .trailer("grpc-status", "0");
    let request = Request::new("POST", "/users/7?q=1")
        .header("x-version", "v1")
        .body("sent")
        .upstream(response);
    let report = ask(&mut proxy, [request]);
    let outcome = &report.outcomes[0];
    assert_eq!(outcome.upstream_request.as_ref(), Some(&outcome.request));
    assert_eq!(outcome.upstream_body, b"sent");
    assert_eq!(outcome.route_refreshes, 0);
    assert_eq!(
        outcome.response_headers.iter().collect::<Vec<_>>(),
        [(&b"x-a"[..], &b"1"[..])]
    );
    assert_eq!(outcome.response_body, b"body");
}
