use super::*;
use crate::Pass;
use crate::tests::{FAILURE, IGNORED, Rig, SECOND, SUCCESS, at, count, policy};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A table of one set, for one key after the other.
struct Keys {
    table: Table,
    cell: Option<Vec<u8>>,
    now: u64,
}

impl Keys {
    fn new(rules: &str) -> Self {
        let breaker = Breaker::new(policy(rules), Counted::Outside);
        Self {
            table: Table::keyed(breaker, count(4)),
            cell: None,
            now: crate::tests::START,
        }
    }

    fn with<T>(&mut self, key: &str, ask: impl FnOnce(&mut Rig) -> T) -> T {
        let mut rig = Rig::of(self.table, key.as_bytes());
        (rig.cell, rig.now) = (self.cell.take(), self.now);
        let answer = ask(&mut rig);
        self.cell = rig.cell;
        answer
    }

    /// A call of a key; says whether the key has a breaker.
    fn call(&mut self, key: &str, call: Call) -> bool {
        self.with(key, |rig| {
            let Some(admission) = rig.try_admit(1) else {
                return false;
            };
            assert!(!matches!(admission.pass, Pass::Refused { .. }));
            rig.complete(1, admission.ticket(at(rig.now)), call);
            true
        })
    }
}

#[test]
fn a_request_for_a_closed_breaker_writes_nothing() {
    for table in [
        Table::single(Breaker::new(policy("default"), Counted::Inside)),
        Table::single(Breaker::new(policy("default"), Counted::Outside)),
        Table::keyed(
            Breaker::new(policy("default warmup=10s"), Counted::Inside),
            count(9),
        ),
    ] {
        let mut rig = Rig::of(table, b"key");
        assert_eq!(rig.admit(1).pass, Pass::Free);
        assert_eq!(rig.cell, None);
    }
}

#[test]
fn calls_that_say_nothing_write_nothing() {
    let mut rig = Rig::new(policy("default"), Counted::Inside);
    rig.call(IGNORED);
    assert_eq!(rig.cell, None);
    rig.call(SUCCESS);
    assert!(rig.cell.is_some());
}

#[test]
fn a_fifth_key_has_no_breaker_until_a_window_is_empty() {
    let mut keys = Keys::new("default");
    for key in ["a", "b", "c", "d"] {
        assert!(keys.call(key, SUCCESS));
    }
    assert!(!keys.call("e", FAILURE));
    keys.now += 9 * SECOND;
    assert!(keys.call("a", SUCCESS));
    keys.now += SECOND;
    assert!(keys.call("e", SUCCESS) && keys.call("f", SUCCESS) && keys.call("g", SUCCESS));
    assert!(!keys.call("h", SUCCESS));
    assert!(keys.call("a", SUCCESS));
}

#[test]
fn what_is_remembered_keeps_its_slot_for_ten_minutes_after_the_last_call() {
    for rules in [
        "default consecutive=5",
        "default calls=5",
        "default warmup=5s",
        "default min=1",
    ] {
        let mut keys = Keys::new(rules);
        for key in ["a", "b", "c", "d"] {
            assert!(keys.call(key, FAILURE));
        }
        keys.now += 599 * SECOND;
        assert!(!keys.call("e", SUCCESS), "{rules}");
        keys.now += SECOND;
        assert!(keys.call("e", SUCCESS), "{rules}");
    }
}

#[test]
fn a_row_of_openings_keeps_its_slot_until_it_has_healed() {
    let mut keys = Keys::new("envoy open=1s");
    for opening in 1..=3 {
        for _ in 0..5 {
            assert!(keys.call("a", FAILURE));
        }
        keys.now += opening * SECOND;
    }
    assert!(keys.call("a", SUCCESS));
    for healed in [false, false, true] {
        keys.now += 10 * SECOND;
        for key in ["b", "c", "d"] {
            assert!(keys.call(key, SUCCESS));
        }
        assert_eq!(keys.call("e", SUCCESS), healed);
    }
}

#[test]
fn a_clock_set_far_back_does_not_keep_slots_for_ever() {
    let mut keys = Keys::new("default consecutive=5");
    for key in ["a", "b", "c", "d"] {
        assert!(keys.call(key, FAILURE));
    }
    keys.now -= 3_600 * SECOND;
    assert!(keys.call("e", SUCCESS));
}

#[test]
fn keys_are_spread_over_all_sets() {
    let table = Table::keyed(Breaker::new(policy("default"), Counted::Inside), count(64));
    assert_eq!(table.sets(), 16);
    let mut hits = [0_u32; 16];
    for key in 0..1_600_u32 {
        let place = table.locate([7, 8], &key.to_le_bytes());
        hits[place.set as usize] += 1;
        assert_ne!(place, table.locate([7, 9], &key.to_le_bytes()));
    }
    assert!(hits.iter().all(|hits| (60..140).contains(hits)), "{hits:?}");
}

#[test]
fn a_place_is_the_same_on_every_platform() {
    let table = Table::keyed(Breaker::new(policy("default"), Counted::Inside), count(1_024));
    let place = table.locate([1, 2], b"client-1");
    assert_eq!((place.set, place.tag.get()), PLACE);
}

const PLACE: (u32, u64) = (186, 13_454_603_639_761_486_986);

#[test]
fn a_window_of_another_length_begins_anew_and_the_phase_stays() {
    let mut rig = Rig::new(policy("default min=3"), Counted::Inside);
    rig.call(FAILURE);
    rig.call(FAILURE);
    rig.table = Table::single(Breaker::new(
        policy("default min=3 window=20s/10"),
        Counted::Inside,
    ));
    rig.call(FAILURE);
    assert_eq!(rig.phase(), Phase::Closed);
    rig.call(FAILURE);
    rig.call(FAILURE);
    assert_eq!(rig.phase(), Phase::Open);
    rig.table = Table::single(Breaker::new(policy("default calls=3 open=1s"), Counted::Inside));
    assert!(matches!(rig.admit(1).pass, Pass::Refused { .. }));
}

#[test]
fn an_earlier_policy_with_more_probes_leaves_no_more_than_there_is_room_for() {
    let table = |rules| Table::single(Breaker::new(policy(rules), Counted::Inside));
    let mut rig = Rig::of(table("default min=1 open=1s probes=64"), b"");
    rig.call(FAILURE);
    rig.pass(SECOND);
    for instance in 1..=64 {
        assert_eq!(rig.admit(instance).pass, Pass::Probe);
    }
    rig.table = table("default min=1 open=1s probes=1");
    assert!(matches!(rig.admit(1).pass, Pass::Refused { .. }));
    assert!(
        rig.cell
            .is_some_and(|cell| cell.len() <= rig.table.cell_bytes() as usize)
    );
}
