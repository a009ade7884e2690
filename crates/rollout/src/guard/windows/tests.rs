use super::super::tests::{START, at, guard, latency_guard};
use super::*;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const MS: u64 = 1_000_000;
/// A slice of a window of a minute.
const SLICE: u64 = 6_000 * MS;
const GOOD: Outcome = Outcome {
    failed: false,
    latency: None,
};
const BAD: Outcome = Outcome {
    failed: true,
    latency: None,
};

fn slow(millis: u64) -> Outcome {
    Outcome {
        failed: false,
        latency: Some(Duration::from_millis(millis)),
    }
}

fn plain() -> Windows {
    guard().windows()
}

fn timed() -> Windows {
    latency_guard(Some(Duration::from_millis(800)), None).windows()
}

/// What a worker has pending after these outcomes.
fn pending(windows: Windows, outcomes: &[Outcome]) -> Vec<u8> {
    let mut cell: Option<Vec<u8>> = None;
    for outcome in outcomes {
        let mut new = Vec::new();
        assert_eq!(
            windows.record(cell.as_deref(), *outcome, &mut new),
            Step::Write(())
        );
        cell = Some(new);
    }
    cell.unwrap_or_default()
}

/// A window cell.
struct Stored(Windows, Option<Vec<u8>>);

impl Stored {
    fn new(windows: Windows) -> Self {
        Self(windows, None)
    }

    fn merge(&mut self, pending: &[u8], now: u64) -> bool {
        let mut new = Vec::new();
        match self.0.merge(self.1.as_deref(), pending, at(now), &mut new) {
            Step::Keep(()) => false,
            Step::Write(()) => {
                assert_eq!(new.len(), self.0.window_bytes() as usize);
                self.1 = Some(new);
                true
            }
        }
    }

    fn add(&mut self, outcomes: &[Outcome], now: u64) {
        let pending = pending(self.0, outcomes);
        self.merge(&pending, now);
    }

    fn since(&self, now: u64, since: u64) -> (u64, u64) {
        let counts = self.0.counts(self.1.as_deref(), at(now), at(since));
        (counts.failures(), counts.requests())
    }

    /// Failures and requests.
    fn at(&self, now: u64) -> (u64, u64) {
        self.since(now, 0)
    }
}

#[test]
fn cells_are_as_small_as_documented() {
    assert_eq!((plain().pending_bytes(), plain().window_bytes()), (9, 177));
    assert_eq!((timed().pending_bytes(), timed().window_bytes()), (625, 6953));
}

#[test]
fn what_a_worker_records_is_pending() {
    for windows in [plain(), timed()] {
        let cell = pending(windows, &[GOOD, BAD, GOOD, slow(5), BAD]);
        assert_eq!(cell.len(), windows.pending_bytes() as usize);
        let counted = windows.pending(Some(&cell));
        assert_eq!(
            counted,
            Pending {
                succeeded: 3,
                failed: 2
            }
        );
        assert_eq!(windows.pending(None), Pending::default());
        assert_eq!(windows.pending(Some(&[])), Pending::default());
    }
}

#[test]
fn workers_add_up() {
    let mut stored = Stored::new(timed());
    stored.add(&[GOOD, BAD], START);
    stored.add(&[BAD, slow(100), slow(200)], START + SLICE);
    assert_eq!(stored.at(START + SLICE), (2, 5));
    let counts = stored.0.counts(stored.1.as_deref(), at(START + SLICE), at(0));
    let half = Share::from_ppm(500_000).unwrap();
    let median = counts.quantile(half).unwrap().as_millis();
    assert!((98..=107).contains(&median), "{median} is the bucket of 100 ms");
    assert_eq!(Counts::NONE.quantile(half), None);
}

#[test]
fn a_latency_that_nobody_bounds_is_not_stored() {
    let mut stored = Stored::new(plain());
    stored.add(&[slow(100)], START);
    let counts = stored.0.counts(stored.1.as_deref(), at(START), at(0));
    assert_eq!((counts.requests(), counts.quantile(Share::ALL)), (1, None));
}

