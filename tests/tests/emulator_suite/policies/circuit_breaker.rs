//! Configs of the circuit breaker.

use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{key, matches, maybe, mode, named, object, pick, refusal};

fn breaker() -> impl Strategy<Value = Value> {
    // Windows that are looked at every 50 ms, 100 ms, 500 ms and 1 s.
    let window = pick(json!([
        {"duration": "1s", "buckets": 10},
        {"duration": "1s", "buckets": 5},
        {"duration": "10s", "buckets": 10},
        {"duration": "20s", "buckets": 10},
        {"duration": "2s", "buckets": 1},
        {"calls": 4},
    ]));
    let trip = pick(json!([
        {"error_rate": "50%"},
        {"slow": {"above": "5ms", "rate": "50%"}},
        {"consecutive_failures": 2},
        {"error_rate": "30%", "slow": {"above": "20ms", "rate": "30%"}, "consecutive_failures": 3},
    ]));
    let per = prop_oneof![
        pick(json!(["rule", "cluster", "route", "host"])),
        key().prop_map(|key| json!({"key": key})),
    ];
    let fallback = prop_oneof![
        refusal(),
        pick(json!([
            {"stale": {"max_age": "10s", "max_body": 1024, "max_entries": 4}},
            {"reroute": {"header": "x-way", "value": "b"}},
        ])),
    ];
    let open = pick(json!([
        {"duration": "200ms"},
        {"duration": "500ms", "backoff": 2, "max": "1s", "jitter": "50%"},
        {"duration": "1s", "backoff": "linear"},
    ]));
    let half_open = pick(json!([
        {"probes": 2},
        {"probes": 0},
        {"probes": 2, "success_rate": "50%", "max_wait": "300ms", "then": "close"},
    ]));
    let decides = (
        maybe(pick(
            json!([{"success_rate": "90%"}, {"success_rate": "95%", "aggression": 2, "max_rejection": "50%"}]),
        )),
        maybe(trip),
        maybe(half_open),
        maybe(open),
        maybe(pick(json!(["1s"]))),
        maybe(pick(json!(["200ms"]))),
        window,
    );
    (
        decides,
        maybe(per),
        maybe(matches()),
        pick(json!([1, 2, 5])),
        maybe(pick(json!([{"status": ["5xx", "404"]}, {"truncated": true}, {"grpc": ["UNAVAILABLE"], "local_replies": ["UT"]}]))),
        maybe(pick(json!([{"status": [501]}, {"client_abort": false}]))),
        (maybe(pick(json!(["1s", "10ms"]))), maybe(pick(json!([1, 2])))),
        maybe(fallback),
        option::weighted(0.1, pick(json!(["open", "closed"]))),
        maybe(mode()),
    )
        .prop_map(
            |(decides, per, matches, minimum, failure, ignore, (timeout, max_in_flight), fallback, force, mode)| {
                let (throttle, trip, half_open, open, recovery_ramp, warm_up, window) = decides;
                let machine = throttle.is_none();
                // A throttle has no states, and its window is one of time with buckets.
                let plain = machine || window.get("calls").is_none() && window["buckets"] != json!(1);
                object(vec![
                    ("window", Some(window).filter(|_| plain)),
                    ("throttle", throttle),
                    ("trip", trip.filter(|_| machine)),
                    ("half_open", half_open.filter(|_| machine)),
                    ("open", open.filter(|_| machine)),
                    ("recovery_ramp", recovery_ramp.filter(|_| machine)),
                    ("warm_up", warm_up.filter(|_| machine)),
                    ("minimum_requests", Some(minimum)),
                    ("per", per.filter(|_| machine)),
                    ("match", matches),
                    ("failure", failure),
                    ("ignore", ignore),
                    ("timeout", timeout),
                    ("max_in_flight", max_in_flight),
                    ("fallback", fallback),
                    ("force", force),
                    ("mode", mode),
                ])
            },
        )
}

pub(super) fn circuit_breaker() -> impl Strategy<Value = Value> {
    (named(&["one", "two"], breaker()), maybe(mode()))
        .prop_map(|(breakers, mode)| object(vec![("breakers", Some(breakers)), ("mode", mode)]))
}
