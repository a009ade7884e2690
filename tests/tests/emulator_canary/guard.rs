//! When the guard trips, who knows of it when, and what it does not do.

use std::time::Duration;

use fairlead_emulator::{Emulator, Report, Response};
use fairlead_tests::modules;
use serde_json::{Value, json};

use crate::rig::{FILTER, count, drawn, gauge, jump, release, send, start, update, user, with};

const WORKERS: usize = 3;

fn guarded(weight: &str, guard: Value) -> Value {
    with(release("r", weight), json!({"guard": guard}))
}

/// Bounds that a canary which always fails breaks with 20 requests.
fn on_errors(window: &str) -> Value {
    json!({"window": window, "minimum_requests": 20, "error_rate": {"max": "10%"}, "on_trip": {"hold": "1h"}})
}

/// Sends `count` requests to each worker, a millisecond apart, which end with this status.
fn ask(proxy: &mut Emulator, count: usize, status: u16) -> Report {
    let request = |n: usize| user("any").worker(n % WORKERS).upstream(Response::new(status));
    send(proxy, (0..count * WORKERS).map(request))
}

fn trips(proxy: &Emulator) -> u64 {
    count(proxy, Some("v2"), "error_rate", "guard_trips_total")
}

/// Runs in steps of `tick` until the guard has tripped so many times, for at most a minute; whether it has.
fn trip(proxy: &mut Emulator, tick: Duration, times: u64) -> bool {
    for _ in 0..60_000 / tick.as_millis() {
        if trips(proxy) >= times {
            break;
        }
        proxy.advance(tick);
    }
    trips(proxy) == times
}

#[test]
fn every_worker_follows_within_one_tick() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    for (window, tick) in [
        ("1s", Duration::from_millis(100)),
        ("3s", Duration::from_millis(300)),
        ("60s", Duration::from_secs(1)),
        ("1h", Duration::from_secs(1)),
    ] {
        let mut proxy = start(
            Emulator::builder().workers(WORKERS),
            &module,
            &guarded("100%", on_errors(window)),
        );
        let begin = proxy.now();
        let report = ask(&mut proxy, 10, 503);
        assert_eq!(drawn(&report), [true; 10 * WORKERS], "{window}");
        assert!(trip(&mut proxy, tick, 1), "{window}");
        assert!(proxy.now() - begin <= 2 * tick, "{window}: {:?}", proxy.now());
        proxy.advance(tick);
        assert_eq!(drawn(&ask(&mut proxy, 1, 200)), [false; WORKERS], "{window}");
    }
}

#[test]
fn without_a_guard_nothing_is_counted_or_done() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let mut proxy = start(
        Emulator::builder().workers(WORKERS),
        &module,
        &release("r", "100%"),
    );
    ask(&mut proxy, 100, 503);
    proxy.advance(Duration::from_secs(60));
    assert_eq!(drawn(&ask(&mut proxy, 1, 200)), [true; WORKERS]);
    assert_eq!(count(&proxy, Some("v2"), "failure", "outcomes_total"), 0);
    assert_eq!(gauge(&proxy, "v2", "guard_state"), None);
}

#[test]
fn what_is_too_little_or_within_bounds_trips_nothing() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let tick = Duration::from_secs(1);
    // 18 of 18 are fewer than 20.
    let config = guarded("100%", on_errors("60s"));
    let mut proxy = start(Emulator::builder().workers(WORKERS), &module, &config);
    ask(&mut proxy, 6, 503);
    proxy.advance(60 * tick);
    assert_eq!(trips(&proxy), 0);
    // A tenth of 3,000, which is what may fail.
    let mut proxy = start(Emulator::builder().workers(WORKERS), &module, &config);
    for n in 0..100 {
        ask(&mut proxy, 10, if n % 10 == 9 { 503 } else { 200 });
    }
    proxy.advance(10 * tick);
    assert_eq!(trips(&proxy), 0);
    // And three tenths, which is more.
    for n in 0..100 {
        ask(&mut proxy, 10, if n % 10 < 3 { 503 } else { 200 });
    }
    assert!(trip(&mut proxy, tick, 1));
}

