//! Configs that replace others: what was counted stays counted, and what waits for a tick is handed on.

use std::time::Duration;

use fairlead_emulator::{Emulator, Event};
use serde_json::{Value, json};

use crate::rig::{
    BUCKET, MICROS, MILLIS, MS, PLUGIN, QUANTILE, TICK, accepted, admitted, answered, ask, assert_grown,
    begin, counting, counts, exact, full, one, recorded, settle, slo, taking, total, unlabelled, version,
    window, with,
};

/// [`update`] waits until nothing is in flight; this does not.
fn update_at_once(proxy: &mut Emulator, config: &Value) {
    let configuration = config.to_string().into_bytes();
    let plugin = PLUGIN.to_owned();
    let now = proxy.now();
    proxy.schedule(
        now,
        Event::Configure {
            plugin,
            configuration,
        },
    );
    assert!(proxy.run_until(now).updates[0].accepted);
}

/// Counts what [`counting`] does and one thing more, so that it is another config.
fn alike() -> Value {
    let second = json!({"name": "second", "threshold": "1ms", "objective": "50%"});
    let mut config = counting();
    config["slos"].as_array_mut().unwrap().push(second);
    config
}

#[test]
fn what_was_not_handed_on_yet_is_when_its_config_goes() {
    // Whether or not the next config counts the same.
    let others = [
        alike(),
        unlabelled(),
        with(counting(), json!({"buckets": ["5ms"]})),
        with(
            counting(),
            json!({"labels": {"status_class": true, "method": true}}),
        ),
        json!({}),
        json!({"mode": "off"}),
    ];
    for next in others {
        let Some(mut proxy) = begin(2, &counting()) else {
            return;
        };
        ask(&mut proxy, vec![taking(MS * 5); 10]);
        let next = with(next, json!({"unit": "us"}));
        assert_eq!(
            (exact(&proxy), window(&proxy)),
            (0, 0),
            "nothing is handed on yet"
        );
        accepted(&mut proxy, &next);
        // At once, and with no tick of the other config.
        let of = |bound| one(&proxy, "status=2xx", bound, BUCKET);
        assert_eq!(
            ["1000", "10000", "100000", "+Inf"].map(of),
            [0, 10, 10, 10],
            "{next}"
        );
        assert_eq!(
            one(&proxy, "status=2xx", "", "request_exact_microseconds_sum"),
            50_000
        );
        assert_eq!(
            one(&proxy, "status=2xx", "", "request_exact_microseconds_count"),
            10
        );
        assert_eq!(window(&proxy), 10, "{next}");
        settle(&mut proxy);
        let before = proxy.metrics();
        ask(&mut proxy, vec![taking(MS * 5); 4]);
        settle(&mut proxy);
        assert_grown(&before, &proxy);
        let goes_on = next == alike();
        assert_eq!(
            one(&proxy, "status=2xx", "+Inf", BUCKET),
            if goes_on || next["buckets"] == json!(["5ms"]) {
                14
            } else {
                10
            },
            "{next}"
        );
    }
}

#[test]
fn a_stream_in_flight_over_an_update_counts_once_under_the_config_it_began_with() {
    let other = with(
        counting(),
        json!({"labels": {"status_class": true, "method": true}, "buckets": ["7ms"]}),
    );
    for next in [alike(), other, json!({"unit": "us", "mode": "off"})] {
        let Some(mut proxy) = begin(2, &counting()) else {
            return;
        };
        ask(&mut proxy, vec![taking(MS * 5); 6]);
        let now = proxy.now();
        for _ in 0..4 {
            proxy.request(now, taking(Duration::from_secs(5)));
        }
        proxy.run_until(now + MS);
        update_at_once(&mut proxy, &next);
        proxy.advance(2 * TICK);
        // The earlier config still ticks, as its streams are not over.
        assert_eq!(one(&proxy, "status=2xx", "+Inf", BUCKET), 6, "{next}");
        let before = proxy.metrics();
        proxy.run();
        // They have ended with their config, which hands on the last of them.
        assert_grown(&before, &proxy);
        assert_eq!(one(&proxy, "status=2xx", "+Inf", BUCKET), 10, "{next}");
        assert_eq!(one(&proxy, "status=2xx", "100000", BUCKET), 6, "{next}");
        assert_eq!(recorded(&proxy, MICROS)["status=2xx"].len(), 10, "{next}");
        assert_eq!(slo(&proxy, "fast"), (10, 6), "{next}");
        settle(&mut proxy);
        assert_eq!(exact(&proxy), 10, "{next}");
        if next == alike() {
            assert_eq!(window(&proxy), 10);
        }
    }
}

