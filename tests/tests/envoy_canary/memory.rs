//! Memory of the proxy: what the filter costs, and that users cannot make it grow.

use fairlead_envoy::{Envoy, Listener};
use fairlead_tests::client::{Connection, PIPELINE, Request, side_by_side};
use fairlead_tests::proxy::{Lab, RSS_SLACK_KIB, assert_alive, port, rss, stays_small};
use serde_json::{Value, json};

use crate::shop::answering;
use crate::{FILTER, PLUGIN, release, user, with};

/// A config of which every part is in use.
fn full() -> Value {
    let mut config = with(
        release("50%"),
        json!({
            "force": {"header": "x-force", "cookie": "canary"},
            "guard": {"error_rate": {"max": "99%"}, "latency": {"max": "60s"}},
            "propagate": {"baggage": true, "trace": {"max_entries": 4096, "ttl": "60s"}},
        }),
    );
    config["sticky"] = json!({"by": [{"header": "x-user"}, {"cookie": "sid"}], "cookie": {}});
    config
}

/// A listener whose direction makes the filter note traces.
fn inbound(lab: &Lab) -> Listener {
    answering("main", lab.plugin(PLUGIN, &full())).with("traffic_direction", json!("INBOUND"))
}

/// Sends `count` requests, each of a user who was never seen before.
fn flood(envoy: &Envoy, round: u64, count: usize) {
    const CONNECTIONS: usize = 8;
    let ask = |index: usize, connection: &mut Connection| {
        for batch in 0..count / CONNECTIONS / PIPELINE {
            let request = |n: usize| {
                let id = format!("{round}-{index}-{batch}-{n}");
                let trace = (round << 40) + ((index as u64) << 32) + ((batch as u64) << 8) + n as u64 + 1;
                user(&id)
                    .header("cookie", format!("sid={id}; fairlead-release={id}"))
                    .header("baggage", format!("user={id}"))
                    .header("traceparent", format!("00-{trace:032x}-00f067aa0ba902b7-01"))
            };
            let requests: Vec<Request> = (0..PIPELINE).map(request).collect();
            assert_eq!(connection.pipeline(&requests), [200; PIPELINE]);
        }
    };
    side_by_side(port(envoy, "main"), CONNECTIONS, ask);
}

#[test]
fn a_hundred_thousand_users_grow_neither_the_proxy_nor_its_metrics() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let envoy = lab.start(2, [inbound(&lab)]);
    // Several times as many traces as there are places.
    flood(&envoy, 0, 20_480);
    let (warm, metrics) = (rss(&envoy), envoy.stats().unwrap().len());
    flood(&envoy, 1, 102_400);
    let grown = rss(&envoy).saturating_sub(warm);
    assert!(grown <= RSS_SLACK_KIB, "{grown} KiB more than {warm}");
    assert_eq!(envoy.stats().unwrap().len(), metrics);
    assert_alive(&envoy);
}

#[test]
fn a_proxy_with_the_filter_under_load_stays_in_its_memory() {
    let Some(lab) = Lab::enter(FILTER) else { return };
    let users = |index| (0..PIPELINE).map(|n| user(format!("{index}-{n}"))).collect();
    stays_small(&lab, inbound(&lab), users);
}