#[test]
fn failures_that_have_left_the_window_are_forgotten() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let mut proxy = start(
        Emulator::builder().workers(WORKERS),
        &module,
        &guarded("100%", on_errors("10s")),
    );
    // Fifteen failures, never twenty within ten seconds and a tenth more.
    for _ in 0..10 {
        ask(&mut proxy, 5, 503);
        proxy.advance(Duration::from_secs(12));
        assert_eq!(trips(&proxy), 0);
    }
    assert_eq!(
        count(&proxy, Some("v2"), "failure", "outcomes_total"),
        10 * 5 * WORKERS as u64
    );
    ask(&mut proxy, 7, 503);
    assert!(trip(&mut proxy, Duration::from_secs(1), 1));
}

#[test]
fn clocks_that_jump_neither_trip_the_guard_nor_lock_it() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let guard = with(
        on_errors("10s"),
        json!({"on_trip": {"hold": "30s", "then": "resume"}}),
    );
    let mut proxy = start(
        Emulator::builder().workers(WORKERS),
        &module,
        &guarded("100%", guard),
    );
    // Fewer than enough, each time at another place of the clock.
    for seconds in [-3600, 7200, -3600, 86_400, -86_400, 5, -5, 1, -1] {
        ask(&mut proxy, 2, 503);
        jump(&mut proxy, seconds);
        proxy.advance(Duration::from_secs(15));
        assert_eq!(trips(&proxy), 0, "{seconds}");
    }
    // It still trips, and what it holds comes back after the hold, wherever the clock is set meanwhile.
    for (times, seconds) in (1..).zip([0, -3600, 3600, -86_400 * 365, 86_400 * 365]) {
        ask(&mut proxy, 10, 503);
        assert!(trip(&mut proxy, Duration::from_secs(1), times), "{seconds}");
        proxy.advance(Duration::from_secs(1));
        assert_eq!(drawn(&ask(&mut proxy, 1, 200)), [false; WORKERS], "{seconds}");
        jump(&mut proxy, seconds);
        proxy.advance(Duration::from_secs(33));
        assert_eq!(drawn(&ask(&mut proxy, 1, 200)), [true; WORKERS], "{seconds}");
        proxy.advance(Duration::from_secs(12));
    }
    assert_eq!(trips(&proxy), 5);
}

#[test]
fn a_hundred_trips_halve_a_weight_to_nothing_and_break_nothing() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    let guard = json!({"window": "1s", "minimum_requests": 1, "error_rate": {"max": "0%"}, "on_trip": {"hold": "1s"}});
    let config = with(
        guarded("100%", guard),
        json!({"rules": [{"match": [{"headers": {"x-beta": {"present": true}}}], "variant": "v2"}]}),
    );
    let mut proxy = start(Emulator::builder().workers(WORKERS), &module, &config);
    let mut last = 1_000_000;
    for times in 1..=110 {
        // Rules go on where nobody is drawn, and are judged.
        let request = user("any").header("x-beta", "1").upstream(Response::new(503));
        send(&mut proxy, std::iter::repeat_n(request, 30));
        assert!(trip(&mut proxy, Duration::from_millis(100), times), "{times}");
        proxy.advance(Duration::from_millis(2500));
        let weight = gauge(&proxy, "v2", "weight_ppm").expect("a gauge");
        assert_eq!(weight, last / 2, "after {times}");
        last = weight;
    }
    assert_eq!(last, 0);
    // Another attempt forgets all of it.
    let again = with(
        config.clone(),
        json!({"guard": with(config["guard"].clone(), json!({"attempt": 2}))}),
    );
    assert!(update(&mut proxy, &again).updates[0].accepted);
    assert_eq!(drawn(&ask(&mut proxy, 1, 200)), [true; WORKERS]);
}
