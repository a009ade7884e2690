mod properties;
mod vectors;

use super::*;
use crate::tests::{SECOND, START, at, scale, share};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A slice of a window of a minute.
const SLICE: u64 = 5 * SECOND;

fn minute() -> Windows {
    Windows::new(Duration::from_secs(60), Scale::DEFAULT)
}

/// What a worker has pending after these values.
fn pending(windows: Windows, values: &[u64]) -> Vec<u8> {
    let mut cell = Vec::new();
    for value in values {
        let mut new = Vec::new();
        assert_eq!(windows.record(Some(&cell), *value, &mut new), Step::Write(()));
        assert!(new.len() <= windows.pending_bytes() as usize);
        cell = new;
    }
    cell
}

fn histogram(scale: Scale, values: &[u64]) -> Histogram {
    let mut histogram = Histogram::new(scale);
    values.iter().for_each(|value| histogram.record(*value));
    histogram
}

/// A window cell.
#[derive(Clone)]
struct Shared(Windows, Option<Vec<u8>>);

impl Shared {
    fn merge(&mut self, pending: &[u8], now: u64) -> bool {
        let mut new = vec![0xee];
        match self.0.merge(self.1.as_deref(), pending, at(now), &mut new) {
            Step::Keep(()) => false,
            Step::Write(()) => {
                assert!(new.len() <= self.0.window_bytes() as usize);
                self.1 = Some(new);
                true
            }
        }
    }

    fn add(&mut self, values: &[u64], now: u64) {
        let pending = pending(self.0, values);
        self.merge(&pending, now);
    }

    fn read(&self, now: u64) -> Histogram {
        self.0.read(self.1.as_deref(), at(now))
    }

    fn count(&self, now: u64) -> u64 {
        self.read(now).count()
    }
}

fn shared() -> Shared {
    Shared(minute(), None)
}

#[test]
fn cells_are_as_large_as_documented() {
    assert_eq!((minute().pending_bytes(), minute().window_bytes()), (673, 8_849));
    // A value at each end of each slice, and as many slices as there can be.
    let mut shared = shared();
    let wide: Vec<u64> = (0..160).map(|index| Scale::DEFAULT.middle(80 + index)).collect();
    assert_eq!(pending(minute(), &wide).len(), 673);
    for slice in 0..40 {
        shared.add(&wide, START + slice * SLICE);
    }
    shared.add(&wide, START + 38 * SLICE);
    assert_eq!(shared.1.unwrap().len(), 8_849);
}

#[test]
fn a_tick_is_a_slice_between_100_ms_and_5_s() {
    for (window, tick) in [(1, 100), (2, 166), (60, 5_000), (3_600, 5_000)] {
        let windows = Windows::new(Duration::from_secs(window), Scale::DEFAULT);
        assert_eq!(windows.tick().as_millis(), tick, "{window} s");
    }
}

#[test]
fn workers_add_up() {
    let mut shared = shared();
    let values = [20_000, 0, 31_000, 5, u64::MAX, 20_000, 1];
    let (one, other) = values.split_at(3);
    shared.add(one, START);
    shared.add(other, START + SLICE - 1);
    shared.add(&[700], START + SLICE);
    let all = [&values[..], &[700]].concat();
    assert_eq!(shared.read(START + SLICE), histogram(Scale::DEFAULT, &all));
    // 700, at the scale that takes 1 and the greatest of all.
    assert_eq!(shared.read(START + SLICE).quantile(share("50%")), Some(600));
}

#[test]
fn nothing_pending_writes_nothing() {
    let mut shared = shared();
    for nothing in [&[][..], &[PENDING_VERSION], &[0; 673], &[1, 3, 0, 0]] {
        assert!(!shared.merge(nothing, START));
    }
    let mut empty = vec![PENDING_VERSION];
    bytes::write(&Histogram::new(Scale::DEFAULT), &mut empty);
    assert!(!shared.merge(&empty, START));
    assert_eq!(shared.count(START), 0);
    shared.add(&[1], START);
    assert!(!shared.merge(&[], START + 100 * SLICE));
}