#[test]
fn counters_never_fall_whatever_config_follows() {
    let configs = [
        counting(),
        unlabelled(),
        full(),
        json!({}),
        with(counting(), json!({"quantiles": {"window": "10s"}})),
        json!({"mode": "off"}),
        full(),
        counting(),
    ];
    let Some(mut proxy) = begin(2, &json!({})) else {
        return;
    };
    let mut sent = 0;
    for config in configs {
        let before = proxy.metrics();
        accepted(&mut proxy, &config);
        assert_grown(&before, &proxy);
        ask(
            &mut proxy,
            (0..10).map(|n| version(answered(200), format!("{n}"))),
        );
        sent += if config["mode"] == "off" { 0 } else { 10 };
        assert_grown(&before, &proxy);
        proxy.advance(2 * TICK);
        assert_grown(&before, &proxy);
    }
    assert_eq!(total(&proxy, MICROS) + total(&proxy, MILLIS), sent);
}

#[test]
fn the_same_labels_keep_their_window_and_others_begin_anew() {
    let quantiles = |fields: Value| {
        let own = with(counting()["quantiles"].clone(), fields);
        with(counting(), json!({"quantiles": own}))
    };
    let by_method = json!({"status_class": true, "method": true});
    for (next, tag, kept) in [
        (
            with(counting(), json!({"buckets": ["1s"], "unit": "ms"})),
            "status=2xx",
            true,
        ),
        (quantiles(json!({"of": ["50%", "99.9%"]})), "status=2xx", true),
        // More labels, of which quantiles know nothing.
        (
            with(counting(), json!({"labels": by_method.clone()})),
            "status=2xx",
            true,
        ),
        (unlabelled(), "", false),
        (quantiles(json!({"window": "30s"})), "status=2xx", false),
        (quantiles(json!({"scale": 4})), "status=2xx", false),
        (
            with(quantiles(json!({"by": ["method"]})), json!({"labels": by_method})),
            "method=GET",
            false,
        ),
    ] {
        let Some(mut proxy) = begin(2, &counting()) else {
            return;
        };
        ask(&mut proxy, vec![taking(MS * 5); 10]);
        settle(&mut proxy);
        assert_eq!(window(&proxy), 10);
        accepted(&mut proxy, &next);
        ask(&mut proxy, vec![taking(MS * 8); 4]);
        settle(&mut proxy);
        let found = one(&proxy, tag, "", "window_requests");
        assert_eq!(found, if kept { 14 } else { 4 }, "{next}");
        let median = one(&proxy, tag, "p50", QUANTILE);
        let expected = if kept { 5000 } else { 8000 };
        let error = median.abs_diff(expected) * 1000 / expected;
        assert!(error <= 44, "{next}: {median}");
    }
}

#[test]
fn values_of_a_label_keep_their_numbers_and_a_higher_bound_has_room_for_more() {
    let config = |max: u32| {
        json!({
            "unit": "us",
            "labels": {"variant": {"header": "x-version", "max": max}},
            "quantiles": {"of": ["50%"], "window": "60s", "by": ["variant"]},
        })
    };
    let Some(mut proxy) = begin(2, &config(2)) else {
        return;
    };
    let all = || (0..4).map(|n| version(answered(200), format!("v{n}")));
    ask(&mut proxy, all());
    assert_eq!(admitted(&proxy, "variant/x-version"), ["v0", "v1"]);
    accepted(&mut proxy, &config(3));
    ask(&mut proxy, all());
    assert_eq!(admitted(&proxy, "variant/x-version"), ["v0", "v1", "v2"]);
    // A lower one leaves what is beyond it aside.
    accepted(&mut proxy, &config(1));
    ask(&mut proxy, all());
    settle(&mut proxy);
    let found = counts(&proxy, MICROS);
    let found: Vec<(&str, u64)> = found.iter().map(|(tag, count)| (tag.as_str(), *count)).collect();
    assert_eq!(
        found,
        [
            ("variant=_other", 6),
            ("variant=v0", 3),
            ("variant=v1", 2),
            ("variant=v2", 1)
        ]
    );
}
