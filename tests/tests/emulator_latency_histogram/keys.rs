//! What is in the proxy's shared store, and under which names.

use fairlead_emulator::{Emulator, Plugin, Request};
use fairlead_tests::emulated::assert_named;
use fairlead_tests::modules;
use serde_json::json;

use crate::rig::{
    BUCKET, FILTER, MICROS, NAME, TICK, admitted, answered, ask, begin, full, metrics, one, settle, start,
    sum, total, version,
};

#[test]
fn every_shared_key_and_every_metric_carries_the_plugins_name() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let named = |name: &str| Plugin::new(name, &module).configuration(full().to_string());
    let builder = Emulator::builder().workers(2);
    let built = builder.plugin(named("one")).plugin(named("two")).build();
    let mut proxy = built.unwrap();
    ask(
        &mut proxy,
        (0..20).map(|n| version(answered(200), format!("v{n}"))),
    );
    settle(&mut proxy);
    // The seed, the mark of an accepted config, two values of a header, one route, one cluster, three windows.
    assert_named(&proxy, NAME, &["one", "two"], 9);
}

#[test]
fn values_are_kept_apart_by_plugin() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let config = |path: &str| json!({"match": [{"path": {"prefix": path}}], "labels": {"variant": {"header": "x-version", "max": 1}}});
    let named = |name: &str, path: &str| Plugin::new(name, &module).configuration(config(path).to_string());
    let builder = Emulator::builder()
        .plugin(named("edge", "/one"))
        .plugin(named("two", "/two"));
    let mut proxy = builder.build().unwrap();
    let get = |path: &str, value: &str| version(Request::get(path), value);
    ask(
        &mut proxy,
        [
            get("/one", "a"),
            get("/two", "b"),
            get("/one", "a"),
            get("/two", "b"),
        ],
    );
    assert_eq!(admitted(&proxy, "variant/x-version"), ["a"]);
    assert_eq!(one(&proxy, "", "variant", "label_overflow_total"), 0);
    let names = proxy.metrics().histograms;
    assert!(
        names
            .keys()
            .any(|name| name.contains("component.two.tag.variant=b;."))
    );
}

#[test]
fn foreign_bytes_in_the_store_count_as_absent() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let mut sent = 0;
    for garbage in [
        &b""[..],
        b"\x00",
        b"\x01",
        b"\xff\xff\xff",
        b"\x01bad=value",
        &[1; 46],
        &[2; 200],
        &[0xff; 177],
        &[7; 70_000],
    ] {
        let mut proxy = start(Emulator::builder().workers(2), &module, &full());
        for round in 1..=3_u64 {
            for (key, ..) in proxy.shared_data("") {
                proxy.set_shared_data("", &key, garbage);
            }
            ask(
                &mut proxy,
                (0..20).map(|n| version(answered(200), format!("v{n}"))),
            );
            proxy.advance(3 * TICK);
            sent += 20;
            assert_eq!(total(&proxy, MICROS), 20 * round, "{} bytes", garbage.len());
            let exact = sum(&proxy, BUCKET, "+Inf");
            assert_eq!(exact, 20 * round, "{} bytes", garbage.len());
            // What a window lost is gone, what has come since counts.
            let window = sum(&proxy, "window_requests", "");
            assert_eq!(window, 20, "{} bytes, round {round}", garbage.len());
        }
    }
    assert_eq!(sent, 9 * 60);
}

#[test]
fn without_traffic_nothing_is_written_and_no_series_is_made() {
    let Some(mut proxy) = begin(2, &full()) else {
        return;
    };
    proxy.advance(2 * TICK);
    let before = (proxy.shared_data(""), metrics(&proxy));
    proxy.advance(600 * TICK);
    assert_eq!((proxy.shared_data(""), metrics(&proxy)), before);
    ask(&mut proxy, [Request::get("/left-out"), answered(200)]);
    settle(&mut proxy);
    let after = proxy.shared_data("");
    proxy.advance(600 * TICK);
    assert_eq!(
        proxy.shared_data(""),
        after,
        "a window that empties is not written"
    );
}
