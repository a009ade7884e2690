//! How exactly a limit holds over real workers, and whether the counters tell what the clients saw.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use fairlead_tests::client::{PIPELINE, side_by_side};
use fairlead_tests::names;
use fairlead_tests::proxy::{Lab, listener, port};
use serde_json::json;

use crate::{PLUGIN, admitted, counted, per_key, with_key};

#[test]
fn a_hot_key_gets_its_rate_and_its_burst_and_the_counters_say_what_clients_saw() {
    const RATE: f64 = 100.0;
    const CONNECTIONS: usize = 8;
    let Some(lab) = Lab::enter("rate-limit") else {
        return;
    };
    let plugin = lab.plugin(PLUGIN, &per_key("100/s", 100));
    let envoy = lab.start(2, [listener("main").filter(plugin)]);
    let batch = vec![with_key("hot"); PIPELINE];
    let before = Instant::now();
    let seen = side_by_side(port(&envoy, "main"), CONNECTIONS, |_, connection| {
        let mut all = admitted(&connection.pipeline(&batch));
        let (first, mut last, mut sent) = (Instant::now(), Instant::now(), batch.len());
        while first.elapsed() < Duration::from_secs(10) {
            last = Instant::now();
            all += admitted(&connection.pipeline(&batch));
            sent += batch.len();
        }
        (all, sent as u64, first, last)
    });
    let after = Instant::now();
    let let_in: u64 = seen.iter().map(|(admitted, ..)| admitted).sum();
    let sent: u64 = seen.iter().map(|(_, sent, ..)| sent).sum();
    // From before the first request to after the last answer: no more time than this can have earned units.
    let most = RATE + RATE * after.duration_since(before).as_secs_f64();
    // From after the first answers to before the last requests: at least this much time has.
    let first = seen.iter().map(|(.., first, _)| *first).max().unwrap();
    let last = seen.iter().map(|(.., last)| *last).min().unwrap();
    let least = 0.99 * (RATE + RATE * last.duration_since(first).as_secs_f64());
    assert!(
        let_in as f64 <= most,
        "{let_in} admitted of {sent}, at most {most}"
    );
    assert!(
        let_in as f64 >= least,
        "{let_in} admitted of {sent}, at least {least}"
    );
    assert!(sent > 5 * let_in, "only {sent} requests: that is no load");

    assert_eq!(counted(&envoy, sent), (let_in, sent - let_in));
    let metrics = envoy.prometheus().unwrap();
    for (outcome, count) in [("admitted", let_in), ("denied", sent - let_in)] {
        let labels =
            format!(r#"cache="{outcome}",component="{PLUGIN}",tag="per-key",wasm_filter="rate_limit""#);
        let line = format!("fairlead_rate_limit_requests_total{{{labels}}} {count}");
        assert!(
            metrics.lines().any(|metric| metric == line),
            "no `{line}` in {metrics}"
        );
    }
    let faults = |kind| {
        envoy
            .stat(&names::in_envoy(&names::faults("rate_limit", PLUGIN, kind)))
            .unwrap()
    };
    assert_eq!((faults("cas_exhausted"), faults("host_error")), (0, 0));
    for worker in 0..2 {
        let address = format!(
            "listener.127.0.0.1_{}.worker_{worker}.downstream_cx_total",
            port(&envoy, "main")
        );
        let zero = format!("listener.127.0.0.1_0.worker_{worker}.downstream_cx_total");
        let connections = envoy.stat(&address).unwrap() + envoy.stat(&zero).unwrap();
        assert_eq!(connections, CONNECTIONS as u64 / 2, "worker {worker}");
    }
}

#[test]
fn of_eight_that_bring_a_new_key_at_once_one_gets_in() {
    const KEYS: usize = 3000;
    const CONNECTIONS: usize = 8;
    let Some(lab) = Lab::enter("rate-limit") else {
        return;
    };
    let mut config = per_key("1/m", 1);
    // Roomy, so that each key has a bucket of its own.
    config["limits"][0]["max_keys"] = json!(65536);
    let envoy = lab.start(2, [listener("main").filter(lab.plugin(PLUGIN, &config))]);
    let start = Barrier::new(CONNECTIONS);
    let seen = side_by_side(port(&envoy, "main"), CONNECTIONS, |_, connection| {
        let ask = |key: usize| {
            let request = with_key(format!("key-{key}"));
            start.wait();
            connection.ask(&request).status
        };
        (0..KEYS).map(ask).collect::<Vec<u16>>()
    });
    let wrong: Vec<(usize, u64)> = (0..KEYS)
        .map(|key| {
            (
                key,
                admitted(&seen.iter().map(|one| one[key]).collect::<Vec<_>>()),
            )
        })
        .filter(|(_, admitted)| *admitted != 1)
        .collect();
    assert_eq!(
        wrong,
        [],
        "keys that were not admitted exactly once, and how often they were"
    );
    assert_eq!(
        counted(&envoy, (KEYS * CONNECTIONS) as u64),
        (KEYS as u64, (KEYS * (CONNECTIONS - 1)) as u64)
    );
}

#[test]
fn in_worker_scope_a_client_gets_between_one_quota_and_one_for_each_worker() {
    let Some(lab) = Lab::enter("rate-limit") else {
        return;
    };
    let mut config = per_key("50/h", 50);
    config["limits"][0]["scope"] = json!("worker");
    let envoy = lab.start(2, [listener("main").filter(lab.plugin(PLUGIN, &config))]);
    let port = port(&envoy, "main");
    let request = with_key("a");
    let one = side_by_side(port, 1, |_, connection| {
        admitted(&connection.statuses(&request, 200))
    });
    assert_eq!(one, [50]);
    let more = side_by_side(port, 8, |_, connection| {
        admitted(&connection.statuses(&request, 200))
    });
    // Four connections a worker: the second worker gives its own fifty, and no more.
    assert_eq!(more.iter().sum::<u64>(), 50);
}

#[test]
fn plugins_of_one_module_share_a_bucket_if_they_share_a_name() {
    let Some(lab) = Lab::enter("rate-limit") else {
        return;
    };
    let config = per_key("4/h", 4);
    let on = |name: &str, plugin: &str| listener(name).filter(lab.plugin(plugin, &config));
    let envoy = lab.start(2, [on("a", "same"), on("b", "same"), on("c", "other")]);
    let ask = |name: &str, count| {
        side_by_side(port(&envoy, name), 1, |_, connection| {
            connection.statuses(&with_key("k"), count)
        })
        .remove(0)
    };
    assert_eq!(ask("a", 3), [200; 3]);
    assert_eq!(ask("c", 5), [200, 200, 200, 200, 429]);
    assert_eq!(ask("b", 3), [200, 429, 429]);
    assert_eq!(ask("a", 1), [429]);
}
