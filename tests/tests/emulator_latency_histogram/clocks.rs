//! Clocks that jump by an hour, either way: what is measured knows nothing of it, and windows go on.

use std::time::Duration;

use fairlead_emulator::{Emulator, Event, LocalReply, Request, Upstream};
use serde_json::json;

use crate::rig::{
    BUCKET, MICROS, MS, QUANTILE, TICK, ask, begin, counting, jump, one, recorded, settle, slo, sum, taking,
    total, unlabelled, with,
};

const HOUR: i64 = 3600;
const WINDOW: Duration = Duration::from_secs(60);

/// How many requests the window of those with status 200 holds.
fn window(proxy: &Emulator) -> u64 {
    one(proxy, "status=2xx", "", "window_requests")
}

fn median(proxy: &Emulator) -> u64 {
    one(proxy, "status=2xx", "p50", QUANTILE)
}

/// Sends `count` requests that take so many milliseconds, and waits until all is handed on.
fn fill(proxy: &mut Emulator, count: usize, millis: u32) {
    ask(proxy, (0..count).map(|_| taking(MS * millis)));
    settle(proxy);
}

#[test]
fn a_jump_during_a_request_does_not_show_in_what_it_took() {
    let config = with(unlabelled(), json!({"phases": ["total", "filter"]}));
    for hours in [-HOUR, HOUR] {
        let Some(mut proxy) = begin(2, &config) else {
            return;
        };
        // Each is under way when the clock jumps: one that is answered, one that the proxy ends, one whose client leaves.
        let now = proxy.now();
        for n in 0..10_u32 {
            proxy.request(now, taking(MS * (5 + n)));
        }
        let timeout = Upstream::LocalReply {
            reply: LocalReply::Timeout,
            after: MS * 15,
        };
        proxy.request(now, Request::get("/").upstream(timeout));
        let leaves = Request::get("/").upstream(Upstream::Never).abort_after(MS * 16);
        proxy.request(now, leaves);
        for at in [2, 7, 12] {
            let nanoseconds = hours * 1_000_000_000;
            proxy.schedule(now + MS * at, Event::ClockJump { nanoseconds });
        }
        let report = proxy.run();
        assert_eq!(report.faults, [], "{:?}", report.logs);
        settle(&mut proxy);
        let expected: Vec<u64> = (5..=16).map(|millis| millis * 1000).collect();
        assert_eq!(recorded(&proxy, MICROS)[""], expected, "{hours} s");
        assert_eq!(
            recorded(&proxy, "first_byte_duration_microseconds")[""],
            expected[..11],
            "{hours} s"
        );
        let buckets = ["1000", "10000", "100000", "+Inf"].map(|bound| sum(&proxy, BUCKET, bound));
        assert_eq!(buckets, [0, 6, 12, 12], "{hours} s");
        let exact = sum(&proxy, "request_exact_microseconds_sum", "");
        assert_eq!(exact, expected.iter().sum::<u64>(), "{hours} s");
        assert_eq!(slo(&proxy, "fast"), (12, 6), "{hours} s");
    }
}

#[test]
fn a_jump_ahead_empties_a_window_which_then_goes_on() {
    let Some(mut proxy) = begin(2, &counting()) else {
        return;
    };
    fill(&mut proxy, 20, 8);
    assert_eq!((window(&proxy), median(&proxy)), (20, 8000));
    jump(&mut proxy, HOUR);
    settle(&mut proxy);
    assert_eq!((window(&proxy), median(&proxy)), (0, 0));
    fill(&mut proxy, 7, 3);
    assert_eq!((window(&proxy), median(&proxy)), (7, 3000));
    // They leave it when they would have without a jump.
    proxy.advance(WINDOW - 10 * TICK);
    assert_eq!(window(&proxy), 7);
    proxy.advance(20 * TICK);
    assert_eq!(window(&proxy), 0);
    assert_eq!(total(&proxy, MICROS), 27);
}

