//! Memory of the proxy: what the filter costs, and that keys cannot make it grow.

use fairlead_envoy::Envoy;
use fairlead_tests::client::{Connection, PIPELINE, Request, side_by_side};
use fairlead_tests::proxy::{Lab, RSS_SLACK_KIB, assert_alive, listener, port, rss, stays_small};
use serde_json::{Value, json};

use crate::{FILTER, PLUGIN, get, one};

const MAX_KEYS: usize = 1024;

/// Breakers for tenants that count what they may not keep: every call fails.
fn full() -> Value {
    one(json!({
        "per": {"key": [{"header": "x-tenant"}]},
        "max_keys": MAX_KEYS,
        "max_in_flight": 100,
        "failure": {"status": ["2xx"]},
        "fallback": {"stale": {"max_entries": 16, "max_body": "4KiB"}},
    }))
}

/// Sends `count` requests, each of a tenant and for a path that were never seen before.
fn flood(envoy: &Envoy, round: usize, count: usize) {
    const CONNECTIONS: usize = 8;
    let ask = |index: usize, connection: &mut Connection| {
        for batch in 0..count / CONNECTIONS / PIPELINE {
            let request = |n: usize| {
                let id = format!("{round}-{index}-{batch}-{n}");
                Request::get(&format!("/{id}")).header("x-tenant", &id)
            };
            let requests: Vec<Request> = (0..PIPELINE).map(request).collect();
            assert_eq!(connection.pipeline(&requests), [200; PIPELINE]);
        }
    };
    side_by_side(port(envoy, "main"), CONNECTIONS, ask);
}

#[test]
fn a_hundred_thousand_keys_grow_neither_the_proxy_nor_its_metrics() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let envoy = lab.start(2, [listener("main").filter(lab.plugin(PLUGIN, &full()))]);
    // Several times as many as there are places.
    flood(&envoy, 0, 20_480);
    let (warm, metrics) = (rss(&envoy), envoy.stats().unwrap().len());
    flood(&envoy, 1, 102_400);
    let grown = rss(&envoy).saturating_sub(warm);
    assert!(grown <= RSS_SLACK_KIB, "{grown} KiB more than {warm}");
    assert_eq!(envoy.stats().unwrap().len(), metrics);
    assert!(crate::service::stat(&envoy, "overflow_total", "") > 10_000);
    assert_alive(&envoy);
}

#[test]
fn a_proxy_with_the_filter_under_load_stays_in_its_memory() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let broken = listener("main").filter(lab.plugin(PLUGIN, &full()));
    stays_small(&lab, broken, |_| vec![get(); PIPELINE]);
}