#[test]
fn a_value_counts_for_at_least_a_window_and_at_most_a_twelfth_more() {
    for phase in [0, 1, SLICE - 1] {
        let mut shared = shared();
        let then = START + phase;
        shared.add(&[1_000], then);
        assert_eq!(shared.count(then + 12 * SLICE), 1);
        assert_eq!(shared.count(then + 13 * SLICE), 0);
    }
}

#[test]
fn what_was_pending_for_long_counts_from_its_merge_on() {
    let mut shared = shared();
    let pending = pending(minute(), &[1_000]);
    assert!(shared.merge(&pending, START + 1_000 * SECOND));
    assert_eq!(shared.count(START + 1_060 * SECOND), 1);
}

#[test]
fn slices_that_left_the_window_make_room() {
    let mut shared = shared();
    for slice in 0..40 {
        shared.add(&[1_000], START + slice * SLICE);
        assert_eq!(shared.count(START + slice * SLICE), (slice + 1).min(13));
    }
}

#[test]
fn a_worker_whose_clock_is_read_a_moment_earlier_counts() {
    let mut shared = shared();
    shared.add(&[1], START + SLICE);
    shared.add(&[2], START + SLICE - 1);
    shared.add(&[3], START + SLICE);
    for now in [START + SLICE - 1, START + SLICE] {
        assert_eq!(shared.read(now), histogram(Scale::DEFAULT, &[1, 2, 3]));
    }
}

#[test]
fn what_a_clock_that_was_set_back_has_left_ahead_does_not_count_and_is_dropped() {
    let mut shared = shared();
    shared.add(&[1], START + 2 * SLICE);
    assert_eq!(shared.count(START), 0);
    assert!(shared.merge(&[], START));
    assert_eq!(shared.count(START + 2 * SLICE), 0);
    assert!(!shared.merge(&[], START));
}

#[test]
fn a_clock_set_forward_and_back_keeps_what_it_has_not_written_over() {
    let mut shared = shared();
    shared.add(&[1], START);
    assert_eq!(shared.count(START + 100 * SLICE), 0);
    assert_eq!(shared.count(START), 1);
    shared.add(&[2], START + 100 * SLICE);
    assert_eq!(shared.read(START + 100 * SLICE), histogram(Scale::DEFAULT, &[2]));
    assert_eq!(shared.count(START), 0);
}

#[test]
fn a_range_that_is_too_wide_makes_its_slice_coarser_and_no_other() {
    let mut shared = shared();
    shared.add(&[1_000], START);
    let before = shared.1.clone().unwrap();
    shared.add(&[1, u64::MAX], START + SLICE);
    assert!(shared.1.as_deref().unwrap().starts_with(&before));
    assert_eq!(shared.read(START).scale(), scale(1));
    assert_eq!(shared.read(START + SLICE * 13).scale(), scale(1));
    shared.add(&[1_000], START + 13 * SLICE);
    assert_eq!(shared.read(START + 14 * SLICE).scale(), Scale::DEFAULT);
}

#[test]
fn counts_stay_at_their_end() {
    let mut cell = pending(minute(), &[1_000, 0]);
    let length = cell.len();
    for word in [5..9, length - 4..length, 9..17] {
        cell[word].fill(0xff);
    }
    let mut new = Vec::new();
    for value in [1_000, 0] {
        minute().record(Some(&cell), value, &mut new);
        cell = new.clone();
    }
    let mut shared = shared();
    assert!(shared.merge(&cell, START) && shared.merge(&cell, START));
    let read = shared.read(START);
    let full = u64::from(u32::MAX);
    assert_eq!(
        (read.zero_count(), read.count(), read.sum()),
        (full, 2 * full, u64::MAX)
    );
}

