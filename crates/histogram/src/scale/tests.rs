use super::*;
use crate::tests::{all_scales, near, scale};
use num_bigint::BigUint;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Whether `value` is in (b^index, b^(index + 1)], in whole numbers without a bound: both sides to the power that makes
/// b^index a power of two.
fn holds(scale: Scale, value: u64, index: i32) -> bool {
    let (mut value, mut below, mut above) = (BigUint::from(value), index, index + 1);
    if scale.get() >= 0 {
        value = value.pow(1 << scale.get());
    } else {
        below <<= -scale.get();
        above <<= -scale.get();
    }
    let greater = |power: i32| power < 0 || value > BigUint::from(1_u8) << power;
    greater(below) && !greater(above)
}

/// Whether `bound` is `2^(part / parts)` in units of 2^-63, rounded down.
fn is_rounded_down(bound: u64, part: usize, parts: u32) -> bool {
    let power = |bound: u64| BigUint::from(bound).pow(parts);
    let exact = BigUint::from(1_u8) << (part + FRACTION as usize * parts as usize);
    power(bound) <= exact && BigUint::from(u128::from(bound) + 1).pow(parts) > exact
}

#[test]
fn tables_are_exact() {
    for (part, bound) in COARSE.iter().enumerate() {
        assert!(is_rounded_down(*bound, part, 32), "{part}");
        assert_eq!(*bound, fine::BOUNDS[part * 8]);
    }
    for (part, bound) in fine::BOUNDS.iter().enumerate() {
        assert!(is_rounded_down(*bound, part, 256), "{part}");
    }
    assert_eq!(STEPS, fine::BOUNDS[..8]);
    assert!(!is_rounded_down(COARSE[1] + 1, 1, 32) && !is_rounded_down(COARSE[1] - 1, 1, 32));
}

#[test]
fn values_next_to_every_bound_are_on_its_right_side() {
    for scale in all_scales() {
        let every = match scale.get() {
            ..=5 => 1,
            // Numbers of 16,000 bits.
            _ if cfg!(target_arch = "wasm32") => 97,
            _ => 7,
        };
        let octaves = 64_i32 << 8 >> (8 - scale.get());
        for bound in (0..octaves).step_by(every) {
            let below = scale.bound(i64::from(bound)).whole();
            for value in [below.max(1), below.saturating_add(1)] {
                let index = scale.index(value);
                assert!(holds(scale, value, index), "{value} at {scale:?}: {index}");
                if scale <= Scale::FINEST_SMALL {
                    assert_eq!(scale.index_small(value), index);
                } else {
                    assert_eq!(scale.index_small(value), Scale::FINEST_SMALL.index(value));
                }
            }
        }
        for value in [1, 2, 3, u64::MAX - 1, u64::MAX] {
            assert!(holds(scale, value, scale.index(value)));
        }
    }
    assert!(!holds(scale(3), 1000, scale(3).index(1000) + 1));
    assert!(!holds(scale(3), 1000, scale(3).index(1000) - 1));
}

#[test]
fn a_power_of_two_ends_its_bucket() {
    for exponent in 0..64 {
        for number in 0..=8 {
            let index = scale(number).index(1 << exponent);
            assert_eq!(index, (exponent << number) - 1);
            assert_eq!(scale(number).upper(index), (1_u64 << exponent) as f64);
        }
        for number in -4..0 {
            assert_eq!(scale(number).index(1 << exponent), (exponent - 1) >> -number);
        }
    }
}

#[test]
fn zero_is_taken_for_one() {
    for scale in all_scales() {
        assert_eq!((scale.index(0), scale.index_small(0)), (-1, -1));
    }
}

#[test]
fn scales_are_numbered_from_minus_four_to_eight() {
    assert_eq!(all_scales().count(), SCALES);
    for number in [i8::MIN, -5, 9, i8::MAX] {
        assert_eq!(Scale::new(number), None);
    }
    assert_eq!(scale(8).coarser(3), scale(5));
    assert_eq!(scale(0).coarser(u32::MAX), Scale::MIN);
    assert_eq!(
        (scale(8).finer_by(scale(-4)), scale(-4).finer_by(scale(8))),
        (12, 0)
    );
}

#[test]
fn errors_are_as_documented() {
    for scale in all_scales() {
        let base = 2_f64.powf(2_f64.powi(-i32::from(scale.get())));
        let error = (base - 1.0) / (base + 1.0) * 1e6;
        assert_eq!(scale.relative_error_ppm(), error.ceil() as u32, "{scale:?}");
        let middle = 2.0 * base / (base + 1.0) * (1_u64 << 63) as f64;
        let stored = MIDDLES[scale.row()] as f64;
        assert!((middle - stored).abs() < 1e-12 * middle, "{scale:?}");
    }
    assert_eq!(Scale::DEFAULT.relative_error_ppm(), 43_295);
}

