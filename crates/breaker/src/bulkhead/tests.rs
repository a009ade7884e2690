use super::*;
use crate::Counts;
use crate::tests::{START, at, count};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

struct Cell {
    all: Bulkheads,
    bytes: Option<Vec<u8>>,
    dead: Vec<u32>,
}

impl Cell {
    fn new(all: Bulkheads) -> Self {
        Self {
            all,
            bytes: None,
            dead: Vec::new(),
        }
    }

    fn step<T>(
        &mut self,
        own: u32,
        step: impl Fn(&Bulkheads, &Moment<'_>, Option<&[u8]>, &mut Vec<u8>) -> Step<T>,
    ) -> T {
        let mut new = vec![7; 3];
        let moment = Moment {
            now: at(START),
            entropy: 0,
            instance: own,
            live: &|instance| !self.dead.contains(&instance),
            totals: Counts::NONE,
        };
        match step(&self.all, &moment, self.bytes.as_deref(), &mut new) {
            Step::Keep(answer) => answer,
            Step::Write(answer) => {
                assert!(new.len() <= self.all.cell_bytes() as usize);
                self.bytes = Some(new);
                answer
            }
        }
    }

    fn enter(&mut self, own: u32, key: &str) -> Option<bool> {
        let place = self.all.locate([1, 2], key.as_bytes());
        self.step(own, |all, at, old, new| all.acquire(place, at, old, new))
    }

    fn leave(&mut self, own: u32, key: &str) {
        let place = self.all.locate([1, 2], key.as_bytes());
        self.step(own, |all, at, old, new| all.release(place, at, old, new));
    }
}

fn both(max: u32) -> [Cell; 2] {
    let bulkhead = Bulkhead { max: count(max) };
    [
        Cell::new(Bulkheads::single(bulkhead)),
        Cell::new(Bulkheads::keyed(bulkhead, count(4))),
    ]
}

#[test]
fn no_more_are_in_flight_than_may_be_over_all_workers() {
    for mut cell in both(3) {
        assert_eq!(cell.enter(1, "a"), Some(true));
        assert_eq!(cell.enter(2, "a"), Some(true));
        assert_eq!(cell.enter(1, "a"), Some(true));
        assert_eq!(cell.enter(3, "a"), Some(false));
        cell.leave(2, "a");
        assert_eq!(cell.enter(3, "a"), Some(true));
        assert_eq!(cell.enter(1, "a"), Some(false));
    }
}

#[test]
fn what_a_dead_worker_had_in_flight_makes_room() {
    for mut cell in both(2) {
        assert_eq!(cell.enter(1, "a"), Some(true));
        assert_eq!(cell.enter(1, "a"), Some(true));
        assert_eq!(cell.enter(2, "a"), Some(false));
        cell.dead = vec![1, 2];
        assert_eq!(cell.enter(2, "a"), Some(true), "who asks is alive");
        assert_eq!(cell.enter(2, "a"), Some(true));
        assert_eq!(cell.enter(2, "a"), Some(false));
    }
}

#[test]
fn leaving_twice_makes_no_more_room() {
    for mut cell in both(1) {
        assert_eq!(cell.enter(1, "a"), Some(true));
        cell.leave(1, "a");
        cell.leave(1, "a");
        cell.leave(2, "a");
        assert_eq!(cell.enter(1, "a"), Some(true));
        assert_eq!(cell.enter(1, "a"), Some(false));
    }
}

#[test]
fn keys_have_bounds_of_their_own_and_a_slot_while_in_flight() {
    let [_, mut cell] = both(1);
    for key in ["a", "b", "c", "d"] {
        assert_eq!(cell.enter(1, key), Some(true));
        assert_eq!(cell.enter(2, key), Some(false));
    }
    assert_eq!(cell.enter(1, "e"), None);
    cell.leave(1, "b");
    assert_eq!(cell.enter(1, "e"), Some(true));
    assert_eq!(cell.enter(1, "b"), None);
    cell.dead = vec![1];
    assert_eq!(cell.enter(2, "b"), Some(true));
}

#[test]
fn more_workers_than_a_ledger_has_room_for_are_refused() {
    for mut cell in both(1_000) {
        let entered = (1..100).filter(|own| cell.enter(*own, "a") == Some(true));
        assert_eq!(entered.count(), 64);
        assert_eq!(cell.enter(1, "a"), Some(true));
    }
}

#[test]
fn bytes_that_are_foreign_count_as_absent() {
    for bytes in [
        vec![],
        vec![3],
        vec![3, 255],
        vec![2, 1, 0],
        vec![3, 1, 0, 0, 0, 0, 9, 0, 0, 0, 1],
    ] {
        for mut cell in both(1) {
            cell.bytes = Some(bytes.clone());
            assert_eq!(cell.enter(1, "a"), Some(true));
        }
    }
}
