//! Policies and calls at random.

use super::*;
use crate::policy::{HalfOpen, Open, Rules, Slow, Trip};
use proptest::prelude::*;

pub(crate) fn any_call() -> impl Strategy<Value = Call> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Success),
        4 => Just(Outcome::Failure),
        1 => Just(Outcome::Ignored),
    ];
    (outcome, proptest::bool::weighted(0.3)).prop_map(|(outcome, slow)| call(outcome, slow))
}

fn any_share() -> impl Strategy<Value = Share> {
    let some = prop_oneof![
        Just(250_000),
        Just(333_333),
        Just(500_000),
        Just(666_667),
        Just(1_000_000),
        1..=1_000_000_u32
    ];
    some.prop_map(|ppm| Share::from_ppm(ppm).unwrap())
}

fn any_window() -> impl Strategy<Value = Window> {
    prop_oneof![
        2 => (1..=6_u32, 100..1_000_u64).prop_map(|(buckets, length)| Window::Time {
            duration: Duration::from_millis(length * u64::from(buckets)),
            buckets: count(buckets),
        }),
        1 => (100..2_000_u64).prop_map(|length| Window::Time {
            duration: Duration::from_millis(length),
            buckets: count(1),
        }),
        2 => (1..20_u32).prop_map(|calls| Window::Calls(count(calls))),
    ]
}

fn any_trip() -> impl Strategy<Value = Trip> {
    let slow = any_share().prop_map(|rate| Slow {
        above: Duration::from_secs(1),
        rate,
    });
    (
        proptest::option::of(any_share()),
        proptest::option::of(slow),
        proptest::option::of((1..5_u32).prop_map(count)),
    )
        .prop_map(|(error_rate, slow, consecutive_failures)| Trip {
            error_rate,
            slow,
            consecutive_failures,
        })
}

fn any_open() -> impl Strategy<Value = Open> {
    let backoff = prop_oneof![
        Just(Backoff::Linear),
        prop_oneof![Just(1_000), 1_000..4_000_u32].prop_map(|permille| Backoff::Factor { permille })
    ];
    let jitter = prop_oneof![Just(Share::NONE), any_share()];
    (1..1_500_u64, backoff, 0..3_000_u64, jitter).prop_map(|(duration, backoff, max, jitter)| Open {
        duration: Duration::from_millis(duration),
        backoff,
        max: Duration::from_millis(max.max(duration)),
        jitter,
    })
}

fn any_half_open() -> impl Strategy<Value = HalfOpen> {
    (0..6_u32, any_share(), 1..3_000_u64, any::<bool>()).prop_map(|(probes, success_rate, wait, close)| {
        HalfOpen {
            probes,
            success_rate,
            max_wait: Duration::from_millis(wait),
            then: [Then::Open, Then::Close][usize::from(close)],
        }
    })
}

fn any_rules() -> impl Strategy<Value = Rules> {
    proptest::array::uniform7(proptest::bool::weighted(0.25)).prop_map(
        |[
            trip_above,
            bad_calls_trip,
            keep_window,
            judge_all_probes,
            close_above,
            ignored_succeed,
            lost_probe_opens,
        ]| Rules {
            trip_above,
            bad_calls_trip,
            keep_window,
            judge_all_probes,
            close_above,
            ignored_succeed,
            lost_probe_opens,
        },
    )
}

/// Some time in whole milliseconds, or none.
fn maybe() -> impl Strategy<Value = Duration> {
    prop_oneof![
        2 => Just(Duration::ZERO),
        1 => (1..2_000_u64).prop_map(Duration::from_millis)
    ]
}

pub(crate) fn any_policy() -> impl Strategy<Value = Policy> {
    let parts = (any_window(), 1..8_u32, any_trip(), any_open(), any_half_open());
    (parts, maybe(), maybe(), any_rules()).prop_map(
        |((window, minimum_requests, trip, open, half_open), recovery_ramp, warm_up, rules)| Policy {
            window,
            minimum_requests,
            trip,
            open,
            half_open,
            recovery_ramp,
            warm_up,
            rules,
        },
    )
}
