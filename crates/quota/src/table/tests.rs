use super::*;
use crate::gcra::{CLOCK_LAG_TOLERANCE, Outcome, decide};
use std::collections::BTreeMap;
use std::time::Duration;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod properties;

const MS: u64 = 1_000_000;
const HOUR: u64 = 3_600_000 * MS;
const START: u64 = 1_795_000_000_000 * MS;
const SEED: [u64; 2] = [0x5eed, 0xf00d];

fn at(nanos: u64) -> Timestamp {
    Timestamp::from_unix_nanos(nanos)
}

fn units(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

fn quota(rate: &str, burst: u32) -> Quota {
    Quota::new(rate.parse().unwrap(), Some(units(burst))).unwrap()
}

/// All that a table says of a spend.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Told {
    decision: Decision,
    overflow: Overflow,
    receipt: Option<Receipt>,
}

impl Told {
    fn of(spent: &Spent, quota: &Quota, n: u32) -> Self {
        assert_eq!(spent.admitted(), spent.decision(quota).admitted());
        Self {
            decision: spent.decision(quota),
            overflow: spent.overflow,
            receipt: spent.receipt(quota, units(n)),
        }
    }
}

/// A table with its cells.
struct Stored {
    table: Table,
    cells: BTreeMap<u32, Vec<u8>>,
}

impl Stored {
    fn new(table: Table) -> Self {
        Self {
            table,
            cells: BTreeMap::new(),
        }
    }

    /// A table of one set, so that the ninth live key finds it full.
    fn one_set(on_overflow: OnOverflow, quota: &Quota) -> Self {
        Self::new(Table::new(units(8), on_overflow, &[*quota]))
    }

    fn place(&self, key: u32) -> Place {
        self.table.locate(SEED, &key.to_le_bytes())
    }

    fn keep<T>(&mut self, set: u32, step: Step<T>, new: Vec<u8>) -> T {
        match step {
            Step::Keep(answer) => answer,
            Step::Write(answer) => {
                assert!(new.len() <= self.table.cell_bytes() as usize);
                self.cells.insert(set, new);
                answer
            }
        }
    }

    fn spend(&mut self, key: u32, quota: &Quota, now: u64, n: u32) -> Told {
        let (place, mut new) = (self.place(key), Vec::new());
        let old = self.cells.get(&place.set).map(Vec::as_slice);
        let peeked = self.table.peek(place, quota, at(now), units(n), old);
        let step = self.table.spend(place, quota, at(now), units(n), old, &mut new);
        let spent = self.keep(place.set, step, new);
        assert_eq!(peeked, spent, "peek says what spend does");
        let spent = Told::of(&spent, quota, n);
        assert_eq!(spent.receipt.is_some(), spent.decision.admitted());
        spent
    }

    fn refund(&mut self, key: u32, receipt: &Receipt) -> bool {
        let (place, mut new) = (self.place(key), Vec::new());
        let step = self.table.refund(
            place,
            receipt,
            self.cells.get(&place.set).map(Vec::as_slice),
            &mut new,
        );
        self.keep(place.set, step, new)
    }

    /// Fills all eight slots of the one set, each until `now` + one interval of `quota`.
    fn fill(&mut self, quota: &Quota, now: u64) {
        for key in 100..108 {
            assert_eq!(self.spend(key, quota, now, 1).overflow, Overflow::None);
        }
    }

    fn bytes(&self) -> Option<&[u8]> {
        self.cells.get(&0).map(Vec::as_slice)
    }
}

fn retry_ms(spent: &Told) -> Option<u128> {
    spent.decision.retry_after().map(|wait| wait.as_millis())
}

#[test]
fn a_table_is_as_large_as_its_keys_need() {
    for (keys, sets) in [(1, 1), (8, 1), (9, 2), (4096, 512), (u32::MAX, 536_870_912)] {
        let table = Table::new(units(keys), OnOverflow::Shared, &[]);
        assert_eq!((table.sets(), table.cell_bytes()), (sets, 137), "{keys}");
    }
    assert_eq!((Table::single().sets(), Table::single().cell_bytes()), (1, 9));
}

