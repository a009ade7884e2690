use super::*;
use std::collections::BTreeMap;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod properties;

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_795_000_000 * SECOND;
const TTL: u64 = 60 * SECOND;
const SEED: [u64; 2] = [0x5eed, 0xf00d];

fn at(nanos: u64) -> Timestamp {
    Timestamp::from_unix_nanos(nanos)
}

fn table(max_entries: u32) -> Table {
    let max_entries = NonZeroU32::new(max_entries).unwrap();
    Table::new(max_entries, Duration::from_nanos(TTL))
}

/// A table of one set with its cell, so that the ninth live trace finds it full.
struct OneSet {
    table: Table,
    cell: Option<Vec<u8>>,
}

impl OneSet {
    fn new() -> Self {
        Self {
            table: table(8),
            cell: None,
        }
    }

    fn slot(&self, trace: u32) -> Slot {
        self.table.locate(SEED, &trace.to_be_bytes())
    }

    /// What came of storing, and whether the cell was written.
    fn store(&mut self, trace: u32, now: u64, variant: u8) -> (Stored, bool) {
        let mut new = vec![0xaa; 3];
        match self
            .table
            .store(self.slot(trace), at(now), variant, self.cell.as_deref(), &mut new)
        {
            Step::Keep(stored) => (stored, false),
            Step::Write(stored) => {
                assert!(new.len() <= self.table.cell_bytes() as usize);
                self.cell = Some(new);
                (stored, true)
            }
        }
    }

    fn find(&self, trace: u32, now: u64) -> Option<u8> {
        self.table.find(self.slot(trace), at(now), self.cell.as_deref())
    }

    /// Which of these traces are known.
    fn known(&self, traces: impl IntoIterator<Item = u32>, now: u64) -> Vec<u32> {
        traces
            .into_iter()
            .filter(|trace| self.find(*trace, now).is_some())
            .collect()
    }
}

#[test]
fn a_trace_is_known_for_its_time_and_no_longer() {
    let mut set = OneSet::new();
    assert_eq!(set.find(1, START), None, "an absent cell knows nothing");
    assert_eq!(set.store(1, START, 3), (Stored::New, true));
    assert_eq!(set.find(1, START), Some(3));
    assert_eq!(set.find(1, START + TTL - 1), Some(3));
    assert_eq!(set.find(1, START + TTL), None);
    assert_eq!(set.find(2, START), None);
}

#[test]
fn every_variant_is_told_as_it_was_stored() {
    let mut set = OneSet::new();
    for variant in 0..=u8::MAX {
        set.store(1, START, variant);
        assert_eq!(set.find(1, START), Some(variant));
    }
}

