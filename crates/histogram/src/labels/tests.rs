mod damage;

use super::*;
use fairlead_stage::CellError;
use fairlead_stage::memory::BrokenCells;
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

type Map = RefCell<BTreeMap<u32, Vec<u8>>>;

/// What all workers share, and how often it was read.
#[derive(Default)]
struct Store {
    log: Map,
    reads: std::cell::Cell<u32>,
}

/// A worker, and what others do between its read and its write.
struct Worker<'s> {
    store: &'s Store,
    log: GroupId,
    heap: Map,
    race: RefCell<Vec<Box<dyn FnOnce() + 's>>>,
}

impl<'s> Worker<'s> {
    fn new(store: &'s Store, values: Values) -> Self {
        Self {
            store,
            log: values.log,
            heap: Map::default(),
            race: RefCell::default(),
        }
    }

    fn raced_by(self, other: impl FnOnce() + 's) -> Self {
        self.race.borrow_mut().push(Box::new(other));
        self
    }
}

impl Cells for Worker<'_> {
    fn seed(&self) -> [u64; 2] {
        SEED
    }

    fn update<T>(
        &self,
        cell: Cell,
        mut step: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> Step<T>,
    ) -> Result<T, CellError> {
        let shared = cell.group == self.log;
        let map = if shared { &self.store.log } else { &self.heap };
        for _ in 0..8 {
            let old = map.borrow().get(&cell.index).cloned();
            self.store.reads.set(self.store.reads.get() + u32::from(shared));
            let mut new = Vec::new();
            let answer = match step(old.as_deref(), &mut new) {
                Step::Keep(answer) => return Ok(answer),
                Step::Write(answer) => answer,
            };
            let race = if shared {
                self.race.borrow_mut().pop()
            } else {
                None
            };
            if let Some(race) = race {
                race();
            }
            if map.borrow().get(&cell.index) == old.as_ref() {
                map.borrow_mut().insert(cell.index, new);
                return Ok(answer);
            }
        }
        Err(CellError::Contended)
    }
}

const SEED: [u64; 2] = [1, 2];

fn label(max: u32) -> Values {
    Values::declare(&mut Needs::default(), "labels/route", max)
}

fn known(values: Values, worker: &Worker<'_>, value: &str) -> Option<u32> {
    match values.number(value.as_bytes(), worker) {
        Admitted::Known(number) => Some(number),
        Admitted::Full => None,
    }
}

/// The values of a log, in order.
fn logged_values(store: &Store) -> Vec<String> {
    let log = store.log.borrow();
    log.values()
        .map(|bytes| String::from_utf8(bytes[1..].to_vec()).unwrap())
        .collect()
}

/// Values whose search begins in the same cell of the index.
fn colliding(values: Values, cell: u32, count: usize) -> Vec<String> {
    let store = Store::default();
    let worker = Worker::new(&store, values);
    let begins = |value: &String| values.probes(value.as_bytes(), &worker).next().unwrap().index == cell;
    (0..)
        .map(|n| format!("v{n}"))
        .filter(begins)
        .take(count)
        .collect()
}

#[test]
fn cells_are_as_documented() {
    for (max, slots) in [
        (1, 2),
        (2, 4),
        (10, 32),
        (100, 256),
        (1_000, 2_048),
        (1_024, 2_048),
    ] {
        let mut needs = Needs::default();
        let values = Values::declare(&mut needs, "labels/route", max);
        assert!(needs.seed);
        let [log, index] = needs.groups() else {
            panic!("two groups");
        };
        assert_eq!((log.scope, log.cells, log.cell_bytes), (Scope::Proxy, max, 65));
        assert_eq!(
            (index.scope, index.cells, index.cell_bytes),
            (Scope::Worker, slots + 1, 69)
        );
        assert_eq!(values.slots, slots);
    }
}

