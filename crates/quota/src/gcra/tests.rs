use super::*;
use crate::rate::{Period, Rate};
use governor::clock::FakeRelativeClock;
use governor::middleware::StateInformationMiddleware;
use governor::state::InMemoryState;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
const HOUR: u64 = 3_600 * SECOND;
/// Some day in 2026, so that differences below the start of a test exist.
const START: u64 = 1_795_000_000 * SECOND;

fn at(nanos: u64) -> Timestamp {
    Timestamp::from_unix_nanos(nanos)
}

fn units(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

fn quota(rate: &str, burst: u32) -> Quota {
    Quota::new(rate.parse().unwrap(), Some(units(burst))).unwrap()
}

/// Runs one key through `steps` and compares: `rate`, then `burst`; each step is a time in milliseconds, perhaps `xN` for
/// N units, then `ok` with the rest, `deny` with the wait in milliseconds, or `never` with the most that can be had.
#[track_caller]
fn check(limit: &str, steps: &str) {
    let (rate, burst) = limit.split_once(" burst ").unwrap();
    let quota = quota(rate, burst.parse().unwrap());
    let mut tat = None;
    let mut seen = Vec::new();
    for step in steps.split(", ") {
        let when = step.split(' ').next().unwrap();
        let (ms, n) = when.split_once('x').unwrap_or((when, "1"));
        let now = START + ms.parse::<u64>().unwrap() * MS;
        let (decision, new) = decide(&quota, at(now), tat, n.parse().unwrap());
        tat = new.or(tat);
        seen.push(match decision.outcome {
            Outcome::Admitted => format!("{when} ok {}", decision.remaining),
            Outcome::Denied { retry_after } => format!("{when} deny {}", retry_after.as_millis()),
            Outcome::InsufficientCapacity { burst } => format!("{when} never {burst}"),
        });
    }
    assert_eq!(seen.join(", "), steps, "{limit}");
}

#[test]
fn decisions_of_one_key_agree_with_known_vectors() {
    // governor, tests/direct.rs: all_1_identical, accepts_two_at_twice_the_rate.
    check(
        "2/s burst 2",
        "0 ok 1, 1 ok 0, 2 deny 498, 1002 ok 1, 1003 ok 0, 1004 deny 498",
    );
    // governor, rejects_too_many, and its issues 107 and 249: after a long pause a burst, and not one more.
    check(
        "5/s burst 5",
        "0 ok 4, 0 ok 3, 0 ok 2, 0 ok 1, 0 ok 0, 0 deny 200, \
         2000 ok 4, 2000 ok 3, 2000 ok 2, 2000 ok 1, 2000 ok 0, 2000 deny 200",
    );
    // governor, check_n: more than a burst never fits, a whole burst does.
    check(
        "5/s burst 5",
        "0x15 never 5, 0x7 never 5, 0x6 never 5, 0x5 ok 0, 0 deny 200",
    );
    check("4/s burst 4", "0x2 ok 2, 0x2 ok 0, 1x2 deny 499, 1001x2 ok 2");
    // governor, middleware: what remains.
    check("4/s burst 4", "0 ok 3, 0 ok 2, 0 ok 1, 0 ok 0, 0 deny 250");
    // Envoy, local_ratelimit_test.cc: one token each 200 ms, none is banked beyond the maximum.
    check(
        "5/s burst 1",
        "0 ok 0, 0 deny 200, 0 deny 200, 200 ok 0, 200 deny 200, 600 ok 0, 600 deny 200",
    );
    // The same with half a share of two tokens: one request costs two.
    check(
        "10/s burst 2",
        "0x2 ok 0, 0x2 deny 200, 199x2 deny 1, 200x2 ok 0, 400x2 ok 0, 401x2 deny 199",
    );
    // The same, status: two in three seconds; after both are gone, one is back in half the time.
    check(
        "40/m burst 2",
        "0 ok 1, 0 ok 0, 1499 deny 1, 1500 ok 0, 1500 deny 1500, 4500x2 ok 0",
    );
}

#[test]
fn two_limits_that_spend_from_both_or_none_charge_nothing_for_a_refusal() {
    // Envoy charges the first descriptor although the second refuses; the units of 5/2s then run out early.
    let (first, second) = (quota("150/m", 5), quota("4/s", 4));
    let (mut tat1, mut tat2) = (None, None);
    for (ms, admitted) in [(0, true), (0, false), (0, false), (1000, true)] {
        let now = at(START + ms * MS);
        let ((one, new1), (two, new2)) = (
            decide(&first, now, tat1, units(2)),
            decide(&second, now, tat2, units(3)),
        );
        assert_eq!(one.admitted() && two.admitted(), admitted, "{ms}");
        assert!(one.admitted(), "{ms}");
        if admitted {
            (tat1, tat2) = (new1, new2);
        }
    }
}

#[test]
fn a_fresh_key_may_spend_its_burst_in_the_first_nanosecond_of_the_epoch() {
    let quota = quota("2/s", 2);
    let (_, tat) = decide(&quota, at(0), None, units(1));
    let (second, tat) = decide(&quota, at(0), tat, units(1));
    assert!(second.admitted());
    assert_eq!(
        decide(&quota, at(0), tat, units(1)).0.retry_after(),
        Some(Duration::from_millis(500))
    );
}

#[test]
fn a_full_bucket_has_nothing_to_wait_for() {
    let quota = quota("5/s", 5);
    let (decision, tat) = decide(&quota, at(START), Some(START - HOUR), units(6));
    assert_eq!(decision.remaining, 5);
    assert_eq!(
        (decision.next_after, decision.full_after),
        (Duration::ZERO, Duration::ZERO)
    );
    assert_eq!((decision.retry_after(), tat), (None, None));
}

#[test]
fn an_unspent_decision_states_the_bucket_as_it_was() {
    let quota = quota("5/s", 5);
    let (first, tat) = decide(&quota, at(START), None, units(2));
    assert_eq!(
        (first.unspent(&quota, units(2)).remaining, first.remaining),
        (5, 3)
    );
    assert_eq!(first.unspent(&quota, units(2)).next_after, Duration::ZERO);
    let (second, tat) = decide(&quota, at(START), tat, units(3));
    assert_eq!(second.unspent(&quota, units(3)), first);
    let (refusal, _) = decide(&quota, at(START), tat, units(1));
    assert_eq!(refusal.unspent(&quota, units(1)), refusal);
}

#[test]
fn a_refusal_changes_nothing() {
    let quota = quota("1/s", 1);
    let (_, tat) = decide(&quota, at(START), None, units(1));
    assert_eq!(decide(&quota, at(START + 1), tat, units(1)).1, None);
    assert_eq!(decide(&quota, at(START + 1), tat, units(2)).1, None);
}

#[test]
fn a_clock_set_back_an_hour_leaves_an_empty_bucket_that_recovers_at_once() {
    let quota = quota("10/s", 10);
    let (_, tat) = decide(&quota, at(START), None, units(10));
    let back = START - HOUR;
    let (decision, corrected) = decide(&quota, at(back), tat, units(1));
    assert_eq!(decision.retry_after(), Some(Duration::from_millis(100)));
    assert_eq!(corrected, Some(back + SECOND));
    assert!(
        !decide(&quota, at(back + 100 * MS - 1), corrected, units(1))
            .0
            .admitted()
    );
    assert!(
        decide(&quota, at(back + 100 * MS), corrected, units(1))
            .0
            .admitted()
    );
}

#[test]
fn a_faster_rate_after_a_config_change_recovers_at_its_own_pace() {
    let (_, tat) = decide(&quota("1/h", 1), at(START), None, units(1));
    let (decision, corrected) = decide(&quota("100/s", 100), at(START + 1), tat, units(1));
    assert_eq!(decision.retry_after(), Some(Duration::from_millis(10)));
    assert_eq!(corrected, Some(START + 1 + SECOND));
}

#[test]
fn a_lagging_worker_does_not_give_time_away() {
    // The bucket was emptied by a worker whose clock is 10 intervals ahead of ours: no "correction" of its TAT.
    let quota = quota("100000/s", 1);
    let (_, tat) = decide(&quota, at(START), None, units(1));
    assert_eq!(decide(&quota, at(START - MS / 10), tat, units(1)).1, None);
    let next = START + 10_000;
    assert!(!decide(&quota, at(next - 1), tat, units(1)).0.admitted());
    assert!(decide(&quota, at(next), tat, units(1)).0.admitted());
}

#[test]
fn the_two_tolerances_are_the_same() {
    assert_eq!(
        CLOCK_LAG_TOLERANCE.as_nanos(),
        u128::from(CLOCK_LAG_TOLERANCE_NANOS)
    );
}

/// Any quota, edges included.
fn any_quota() -> impl Strategy<Value = Quota> {
    let period = prop_oneof![
        Just(Period::Second),
        Just(Period::Minute),
        Just(Period::Hour),
        Just(Period::Day),
    ];
    let requests = prop_oneof![1..20u64, 1..=1_000_000u64, Just(1_000_000)];
    let burst = prop_oneof![1..20u32, 1..=u32::MAX, Just(u32::MAX)];
    (period, requests, burst).prop_map(|(period, requests, burst)| {
        let rate = Rate::new(requests, period).unwrap();
        Quota::new(rate, Some(units(burst))).unwrap_or_else(|error| {
            let crate::QuotaError::FillsTooSlowly { most } = error;
            Quota::new(rate, Some(units(most))).unwrap()
        })
    })
}

/// A quota whose numbers stay small, so that sequences of spends meet its edges.
fn small_quota() -> impl Strategy<Value = Quota> {
    (
        prop_oneof![Just(1u64), Just(3), Just(7), Just(10), Just(1000)],
        1..8u32,
    )
        .prop_map(|(per_second, burst)| quota(&format!("{per_second}/s"), burst))
}

fn any_number() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        START - HOUR..START + HOUR,
        0..1000u64,
        u64::MAX - 1000..=u64::MAX
    ]
}

