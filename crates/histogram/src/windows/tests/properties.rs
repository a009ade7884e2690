//! What holds for any values, any bytes and any clock.

use super::*;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Values of all magnitudes, zeros among them.
fn values() -> impl Strategy<Value = Vec<u64>> {
    let value = prop_oneof![
        3 => 1_000..10_000_000_u64,
        1 => (any::<u64>(), 0..=64_u32).prop_map(|(bits, shift)| bits.checked_shr(shift).unwrap_or(0)),
    ];
    proptest::collection::vec(value, 0..12)
}

proptest! {
    #[test]
    fn cells_say_what_a_histogram_says(values in values(), number in -4..=5_i8) {
        let windows = Windows::new(Duration::from_secs(60), scale(number));
        let mut shared = Shared(windows, None);
        shared.add(&values, START);
        prop_assert_eq!(shared.read(START), histogram(scale(number), &values));
    }

    #[test]
    fn any_bytes_at_any_time_are_survived(
        bytes in proptest::collection::vec(any::<u8>(), 0..200), version in 0..3_u8, number in any::<u64>(),
        slice in any::<bool>(), buckets in 0..8_u8, start in -1..40_i16, now in any::<u64>(), value in any::<u64>(),
    ) {
        let windows = minute();
        let mut cell = vec![version];
        if slice {
            cell.extend((SLICE).to_le_bytes());
            cell.extend(number.to_le_bytes());
        }
        cell.extend([3, buckets]);
        cell.extend(start.to_le_bytes());
        cell.extend(&bytes);
        for length in [cell.len(), 1 + 32 + 4 * usize::from(buckets), HEAD + 8 + 32 + 4 * usize::from(buckets)] {
            cell.resize(length, 0x5a);
            let mut new = Vec::new();
            windows.record(Some(&cell), value, &mut new);
            prop_assert!(new.len() <= windows.pending_bytes() as usize);
            prop_assert!(windows.pending(Some(&new)).is_some_and(|(stored, _)| stored.read().count() > 0));
            let mut merged = Vec::new();
            prop_assert_eq!(windows.merge(Some(&cell), &new, at(now), &mut merged), Step::Write(()));
            prop_assert!(merged.len() <= windows.window_bytes() as usize);
            prop_assert!(windows.read(Some(&merged), at(now)).count() > 0);
            let _ = windows.merge(Some(&merged), &cell, at(now), &mut Vec::new());
            let _ = windows.read(Some(&cell), at(now)).quantile(share("99%"));
            let _ = windows.read(Some(&cell), at(number.wrapping_mul(SLICE))).quantile(share("50%"));
        }
    }

    #[test]
    fn within_a_slice_the_order_of_merges_does_not_matter(
        workers in proptest::collection::vec((values(), 0..SLICE), 1..6), turn in 0..6_usize, number in -4..=5_i8,
    ) {
        let windows = Windows::new(Duration::from_secs(60), scale(number));
        let mut turned = workers.clone();
        turned.rotate_left(turn % workers.len());
        let all = |workers: &[(Vec<u64>, u64)]| {
            let mut shared = Shared(windows, None);
            shared.add(&[5], START - SLICE);
            for (values, when) in workers {
                shared.add(values, START + when);
            }
            shared.1
        };
        prop_assert_eq!(all(&workers), all(&turned));
    }

    /// A worker that was overtaken runs the step again on what the other has left: nothing is lost, nothing counts twice.
    #[test]
    fn a_lost_race_loses_nothing(one in values(), other in values()) {
        let mut shared = shared();
        let mine = pending(minute(), &one);
        let _ = minute().merge(shared.1.as_deref(), &mine, at(START), &mut Vec::new());
        shared.add(&other, START);
        shared.merge(&mine, START);
        prop_assert_eq!(shared.read(START), histogram(Scale::DEFAULT, &[one, other].concat()));
    }

    /// Against a list of all that happened, on a clock that may jump.
    #[test]
    fn a_window_holds_the_values_of_its_slices(
        steps in proptest::collection::vec((values(), prop_oneof![
            9 => 0..(3 * SLICE as i64), 1 => -(40 * SLICE as i64)..(40 * SLICE as i64),
        ]), 1..30),
    ) {
        let mut shared = shared();
        let mut list: Vec<(u64, u64)> = Vec::new();
        let mut now = START;
        for (values, moved) in steps {
            now = now.saturating_add_signed(moved);
            let present = now / SLICE;
            let live = |slice: u64| slice + 12 >= present && slice <= present + 1;
            let ahead = list.iter().any(|(slice, _)| *slice > present + 1);
            let written = shared.merge(&pending(minute(), &values), now);
            prop_assert_eq!(written, ahead || !values.is_empty());
            if written {
                list.retain(|(slice, _)| live(*slice));
            }
            list.extend(values.iter().map(|value| (present, *value)));
            let counted: Vec<u64> = list.iter().filter(|(slice, _)| live(*slice)).map(|(_, value)| *value).collect();
            prop_assert_eq!(shared.read(now), histogram(Scale::DEFAULT, &counted));
        }
    }
}