#[test]
fn values_are_numbered_in_the_order_in_which_they_are_seen() {
    let (store, values) = (Store::default(), label(3));
    let worker = Worker::new(&store, values);
    for (value, number) in [("a", 0), ("b", 1), ("a", 0), ("c", 2), ("b", 1)] {
        assert_eq!(known(values, &worker, value), Some(number));
        assert_eq!(values.value(number, &worker).as_deref(), Some(value));
    }
    assert_eq!(known(values, &worker, "d"), None);
    for number in [3, u32::MAX] {
        assert_eq!(values.value(number, &worker), None);
    }
    assert_eq!(label(9).value(5, &worker), None);
}

#[test]
fn all_workers_agree() {
    let (store, values) = (Store::default(), label(4));
    let (one, other) = (Worker::new(&store, values), Worker::new(&store, values));
    assert_eq!(known(values, &one, "a"), Some(0));
    assert_eq!(known(values, &other, "b"), Some(1));
    assert_eq!(known(values, &other, "a"), Some(0));
    assert_eq!(known(values, &one, "c"), Some(2));
    assert_eq!(known(values, &one, "b"), Some(1));
    assert_eq!(known(values, &other, "c"), Some(2));
}

#[test]
fn who_loses_a_race_goes_on_behind_the_winner() {
    let (store, values) = (Store::default(), label(2));
    let winner = Worker::new(&store, values);
    let loser = Worker::new(&store, values).raced_by(|| assert_eq!(known(values, &winner, "a"), Some(0)));
    assert_eq!(known(values, &loser, "b"), Some(1));
    assert_eq!(known(values, &loser, "a"), Some(0));
    assert_eq!(logged_values(&store), ["a", "b"]);
}

#[test]
fn a_value_that_two_workers_admit_at_once_is_admitted_once() {
    let (store, values) = (Store::default(), label(2));
    let winner = Worker::new(&store, values);
    let loser = Worker::new(&store, values).raced_by(|| assert_eq!(known(values, &winner, "a"), Some(0)));
    assert_eq!(known(values, &loser, "a"), Some(0));
    assert_eq!(logged_values(&store), ["a"]);
}

#[test]
fn who_loses_the_race_for_the_last_cell_is_told_that_it_is_full() {
    let (store, values) = (Store::default(), label(1));
    let winner = Worker::new(&store, values);
    let loser = Worker::new(&store, values).raced_by(|| assert_eq!(known(values, &winner, "a"), Some(0)));
    assert_eq!(known(values, &loser, "b"), None);
    assert_eq!(known(values, &loser, "a"), Some(0));
}

#[test]
fn what_is_known_and_what_is_too_much_take_no_shared_read() {
    let (store, values) = (Store::default(), label(3));
    let (one, other) = (Worker::new(&store, values), Worker::new(&store, values));
    for value in ["a", "b", "c"] {
        known(values, &one, value);
    }
    assert_eq!(known(values, &other, "d"), None);
    let reads = store.reads.replace(0);
    assert_eq!(reads, 3 + 3, "each worker reads each cell once");
    for worker in [&one, &other] {
        for value in ["a", "b", "c"] {
            assert!(known(values, worker, value).is_some());
        }
        for value in 0..1_000 {
            assert_eq!(known(values, worker, &value.to_string()), None);
        }
    }
    assert_eq!(store.reads.get(), 0);
}

#[test]
fn values_that_meet_in_the_index_are_told_apart() {
    let values = label(8);
    for cell in [0, 7, 15] {
        let store = Store::default();
        let worker = Worker::new(&store, values);
        let names = colliding(values, cell, 9);
        for _ in 0..2 {
            for (number, name) in names.iter().enumerate() {
                let expected = (number < 8).then_some(number as u32);
                assert_eq!(known(values, &worker, name), expected);
            }
        }
        assert_eq!(
            worker.heap.borrow().len(),
            9,
            "eight values, and how far the log is read"
        );
    }
}

#[test]
fn a_worker_that_has_lost_its_heap_reads_the_log_again() {
    let (store, values) = (Store::default(), label(3));
    for _ in 0..3 {
        let worker = Worker::new(&store, values);
        for (value, number) in [("a", Some(0)), ("b", Some(1)), ("c", Some(2)), ("d", None)] {
            assert_eq!(known(values, &worker, value), number);
        }
    }
    assert_eq!(logged_values(&store), ["a", "b", "c"]);
}

