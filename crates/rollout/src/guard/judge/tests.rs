use super::super::latency::{BUCKETS, Histogram, bucket_of};
use super::super::tests::{guard, latency_guard, share};
use super::*;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn failures(bad: u64, of: u64) -> Counts {
    Counts {
        requests: of,
        failures: bad,
        ..Counts::NONE
    }
}

/// So many requests of so many milliseconds each.
fn latencies(of: &[(u64, u32)]) -> Counts {
    let mut words = [0_u32; BUCKETS];
    for (millis, count) in of {
        words[bucket_of(millis * 1000)] += count;
    }
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut latency = Histogram::EMPTY;
    latency.add(&bytes);
    Counts {
        requests: latency.total(),
        failures: 0,
        latency,
    }
}

/// The guard of the documentation with these bounds and this least number of requests.
fn bounds(max: Option<&str>, above: Option<&str>, minimum_requests: u32) -> Guard {
    Guard {
        minimum_requests,
        error_rate: Some(ErrorRate {
            max: max.map(share),
            above_stable: above.map(share),
        }),
        ..guard()
    }
}

/// What `5/50 1/450` (failures of the canary, of the stable variant) break.
fn broken(guard: &Guard, counts: &str) -> Option<Against> {
    let mut parts = counts.split(' ').map(|part| {
        let (bad, of) = part.split_once('/').unwrap();
        failures(bad.parse().unwrap(), of.parse().unwrap())
    });
    let (canary, stable) = (parts.next().unwrap(), parts.next().unwrap());
    let breach = guard.judge(&canary, &stable)?;
    assert_eq!((breach.bound, breach.threshold), (Bound::ErrorRate, None));
    Some(breach.against)
}

#[test]
fn a_canary_that_fails_trips_and_one_that_does_not_does_not() {
    let guard = guard();
    for (counts, expected) in [
        ("0/50 0/450", None),
        ("1/50 4/450", None),
        ("4/50 4/450", None),
        ("12/60 5/540", Some(Against::Max)),
        ("50/50 0/450", Some(Against::Max)),
        ("60/1000 40/9000", Some(Against::Stable)),
        ("60/1000 550/9000", None),
        ("400/10000 900/90000", Some(Against::Stable)),
        ("290/10000 900/90000", None),
    ] {
        assert_eq!(broken(&guard, counts), expected, "{counts}");
    }
}

#[test]
fn fewer_requests_than_the_minimum_are_not_judged() {
    let guard = guard();
    assert_eq!(broken(&guard, "49/49 0/450"), None);
    assert_eq!(broken(&guard, "50/50 0/450"), Some(Against::Max));
    let above = bounds(None, Some("2%"), 50);
    assert_eq!(broken(&above, "50/50 0/49"), None, "nor compared with");
    assert_eq!(broken(&above, "50/50 0/50"), Some(Against::Stable));
}

#[test]
fn a_bound_that_is_a_number_needs_no_stable_traffic_and_no_better_one() {
    let guard = guard();
    assert_eq!(broken(&guard, "20/100 0/0"), Some(Against::Max));
    assert_eq!(broken(&guard, "20/100 200/1000"), Some(Against::Max));
    assert_eq!(broken(&bounds(None, Some("2%"), 50), "20/100 0/0"), None);
    assert_eq!(broken(&bounds(None, Some("2%"), 50), "20/100 200/1000"), None);
}

#[test]
fn a_better_canary_is_no_worse_for_a_bad_stable_variant() {
    assert_eq!(
        broken(&bounds(None, Some("0%"), 50), "100/10000 9000/90000"),
        None
    );
    assert_eq!(broken(&guard(), "100/10000 90000/90000"), None);
}

#[test]
fn a_canary_of_which_all_fail_trips_at_the_minimum() {
    for minimum in [20, 50, 1000] {
        for max in ["0%", "1%", "5%", "20%", "50%"] {
            let guard = bounds(Some(max), None, minimum);
            let counts = format!("{minimum}/{minimum} 0/0");
            assert_eq!(broken(&guard, &counts), Some(Against::Max), "{counts} at {max}");
        }
        let guard = bounds(None, Some("2%"), minimum);
        let counts = format!("{minimum}/{minimum} 0/{minimum}");
        assert_eq!(broken(&guard, &counts), Some(Against::Stable), "{counts}");
    }
}

