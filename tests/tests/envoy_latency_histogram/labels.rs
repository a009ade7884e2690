//! Labels: no more of them than the config says, whatever is sent, and what they say is what Envoy and other filters have decided.

use std::collections::BTreeMap;

use fairlead_envoy::{Bootstrap, Envoy, Listener, Route, Wasm};
use fairlead_tests::client::{Connection, PIPELINE, Request, side_by_side};
use fairlead_tests::modules;
use fairlead_tests::proxy::{Lab, RSS_SLACK_KIB, assert_alive, listener, port, rss, stays_small};
use fairlead_upstream::Upstream;
use serde_json::json;

use crate::service::{Service, cluster, counted, stat, unrouted};
use crate::{FILTER, PLUGIN};

const CONNECTIONS: usize = 8;

/// Sends `count` requests, each for a path, of a variant and to a host that were never seen before.
fn flood(envoy: &Envoy, round: usize, count: usize) {
    side_by_side(port(envoy, "main"), CONNECTIONS, |index, connection| {
        for batch in 0..count / CONNECTIONS / PIPELINE {
            let request = |n: usize| {
                let id = format!("{round}-{index}-{batch}-{n}");
                // Half of them meet a template.
                let path = if n == 0 {
                    format!("users/{id}")
                } else {
                    format!("{id}/users")
                };
                Request::get(&format!("http://{id}.test/{path}")).header("x-canary", &id)
            };
            let requests: Vec<Request> = (0..PIPELINE).map(request).collect();
            assert_eq!(connection.pipeline(&requests), [200; PIPELINE]);
        }
    });
}

#[test]
fn two_hundred_thousand_paths_and_variants_grow_neither_metrics_nor_memory() {
    const WARM: u64 = 16_000;
    const FLOOD: u64 = 204_800;
    const VARIANTS: u64 = 4;
    let Some(lab) = Lab::enter(FILTER) else { return };
    let config = json!({
        "labels": {
            "route": {"templates": ["/users/{id}", "/orders/{id}"]},
            "status_class": true,
            "variant": {"header": "x-canary", "max": VARIANTS},
            "host": ["api.test", "*.shop.test"],
        },
        "buckets": ["1ms", "10ms", "100ms"],
        "quantiles": {"of": ["50%", "99%"], "window": "12s", "by": ["route", "variant"]},
    });
    let envoy = lab.start(2, [listener("main").filter(lab.plugin(PLUGIN, &config))]);
    flood(&envoy, 0, WARM as usize);
    counted(&envoy, "request_exact_microseconds_count", WARM);
    let (warm, metrics) = (rss(&envoy), envoy.stats().unwrap().len());
    flood(&envoy, 1, FLOOD as usize);
    let scraped = counted(&envoy, "request_exact_microseconds_count", WARM + FLOOD);
    let grown = rss(&envoy).saturating_sub(warm);
    assert!(grown <= RSS_SLACK_KIB, "{grown} KiB more than {warm}");
    assert_eq!(envoy.stats().unwrap().len(), metrics);
    assert_eq!(stat(&envoy, None, Some("host_error"), "faults_total"), 0);

    // A few variants are known by name, and each of them was seen once, under one route; all the others are `_other`.
    let counts = scraped.by("tag", "request_exact_microseconds_count");
    let others = ["/users/{id}", "_other"]
        .map(|route| counts[&format!("route={route},status=2xx,variant=_other,host=_other")]);
    assert_eq!(others.iter().sum::<u64>(), WARM + FLOOD - VARIANTS, "{counts:?}");
    assert_eq!(counts.len() as u64, 2 + VARIANTS, "{counts:?}");
    assert!(
        others
            .iter()
            .all(|other| other.abs_diff((WARM + FLOOD) / 2) <= VARIANTS),
        "{counts:?}"
    );
    assert_eq!(
        scraped.value("label_overflow_total", "cache", "variant"),
        WARM + FLOOD - VARIANTS
    );
    assert_alive(&envoy);
}

#[test]
fn a_proxy_with_the_filter_under_load_stays_in_its_memory() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let config = json!({
        "labels": {"route": {"templates": ["/users/{id}"]}, "method": true, "status_class": true},
        "phases": ["total", "upstream", "filter"],
        "buckets": {"scale": 3, "from": "1ms", "to": "10s"},
        "quantiles": {"by": ["route"]},
        "access_log": {"slow_above": "1s"},
    });
    let measured = listener("main").filter(lab.plugin(PLUGIN, &config));
    stays_small(&lab, measured, |_| vec![Request::get("/users/1"); PIPELINE]);
}

