use super::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn it_refuses_what_envoy_and_failsafe_refuse() {
    let vectors = include_str!("../../vectors/throttle.tsv");
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let [rate, aggression, max, successes, failures, expected] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let throttle = Throttle {
            success_rate: rate.parse().unwrap(),
            aggression_permille: aggression.parse().unwrap(),
            max_rejection: max.parse().unwrap(),
        };
        let counts = Counts {
            successes: successes.parse().unwrap(),
            failures: failures.parse().unwrap(),
            slow: 0,
        };
        let expected: u32 = expected.parse().unwrap();
        assert!(
            rejection(&throttle, &counts).ppm().abs_diff(expected) <= 1,
            "{line}"
        );
    }
}

#[test]
fn no_count_makes_it_refuse_more_than_its_cap() {
    for n in [0, 1, u64::MAX / 2, u64::MAX] {
        for (aggression_permille, success_rate) in [(0, 0), (1, 1), (1_000, 1_000_000), (100_000, 10)] {
            let throttle = Throttle {
                success_rate: Share::from_ppm(success_rate).unwrap(),
                aggression_permille,
                max_rejection: Share::from_ppm(123).unwrap(),
            };
            let counts = Counts {
                successes: 0,
                failures: n,
                slow: n,
            };
            assert!(rejection(&throttle, &counts) <= throttle.max_rejection);
        }
    }
}

#[test]
fn powers_are_those_of_the_standard_library() {
    for n in 1..=1000_u32 {
        let share = f64::from(n) / 1000.0;
        for exponent in [0.01, 0.1, 1.0 / 3.0, 0.5, 0.999, 1.5] {
            let power = power_of_two(log_of_two(share) * exponent);
            assert!((power - share.powf(exponent)).abs() < 1e-9, "{share} {exponent}");
        }
    }
    assert!(power_of_two(log_of_two(1e-300)) < 1e-290);
}
