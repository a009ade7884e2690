//! Memory of the proxy: what a plugin costs, and that traffic cannot make it grow.

use fairlead_envoy::Envoy;
use fairlead_tests::client::{Connection, PIPELINE, side_by_side};
use fairlead_tests::names;
use fairlead_tests::proxy::{Lab, RSS_SLACK_KIB, listener, port, rss, stays_small};
use serde_json::json;

use crate::{PLUGIN, per_key, with_key};

const MAX_KEYS: usize = 4096;

/// Sends `count` requests, each with a key that was never seen before, over eight connections.
fn flood(envoy: &Envoy, round: usize, count: usize) {
    const CONNECTIONS: usize = 8;
    let ask = |index: usize, connection: &mut Connection| {
        for batch in 0..count / CONNECTIONS / PIPELINE {
            let key = |n: usize| with_key(format!("{round}-{index}-{batch}-{n}"));
            let requests: Vec<_> = (0..PIPELINE).map(key).collect();
            let statuses = connection.pipeline(&requests);
            assert!(
                statuses.iter().all(|status| matches!(status, 200 | 429)),
                "{statuses:?}"
            );
        }
    };
    side_by_side(port(envoy, "main"), CONNECTIONS, ask);
}

#[test]
fn two_hundred_thousand_new_keys_do_not_grow_the_proxy() {
    let Some(lab) = Lab::enter("rate-limit") else {
        return;
    };
    for mode in ["enforce", "shadow"] {
        let mut config = per_key("1/s", 1);
        config["mode"] = json!(mode);
        config["limits"][0]["max_keys"] = json!(MAX_KEYS);
        let envoy = lab.start(2, [listener("main").filter(lab.plugin(PLUGIN, &config))]);
        // Five times as many as there are places: every cell has been written.
        flood(&envoy, 0, 5 * MAX_KEYS);
        let warm = rss(&envoy);
        flood(&envoy, 1, 204_800);
        let grown = rss(&envoy).saturating_sub(warm);
        assert!(grown <= RSS_SLACK_KIB, "{mode}: {grown} KiB more than {warm}");
        let host_errors = names::in_envoy(&names::faults("rate_limit", PLUGIN, "host_error"));
        assert_eq!(envoy.stat(&host_errors).unwrap(), 0);
    }
}

#[test]
fn a_proxy_with_the_filter_under_load_stays_in_its_memory() {
    let Some(lab) = Lab::enter("rate-limit") else {
        return;
    };
    let limited = listener("main").filter(lab.plugin(PLUGIN, &per_key("100/s", 100)));
    stays_small(&lab, limited, |_| vec![with_key("hot"); PIPELINE]);
}