#[test]
fn cells_of_another_layout_are_absent() {
    let hour = Windows::new(Duration::from_secs(3_600), Scale::DEFAULT);
    let coarse = Windows::new(Duration::from_secs(60), scale(2));
    let mut shared = shared();
    shared.add(&[1_000], START);
    for other in [hour, coarse] {
        assert_eq!(other.read(shared.1.as_deref(), at(START)).count(), 0);
    }
    // Where slices of different lengths have the same number.
    let mut first = Shared(minute(), None);
    first.add(&[1_000], 0);
    assert_eq!(
        (first.count(0), hour.read(first.1.as_deref(), at(0)).count()),
        (1, 0)
    );
    // A coarser histogram is one that has become coarser.
    let pending = pending(coarse, &[1_000]);
    assert!(shared.merge(&pending, START));
    assert_eq!((shared.count(START), shared.read(START).scale()), (2, scale(2)));
}

#[test]
fn scales_that_a_module_does_not_link_are_taken_for_five() {
    let windows = Windows::new(Duration::from_secs(60), Scale::MAX);
    let mut shared = Shared(windows, None);
    shared.add(&[1_000, 1_010], START);
    assert_eq!(shared.read(START), histogram(scale(5), &[1_000, 1_010]));
}

#[test]
fn windows_of_any_length_can_be_cut() {
    for window in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let mut shared = Shared(Windows::new(window, Scale::DEFAULT), None);
        for now in [0, START, u64::MAX] {
            shared.add(&[1], now);
            assert_ne!(shared.count(now), 0);
        }
    }
}

/// Histograms that are whole, but that nothing can have left: their buckets would not fit any more.
#[test]
fn impossible_buckets_are_absent() {
    for (number, start, buckets) in [
        (3, -2, 1),
        (3, 512, 1),
        (3, 510, 3),
        (-4, 4, 1),
        (5, i16::MAX, 1),
        (5, i16::MIN, 1),
        (3, 0, 161),
    ] {
        let mut cell = vec![PENDING_VERSION, scale(number).get() as u8, buckets];
        cell.extend(start.to_le_bytes());
        cell.resize(1 + 32 + 4 * usize::from(buckets), 1);
        assert!(
            minute().pending(Some(&cell)).is_none(),
            "{number} {start} {buckets}"
        );
        let mut new = Vec::new();
        minute().record(Some(&cell), u64::MAX, &mut new);
        assert_eq!(new, pending(minute(), &[u64::MAX]));
    }
    let mut cell = vec![PENDING_VERSION, 3, 1];
    cell.extend(511_i16.to_le_bytes());
    cell.resize(1 + 32 + 4, 1);
    assert!(minute().pending(Some(&cell)).is_some());
}

#[test]
fn slices_out_of_order_are_absent() {
    let mut shared = shared();
    shared.add(&[1], START);
    shared.add(&[2], START + SLICE);
    let cell = shared.1.clone().unwrap();
    let (head, slices) = cell.split_at(HEAD);
    let (one, other) = slices.split_at(slices.len() / 2);
    for order in [[other, one], [one, one]] {
        shared.1 = Some([head, order[0], order[1]].concat());
        assert_eq!(shared.count(START), 0);
    }
}

/// A cell of one slice more than there can be: the one ahead of now, and the one that it should have pushed out.
#[test]
fn a_cell_never_grows_beyond_its_slices() {
    let wide: Vec<u64> = (0..160).map(|index| Scale::DEFAULT.middle(80 + index)).collect();
    let (mut all, mut ahead) = (shared(), shared());
    for slice in 0..=12 {
        all.add(&wide, START + slice * SLICE);
    }
    ahead.add(&wide, START + 13 * SLICE);
    let cell = [all.1.as_deref().unwrap(), &ahead.1.as_deref().unwrap()[HEAD..]].concat();
    all.1 = Some(cell);
    all.add(&wide, START + 12 * SLICE);
    assert_eq!(all.1.as_deref().unwrap().len(), minute().window_bytes() as usize);
    assert_eq!(
        all.count(START + 12 * SLICE),
        160 * 14,
        "the oldest is gone, the present has two"
    );
}