#[test]
fn a_jump_back_begins_a_window_anew_and_does_not_freeze_it() {
    let Some(mut proxy) = begin(2, &counting()) else {
        return;
    };
    fill(&mut proxy, 20, 8);
    jump(&mut proxy, -HOUR);
    settle(&mut proxy);
    assert_eq!((window(&proxy), median(&proxy)), (0, 0));
    fill(&mut proxy, 7, 3);
    assert_eq!((window(&proxy), median(&proxy)), (7, 3000));
    proxy.advance(WINDOW + 10 * TICK);
    assert_eq!(window(&proxy), 0);
    fill(&mut proxy, 5, 4);
    assert_eq!((window(&proxy), median(&proxy)), (5, 4000));
}

#[test]
fn what_was_counted_before_a_jump_back_does_not_come_again_when_the_clock_gets_there() {
    for with_traffic in [true, false] {
        let Some(mut proxy) = begin(2, &counting()) else {
            return;
        };
        fill(&mut proxy, 20, 8);
        jump(&mut proxy, -HOUR);
        settle(&mut proxy);
        if with_traffic {
            fill(&mut proxy, 1, 3);
        }
        proxy.advance(Duration::from_secs(HOUR as u64) - 10 * TICK);
        for _ in 0..12 {
            proxy.advance(5 * TICK);
            assert_eq!(window(&proxy), 0, "with traffic: {with_traffic}");
        }
    }
}

#[test]
fn a_jump_back_within_the_window_loses_what_lies_ahead_at_the_most() {
    let Some(mut proxy) = begin(2, &counting()) else {
        return;
    };
    fill(&mut proxy, 20, 8);
    proxy.advance(20 * TICK);
    fill(&mut proxy, 10, 3);
    assert_eq!(window(&proxy), 30);
    // The first twenty lie behind it all the same.
    jump(&mut proxy, -15);
    settle(&mut proxy);
    assert_eq!((window(&proxy), median(&proxy)), (20, 8000));
    fill(&mut proxy, 5, 4);
    assert_eq!(window(&proxy), 25);
    proxy.advance(2 * WINDOW);
    assert_eq!(window(&proxy), 0);
}

#[test]
fn jumps_there_and_back_lose_nothing_that_is_not_older_than_the_window() {
    let Some(mut proxy) = begin(2, &counting()) else {
        return;
    };
    fill(&mut proxy, 20, 8);
    jump(&mut proxy, HOUR);
    settle(&mut proxy);
    assert_eq!(window(&proxy), 0);
    // Nothing was counted in between, so that nothing was dropped.
    jump(&mut proxy, -HOUR);
    settle(&mut proxy);
    assert_eq!((window(&proxy), median(&proxy)), (20, 8000));
}

#[test]
fn jumps_again_and_again_keep_windows_within_what_was_sent() {
    let Some(mut proxy) = begin(3, &counting()) else {
        return;
    };
    for n in 0..40_u64 {
        let seconds = [HOUR, -HOUR, 7, -7, 61, -61, 1, -1][n as usize % 8];
        let sent = proxy.now();
        for m in 0..6 {
            proxy.request(sent + MS * m, taking(MS * 5));
        }
        proxy.schedule(
            sent + MS * 3,
            Event::ClockJump {
                nanoseconds: seconds * 1_000_000_000,
            },
        );
        let report = proxy.advance(TICK);
        assert_eq!(report.faults, [], "{:?}", report.logs);
        assert!(window(&proxy) <= 6 * (n + 1));
        assert!([0, 5000].contains(&median(&proxy)), "{}", median(&proxy));
    }
    // Whatever has happened to the clock, what comes now counts.
    proxy.advance(2 * WINDOW);
    fill(&mut proxy, 9, 2);
    assert_eq!((window(&proxy), median(&proxy)), (9, 2000));
    assert_eq!(total(&proxy, MICROS), 249);
}
