//! Breakers of keys that share a cell, against each key's breaker by itself.

use super::*;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const KEYS: u32 = 9;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(target_arch = "wasm32") { 32 } else { 384 }))]

    // Times are whole buckets, so that all rings have the same boundaries, whenever they began.
    #[test]
    fn a_key_that_makes_room_for_another_loses_nothing(
        any in policies::any_policy(),
        events in proptest::collection::vec((0..KEYS, policies::any_call(), 0..8_u64, any::<u64>()), 1..200),
        buckets in 2..6_u32,
    ) {
        let bucket = 500_000_000;
        let mut policy = any;
        policy.window = Window::Time { duration: Duration::from_nanos(bucket * u64::from(buckets)), buckets: count(buckets) };
        let table = Table::keyed(Breaker::new(policy, Counted::Inside), count(1));
        prop_assert_eq!(table.sets(), 1);
        let mut cell = None;
        let mut now = START;
        let mut alone: Vec<Rig> = (0..KEYS).map(|_| Rig::new(policy, Counted::Inside)).collect();
        for (key, call, wait, entropy) in events {
            now += wait.saturating_sub(4) * bucket;
            let mut shared = Rig::of(table, &key.to_le_bytes());
            shared.cell = cell.take();
            let single = &mut alone[key as usize];
            for rig in [&mut shared, single] {
                (rig.now, rig.entropy) = (now, entropy);
            }
            // Who gets no slot has no breaker: its own is not asked either.
            if let Some(admission) = shared.try_admit(1) {
                let single = &mut alone[key as usize];
                let expected = single.admit(1);
                prop_assert_eq!(admission.pass, expected.pass);
                prop_assert_eq!(admission.known.phase, expected.known.phase);
                if !matches!(expected.pass, Pass::Refused { .. }) {
                    let completion = shared.complete(1, admission.ticket(at(now)), call);
                    let expected = single.complete(1, expected.ticket(at(now)), call);
                    prop_assert_eq!(completion.late, expected.late);
                    prop_assert_eq!(completion.known.phase, expected.known.phase);
                    let happened = |completion: &Completion| completion.transition.map(|it| (it.cause, it.counts));
                    prop_assert_eq!(happened(&completion), happened(&expected));
                }
            }
            cell = shared.cell;
            prop_assert!(cell.as_ref().map_or(0, Vec::len) <= table.cell_bytes() as usize);
        }
    }
}
