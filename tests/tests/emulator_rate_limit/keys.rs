//! What is kept in the proxy's shared store, by whom, and how much of it.

use fairlead_emulator::{Emulator, Plugin};
use fairlead_tests::emulated::assert_named;
use fairlead_tests::{modules, names};
use serde_json::{Value, json};

use crate::rig::{send, start, statuses, with_key};

fn two_an_hour() -> Value {
    json!({"limits": [
        {"name": "per-key", "key": [{"header": "x-api-key"}], "rate": "2/h", "burst": 2},
        {"name": "all", "rate": "1000/h", "burst": 1000},
    ]})
}

#[test]
fn every_shared_key_and_every_metric_carries_the_plugins_name() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let named = |name: &str| Plugin::new(name, &module).configuration(two_an_hour().to_string());
    let mut proxy = Emulator::builder()
        .workers(2)
        .plugin(named("one"))
        .plugin(named("two"))
        .build()
        .unwrap();
    send(&mut proxy, (0..100).map(|key| with_key(format!("key-{key}"))));
    assert_named(&proxy, "rate_limit", &["one", "two"], 51);
}

#[test]
fn plugins_with_different_names_do_not_spend_from_each_other() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let named = |name: &str| Plugin::new(name, &module).configuration(two_an_hour().to_string());
    let mut proxy = Emulator::builder()
        .plugin(named("one"))
        .plugin(named("two"))
        .build()
        .unwrap();
    // Each request passes both; from one bucket it would take two units.
    assert_eq!(statuses(&mut proxy, &with_key("a"), 4), [200, 200, 429, 429]);
    let admitted = |name: &str| proxy.counter(&names::requests(name, "per-key", "admitted"));
    assert_eq!((admitted("one"), admitted("two")), (Some(2), Some(2)));
}

#[test]
fn plugins_with_one_name_spend_from_one_bucket() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let plugin = Plugin::new("same", &module).configuration(two_an_hour().to_string());
    let mut proxy = Emulator::builder()
        .plugin(plugin.clone())
        .plugin(plugin)
        .build()
        .unwrap();
    assert_eq!(statuses(&mut proxy, &with_key("a"), 3), [200, 429, 429]);
}

#[test]
fn without_a_plugin_name_the_root_id_and_then_the_filters_name_stands_for_it() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    for (root_id, expected) in [("from-root", "from-root"), ("", "rate_limit")] {
        let plugin = Plugin::new("", &module)
            .root_id(root_id)
            .configuration(two_an_hour().to_string());
        let mut proxy = Emulator::builder().plugin(plugin).build().unwrap();
        assert_eq!(statuses(&mut proxy, &with_key("a"), 3), [200, 200, 429]);
        assert_eq!(
            proxy.counter(&names::requests(expected, "per-key", "admitted")),
            Some(2)
        );
    }
}

/// Key, value and number of each entry: equal if and only if nothing was written in between.
fn store(proxy: &Emulator) -> Vec<(Vec<u8>, Vec<u8>, u32)> {
    proxy.shared_data("")
}

#[test]
fn a_refused_request_and_one_that_no_limit_is_about_write_nothing() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let config = json!({"limits": [
        {"name": "per-key", "key": [{"header": "x-api-key"}], "rate": "2/h", "burst": 2},
    ]});
    let mut proxy = start(Emulator::builder(), &module, &config);
    statuses(&mut proxy, &with_key("a"), 2);
    let before = store(&proxy);
    assert_eq!(statuses(&mut proxy, &with_key("a"), 5), [429; 5]);
    assert_eq!(
        statuses(&mut proxy, &fairlead_emulator::Request::get("/"), 5),
        [200; 5]
    );
    assert_eq!(store(&proxy), before);
}

#[test]
fn worker_scope_writes_nothing_that_others_see() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let config = json!({"limits": [
        {"name": "per-key", "key": [{"header": "x-api-key"}], "rate": "2/h", "burst": 2, "scope": "worker"},
    ]});
    let mut proxy = start(Emulator::builder().workers(2), &module, &config);
    let before = store(&proxy);
    // Round robin: each worker gets four and admits two.
    assert_eq!(
        statuses(&mut proxy, &with_key("a"), 8),
        [200, 200, 200, 200, 429, 429, 429, 429]
    );
    assert_eq!(store(&proxy), before);
}

#[test]
fn a_filter_that_is_off_does_nothing_and_shadow_changes_nothing() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let limit = json!({"name": "per-key", "key": [{"header": "x-api-key"}], "rate": "1/h", "burst": 1});
    for mode in ["off", "shadow"] {
        let config = json!({"limits": [limit], "mode": mode});
        let mut proxy = start(Emulator::builder(), &module, &config);
        let report = send(&mut proxy, (0..3).map(|_| with_key("a")));
        for outcome in &report.outcomes {
            assert_eq!(outcome.status, Some(200));
            assert!(
                outcome.response_headers.is_empty(),
                "{mode}: {:?}",
                outcome.response_headers
            );
            assert_eq!(outcome.upstream_request.as_ref(), Some(&outcome.request));
            assert_eq!(outcome.route_refreshes, 0);
        }
        let would = proxy.counter(&names::requests("edge", "per-key", "would_deny"));
        assert_eq!(would, (mode == "shadow").then_some(2));
    }
}

#[test]
fn foreign_bytes_in_the_store_count_as_absent() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let config = json!({"limits": [
        {"name": "per-key", "key": [{"header": "x-api-key"}], "rate": "2/h", "burst": 2, "max_keys": 8},
    ]});
    let mut proxy = start(Emulator::builder(), &module, &config);
    assert_eq!(statuses(&mut proxy, &with_key("a"), 3), [200, 200, 429]);
    for (key, ..) in store(&proxy) {
        for garbage in [&b""[..], b"\x00", b"\xff\xff\xff", &[7; 5000]] {
            proxy.set_shared_data("", &key, garbage);
            assert_eq!(statuses(&mut proxy, &with_key("b"), 1).len(), 1);
        }
    }
    // Whatever is left of the last garbage, the limit is there again after it.
    let after = statuses(&mut proxy, &with_key("c"), 4);
    assert_eq!(after, [200, 200, 429, 429]);
}
