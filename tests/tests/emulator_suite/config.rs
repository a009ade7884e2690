//! What a config of several filters means as a whole: what is refused, what passes, and what an update leaves as it was.

use std::time::Duration;

use fairlead_emulator::{Emulator, Request, Response};
use fairlead_tests::emulated::{PLUGIN, refusal, send, start, statuses, update};
use fairlead_tests::{modules, names};
use serde_json::{Value, json};

const SUITE: &str = "suite";

fn limits(burst: u32) -> Value {
    json!({"limits": [{"name": "all", "rate": "1/h", "burst": burst}]})
}

/// A breaker that one failure opens.
fn breaker() -> Value {
    json!({"breakers": [{"name": "all", "trip": {"consecutive_failures": 1}, "open": {"duration": "1h"}}]})
}

fn release(weight: &str) -> Value {
    json!({"release": "r", "variants": [{"name": "v2", "weight": weight}], "sticky": {"by": [{"constant": "c"}]}})
}

fn failing() -> Request {
    Request::get("/").upstream(Response::new(500))
}

fn rejected(proxy: &Emulator) -> Option<u64> {
    proxy.gauge(&names::metric(SUITE, PLUGIN, None, None, "config_rejected"))
}

#[test]
fn every_mistake_of_every_filter_is_told_with_its_path() {
    let Some(module) = modules::compiled(SUITE) else {
        return;
    };
    let said = refusal(
        &module,
        &json!({
            "rate_limit": {"limits": [{"name": "all", "rate": "0/s"}]},
            "canary": {"release": "r", "variants": []},
            "circuit_breaker": {"breakers": [{"name": "all", "trip": {"error_rate": "101%"}}]},
            "latency_histogram": {"lables": {}},
            "order": ["canary", "canary", "rate_limit", "circuit_breaker"],
            "ratelimit": {},
        }),
    );
    for part in [
        "suite edge: configuration refused:",
        "rate_limit.limits[0].rate: ",
        "canary.variants: ",
        "circuit_breaker.breakers[0].trip.error_rate: ",
        "latency_histogram.lables: ",
        "order[1]: ",
        "ratelimit: ",
    ] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    assert!(refusal(&module, &json!({})).contains("rate_limit"));
}

#[test]
fn an_order_of_all_filters_is_told_what_it_lacks() {
    let Some(module) = modules::compiled(SUITE) else {
        return;
    };
    let both = |order: Value| json!({"rate_limit": limits(1), "canary": release("1%"), "order": order});
    let said = refusal(&module, &both(json!(["canary"])));
    assert!(said.contains("order: ") && said.contains("rate_limit"), "{said}");
    let said = refusal(&module, &both(json!(["canary", "rate_limit", "circuit_breaker"])));
    assert!(said.contains("order[2]: "), "{said}");
}

#[test]
fn requests_pass_without_the_filters_if_all_of_them_ask_for_it() {
    let Some(module) = modules::compiled(SUITE) else {
        return;
    };
    let bad = |limit: &str, release: &str| {
        json!({
            "rate_limit": {"limits": [{"name": "all", "rate": "0/s"}], "on_invalid_config": limit},
            "canary": {"release": "r", "variants": [{"name": "v2"}], "on_invalid_config": release},
        })
    };
    let mut proxy = start(Emulator::builder().workers(2), &module, &bad("pass", "pass"));
    assert_eq!(rejected(&proxy), Some(1));
    assert_eq!(statuses(&mut proxy, &Request::get("/"), 4), [200; 4]);
    let good = json!({"rate_limit": limits(1)});
    assert!(
        update(&mut proxy, &good)
            .updates
            .iter()
            .all(|update| update.accepted)
    );
    assert_eq!(rejected(&proxy), Some(0));
    assert_eq!(statuses(&mut proxy, &Request::get("/"), 2), [200, 429]);
    // One that does not ask for it is enough.
    let _ = refusal(&module, &bad("pass", "refuse"));
    let _ = refusal(&module, &bad("refuse", "pass"));
}