#[test]
fn keys_spread_evenly_over_the_sets() {
    let table = Table::new(units(64 * 8), OnOverflow::Shared, &[]);
    let mut counts = [0u32; 64];
    for key in 0..64_000u32 {
        counts[table.locate(SEED, &key.to_le_bytes()).set as usize] += 1;
    }
    // 1000 each on average, with a standard deviation of 31.
    assert!(
        counts.iter().all(|count| (800..1200).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn keys_have_buckets_of_their_own() {
    let quota = quota("1/s", 1);
    let mut stored = Stored::new(Table::new(units(4096), OnOverflow::Shared, &[quota]));
    for key in 0..100 {
        assert!(stored.spend(key, &quota, START, 1).decision.admitted());
    }
    for key in 0..100 {
        assert_eq!(retry_ms(&stored.spend(key, &quota, START + MS, 1)), Some(999));
    }
}

#[test]
fn a_slot_whose_tat_has_passed_is_as_good_as_none() {
    // governor's keyed vector: foo at 0, bar at 200, baz at 800 ms, 1/s; a slot goes one interval after its spend.
    let quota = quota("1/s", 1);
    let slots_at = |ms: u64| {
        let mut stored = Stored::one_set(OnOverflow::Shared, &quota);
        for (key, spent_ms) in [(1, 0), (2, 200), (3, 800)] {
            stored.spend(key, &quota, START + spent_ms * MS, 1);
        }
        // A new key's spend is the next write; it takes a slot itself.
        stored.spend(4, &quota, START + ms * MS, 1);
        (stored.bytes().unwrap().len() - 9) / 16 - 1
    };
    assert_eq!(
        [999, 1000, 1199, 1200, 1799, 1800].map(slots_at),
        [3, 2, 2, 1, 1, 0]
    );
}

#[test]
fn a_refusal_writes_nothing() {
    let quota = quota("1/s", 1);
    let mut stored = Stored::one_set(OnOverflow::Shared, &quota);
    assert!(!stored.spend(1, &quota, START, 2).decision.admitted());
    assert_eq!(stored.bytes(), None);
    stored.spend(1, &quota, START, 1);
    let before = stored.bytes().unwrap().to_vec();
    assert!(!stored.spend(1, &quota, START + MS, 1).decision.admitted());
    assert_eq!(stored.bytes().unwrap(), before);
}

#[test]
fn keys_that_find_their_set_full_share_the_rate_of_one() {
    let quota = quota("2/s", 2);
    let mut stored = Stored::one_set(OnOverflow::Shared, &quota);
    stored.fill(&quota, START);
    for key in [1, 2] {
        let spent = stored.spend(key, &quota, START, 1);
        assert_eq!(
            (spent.decision.admitted(), spent.overflow),
            (true, Overflow::Shared)
        );
    }
    for key in [1, 2, 3] {
        let spent = stored.spend(key, &quota, START, 1);
        assert_eq!((retry_ms(&spent), spent.overflow), (Some(500), Overflow::Shared));
    }
    // Those with slots go on as before.
    assert_eq!(stored.spend(100, &quota, START, 1).overflow, Overflow::None);
}

#[test]
fn a_key_that_gets_a_slot_keeps_the_debt_of_the_overflow_bucket() {
    let (fast, slow) = (quota("1000/s", 1), quota("1/s", 2));
    let mut stored = Stored::new(Table::new(units(8), OnOverflow::Shared, &[fast, slow]));
    stored.fill(&fast, START);
    assert_eq!(stored.spend(1, &slow, START, 2).overflow, Overflow::Shared);
    // All slots have expired; the key's own spending has not.
    let spent = stored.spend(1, &slow, START + 400 * MS, 1);
    assert_eq!((retry_ms(&spent), spent.overflow), (Some(600), Overflow::None));
    assert!(stored.spend(1, &slow, START + 1000 * MS, 1).decision.admitted());
}

#[test]
fn under_deny_a_new_key_waits_for_the_first_slot() {
    let quota = quota("1/s", 2);
    let mut stored = Stored::one_set(OnOverflow::Deny, &quota);
    for key in 0..8u32 {
        stored.spend(key, &quota, START + u64::from(key) * MS, 2);
    }
    let now = START + 500 * MS;
    let spent = stored.spend(9, &quota, now, 1);
    assert_eq!((retry_ms(&spent), spent.overflow), (Some(1500), Overflow::Denied));
    assert!(stored.spend(9, &quota, now + 1500 * MS, 1).decision.admitted());
    let never = stored.spend(10, &quota, now, 3);
    assert_eq!(
        never.decision.outcome,
        Outcome::InsufficientCapacity { burst: units(2) }
    );
}

#[test]
fn under_fresh_a_new_key_takes_the_slot_that_would_be_free_first() {
    let quota = quota("1/s", 1);
    let mut stored = Stored::one_set(OnOverflow::Fresh, &quota);
    for key in [3, 1, 4, 5, 9, 2, 6, 8u32] {
        stored.spend(key, &quota, START + u64::from(key) * MS, 1);
    }
    let now = START + 10 * MS;
    let spent = stored.spend(7, &quota, now, 1);
    assert_eq!(
        (spent.decision.admitted(), spent.overflow),
        (true, Overflow::EvictedLive)
    );
    assert!(!stored.spend(7, &quota, now, 1).decision.admitted());
    // Key 1 was forgotten, and takes the slot of key 2; the others are still known.
    assert_eq!(stored.spend(1, &quota, now, 1).overflow, Overflow::EvictedLive);
    for key in [3, 4, 5, 6, 8, 9] {
        assert!(!stored.spend(key, &quota, now, 1).decision.admitted(), "{key}");
    }
    let never = stored.spend(2, &quota, now, 2);
    assert_eq!(
        (never.decision.admitted(), never.overflow),
        (false, Overflow::None)
    );
}

#[test]
fn a_single_bucket_serves_every_key() {
    let quota = quota("1/s", 2);
    let mut stored = Stored::new(Table::single());
    assert!(stored.spend(1, &quota, START, 1).decision.admitted());
    assert!(stored.spend(2, &quota, START, 1).decision.admitted());
    assert_eq!(retry_ms(&stored.spend(3, &quota, START, 1)), Some(1000));
    assert_eq!(stored.bytes().unwrap().len(), 9);
    assert_eq!(retry_ms(&stored.spend(3, &quota, START - HOUR, 1)), Some(1000));
    assert!(
        stored
            .spend(3, &quota, START - HOUR + 1000 * MS, 1)
            .decision
            .admitted()
    );
}

#[test]
fn a_refunded_spend_has_never_been() {
    let quota = quota("1/s", 3);
    for table in [
        Table::single(),
        Table::new(units(8), OnOverflow::Shared, &[quota]),
    ] {
        let mut stored = Stored::new(table);
        stored.spend(1, &quota, START, 1);
        let now = START + MS;
        let standing = stored.spend(1, &quota, now, 4).decision;
        let spent = stored.spend(1, &quota, now, 2);
        assert_eq!(spent.decision.remaining, 0);
        assert_eq!(
            spent.decision.unspent(&quota, units(2)).full_after,
            standing.full_after
        );
        assert!(stored.refund(1, &spent.receipt.unwrap()));
        assert_eq!(stored.spend(1, &quota, now, 4).decision, standing);
        assert!(!stored.refund(1, &spent.receipt.unwrap()), "only once");
    }
}

#[test]
fn a_refund_reaches_the_bucket_that_was_charged() {
    let quota = quota("1/s", 1);
    let mut stored = Stored::one_set(OnOverflow::Shared, &quota);
    stored.fill(&quota, START);
    let spent = stored.spend(1, &quota, START, 1);
    assert!(!stored.spend(2, &quota, START, 1).decision.admitted());
    assert!(stored.refund(1, &spent.receipt.unwrap()));
    assert!(!stored.refund(1, &spent.receipt.unwrap()));
    assert_eq!(stored.spend(2, &quota, START, 1).overflow, Overflow::Shared);
    assert!(!stored.spend(100, &quota, START, 1).decision.admitted());
}

#[test]
fn units_that_others_have_spent_on_stay_spent() {
    let quota = quota("1/s", 3);
    let mut stored = Stored::one_set(OnOverflow::Shared, &quota);
    let spent = stored.spend(1, &quota, START, 1);
    stored.spend(1, &quota, START, 1);
    assert!(!stored.refund(1, &spent.receipt.unwrap()));
    assert_eq!(stored.spend(1, &quota, START, 1).decision.remaining, 0);
}

#[test]
fn a_clock_set_back_an_hour_leaves_no_key_and_no_slot_stuck() {
    let quota = quota("1/s", 1);
    for on_overflow in [OnOverflow::Shared, OnOverflow::Deny, OnOverflow::Fresh] {
        let mut stored = Stored::one_set(on_overflow, &quota);
        stored.fill(&quota, START);
        stored.spend(1, &quota, START, 1);
        let back = START - HOUR;
        assert_eq!(
            retry_ms(&stored.spend(101, &quota, back, 1)),
            Some(1000),
            "{on_overflow:?}"
        );
        let _ = stored.spend(1, &quota, back, 1);
        for key in [1, 2, 101, 107] {
            let spent = stored.spend(key, &quota, back + 1000 * MS, 1);
            let shared = spent.overflow == Overflow::Shared;
            assert!(spent.decision.admitted() && !shared, "{on_overflow:?} {key}");
        }
    }
}

#[test]
fn a_set_back_clock_is_put_right_by_requests_that_are_refused() {
    let quota = quota("1/s", 1);
    let mut stored = Stored::one_set(OnOverflow::Deny, &quota);
    stored.fill(&quota, START);
    let back = START - HOUR;
    assert_eq!(retry_ms(&stored.spend(1, &quota, back, 1)), Some(1000));
    assert!(stored.spend(1, &quota, back + 1000 * MS, 1).decision.admitted());
}

#[test]
fn a_set_back_within_the_tolerance_is_waited_out() {
    let quota = quota("1/s", 1);
    let mut stored = Stored::one_set(OnOverflow::Shared, &quota);
    stored.spend(1, &quota, START, 1);
    let back = START - CLOCK_LAG_TOLERANCE.as_nanos() as u64;
    assert_eq!(retry_ms(&stored.spend(1, &quota, back, 1)), Some(2000));
    assert_eq!(retry_ms(&stored.spend(1, &quota, back - 1, 1)), Some(1000));
}

#[test]
fn a_key_with_a_small_quota_does_not_inherit_more_debt_than_its_bucket_holds() {
    let (fast, slow) = (quota("1000/s", 2), quota("1/h", 1));
    let mut stored = Stored::new(Table::new(units(8), OnOverflow::Shared, &[fast, slow]));
    stored.fill(&fast, START);
    assert_eq!(stored.spend(1, &slow, START, 1).overflow, Overflow::Shared);
    let later = START + 10 * MS;
    let spent = stored.spend(2, &fast, later, 1);
    assert_eq!((retry_ms(&spent), spent.overflow), (Some(1), Overflow::None));
    assert!(stored.spend(2, &fast, later + MS, 1).decision.admitted());
    // The debt of the slow key itself is still there.
    assert_eq!(retry_ms(&stored.spend(1, &slow, later, 1)), Some(3_600_000 - 10));
}

#[test]
fn bytes_of_another_form_count_as_absent() {
    let quota = quota("1/s", 1);
    let mut stored = Stored::one_set(OnOverflow::Shared, &quota);
    stored.spend(1, &quota, START, 1);
    let good = stored.bytes().unwrap().to_vec();
    let with = |change: fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        bytes
    };
    let admits = |bytes: &[u8]| {
        let place = stored.place(1);
        stored
            .table
            .peek(place, &quota, at(START), units(1), Some(bytes))
            .decision(&quota)
            .admitted()
    };
    assert!(!admits(&good));
    for (what, bytes) in [
        ("empty", Vec::new()),
        ("version", with(|bytes| bytes[0] = 2)),
        ("short", with(|bytes| bytes.truncate(24))),
        ("long", with(|bytes| bytes.push(0))),
        ("tag 0", with(|bytes| bytes.extend([0; 16]))),
        ("nine slots", with(|bytes| bytes.extend([1; 128]))),
    ] {
        assert!(admits(&bytes), "{what}");
    }
    let single = |bytes: &[u8]| {
        let place = Table::single().locate(SEED, b"");
        Table::single()
            .peek(place, &quota, at(START), units(1), Some(bytes))
            .decision(&quota)
            .admitted()
    };
    let mut bytes = Vec::new();
    set::write_single(START + 1000 * MS, &mut bytes);
    assert!(!single(&bytes));
    assert!(
        single(&bytes[..8]) && single(&[&bytes[..], &[0]].concat()) && single(&[&[1], &bytes[1..]].concat())
    );
}