/// The numbers of the module's "Few requests".
#[test]
fn with_few_requests_it_takes_as_much_evidence() {
    for (max, counts, expected) in [
        ("5%", "2/2 0/0", None),
        ("5%", "3/3 0/0", Some(Against::Max)),
        ("20%", "4/4 0/0", None),
        ("20%", "5/5 0/0", Some(Against::Max)),
        ("21%", "5/5 0/0", None),
        ("50%", "16/16 0/0", None),
        ("50%", "17/17 0/0", Some(Against::Max)),
        ("23%", "5/5 0/45", Some(Against::Max)),
        ("24%", "5/5 0/45", None),
        ("5%", "3/5 0/0", None),
        ("0%", "1/1 0/0", Some(Against::Max)),
        ("0%", "0/50 0/0", None),
        ("100%", "9999/9999 0/9999", None),
    ] {
        let guard = bounds(Some(max), None, 1);
        assert_eq!(broken(&guard, counts), expected, "{counts} at {max}");
    }
}

#[test]
fn a_breach_says_what_broke_which_bound() {
    let breach = guard().judge(&failures(12, 60), &failures(5, 540)).unwrap();
    assert_eq!((breach.share, breach.limit), (share("20%"), share("5%")));
    let above = bounds(None, Some("2%"), 50);
    let breach = above.judge(&failures(12, 60), &failures(5, 500)).unwrap();
    assert_eq!((breach.share, breach.limit), (share("20%"), share("3%")));
    let most = bounds(None, Some("99%"), 50);
    assert_eq!(most.judge(&failures(60, 60), &failures(30, 500)), None);
}

#[test]
fn a_guard_without_bounds_finds_nothing() {
    let guard = Guard {
        error_rate: None,
        ..guard()
    };
    assert_eq!(guard.judge(&failures(50, 50), &failures(0, 50)), None);
}

/// Which bound on p95 a canary breaks.
fn slow(guard: &Guard, canary: &[(u64, u32)], stable: &[(u64, u32)]) -> Option<(Against, u128)> {
    let breach = guard.judge(&latencies(canary), &latencies(stable))?;
    assert_eq!((breach.bound, breach.limit), (Bound::Latency, share("5%")));
    Some((breach.against, breach.threshold.unwrap().as_millis()))
}

#[test]
fn a_canary_slower_than_the_number_trips() {
    let guard = latency_guard(Some(Duration::from_millis(800)), None);
    let fast = [(100, 900)];
    assert_eq!(slow(&guard, &[(100, 100)], &fast), None);
    assert_eq!(slow(&guard, &[(100, 98), (2000, 2)], &fast), None);
    let bad = [(100, 70), (2000, 30)];
    assert_eq!(slow(&guard, &bad, &fast), Some((Against::Max, 800)));
    assert_eq!(slow(&guard, &bad, &[]), Some((Against::Max, 800)));
    let as_bad = [(100, 700), (2000, 300)];
    assert_eq!(slow(&guard, &bad, &as_bad), Some((Against::Max, 800)));
    assert_eq!(slow(&guard, &[(100, 12), (2000, 37)], &fast), None, "too few");
}

#[test]
fn what_may_not_be_slower_than_a_threshold_does_not_count_as_slower() {
    let guard = latency_guard(Some(Duration::from_millis(800)), None);
    // 800 ms lies in the bucket from 786.4 to 851.9 ms.
    assert_eq!(slow(&guard, &[(840, 1000)], &[]), None);
    assert_eq!(slow(&guard, &[(860, 1000)], &[]), Some((Against::Max, 800)));
}

#[test]
fn a_threshold_beyond_what_can_be_told_apart_is_never_exceeded() {
    let guard = latency_guard(Some(Latency::LONGEST), None);
    assert!(slow(&guard, &[(70_000, 1000)], &[]).is_some());
    let longer = latency_guard(Some(Latency::LONGEST + Duration::from_nanos(1)), None);
    assert_eq!(slow(&longer, &[(3_600_000, 1000)], &[]), None);
    let never = latency_guard(Some(Duration::MAX), Some(u32::MAX));
    assert_eq!(slow(&never, &[(3_600_000, 1000)], &[(60_000, 1000)]), None);
}

