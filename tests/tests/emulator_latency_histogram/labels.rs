//! Labels: their values and their bound, whatever clients and upstreams send.

use std::collections::BTreeMap;
use std::time::Duration;

use fairlead_emulator::{Request, Response};
use serde_json::{Value, json};

use crate::rig::{
    BUCKET, MICROS, MS, admitted, answered, ask, begin, counts, labels, memory, metrics, one, series, settle,
    sum, total, version,
};

/// Labels of every kind that a client can reach into, with all that has series.
fn reachable() -> Value {
    json!({
        "labels": {
            "route": {"templates": ["/users/{id}", "/users/{id}/orders"]},
            "method": true,
            "variant": {"header": "x-version", "max": 5},
            "host": ["*.shop.example.com", "sim.local"],
        },
        "unit": "us",
        "buckets": ["1ms", "10ms"],
        "quantiles": {"of": ["95%"], "window": "10s", "by": ["route", "variant"]},
        "sizes": {"request": true, "response": true},
    })
}

#[test]
fn a_million_paths_values_and_hosts_have_the_metrics_and_the_memory_of_a_few() {
    const REQUESTS: u64 = 1_000_000;
    const BATCH: u64 = 10_000;
    let Some(mut proxy) = begin(2, &reachable()) else {
        return;
    };
    let mut flood = |from: u64| {
        let begin = proxy.now();
        for n in from..from + BATCH {
            let path = match n % 3 {
                0 => format!("/users/{n}"),
                1 => format!("/users/{n}/orders"),
                _ => format!("/other/{n}"),
            };
            let method = if n % 2 == 0 {
                "GET".to_owned()
            } else {
                format!("M{n}")
            };
            let host = if n % 4 < 2 {
                format!("h{n}.shop.example.com")
            } else {
                format!("h{n}.example.org")
            };
            let request = version(Request::new(method, path).authority(host), format!("v{n}"));
            proxy.request(begin + Duration::from_micros(100) * (n - from) as u32, request);
        }
        let report = proxy.run();
        assert_eq!(report.faults, []);
        assert_eq!(report.outcomes.len() as u64, BATCH);
        (memory(&proxy), metrics(&proxy), proxy.shared_data("").len())
    };
    // After some all there can be is there.
    let warm = (0..5).map(|batch| flood(batch * BATCH)).last().unwrap();
    for from in (5 * BATCH..REQUESTS).step_by(BATCH as usize) {
        assert_eq!(flood(from), warm, "after {from} requests");
    }
    settle(&mut proxy);
    assert_eq!(
        (memory(&proxy), metrics(&proxy), proxy.shared_data("").len()),
        warm
    );
    // Five values have one request each, all others share the rest.
    let first = 5;
    assert_eq!(admitted(&proxy, "variant/x-version").len(), first);
    let (mut by_route, mut by_variant) = (BTreeMap::new(), BTreeMap::new());
    for (tag, count) in counts(&proxy, MICROS) {
        let labels: Vec<&str> = tag.split(',').collect();
        *by_route.entry(labels[0].to_owned()).or_insert(0) += count;
        *by_variant.entry(labels[2].to_owned()).or_insert(0) += count;
    }
    assert_eq!(
        by_route,
        BTreeMap::from([
            ("route=/users/{id}".to_owned(), REQUESTS.div_ceil(3)),
            ("route=/users/{id}/orders".to_owned(), REQUESTS / 3),
            ("route=_other".to_owned(), REQUESTS / 3),
        ])
    );
    let rest = REQUESTS - first as u64;
    assert_eq!(by_variant.remove("variant=_other"), Some(rest));
    assert_eq!(by_variant.into_values().collect::<Vec<u64>>(), vec![1; first]);
    assert_eq!(one(&proxy, "", "variant", "label_overflow_total"), rest);
    assert_eq!(sum(&proxy, BUCKET, "+Inf"), REQUESTS);
    assert_eq!(total(&proxy, "request_size_bytes"), REQUESTS);
    // Three routes, GET and _OTHER, one host and _other; the five have one set each, and one window.
    let sets = 3 * 2 * 2 + first;
    assert_eq!(counts(&proxy, MICROS).len(), sets);
    assert_eq!(series(&proxy, "window_requests", "").len(), 3 + first);
    // A window for each of its groups and a cell for each value; the seed, the mark of an accepted config.
    assert_eq!(warm.2, (3 + first) + first + 2);
}

