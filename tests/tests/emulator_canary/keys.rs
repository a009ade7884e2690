//! What is kept in the proxy's shared store, by whom, and how much of it.

use std::time::Duration;

use fairlead_emulator::{Emulator, Plugin, Request, Response};
use fairlead_tests::emulated::assert_named;
use fairlead_tests::{modules, names};
use serde_json::{Value, json};

use crate::rig::{FILTER, cookie_of, count, drawn, memory, release, send, start, user, with};

/// A config that uses all there is.
fn full() -> Value {
    with(
        release("r", "50%"),
        json!({
            "force": {"header": "x-force", "cookie": "canary"},
            "sticky": {"by": [{"header": "x-user"}, {"random": true}], "cookie": {}},
            "guard": {"window": "10s", "minimum_requests": 20, "error_rate": {"max": "50%"}, "latency": {"max": "1s"}},
            "propagate": {"baggage": true, "trace": true},
        }),
    )
}

#[test]
fn every_shared_key_and_every_metric_carries_the_plugins_name() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let named = |name: &str| Plugin::new(name, &module).configuration(full().to_string());
    let mut proxy = Emulator::builder()
        .workers(2)
        .plugin(named("one"))
        .plugin(named("two"))
        .build()
        .unwrap();
    send(&mut proxy, (0..100).map(|n| user(format!("user-{n}"))));
    proxy.advance(Duration::from_secs(2));
    // At least the seed, the mark of an accepted config, and a window for each variant.
    assert_named(&proxy, FILTER, &["one", "two"], 4);
}

#[test]
fn a_hundred_thousand_users_leave_nothing_behind() {
    const BATCH: usize = 10_000;
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let mut proxy = start(Emulator::builder().workers(2), &module, &full());
    let mut flood = |round: usize| {
        let begin = proxy.now();
        for n in 0..BATCH {
            let id = format!("user-{round}-{n}");
            let request = user(&id)
                .header("cookie", format!("sid={id}; fairlead-release={id}"))
                .header("baggage", format!("id={id}"));
            proxy.request(begin + Duration::from_micros(100 * n as u64), request);
        }
        let report = proxy.run();
        assert_eq!(report.faults, []);
        proxy.advance(Duration::from_secs(2));
        let metrics = proxy.metrics();
        (
            memory(&proxy),
            proxy.shared_data("").len(),
            metrics.counters.len() + metrics.gauges.len() + metrics.histograms.len(),
        )
    };
    let warm = [flood(0), flood(1)];
    for round in 2..10 {
        assert_eq!(flood(round), warm[1], "after {round} rounds");
    }
    let exposed: u64 = ["v2", "stable"]
        .map(|variant| count(&proxy, Some(variant), "sticky", "exposures_total"))
        .iter()
        .sum();
    assert_eq!(exposed, 10 * BATCH as u64);
    assert_eq!(count(&proxy, None, "rejected", "cookies_total"), exposed);
}

#[test]
fn a_filter_that_is_off_does_nothing_at_all() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let mut proxy = start(
        Emulator::builder(),
        &module,
        &with(full(), json!({"mode": "off"})),
    );
    let before = proxy.shared_data("");
    let request = user("a")
        .header("x-canary", "v2")
        .header("x-force", "always")
        .header("cookie", "fairlead-release=x");
    let report = send(
        &mut proxy,
        std::iter::repeat_n(request.upstream(Response::new(503)), 30),
    );
    for outcome in &report.outcomes {
        assert_eq!(outcome.upstream_request.as_ref(), Some(&outcome.request));
        assert!(
            outcome.response_headers.is_empty(),
            "{:?}",
            outcome.response_headers
        );
        assert_eq!(outcome.route_refreshes, 0);
        assert_eq!(outcome.counted, []);
    }
    proxy.advance(Duration::from_secs(60));
    assert_eq!(proxy.shared_data(""), before);
}

#[test]
fn who_is_drawn_is_written_nowhere_but_in_the_request() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let config = with(
        release("r", "50%"),
        json!({"sticky": {"by": [{"header": "x-user"}], "cookie": {}}, "force": {"header": "x-force"}}),
    );
    let mut proxy = start(Emulator::builder().workers(2), &module, &config);
    let before = proxy.shared_data("");
    let report = send(&mut proxy, (0..200).map(|n| user(format!("user-{n}"))));
    let cookie = report
        .outcomes
        .iter()
        .find_map(cookie_of)
        .expect("some are drawn");
    send(
        &mut proxy,
        [
            user("a").header("cookie", cookie),
            user("a").header("x-force", "always"),
            Request::get("/"),
        ],
    );
    proxy.advance(Duration::from_secs(60));
    assert_eq!(proxy.shared_data(""), before);
}

#[test]
fn foreign_bytes_in_the_store_count_as_absent() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let guard = json!({"window": "10s", "minimum_requests": 20, "error_rate": {"max": "10%"}, "latency": {"max": "1s"}, "on_trip": {"hold": "1h"}});
    let config = with(release("r", "100%"), json!({"guard": guard}));
    let mut proxy = start(Emulator::builder().workers(2), &module, &config);
    let fail = |proxy: &mut Emulator| {
        let request = user("a").upstream(Response::new(503));
        let report = send(proxy, std::iter::repeat_n(request, 40));
        assert_eq!(report.faults, []);
        proxy.advance(Duration::from_secs(2))
    };
    fail(&mut proxy);
    assert_eq!(drawn(&send(&mut proxy, [user("a")])), [false]);
    let mut trips = 1;
    for garbage in [
        &b""[..],
        b"\x00",
        b"\x01",
        b"\xff\xff\xff",
        &[9; 26],
        &[0xff; 177],
        &[7; 70_000],
    ] {
        for (key, ..) in proxy.shared_data("") {
            proxy.set_shared_data("", &key, garbage);
        }
        let report = proxy.advance(Duration::from_secs(2));
        assert_eq!(report.faults, []);
        // The state is gone, and with it the hold; the guard begins anew and works.
        assert_eq!(
            drawn(&send(&mut proxy, [user("a")])),
            [true],
            "{} bytes",
            garbage.len()
        );
        fail(&mut proxy);
        trips += 1;
        assert_eq!(
            drawn(&send(&mut proxy, [user("a")])),
            [false],
            "{} bytes",
            garbage.len()
        );
    }
    let name = names::canary(
        crate::rig::PLUGIN,
        Some("v2"),
        Some("error_rate"),
        "guard_trips_total",
    );
    assert_eq!(proxy.counter(&name), Some(trips));
}