#[test]
fn a_canary_slower_than_the_stable_variant_by_the_ratio_trips() {
    let guard = latency_guard(None, Some(1500));
    let stable = [(100, 850), (200, 50)];
    assert_eq!(slow(&guard, &[(100, 95), (200, 5)], &stable), None);
    assert_eq!(slow(&guard, &[(200, 100)], &[(200, 900)]), None);
    let (against, threshold) = slow(&guard, &[(200, 100)], &[(100, 900)]).unwrap();
    assert_eq!(against, Against::Stable);
    assert!(
        (147..=160).contains(&threshold),
        "{threshold} is 1.5 x 98.3 to 106.5"
    );
    assert_eq!(slow(&guard, &[(200, 100)], &[]), None, "nothing to compare with");
    assert_eq!(slow(&guard, &[(200, 100)], &[(100, 49)]), None, "too little");
    assert_eq!(slow(&guard, &[(200, 100)], &[(400, 900)]), None, "faster");
}

#[test]
fn requests_without_a_latency_are_not_judged_by_it() {
    let guard = latency_guard(Some(Duration::from_millis(800)), None);
    let canary = Counts {
        requests: 1000,
        ..latencies(&[(2000, 49)])
    };
    assert_eq!(guard.judge(&canary, &Counts::NONE), None);
}

#[test]
fn failures_are_told_before_latencies() {
    let guard = Guard {
        error_rate: super::super::tests::guard().error_rate,
        ..latency_guard(Some(Duration::from_millis(800)), None)
    };
    let canary = Counts {
        failures: 100,
        ..latencies(&[(2000, 100)])
    };
    assert_eq!(
        guard.judge(&canary, &Counts::NONE).unwrap().bound,
        Bound::ErrorRate
    );
    let canary = latencies(&[(2000, 100)]);
    assert_eq!(guard.judge(&canary, &Counts::NONE).unwrap().bound, Bound::Latency);
}

fn any_share() -> impl Strategy<Value = Option<Share>> {
    proptest::option::of((0..=1_000_000_u32).prop_map(|ppm| Share::from_ppm(ppm).unwrap()))
}

fn any_counts() -> impl Strategy<Value = Counts> {
    let histogram = proptest::collection::vec(
        prop_oneof![3 => Just(0), 1 => 0..200u32, 1 => any::<u32>()],
        BUCKETS,
    );
    (prop_oneof![0..100u64, 0..(11_u64 << 32)], any::<u64>(), histogram).prop_map(
        |(requests, failures, words)| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let mut latency = Histogram::EMPTY;
            latency.add(&bytes);
            Counts {
                requests,
                failures: failures % (requests + 1),
                latency,
            }
        },
    )
}

proptest! {
    #[test]
    fn any_counts_can_be_judged_by_any_guard(
        canary in any_counts(), stable in any_counts(), minimum_requests in prop_oneof![0..3u32, any::<u32>()],
        max in any_share(), above_stable in any_share(), quantile in any_share(),
        millis in proptest::option::of(any::<u64>()), ratio in proptest::option::of(any::<u32>()),
    ) {
        let guard = Guard {
            minimum_requests,
            error_rate: Some(ErrorRate { max, above_stable }),
            latency: quantile.map(|quantile| Latency {
                quantile, max: millis.map(Duration::from_millis), max_ratio_to_stable_permille: ratio,
            }),
            ..guard()
        };
        if let Some(breach) = guard.judge(&canary, &stable) {
            prop_assert!(breach.share >= breach.limit);
        }
        let swapped = guard.judge(&stable, &canary);
        if let Some(breach) = swapped {
            prop_assert!(breach.share >= breach.limit);
        }
    }

    #[test]
    fn a_canary_that_is_no_worse_than_the_stable_variant_never_trips_a_comparison(
        bad in 0..1000u64, of in 1000..100_000u64, times in 1..20u64,
    ) {
        let above = bounds(None, Some("0%"), 50);
        prop_assert_eq!(above.judge(&failures(bad, of), &failures(bad * times, of * times)), None);
    }
}