#[test]
fn bounds_of_floats_are_powers_of_the_base() {
    for scale in all_scales() {
        for index in [-1000, -100, -17, -1, 0, 1, 5, 31, 100, 1023, 4000] {
            let exact = 2_f64.powf(f64::from(index) * 2_f64.powi(-i32::from(scale.get())));
            let bound = scale.lower(index);
            if exact.is_finite() && exact > 1e-300 {
                assert!(
                    (bound / exact - 1.0).abs() < 1e-12,
                    "{index} at {scale:?}: {bound}"
                );
                assert_eq!(scale.upper(index - 1), bound);
            }
        }
        assert_eq!(
            (scale.lower(i32::MAX), scale.upper(i32::MAX)),
            (f64::INFINITY, f64::INFINITY)
        );
        assert_eq!((scale.lower(i32::MIN), scale.upper(i32::MIN)), (0.0, 0.0));
    }
    assert_eq!(scale(0).lower(-1022), f64::MIN_POSITIVE);
    assert_eq!(scale(0).lower(-1074), 5e-324);
    assert_eq!(scale(0).lower(1023), 2_f64.powi(1023));
}

#[test]
fn floats_lie_in_the_buckets_that_opentelemetry_names() {
    for (value, number, index) in [
        (1.0, 0, -1),
        (2.0, 0, 0),
        (1.5, 0, 0),
        (4.0, 0, 1),
        (0.25, 0, -3),
        (f64::MIN_POSITIVE, 0, -1023),
        (5e-324, 0, -1075),
        (1e-323, 0, -1074),
        (f64::MAX, 0, 1023),
        (f64::MAX, -4, 63),
        (5e-324, -4, -68),
        (f64::MAX, 8, 262_143),
        (1.2, 2, 1),
        (33.33, -1, 2),
    ] {
        assert_eq!(scale(number).index_f64(value), Some(index), "{value} at {number}");
    }
    for value in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(scale(3).index_f64(value), None);
    }
}

#[test]
fn whole_bounds_are_rounded_to_the_nearest() {
    for (number, index, bound) in [
        (0, 0, 1),
        (0, -1, 1),
        (0, -2, 0),
        (0, -5, 0),
        (0, 63, 1 << 63),
        (0, 64, u64::MAX),
        (3, 28, 11),
        (3, 27, 10),
        (3, 80, 1024),
        (3, 81, 1117),
        (8, 2551, 999),
        (8, i32::MAX, u64::MAX),
        (-4, i32::MIN, 0),
    ] {
        assert_eq!(scale(number).rounded_bound(index), bound, "{index} at {number}");
    }
}

#[test]
fn middles_of_the_ends_are_numbers() {
    for scale in all_scales() {
        assert_eq!(scale.middle(i32::MIN), 0);
        assert_eq!(scale.middle(i32::MAX), u64::MAX);
        assert_eq!(scale.middle(-1), 1);
        let last = scale.middle(scale.index(u64::MAX));
        assert_eq!(scale.index(last), scale.index(u64::MAX));
    }
    assert_eq!(scale(0).middle(0), 2, "the only whole number in (1, 2]");
    assert_eq!(scale(3).middle(80), 1068);
}

/// Whole numbers of all magnitudes.
fn value() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64_u32).prop_map(|(bits, shift)| (bits >> shift).max(1))
}

proptest! {
    #[test]
    fn each_value_lies_in_its_bucket(value in value(), number in -4..=8_i8) {
        let scale = scale(number);
        prop_assert!(holds(scale, value, scale.index(value)));
    }

    #[test]
    fn a_coarser_bucket_is_the_union_of_two(value in value(), number in -3..=8_i8) {
        prop_assert_eq!(scale(number).index(value) >> 1, scale(number - 1).index(value));
    }

    #[test]
    fn whole_floats_lie_where_whole_numbers_do(value in 1..1_u64 << 53, number in -4..=8_i8) {
        prop_assert_eq!(scale(number).index_f64(value as f64), Some(scale(number).index(value)));
    }

    #[test]
    fn middles_are_near_to_all_of_their_bucket(value in value(), number in -4..=8_i8) {
        let scale = scale(number);
        let middle = scale.middle(scale.index(value));
        prop_assert!(near(middle, value, scale), "{} for {}", middle, value);
        prop_assert_eq!(scale.index(middle), scale.index(value));
    }
}