proptest! {
    #[test]
    fn no_number_panics_or_leaves_the_bucket_outside_its_bounds(
        quota in any_quota(), now in any_number(), stored in proptest::option::of(any_number()),
        n in prop_oneof![1..20u32, 1..=u32::MAX],
    ) {
        let (decision, new) = decide(&quota, at(now), stored, units(n));
        let now = now.min(LAST_MOMENT);
        prop_assert!(decision.remaining <= quota.burst().get());
        prop_assert_eq!(decision.admitted() && decision.remaining > quota.burst().get() - n, false);
        if let Some(tat) = new {
            prop_assert!(tat > now && tat <= now + quota.fill().as_nanos() as u64);
        }
        if let Some(wait) = decision.retry_after() {
            prop_assert!(!wait.is_zero());
            prop_assert!(wait >= decision.next_after);
            prop_assert!(wait <= quota.fill() + CLOCK_LAG_TOLERANCE);
        }
        prop_assert_eq!(decision.next_after.is_zero(), decision.remaining == quota.burst().get());
    }

    #[test]
    fn after_the_stated_waits_there_is_exactly_what_was_promised(
        quota in any_quota(), spent in any::<u64>(), n in 1..20u32,
    ) {
        let fill = quota.fill().as_nanos() as u64;
        let stored = Some(START + spent % (fill + 1));
        let n = units(n).min(quota.burst());
        let (decision, _) = decide(&quota, at(START), stored, n);
        if let Some(wait) = decision.retry_after() {
            let then = START + wait.as_nanos() as u64;
            prop_assert!(decide(&quota, at(then), stored, n).0.admitted());
            prop_assert!(!decide(&quota, at(then - 1), stored, n).0.admitted());
        }
        // How a bucket stands is asked by a request that never fits.
        if quota.burst().get() == u32::MAX {
            return Ok(());
        }
        let ask = |now: u64| decide(&quota, at(now), stored, units(quota.burst().get() + 1)).0;
        let standing = ask(START);
        if standing.remaining < quota.burst().get() {
            let then = START + standing.next_after.as_nanos() as u64;
            prop_assert_eq!(ask(then).remaining, standing.remaining + 1);
            prop_assert_eq!(ask(then - 1).remaining, standing.remaining);
        }
        let full = START + standing.full_after.as_nanos() as u64;
        prop_assert_eq!(ask(full).full_after, Duration::ZERO);
        if standing.remaining > 0 {
            let whole = decide(&quota, at(START), stored, units(standing.remaining)).0;
            prop_assert!(whole.admitted());
            prop_assert_eq!(whole.remaining, 0);
        }
    }

    #[test]
    fn decisions_are_those_of_a_governor_limiter_with_state_of_its_own(
        quota in small_quota(), steps in proptest::collection::vec((0..400u64, 1..4u32), 1..60),
    ) {
        let clock = FakeRelativeClock::default();
        let limiter = RateLimiter::<_, InMemoryState, _, _>::direct_with_clock(quota.gcra(), clock.clone())
            .with_middleware::<StateInformationMiddleware>();
        let (mut now, mut tat) = (START, None);
        for (ms, n) in steps {
            now += ms * MS;
            clock.advance(Duration::from_millis(ms));
            let (decision, new) = decide(&quota, at(now), tat, units(n));
            tat = new.or(tat);
            let theirs = limiter.check_n(units(n));
            match decision.outcome {
                Outcome::Admitted => {
                    prop_assert_eq!(theirs.unwrap().unwrap().remaining_burst_capacity(), decision.remaining);
                }
                Outcome::Denied { retry_after } => {
                    let since_start = Nanos::from(now - START);
                    prop_assert_eq!(theirs.unwrap().unwrap_err().wait_time_from(since_start), retry_after);
                }
                Outcome::InsufficientCapacity { burst } => prop_assert_eq!(theirs.unwrap_err().0, burst.get()),
            }
        }
    }

    #[test]
    fn no_window_of_forward_time_admits_more_than_burst_and_rate(
        quota in small_quota(),
        steps in proptest::collection::vec(
            (prop_oneof![4 => 0..400i64, 1 => -20_000..20_000i64, 1 => -4_000_000..4_000_000i64], 1..4u32), 1..80),
    ) {
        let (mut now, mut forward, mut tat) = (START, 0u64, None);
        let mut admitted = Vec::new();
        for (ms, n) in steps {
            now = now.saturating_add_signed(ms * MS as i64);
            forward += ms.max(0) as u64 * MS;
            let (decision, new) = decide(&quota, at(now), tat, units(n));
            tat = new.or(tat);
            if decision.admitted() {
                admitted.push((forward, n));
            }
        }
        prop_assert!(within(&quota, &admitted));
    }

    #[test]
    fn workers_whose_clocks_lag_behind_each_other_admit_no_more_than_one_clock_would(
        quota in small_quota(),
        steps in proptest::collection::vec((0..400u64, 0..1000u64, 1..4u32), 1..80),
    ) {
        let (mut latest, mut tat) = (START, None);
        let mut admitted = Vec::new();
        for (ms, lag, n) in steps {
            latest += ms * MS;
            let now = latest - lag * MS;
            let (decision, new) = decide(&quota, at(now), tat, units(n));
            tat = new.or(tat);
            if decision.admitted() {
                admitted.push((now, n));
            }
        }
        admitted.sort_unstable();
        prop_assert!(within(&quota, &admitted));
    }
}

/// Whether the units in every window between two admissions are worth at most a fill of the bucket and the window.
fn within(quota: &Quota, admitted: &[(u64, u32)]) -> bool {
    let (interval, fill) = (quota.interval().as_nanos() as u64, quota.fill().as_nanos() as u64);
    (0..admitted.len()).all(|first| {
        let mut units = 0;
        admitted[first..].iter().all(|(when, n)| {
            units += u64::from(*n);
            units * interval <= fill + (when - admitted[first].0)
        })
    })
}