#[test]
fn a_bad_update_of_one_filter_leaves_all_as_they_were() {
    let Some(module) = modules::compiled(SUITE) else {
        return;
    };
    let config = json!({"rate_limit": limits(3), "circuit_breaker": breaker()});
    let mut proxy = start(Emulator::builder().workers(2), &module, &config);
    assert_eq!(statuses(&mut proxy, &Request::get("/"), 1), [200]);
    for on_invalid_config in ["refuse", "pass"] {
        let mut bad = json!({"rate_limit": limits(1000), "circuit_breaker": {"breakers": [{"name": ""}]}});
        for filter in ["rate_limit", "circuit_breaker"] {
            bad[filter]["on_invalid_config"] = json!(on_invalid_config);
        }
        let report = update(&mut proxy, &bad);
        assert!(
            report.updates.iter().all(|update| !update.accepted),
            "{on_invalid_config}"
        );
        assert_eq!(rejected(&proxy), Some(1));
    }
    assert_eq!(statuses(&mut proxy, &Request::get("/"), 3), [200, 200, 429]);
}

#[test]
fn an_update_of_one_filter_leaves_the_state_of_the_others() {
    let Some(module) = modules::compiled(SUITE) else {
        return;
    };
    let with = |weight: &str| json!({"rate_limit": limits(4), "canary": release(weight), "circuit_breaker": breaker()});
    let mut proxy = start(Emulator::builder().workers(2), &module, &with("0%"));
    assert_eq!(statuses(&mut proxy, &failing(), 2), [500, 503]);
    update(&mut proxy, &with("100%"));
    let report = send(&mut proxy, vec![Request::get("/"); 3]);
    // The breaker is open still, and two of four units were spent.
    assert_eq!(report.statuses(), [503, 503, 429]);
}

#[test]
fn filters_come_and_go_with_updates() {
    let Some(module) = modules::compiled(SUITE) else {
        return;
    };
    let only = json!({"rate_limit": limits(4)});
    let mut proxy = start(Emulator::builder().workers(2), &module, &only);
    assert_eq!(statuses(&mut proxy, &failing(), 1), [500]);
    update(
        &mut proxy,
        &json!({"rate_limit": limits(4), "circuit_breaker": breaker()}),
    );
    assert_eq!(statuses(&mut proxy, &failing(), 2), [500, 503]);
    update(&mut proxy, &json!({"circuit_breaker": breaker()}));
    assert_eq!(statuses(&mut proxy, &failing(), 2), [503; 2]);
    update(&mut proxy, &only);
    assert_eq!(statuses(&mut proxy, &failing(), 2), [500, 429]);
}

#[test]
fn a_request_meets_the_filters_in_the_order_of_the_config() {
    let Some(module) = modules::compiled(SUITE) else {
        return;
    };
    // Only requests that the canary has let in are limited.
    let limit = json!({"limits": [{"name": "v2", "match": [{"headers": {"x-canary": {"exact": "v2"}}}], "rate": "1/h"}]});
    let config = |order: Value| json!({"rate_limit": limit, "canary": release("100%"), "order": order});
    for (order, expected) in [
        (json!(["canary", "rate_limit"]), [200, 429]),
        (json!(["rate_limit", "canary"]), [200, 200]),
    ] {
        let mut proxy = start(Emulator::builder(), &module, &config(order.clone()));
        assert_eq!(statuses(&mut proxy, &Request::get("/"), 2), expected, "{order}");
    }
}

#[test]
fn a_filter_that_is_not_configured_leaves_no_trace() {
    let Some(module) = modules::compiled(SUITE) else {
        return;
    };
    let all = [
        ("latency_histogram", json!({})),
        ("rate_limit", limits(100)),
        ("canary", release("50%")),
        ("circuit_breaker", breaker()),
    ];
    for (filter, config) in all {
        let mut proxy = start(Emulator::builder().workers(2), &module, &json!({filter: config}));
        assert_eq!(statuses(&mut proxy, &Request::get("/"), 4), [200; 4]);
        proxy.advance(Duration::from_secs(10));
        let metrics = proxy.metrics();
        let names = metrics
            .counters
            .keys()
            .chain(metrics.gauges.keys())
            .chain(metrics.histograms.keys());
        let of_others: Vec<&String> = names
            .filter(|name| {
                !["suite", filter]
                    .iter()
                    .any(|own| name.starts_with(&format!("wasm_filter.{own}.")))
            })
            .collect();
        assert_eq!(of_others, Vec::<&String>::new(), "{filter}");
        let keys: Vec<String> = proxy
            .shared_data("")
            .iter()
            .map(|(key, ..)| String::from_utf8_lossy(key).into_owned())
            .filter(|key| {
                !["suite", filter]
                    .iter()
                    .any(|own| key.starts_with(&format!("fairlead/1/{own}/")))
            })
            .collect();
        assert_eq!(keys, Vec::<String>::new(), "{filter}");
    }
}