#[test]
fn the_ninth_trace_of_a_set_takes_the_slot_of_the_oldest() {
    let mut set = OneSet::new();
    for trace in 0..8 {
        assert_eq!(set.store(trace, START + u64::from(trace), 1), (Stored::New, true));
    }
    // The first is no longer the oldest.
    assert_eq!(set.store(0, START + 8, 2), (Stored::Known, true));
    assert_eq!(set.store(8, START + 9, 1), (Stored::Evicted, true));
    assert_eq!(set.known(0..9, START + 9), [0, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(set.store(9, START + 9, 1), (Stored::Evicted, true));
    assert_eq!(set.known(0..10, START + 9), [0, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn a_worker_whose_clock_lags_takes_the_slot_of_the_oldest_too() {
    let mut set = OneSet::new();
    for trace in 0..8 {
        set.store(trace, START - u64::from(trace) * SECOND, 1);
    }
    assert_eq!(set.store(8, START - 8 * SECOND, 1), (Stored::Evicted, true));
    assert_eq!(set.store(9, START, 1), (Stored::Evicted, true));
    assert_eq!(set.known(0..10, START), [2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn a_slot_whose_time_is_over_is_taken_first() {
    let mut set = OneSet::new();
    for trace in 0..8 {
        set.store(trace, START + u64::from(trace) * SECOND, 1);
    }
    let later = START + TTL + SECOND;
    assert_eq!(set.store(8, later, 1), (Stored::New, true));
    // Two were over.
    assert_eq!(set.known(0..9, later), [2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(set.store(9, later, 1), (Stored::New, true));
    assert_eq!(set.store(10, later, 1), (Stored::Evicted, true));
}

#[test]
fn a_trace_in_a_full_set_keeps_its_own_slot() {
    let mut set = OneSet::new();
    for trace in 0..8 {
        set.store(trace, START, 1);
    }
    assert_eq!(set.store(3, START + TTL / 2, 2), (Stored::Known, true));
    assert_eq!(set.known(0..8, START + TTL / 2), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(set.find(3, START + TTL), Some(2));
}

#[test]
fn a_trace_that_comes_again_and_again_is_written_once_in_an_eighth_of_its_time() {
    let mut set = OneSet::new();
    set.store(1, START, 1);
    assert_eq!(set.store(1, START, 1), (Stored::Known, false));
    assert_eq!(set.store(1, START + TTL / 8, 1), (Stored::Known, false));
    assert_eq!(set.store(1, START + TTL / 8 + 1, 1), (Stored::Known, true));
    assert_eq!(set.find(1, START + TTL / 8 + TTL), Some(1));
}

#[test]
fn a_trace_that_gets_another_variant_is_written_at_once() {
    let mut set = OneSet::new();
    set.store(1, START, 1);
    assert_eq!(set.store(1, START, 2), (Stored::Known, true));
    assert_eq!(set.find(1, START), Some(2));
}

#[test]
fn a_trace_whose_time_is_over_is_new_again() {
    let mut set = OneSet::new();
    set.store(1, START, 1);
    assert_eq!(set.store(1, START + TTL, 1), (Stored::New, true));
}

#[test]
fn a_clock_set_back_loses_nothing_and_leaves_nothing_for_long() {
    let hour = 3600 * SECOND;
    let mut set = OneSet::new();
    for trace in 0..8 {
        set.store(trace, START + hour, 1);
    }
    assert_eq!(
        set.known(0..8, START),
        [0, 1, 2, 3, 4, 5, 6, 7],
        "it is true whenever it was"
    );
    // What comes next takes the slots of those that seem to be from the future, not of what came after them.
    for trace in 8..16 {
        assert_eq!(set.store(trace, START, 1), (Stored::Evicted, true));
    }
    assert_eq!(set.known(0..16, START), [8, 9, 10, 11, 12, 13, 14, 15]);

    let mut set = OneSet::new();
    set.store(1, START + hour, 1);
    assert_eq!(
        set.store(1, START, 1),
        (Stored::Known, true),
        "its time is put right"
    );
    assert_eq!(set.find(1, START + TTL), None);
    set.store(2, START + hour, 1);
    set.store(3, START, 1);
    assert_eq!(
        set.find(2, START + TTL),
        None,
        "and that of others in the set too"
    );
}

#[test]
fn a_clock_set_forward_ends_what_is_stored() {
    let mut set = OneSet::new();
    set.store(1, START, 1);
    assert_eq!(set.find(1, u64::MAX), None);
    assert_eq!(set.store(2, u64::MAX, 1), (Stored::New, true));
    assert_eq!(set.find(2, START), Some(1));
}

#[test]
fn bytes_of_another_form_count_as_absent() {
    let mut set = OneSet::new();
    set.store(1, START, 1);
    let good = set.cell.clone().unwrap();
    let mut other_version = good.clone();
    other_version[0] = 2;
    let too_long = [&good[..], &[1; 8 * 17]].concat();
    for cell in [
        vec![],
        vec![9],
        good[..17].to_vec(),
        [&good[..], b"x"].concat(),
        other_version,
        too_long,
    ] {
        set.cell = Some(cell);
        assert_eq!(set.find(1, START), None, "{:?}", set.cell);
        assert_eq!(set.store(2, START, 1), (Stored::New, true));
        assert_eq!(set.known(1..3, START), [2]);
    }
}

#[test]
fn a_table_has_room_for_its_traces_in_sets_of_eight() {
    for (max_entries, sets) in [(1, 1), (8, 1), (9, 2), (4096, 512), (u32::MAX, 1 << 29)] {
        assert_eq!(table(max_entries).sets(), sets);
    }
    assert_eq!(table(1).cell_bytes(), 137);
}

#[test]
fn a_trace_lives_where_another_implementation_of_siphash_puts_it() {
    let slot = table(4096).locate([1, 2], b"4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(slot.set, 23);
    assert_eq!(slot.tag.get(), 855_856_729_880_495_960);
}

#[test]
fn traces_spread_evenly_over_the_sets_under_every_seed() {
    let table = table(800);
    for seed in [SEED, [0, 0], [0, 1]] {
        let mut counts = BTreeMap::new();
        for trace in 0..50_000_u32 {
            let id = format!("{trace:032x}");
            *counts
                .entry(table.locate(seed, id.as_bytes()).set)
                .or_insert(0_u32) += 1;
        }
        assert!(counts.keys().all(|set| *set < table.sets()));
        let expect = 50_000.0 / f64::from(table.sets());
        let chi: f64 = (0..table.sets())
            .map(|set| (f64::from(counts.get(&set).copied().unwrap_or(0)) - expect).powi(2) / expect)
            .sum();
        // Chance exceeds this once in a thousand.
        assert!(chi < 148.23, "{chi} with 99 degrees of freedom");
    }
}

#[test]
fn nobody_can_aim_at_a_set_without_the_seed() {
    let table = table(80);
    // Traces that meet in one set under one seed spread over all sets under another.
    let aimed = (0..5_000_u32)
        .map(u32::to_be_bytes)
        .filter(|id| table.locate([0, 0], id).set == 0);
    let mut counts = [0_u32; 10];
    for id in aimed {
        counts[table.locate(SEED, &id).set as usize] += 1;
    }
    assert!(counts.iter().all(|count| (20..90).contains(count)), "{counts:?}");
}