#[test]
fn an_outcome_counts_for_at_least_a_window_and_at_most_a_tenth_more() {
    for phase in [0, 1, SLICE - 1] {
        let mut stored = Stored::new(plain());
        let then = START + phase;
        stored.add(&[BAD], then);
        assert_eq!(stored.at(then + 10 * SLICE), (1, 1));
        assert_eq!(stored.at(then + 11 * SLICE), (0, 0));
    }
}

#[test]
fn a_slice_that_left_the_window_makes_room() {
    let mut stored = Stored::new(plain());
    for slice in 0..40 {
        stored.add(&[BAD], START + slice * SLICE);
        assert_eq!(stored.at(START + slice * SLICE).1, (slice + 1).min(11));
    }
}

#[test]
fn only_slices_that_began_since_count() {
    let mut stored = Stored::new(plain());
    stored.add(&[GOOD], START);
    stored.add(&[GOOD], START + SLICE);
    let now = START + SLICE + 5;
    assert_eq!(stored.since(now, START).1, 2);
    assert_eq!(stored.since(now, START + 1).1, 1);
    assert_eq!(stored.since(now, START + SLICE).1, 1);
    assert_eq!(stored.since(now, START + SLICE + 1).1, 0);
    assert_eq!(stored.since(now, u64::MAX).1, 0);
}

#[test]
fn nothing_pending_is_nothing_to_write() {
    let mut stored = Stored::new(plain());
    assert!(!stored.merge(&[], START));
    stored.add(&[GOOD], START);
    assert!(!stored.merge(&[], START + SLICE));
}

#[test]
fn what_lies_ahead_after_the_clock_was_set_back_is_dropped() {
    let mut stored = Stored::new(plain());
    stored.add(&[BAD; 9], START + 100 * SLICE);
    assert_eq!(stored.at(START), (0, 0), "it does not count");
    stored.add(&[GOOD], START);
    assert_eq!(stored.at(START), (0, 1));
    assert_eq!(stored.at(START + 100 * SLICE), (0, 0), "and is gone for good");

    stored.add(&[BAD], START + 2 * SLICE);
    assert!(stored.merge(&[], START), "also when nothing is pending");
    assert_eq!(stored.at(START + 2 * SLICE), (0, 1));
}

#[test]
fn a_worker_that_reads_the_clock_a_moment_earlier_loses_nothing() {
    let mut stored = Stored::new(plain());
    stored.add(&[BAD], START + SLICE);
    stored.add(&[GOOD], START + SLICE - 1);
    assert_eq!(stored.at(START + SLICE - 1), (1, 2));
    assert_eq!(stored.at(START + SLICE), (1, 2));
}

#[test]
fn counts_stay_at_their_end() {
    let windows = plain();
    let mut most = vec![VERSION];
    most.extend([0xff; 8]);
    let mut new = Vec::new();
    windows.record(Some(&most), BAD, &mut new);
    assert_eq!(new, most);
    let mut stored = Stored::new(windows);
    for slice in [0, 0, 1] {
        stored.merge(&most, START + slice * SLICE);
    }
    let most = 2 * u64::from(u32::MAX);
    assert_eq!(stored.at(START + SLICE), (most, most));
}

#[test]
fn bytes_that_cannot_be_read_are_nothing() {
    let mut good = Stored::new(plain());
    good.add(&[BAD], START);
    let good = good.1.unwrap();
    let mut other_version = good.clone();
    other_version[0] = 2;
    let timed = Stored::new(timed());
    for (windows, bytes) in [
        (plain(), &good[..176]),
        (plain(), &other_version),
        (plain(), &[]),
        (timed.0, &good),
    ] {
        let mut stored = Stored(windows, Some(bytes.to_vec()));
        assert_eq!(stored.at(START), (0, 0));
        stored.add(&[BAD, GOOD], START);
        assert_eq!(stored.at(START), (1, 2));
        assert!(!stored.merge(bytes, START), "nor are they pending");
    }
}