#[test]
fn a_label_that_has_become_smaller_or_larger_keeps_the_numbers_that_it_has() {
    let (store, large, small) = (Store::default(), label(8), label(6));
    assert_eq!(large.slots, small.slots);
    let worker = Worker::new(&store, large);
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    for (number, name) in (0..).zip(names) {
        assert_eq!(known(large, &worker, name), Some(number));
    }
    for (number, name) in (0..).zip(names) {
        assert_eq!(known(small, &worker, name), (number < 6).then_some(number));
    }
    assert_eq!(known(small, &worker, "h"), None);
    assert_eq!(small.value(6, &worker), None);
    assert_eq!(known(large, &worker, "h"), Some(7));
    assert_eq!(known(label(100), &Worker::new(&store, label(100)), "i"), Some(8));
}

#[test]
fn a_store_that_does_not_answer_admits_nothing() {
    for error in [CellError::Contended, CellError::Unavailable] {
        let values = label(3);
        assert_eq!(values.number(b"a", &BrokenCells(error)), Admitted::Full);
        assert_eq!(values.value(0, &BrokenCells(error)), None);
    }
}

#[test]
fn values_are_made_fit_for_a_metric() {
    for (value, clean) in [
        (&b"v2"[..], "v2"),
        (b"default/shop:8080|a*{b}[c]", "default/shop:8080|a*{b}[c]"),
        (b"a,b;c=d\"e\\f g\th\0", "a_b_c_d_e_f_g_h_"),
        ("ä".as_bytes(), "__"),
        (b"", "_"),
        (&[b'x'; 65], &"x".repeat(64)),
    ] {
        assert_eq!(sanitize(value), clean);
    }
}

#[test]
fn values_that_look_the_same_are_one() {
    let (store, values) = (Store::default(), label(3));
    let worker = Worker::new(&store, values);
    for (value, number) in [
        (&b"a b"[..], 0),
        (b"a=b", 0),
        (b"a_b", 0),
        (b"", 1),
        (b"_", 1),
        (&[b'x'; 64], 2),
        (&[b'x'; 99], 2),
    ] {
        assert_eq!(values.number(value, &worker), Admitted::Known(number));
    }
}

proptest! {
    #[test]
    fn any_value_is_made_fit(value in proptest::collection::vec(any::<u8>(), 0..100)) {
        let clean = sanitize(&value);
        prop_assert!((1..=64).contains(&clean.len()));
        prop_assert!(clean.bytes().all(is_clean));
        prop_assert_eq!(&sanitize(clean.as_bytes()), &clean);
    }

    /// Three workers, each of whose writes others may come before.
    #[test]
    fn numbers_are_the_same_for_all_whoever_is_faster(
        calls in proptest::collection::vec((0..3_usize, 0..12_u8, proptest::collection::vec((0..3_usize, 0..12_u8), 0..3)), 1..60),
        max in 1..10_u32,
    ) {
        let (store, values) = (Store::default(), label(max));
        let workers = [(); 3].map(|()| Worker::new(&store, values));
        let mut told: BTreeMap<u8, Option<u32>> = BTreeMap::new();
        for (worker, value, race) in calls {
            let others = RefCell::new(Vec::new());
            let number = {
                let racing = Worker { heap: workers[worker].heap.clone(), ..Worker::new(&store, values) };
                for (other, value) in race {
                    let (workers, others) = (&workers, &others);
                    racing.race.borrow_mut().push(Box::new(move || {
                        let number = known(values, &workers[other], &value.to_string());
                        others.borrow_mut().push((value, number));
                    }));
                }
                known(values, &racing, &value.to_string())
            };
            others.borrow_mut().push((value, number));
            for (value, number) in others.into_inner() {
                prop_assert!(number.is_none_or(|number| number < max));
                let before = told.entry(value).or_insert(number);
                prop_assert_eq!(*before, number, "{}", value);
            }
        }
        let log = logged_values(&store);
        prop_assert!(log.len() <= max as usize);
        for (value, number) in told {
            match number {
                Some(number) => prop_assert_eq!(&log[number as usize], &value.to_string()),
                None => prop_assert_eq!(log.len(), max as usize),
            }
        }
    }
}