#[test]
fn routes_and_clusters_go_by_the_names_that_envoy_has_for_them() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let config =
        json!({"labels": {"route": {"name": true, "max": 3}, "cluster": {"max": 2}}, "buckets": ["1m"]});
    let upstream = Upstream::bind(("127.0.0.1", 0), "main").unwrap();
    let to = |n: usize| {
        Route::prefix(format!("/{n}"))
            .named(format!("route-{n}"))
            .to(format!("cluster-{n}"))
    };
    let listener = (1..=5)
        .map(to)
        .fold(unrouted(lab.plugin(PLUGIN, &config)), Listener::route)
        .route(Route::prefix("/unnamed").to("cluster-1"))
        .route(Route::prefix("/direct").named("route-1").respond(200, ""));
    let clusters = (1..=5).map(|n| cluster(&format!("cluster-{n}"), upstream.address()));
    let bootstrap = clusters.fold(Bootstrap::new("test").listener(listener), Bootstrap::cluster);
    let envoy = lab.start_with(2, bootstrap);
    // The order in which they are seen is that in which they are admitted.
    let mut first = Connection::open(port(&envoy, "main"));
    for n in 1..=5 {
        assert_eq!(first.ask(&Request::get(&format!("/{n}"))).status, 200);
    }
    side_by_side(port(&envoy, "main"), 2, |_, connection| {
        for path in ["/5", "/4", "/3", "/2", "/1", "/unnamed", "/direct", "/none"] {
            for _ in 0..10 {
                assert_eq!(
                    connection.ask(&Request::get(path)).status,
                    if path == "/none" { 404 } else { 200 }
                );
            }
        }
    });
    let expected = [
        ("route=route-1,cluster=cluster-1", 21),
        ("route=route-2,cluster=cluster-2", 21),
        ("route=route-3,cluster=_other", 21),
        ("route=_other,cluster=_other", 42),
        ("route=none,cluster=cluster-1", 20),
        ("route=route-1,cluster=none", 20),
        ("route=none,cluster=none", 20),
    ];
    let expected: BTreeMap<String, u64> = expected.map(|(tag, count)| (tag.to_owned(), count)).into();
    let scraped = counted(
        &envoy,
        "request_exact_microseconds_count",
        expected.values().sum(),
    );
    assert_eq!(scraped.by("tag", "request_exact_microseconds_count"), expected);
    assert_eq!(scraped.value("label_overflow_total", "cache", "route"), 42);
    assert_eq!(scraped.value("label_overflow_total", "cache", "cluster"), 63);
    assert_alive(&envoy);
}

#[test]
fn behind_a_canary_the_variant_is_the_one_that_was_decided() {
    let (Some(lab), Some(canary)) = (Lab::enter(FILTER), modules::module("canary")) else {
        return;
    };
    let release = json!({
        "release": "r",
        "variants": [{"name": "v2", "weight": "30%"}],
        "sticky": {"by": [{"header": "x-user"}]},
    });
    let config = json!({
        "labels": {"variant": {"header": "x-canary", "values": ["v2"], "default": "stable"}},
        "buckets": ["1m"],
    });
    let says = |version: &str| json!([{"header": {"key": "x-version", "value": version}}]);
    let v2 = Route::prefix("/").header("x-canary", "v2").respond(200, "");
    let listener = Listener::http("main")
        .filter(Wasm::new("release", canary).configuration(release.to_string()))
        .filter(lab.plugin(PLUGIN, &config))
        .route(v2.with("response_headers_to_add", says("v2")))
        .route(Route::prefix("/").with("response_headers_to_add", says("stable")))
        .with("connection_balance_config", json!({"exact_balance": {}}));
    let envoy = lab.start(2, [listener]);
    let versions = side_by_side(port(&envoy, "main"), 2, |index, connection| {
        let versions = (0..500).map(|n| {
            let request = Request::get("/").header("x-user", format!("{index}-{n}"));
            // What a client says of itself is believed by neither.
            let answer = connection.ask(&request.header("x-canary", ["v2", "v3", ""][n % 3]));
            answer.header("x-version").expect("a version").to_owned()
        });
        versions.collect::<Vec<_>>()
    });
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for version in versions.concat() {
        *expected.entry(format!("variant={version}")).or_default() += 1;
    }
    assert!((200..400).contains(&expected["variant=v2"]), "{expected:?}");
    let scraped = counted(&envoy, "request_exact_microseconds_count", 1000);
    assert_eq!(scraped.by("tag", "request_exact_microseconds_count"), expected);
    assert_alive(&envoy);
}

#[test]
fn variants_of_a_response_are_those_that_the_upstream_says() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let config = json!({"labels": {"variant": {"response_header": "x-build", "max": 2}}, "buckets": ["1m"]});
    let service = Service::open(&lab, &config);
    let mut connection = Connection::open(service.port());
    for (path, count) in [
        ("/?h-x-build=a", 3),
        ("/?h-x-build=b,1", 4),
        ("/?h-x-build=c", 5),
        ("/", 6),
    ] {
        assert_eq!(connection.statuses(&Request::get(path), count), vec![200; count]);
    }
    let scraped = counted(&service.envoy, "request_exact_microseconds_count", 18);
    let expected = [
        ("variant=a", 3),
        ("variant=b_1", 4),
        ("variant=_other", 5),
        ("variant=none", 6),
    ];
    let expected: BTreeMap<String, u64> = expected.map(|(tag, count)| (tag.to_owned(), count)).into();
    assert_eq!(scraped.by("tag", "request_exact_microseconds_count"), expected);
    assert_eq!(
        stat(&service.envoy, None, Some("variant"), "label_overflow_total"),
        5
    );
}
