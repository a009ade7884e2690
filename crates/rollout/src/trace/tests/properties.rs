//! What holds for a table whatever the traffic, the clock and the bytes.

use super::*;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A request: its trace, its variant, and how far the clock has moved since the last one.
fn request(moved: impl Strategy<Value = i64>) -> impl Strategy<Value = (u32, u8, i64)> {
    (0..20_u32, 0..3_u8, moved)
}

fn steady() -> impl Strategy<Value = i64> {
    prop_oneof![3 => Just(0), 3 => 0..SECOND as i64, 3 => 0..20 * SECOND as i64, 1 => 0..100 * SECOND as i64]
}

fn jumping() -> impl Strategy<Value = i64> {
    let far = 4_000 * SECOND as i64;
    prop_oneof![8 => steady(), 1 => -far..far]
}

proptest! {
    #[test]
    fn a_trace_is_known_by_its_last_variant_while_fewer_than_eight_others_have_come_since(
        requests in proptest::collection::vec(request(steady()), 1..100),
    ) {
        let mut set = OneSet::new();
        let mut now = START;
        // For each trace: its variant, when it was last written, and which others have come since.
        let mut memory: BTreeMap<u32, (u8, u64, Vec<u32>)> = BTreeMap::new();
        for (trace, variant, moved) in requests {
            now = now.saturating_add_signed(moved);
            let (stored, written) = set.store(trace, now, variant);
            for (other, (_, _, since)) in &mut memory {
                if *other != trace && !since.contains(&trace) {
                    since.push(trace);
                }
            }
            if written {
                memory.insert(trace, (variant, now, Vec::new()));
            }
            prop_assert_eq!(set.find(trace, now), Some(variant));
            let mut live = 0;
            for (trace, (variant, when, since)) in &memory {
                match set.find(*trace, now) {
                    Some(found) => {
                        prop_assert_eq!(found, *variant);
                        prop_assert!(now < when + TTL);
                        live += 1;
                    }
                    None => prop_assert!(now >= when + TTL || since.len() >= 8),
                }
            }
            prop_assert!(live <= 8);
            prop_assert!(stored != Stored::Evicted || live == 8);
        }
    }

    #[test]
    fn whatever_the_clock_does_a_trace_is_known_by_its_last_variant_or_not_at_all(
        requests in proptest::collection::vec(request(jumping()), 1..100),
    ) {
        let mut set = OneSet::new();
        let mut now = START;
        let mut memory = BTreeMap::new();
        for (trace, variant, moved) in requests {
            now = now.saturating_add_signed(moved);
            set.store(trace, now, variant);
            memory.insert(trace, variant);
            prop_assert_eq!(set.find(trace, now), Some(variant));
            for (trace, variant) in &memory {
                prop_assert!(set.find(*trace, now).is_none_or(|found| found == *variant));
                prop_assert_eq!(set.find(*trace, now + 4_100 * SECOND + TTL), None);
            }
        }
    }

    #[test]
    fn no_bytes_panic_and_what_is_stored_over_them_is_found(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..160), whole in any::<bool>(),
        now in prop_oneof![any::<u64>(), Just(0), Just(u64::MAX - 1), START..START + TTL], later in any::<u64>(),
        ttl in prop_oneof![Just(Duration::ZERO), Just(Duration::MAX), (1..u64::MAX).prop_map(Duration::from_nanos)],
        max_entries in any::<u32>(), seed in any::<[u64; 2]>(), id in proptest::collection::vec(any::<u8>(), 0..64),
        variant in any::<u8>(),
    ) {
        let table = Table::new(NonZeroU32::new(max_entries).unwrap_or(NonZeroU32::MIN), ttl);
        let slot = table.locate(seed, &id);
        prop_assert!(slot.set < table.sets());
        if whole && !bytes.is_empty() {
            // Of a readable form, so that the numbers in it are used, and with the trace's own tag in it.
            bytes.truncate(1 + (bytes.len() - 1).min(136) / 17 * 17);
            bytes[0] = 1;
            if let Some(tag) = bytes.get_mut(1..9) {
                tag.copy_from_slice(&slot.tag.get().to_le_bytes());
            }
        }
        let _ = table.find(slot, at(now), Some(&bytes));
        let mut cell = bytes;
        for now in [now, later, now] {
            let mut new = Vec::new();
            if let Step::Write(_) = table.store(slot, at(now), variant, Some(&cell), &mut new) {
                prop_assert!(new.len() <= table.cell_bytes() as usize);
                cell = new;
            }
            if ttl > Duration::ZERO && now < u64::MAX {
                prop_assert_eq!(table.find(slot, at(now), Some(&cell)), Some(variant));
            }
        }
    }
}
