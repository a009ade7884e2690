use super::*;
use crate::tests::scale;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn counted(bounds: &Bounds, values: &[u64]) -> Vec<u8> {
    let mut cell = Vec::new();
    for value in values {
        let mut new = Vec::new();
        assert_eq!(bounds.record(Some(&cell), *value, &mut new), Step::Write(()));
        assert_eq!(new.len(), bounds.pending_bytes() as usize);
        cell = new;
    }
    cell
}

fn drained(bounds: &Bounds, cell: &[u8]) -> (Drained, Vec<(usize, u64)>) {
    let mut grown = Vec::new();
    let drained = bounds.drain(cell, |position, by| grown.push((position, by)));
    (drained, grown)
}

#[test]
fn a_value_is_in_the_first_bucket_whose_bound_it_does_not_exceed() {
    let bounds = Bounds::new(vec![25_000, 5_000, 10_000, 5_000]);
    assert_eq!(
        (bounds.as_slice(), bounds.len()),
        (&[5_000, 10_000, 25_000][..], 3)
    );
    for (value, position) in [
        (0, 0),
        (5_000, 0),
        (5_001, 1),
        (10_000, 1),
        (25_000, 2),
        (25_001, 3),
        (u64::MAX, 3),
    ] {
        assert_eq!(bounds.position(value), position, "{value}");
    }
}

#[test]
fn counters_are_cumulative_and_those_that_do_not_grow_are_left_out() {
    let bounds = Bounds::new(vec![5, 10, 25, 50]);
    let cell = counted(&bounds, &[7, 26, 26, 1_000]);
    let (sums, grown) = drained(&bounds, &cell);
    assert_eq!(sums, Drained { count: 4, sum: 1_059 });
    assert_eq!(grown, [(1, 1), (2, 1), (3, 3), (4, 4)]);
}

#[test]
fn what_cannot_be_read_is_nothing() {
    let bounds = Bounds::new(vec![5, 10]);
    let cell = counted(&bounds, &[7]);
    assert_eq!(cell.len(), 21);
    let mut wrong = cell.clone();
    wrong[0] = 9;
    for bytes in [&[][..], &cell[1..], &wrong, &[1; 25]] {
        assert_eq!(drained(&bounds, bytes), (Drained::default(), vec![]));
        let mut new = Vec::new();
        bounds.record(Some(bytes), 7, &mut new);
        assert_eq!(new, cell);
    }
}

#[test]
fn counts_stay_at_their_end() {
    let bounds = Bounds::new(vec![5]);
    let mut cell = counted(&bounds, &[1]);
    cell[1..].fill(0xff);
    let mut new = Vec::new();
    bounds.record(Some(&cell), 1, &mut new);
    let full = u64::from(u32::MAX);
    let (sums, grown) = drained(&bounds, &new);
    assert_eq!((sums.count, sums.sum), (2 * full, u64::MAX));
    assert_eq!(grown, [(0, full), (1, 2 * full)]);
}

#[test]
fn without_bounds_there_is_one_bucket() {
    let bounds = Bounds::default();
    assert!(bounds.is_empty());
    let cell = counted(&bounds, &[1, 2]);
    assert_eq!(
        drained(&bounds, &cell),
        (Drained { count: 2, sum: 3 }, vec![(0, 2)])
    );
}

#[test]
fn exponential_bounds_cover_what_they_are_asked_to() {
    for (number, from, to, bounds) in [
        (0, 1, 8, &[1, 2, 4, 8][..]),
        (0, 3, 9, &[2, 4, 8, 16]),
        (0, 0, 1, &[1]),
        (1, 1_000, 4_000, &[724, 1_024, 1_448, 2_048, 2_896, 4_096]),
        (3, 1, 4, &[1, 2, 3, 4]),
        (-1, 1_000, 100_000, &[256, 1_024, 4_096, 16_384, 65_536, 262_144]),
        (8, 1_000, 1_005, &[999, 1_002, 1_005]),
        (0, 8, 3, &[8]),
        (5, u64::MAX, 0, &[u64::MAX]),
    ] {
        let got = Bounds::exponential(scale(number), from, to);
        assert_eq!(got.as_slice(), bounds, "{from} to {to} at {number}");
    }
    let default = Bounds::exponential(Scale::DEFAULT, 1_000, 10_000_000);
    assert_eq!((default.len(), default.as_slice()[0]), (109, 939));
    assert_eq!(Bounds::exponential(scale(5), 1, u64::MAX).len(), 1_917);
}

proptest! {
    #[test]
    fn exponential_bounds_ascend_and_cover(from in any::<u64>(), to in any::<u64>(), shift in 0..64_u32, number in -4..=8_i8) {
        let (from, to) = ((from >> shift).max(1), to >> shift);
        let bounds = Bounds::exponential(scale(number), from, to);
        prop_assert!(bounds.as_slice().windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(bounds.as_slice()[0] <= from);
        prop_assert!(bounds.position(from) <= 1);
        prop_assert!(bounds.position(to.max(from)) == bounds.len() - 1);
        prop_assert_eq!(&Bounds::new(bounds.as_slice().to_vec()), &bounds);
    }

    #[test]
    fn counters_are_those_of_a_list(
        bounds in proptest::collection::vec(0..2_000_u64, 0..20), values in proptest::collection::vec(0..2_500_u64, 1..50),
    ) {
        let bounds = Bounds::new(bounds);
        let (sums, grown) = drained(&bounds, &counted(&bounds, &values));
        prop_assert_eq!((sums.count, sums.sum), (values.len() as u64, values.iter().sum()));
        for (position, bound) in bounds.as_slice().iter().chain([&u64::MAX]).enumerate() {
            let exact = values.iter().filter(|value| *value <= bound).count() as u64;
            let by = grown.iter().find(|(grown, _)| *grown == position).map_or(0, |(_, by)| *by);
            prop_assert_eq!(by, exact);
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..40), value in any::<u64>()) {
        let bounds = Bounds::new(vec![5, 10, 20]);
        let mut cell = bytes;
        for length in [cell.len(), 25] {
            cell.resize(length, 1);
            if let Some(first) = cell.first_mut() {
                *first = VERSION;
            }
            let _ = drained(&bounds, &cell);
            let mut new = Vec::new();
            bounds.record(Some(&cell), value, &mut new);
            prop_assert_eq!(new.len(), bounds.pending_bytes() as usize);
        }
    }
}