#[test]
fn no_more_fails_than_there_was() {
    let mut bytes = vec![VERSION];
    bytes.extend([5, 0, 0, 0, 9, 0, 0, 0]);
    assert_eq!(
        plain().pending(Some(&bytes)),
        Pending {
            succeeded: 0,
            failed: 5
        }
    );
    let mut stored = Stored::new(plain());
    stored.merge(&bytes, START);
    assert_eq!(stored.at(START), (5, 5));
}

#[test]
fn windows_of_any_length_can_be_cut() {
    for window in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let windows = Guard { window, ..guard() }.windows();
        let mut stored = Stored::new(windows);
        for now in [0, START, u64::MAX] {
            stored.add(&[GOOD], now);
            assert_ne!(stored.at(now), (0, 0));
        }
    }
}

fn outcomes() -> impl Strategy<Value = Vec<Outcome>> {
    let outcome = (any::<bool>(), proptest::option::of(0..100_000u64)).prop_map(|(failed, millis)| Outcome {
        failed,
        latency: millis.map(Duration::from_millis),
    });
    proptest::collection::vec(outcome, 0..6)
}

proptest! {
    #[test]
    fn any_bytes_at_any_time_are_survived(
        length in prop_oneof![Just(9usize), Just(177), Just(625), Just(6953), 0..200usize],
        bytes in proptest::collection::vec(any::<u8>(), 6953),
        version in any::<bool>(), now in any::<u64>(), since in any::<u64>(), timed_too in any::<bool>(),
    ) {
        let windows = if timed_too { timed() } else { plain() };
        let mut bytes = bytes[..length].to_vec();
        if let (true, Some(first)) = (version, bytes.first_mut()) {
            *first = VERSION;
        }
        let mut new = Vec::new();
        windows.record(Some(&bytes), slow(5), &mut new);
        prop_assert_eq!(new.len(), windows.pending_bytes() as usize);
        let _ = windows.merge(Some(&bytes), &new, at(now), &mut Vec::new());
        let _ = windows.merge(Some(&new), &bytes, at(now), &mut Vec::new());
        let _ = windows.pending(Some(&bytes));
        let counts = windows.counts(Some(&bytes), at(now), at(since));
        prop_assert!(counts.failures() <= counts.requests());
        let _ = counts.quantile(Share::ALL);
    }

    #[test]
    fn within_a_slice_the_order_of_merges_does_not_matter(
        workers in proptest::collection::vec((outcomes(), 0..SLICE), 1..6), turn in 0..6usize,
    ) {
        let mut turned = workers.clone();
        turned.rotate_left(turn % workers.len());
        let all = |workers: &[(Vec<Outcome>, u64)]| {
            let mut stored = Stored::new(timed());
            stored.add(&[BAD], START - SLICE);
            for (outcomes, when) in workers {
                stored.add(outcomes, START + when);
            }
            stored.1
        };
        prop_assert_eq!(all(&workers), all(&turned));
    }

    /// Against a list of all that happened, on a clock that may jump.
    #[test]
    fn counts_are_those_of_the_slices_in_the_window(
        steps in proptest::collection::vec((outcomes(), prop_oneof![
            9 => 0..(3 * SLICE as i64), 1 => -(30 * SLICE as i64)..(30 * SLICE as i64),
        ]), 1..30),
    ) {
        let mut stored = Stored::new(plain());
        let mut list: Vec<(u64, bool)> = Vec::new();
        let mut now = START;
        for (outcomes, moved) in steps {
            now = now.saturating_add_signed(moved);
            let present = now / SLICE;
            stored.add(&outcomes, now);
            // A jump ahead makes room too: a slot holds one slice, the last that was written.
            list.retain(|(slice, _)| {
                *slice <= present + 1 && (outcomes.is_empty() || *slice == present || slice % 11 != present % 11)
            });
            list.extend(outcomes.iter().map(|outcome| (present, outcome.failed)));
            let counted = list.iter().filter(|(slice, _)| slice + 10 >= present);
            let failures = counted.clone().filter(|(_, failed)| *failed).count() as u64;
            prop_assert_eq!(stored.at(now), (failures, counted.count() as u64));
        }
    }
}
