//! Windows over counters against a log of all calls.

use super::*;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const BUCKET: u64 = 1_000;

/// One worker: a cell of snapshots.
struct Worker {
    snapshots: Snapshots,
    cell: Option<Vec<u8>>,
}

impl Worker {
    fn note(&mut self, now: u64, since: u64, totals: &Counts) {
        let mut new = Vec::new();
        let old = self.cell.as_deref();
        if let Step::Write(()) = self.snapshots.note(at(now), at(since), totals, old, &mut new) {
            assert!(new.len() <= self.snapshots.bytes() as usize);
            self.cell = Some(new);
        }
    }

    fn window(&self, now: u64, since: u64, base: &Counts, totals: &Counts) -> Counts {
        self.snapshots
            .window(at(now), at(since), base, totals, self.cell.as_deref())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(target_arch = "wasm32") { 32 } else { 384 }))]

    #[test]
    fn counts_are_those_of_a_sliding_window_but_for_a_bucket_and_a_tick(
        buckets in 2..12_u32,
        tick in 50..=BUCKET,
        closes in 0..30_000_u64,
        aligned in any::<bool>(),
        waits in proptest::collection::vec((0..900_u64, any::<(bool, bool)>()), 1..300),
    ) {
        let length = BUCKET * u64::from(buckets);
        let snapshots = Snapshots::new(Duration::from_nanos(length), count(buckets));
        let mut worker = Worker { snapshots, cell: None };
        let mut totals = Counts { successes: 70, failures: 50, slow: 9 };
        let (mut since, mut base) = (0, Counts::NONE);
        let mut log: Vec<(u64, bool, bool)> = Vec::new();
        let mut now = START + if aligned { 0 } else { 333 };
        let began = now;
        let mut ticked = now;
        worker.note(now, since, &totals);
        for (wait, (failed, slow)) in waits {
            let then = now + wait;
            while ticked + tick <= then {
                ticked += tick;
                if since == 0 && ticked >= began + closes {
                    // Another worker's close: this one learns of it by the time of its tick.
                    (since, base) = (ticked, totals);
                    log.clear();
                }
                worker.note(ticked, since, &totals);
            }
            now = then;
            totals.add(failed, slow);
            log.push((now, failed, slow));
            worker.note(now, since, &totals);
            let window = worker.window(now, since, &base, &totals);
            let later_than = |age: u64| {
                let mut counts = Counts::NONE;
                for (_, failed, slow) in log.iter().filter(|(when, ..)| when + age > now) {
                    counts.add(*failed, *slow);
                }
                counts
            };
            let most = later_than(length + 1);
            prop_assert!(window.precedes(&most), "{:?} {:?}", window, most);
            let least = later_than(length - BUCKET - tick.min(length - BUCKET));
            prop_assert!(least.precedes(&window), "{:?} {:?}", least, window);
        }
    }

    #[test]
    fn no_bytes_and_no_clock_make_it_count_more_than_there_was(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        now in any::<u64>(), since in any::<u64>(), numbers in any::<[u16; 6]>(),
    ) {
        let snapshots = Snapshots::new(Duration::from_secs(10), count(10));
        let mut worker = Worker { snapshots, cell: Some([vec![1], bytes].concat()) };
        let [a, b, c, d, e, f] = numbers.map(u64::from);
        let totals = Counts { successes: a, failures: b, slow: c };
        let base = Counts { successes: d, failures: e, slow: f };
        prop_assert!(worker.window(now, since, &base, &totals).precedes(&totals));
        worker.note(now, since, &totals);
        prop_assert!(worker.window(now, since, &base, &totals).precedes(&totals));
    }
}

fn failures(failures: u64) -> Counts {
    Counts {
        failures,
        ..Counts::NONE
    }
}

fn worker() -> Worker {
    Worker {
        snapshots: Snapshots::new(Duration::from_secs(10), count(10)),
        cell: None,
    }
}

#[test]
fn a_worker_that_has_only_begun_counts_from_its_first_look_on() {
    let mut worker = worker();
    assert_eq!(
        worker.window(START, 0, &Counts::NONE, &failures(500)),
        Counts::NONE
    );
    worker.note(START, 0, &failures(500));
    assert_eq!(
        worker.window(START + SECOND, 0, &Counts::NONE, &failures(507)),
        failures(7)
    );
}

#[test]
fn calls_before_the_breaker_closed_do_not_count() {
    let mut worker = worker();
    worker.note(START, 0, &failures(0));
    let closed = START + 3 * SECOND;
    assert_eq!(
        worker.window(closed, closed, &failures(5), &failures(7)),
        failures(2)
    );
    // Nor those that lie in the window by the worker's own snapshots.
    assert_eq!(worker.window(closed, 0, &failures(5), &failures(7)), failures(2));
}

#[test]
fn counters_that_an_operator_has_reset_begin_anew() {
    let mut worker = worker();
    worker.note(START, 0, &failures(100));
    worker.note(START + SECOND, 0, &failures(3));
    let window = worker.window(START + 2 * SECOND, 1, &failures(90), &failures(8));
    assert_eq!(window, failures(5));
}

#[test]
fn snapshots_of_before_the_clock_was_set_back_do_not_count() {
    let mut worker = worker();
    worker.note(START + 3_600 * SECOND, 0, &failures(1));
    worker.note(START, 0, &failures(4));
    assert_eq!(
        worker.window(START + SECOND, 0, &Counts::NONE, &failures(6)),
        failures(2)
    );
}

#[test]
fn counters_that_were_reset_and_have_grown_again_count_from_the_reset_on() {
    let mut worker = worker();
    worker.note(START, 0, &failures(100));
    worker.note(START + SECOND, 0, &failures(3));
    let window = worker.window(START + 2 * SECOND, 0, &Counts::NONE, &failures(150));
    assert_eq!(window, failures(147));
}

#[test]
fn a_worker_that_slept_counts_from_its_last_look_before_the_window() {
    let mut worker = worker();
    worker.note(START - SECOND, 0, &failures(1));
    worker.note(START, 0, &failures(4));
    let now = START + 12 * SECOND;
    assert_eq!(worker.window(now, 0, &Counts::NONE, &failures(9)), failures(5));
    worker.note(now, 0, &failures(9));
    assert_eq!(worker.window(now, 0, &Counts::NONE, &failures(9)), failures(5));
}

#[test]
fn a_worker_that_began_after_the_breaker_closed_counts_from_the_close_on() {
    let mut worker = worker();
    let closed = START + 3 * SECOND;
    let now = closed + SECOND;
    assert_eq!(
        worker.window(now, closed, &failures(5), &failures(7)),
        failures(2)
    );
    worker.note(now, closed, &failures(7));
    assert_eq!(
        worker.window(now, closed, &failures(5), &failures(8)),
        failures(3)
    );
}
