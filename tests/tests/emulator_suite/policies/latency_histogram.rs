//! Configs of the latency histogram.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{matches, maybe, mode, named, object, pick};

pub(super) fn latency_histogram() -> impl Strategy<Value = Value> {
    let labels = (
        maybe(pick(
            json!([{"templates": ["/users/{id}", "/a"]}, {"name": true, "max": 1}]),
        )),
        maybe(Just(json!(true))),
        maybe(Just(json!(true))),
        maybe(Just(json!(true))),
        maybe(pick(json!([
            {"header": "x-canary", "values": ["v2"]},
            {"header": "x-canary", "max": 2},
            {"header": "x-canary", "default": "stable", "max": 1},
            {"response_header": "x-version", "values": ["2"]},
        ]))),
        maybe(pick(json!([["*.example.com"], ["sim.local", "*.example.com"]]))),
        maybe(pick(json!([true, {"max": 1}]))),
    )
        .prop_map(
            |(route, method, status_class, grpc_status, variant, host, cluster)| {
                object(vec![
                    ("route", route),
                    ("method", method),
                    ("status_class", status_class),
                    ("grpc_status", grpc_status),
                    ("variant", variant),
                    ("host", host),
                    ("cluster", cluster),
                ])
            },
        );
    let exclude = (
        maybe(Just(json!(true))),
        maybe(Just(json!(true))),
        maybe(Just(json!(true))),
        maybe(Just(json!(true))),
        maybe(matches()),
    )
        .prop_map(
            |(grpc_streams, websockets, client_aborts, health_checks, matches)| {
                let nothing = [
                    &grpc_streams,
                    &websockets,
                    &client_aborts,
                    &health_checks,
                    &matches,
                ];
                let client_aborts = match nothing.iter().all(|field| field.is_none()) {
                    true => Some(json!(true)),
                    false => client_aborts,
                };
                object(vec![
                    ("grpc_streams", grpc_streams),
                    ("websockets", websockets),
                    ("client_aborts", client_aborts),
                    ("health_checks", health_checks),
                    ("match", matches),
                ])
            },
        );
    let slo = (
        pick(json!(["5ms", "20ms", "1s"])),
        maybe(matches()),
        maybe(pick(json!(["total", "upstream", "filter"]))),
        maybe(pick(json!(["count", "bad", "ignore"]))),
    )
        .prop_map(|(threshold, matches, phase, failures)| {
            object(vec![
                ("threshold", Some(threshold)),
                ("objective", Some(json!("99%"))),
                ("match", matches),
                ("phase", phase),
                ("failures", failures),
            ])
        });
    // Windows that are looked at every 100 ms, 500 ms and 1 s.
    let quantiles = (
        pick(json!(["1s", "6s", "60s"])),
        maybe(pick(json!([["p50"], ["p95", "99%"]]))),
    )
        .prop_map(|(window, of)| object(vec![("window", Some(window)), ("of", of)]));
    let log = (
        maybe(pick(json!(["50%", "100%"]))),
        maybe(pick(json!(["2ms", "20ms"]))),
        maybe(pick(json!([true, false]))),
        maybe(pick(json!([1, 3]))),
    )
        .prop_map(|(sample, slow_above, failed, max_per_second)| {
            object(vec![
                ("sample", sample),
                ("slow_above", slow_above),
                ("failed", failed),
                ("max_per_second", max_per_second),
            ])
        });
    (
        (maybe(mode()), maybe(matches()), maybe(labels)),
        maybe(pick(json!([["total", "upstream", "filter"]]))),
        maybe(pick(json!(["us", "ms"]))),
        maybe(pick(json!([false]))),
        maybe(pick(
            json!([["1ms", "5ms", "1s"], {"scale": 1, "from": "1ms", "to": "64ms"}]),
        )),
        maybe(exclude),
        maybe(named(&["fast", "good"], slo)),
        maybe(quantiles),
        maybe(pick(json!([{"response": true}]))),
        maybe(log),
    )
        .prop_map(
            |(
                (mode, matches, labels),
                phases,
                unit,
                envoy_histogram,
                buckets,
                exclude,
                slos,
                quantiles,
                sizes,
                log,
            )| {
                // An objective may be about any phase.
                let phases = match slos {
                    Some(_) => Some(json!(["total", "upstream", "filter"])),
                    None => phases,
                };
                object(vec![
                    ("mode", mode),
                    ("match", matches),
                    ("labels", labels),
                    ("phases", phases),
                    ("unit", unit),
                    ("envoy_histogram", envoy_histogram),
                    ("buckets", buckets),
                    ("exclude", exclude),
                    ("slos", slos),
                    ("quantiles", quantiles),
                    ("sizes", sizes),
                    ("access_log", log),
                ])
            },
        )
}