#[test]
fn hosts_templates_and_classes_are_those_of_the_config() {
    let mut config = reachable();
    config["labels"]["status_class"] = json!(true);
    config["labels"]["method"] = json!(false);
    config["labels"].as_object_mut().unwrap().remove("variant");
    config["quantiles"]["by"] = json!(["route"]);
    let Some(mut proxy) = begin(1, &config) else {
        return;
    };
    let get = |host: &str, path: &str, status| {
        let response = Response::new(status).after(MS);
        Request::get(path).authority(host).upstream(response)
    };
    ask(
        &mut proxy,
        [
            get("A.shop.example.com:8443", "/users/1", 200),
            get("shop.example.com", "/users/1/orders?x=/users/2", 301),
            get("sim.local", "/users/1/", 404),
            get("SIM.LOCAL", "/users//orders", 599),
            get("sim.local.", "/users/%2f", 100),
        ],
    );
    let found = counts(&proxy, MICROS);
    let found: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(
        found,
        [
            "route=/users/{id},status=1xx,host=sim.local",
            "route=/users/{id},status=2xx,host=*.shop.example.com",
            "route=/users/{id}/orders,status=3xx,host=_other",
            "route=_other,status=4xx,host=sim.local",
            "route=_other,status=5xx,host=sim.local",
        ]
    );
}

#[test]
fn attributes_of_the_proxy_are_labels_with_a_bound_each() {
    let config = json!({"unit": "us", "labels": labels()});
    let Some(mut proxy) = begin(2, &config) else {
        return;
    };
    let call = |n: usize| {
        let grpc = Request::new("POST", "/demo.Trips/Create")
            .header("te", "trailers")
            .header("content-type", "application/grpc")
            .body("x");
        let response = Response::new(200).body("x").trailer("grpc-status", n.to_string());
        version(grpc, format!("v{n}"))
            .route(format!("r{n}"))
            .cluster(format!("c{n}"))
            .upstream(response.after(MS))
    };
    for _ in 0..3 {
        ask(&mut proxy, (0..20).map(call));
    }
    let no_route = fairlead_emulator::LocalReply::NoRoute;
    let reply = fairlead_emulator::Upstream::LocalReply {
        reply: no_route,
        after: Duration::ZERO,
    };
    ask(&mut proxy, [Request::get("/").upstream(reply)]);
    let mut expected = BTreeMap::new();
    for n in 0..20 {
        let name = |prefix: &str| match n {
            0 | 1 => format!("{prefix}{n}"),
            _ => "_other".to_owned(),
        };
        // What is no code of gRPC's counts as UNKNOWN.
        let grpc = if n <= 16 { n } else { 2 };
        let tag = format!(
            "route={},grpc={grpc},variant={},cluster={}",
            name("r"),
            name("v"),
            name("c")
        );
        *expected.entry(tag).or_insert(0) += 3;
    }
    expected.insert("route=none,grpc=none,variant=none,cluster=none".to_owned(), 1);
    assert_eq!(counts(&proxy, MICROS), expected);
    for label in ["route", "variant", "cluster"] {
        let overflow = one(&proxy, "", label, "label_overflow_total");
        assert_eq!(overflow, 18 * 3, "{label}");
    }
}

#[test]
fn a_value_that_was_admitted_stays_while_others_come() {
    let config = json!({"unit": "us", "labels": {"variant": {"header": "x-version", "max": 100}}});
    let Some(mut proxy) = begin(2, &config) else {
        return;
    };
    ask(
        &mut proxy,
        (0..150).map(|n| version(answered(200), format!("v{n}"))),
    );
    let known = admitted(&proxy, "variant/x-version");
    let first: Vec<String> = (0..100).map(|n| format!("v{n}")).collect();
    assert_eq!(known, first);
    let overflow = || one(&proxy, "", "variant", "label_overflow_total");
    assert_eq!(overflow(), 50);
    // In another order, on the other worker.
    let again = (0..100).rev().map(|n| version(answered(200), format!("v{n}")));
    ask(&mut proxy, again);
    assert_eq!(one(&proxy, "", "variant", "label_overflow_total"), 50);
    let counts = counts(&proxy, MICROS);
    assert_eq!(counts.len(), 101);
    assert!(first.iter().all(|value| counts[&format!("variant={value}")] == 2));
}
