//! What holds for a table whatever the traffic, the clock and the bytes.

use super::*;
use proptest::prelude::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Numbers that stay small, so that sequences meet the edges.
fn small_quota() -> impl Strategy<Value = Quota> {
    (
        prop_oneof![Just(1u64), Just(3), Just(7), Just(10), Just(1000)],
        1..5u32,
    )
        .prop_map(|(per_second, burst)| quota(&format!("{per_second}/s"), burst))
}

/// A request: its key, its units, and how far the clock has moved since the last one.
#[derive(Clone, Copy, Debug)]
struct Request {
    key: u32,
    n: u32,
    moved: i64,
    /// Whether the spend is taken back, and after how many more requests.
    refunded: Option<usize>,
}

fn request(moved: impl Strategy<Value = i64>, refunds: bool) -> impl Strategy<Value = Request> {
    let refunded = prop_oneof![3 => Just(None), 1 => (0..3usize).prop_map(Some)];
    (0..20u32, 1..4u32, moved, refunded).prop_map(move |(key, n, moved, refunded)| Request {
        key,
        n,
        moved: moved * MS as i64,
        refunded: refunded.filter(|_| refunds),
    })
}

fn steady() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 0..3i64, 3 => 0..200i64, 1 => 0..3_000i64]
}

fn jumping() -> impl Strategy<Value = i64> {
    prop_oneof![12 => steady(), 1 => -3_000..3_000i64, 1 => -4_000_000..4_000_000i64]
}

fn exact() -> impl Strategy<Value = OnOverflow> {
    prop_oneof![Just(OnOverflow::Shared), Just(OnOverflow::Deny)]
}

/// What each key was admitted and has kept: when, in time that only counts forward, and how much.
type Kept = BTreeMap<u32, Vec<(u64, u32)>>;

/// Sends the requests through a table of one or two sets. `quota_of` says what a key may.
fn run(table: Table, quota_of: impl Fn(u32) -> Quota, requests: &[Request]) -> Kept {
    let mut stored = Stored::new(table);
    let (mut now, mut forward) = (START, 0u64);
    let mut admitted = Vec::new();
    let mut refunds: Vec<(usize, usize, Receipt)> = Vec::new();
    for (index, request) in requests.iter().enumerate() {
        now = now.saturating_add_signed(request.moved);
        forward += u64::try_from(request.moved).unwrap_or(0);
        let spent = stored.spend(request.key, &quota_of(request.key), now, request.n);
        if let Some(receipt) = spent.receipt {
            admitted.push((request.key, forward, request.n, true));
            if let Some(after) = request.refunded {
                refunds.push((index + after, admitted.len() - 1, receipt));
            }
        }
        for (_, spend, receipt) in refunds.extract_if(.., |(due, _, _)| *due == index) {
            let (key, _, _, kept) = &mut admitted[spend];
            *kept = !stored.refund(*key, &receipt);
        }
    }
    let mut kept = Kept::new();
    for (key, when, n, _) in admitted.into_iter().filter(|(_, _, _, kept)| *kept) {
        kept.entry(key).or_default().push((when, n));
    }
    kept
}

/// Whether the units of one key in every window are worth at most a fill of its bucket and the window.
fn within(quota: &Quota, admitted: &[(u64, u32)]) -> bool {
    let (interval, fill) = (quota.interval().as_nanos() as u64, quota.fill().as_nanos() as u64);
    (0..admitted.len()).all(|first| {
        let mut units = 0;
        admitted[first..].iter().all(|(when, n)| {
            units += u64::from(*n);
            units * interval <= fill + (when - admitted[first].0)
        })
    })
}

proptest! {
    #[test]
    fn no_key_is_ever_admitted_above_its_quota(
        quota in small_quota(), max_keys in prop_oneof![3 => Just(8), 1 => Just(16)], on_overflow in exact(),
        requests in proptest::collection::vec(request(jumping(), false), 1..300),
    ) {
        let kept = run(Table::new(units(max_keys), on_overflow, &[quota]), |_| quota, &requests);
        for (key, admitted) in &kept {
            prop_assert!(within(&quota, admitted), "key {key}: {admitted:?}");
        }
    }

    #[test]
    fn refunds_never_give_a_key_more_than_its_quota(
        quota in small_quota(), on_overflow in exact(),
        requests in proptest::collection::vec(request(jumping(), true), 1..200),
    ) {
        for table in [Table::new(units(8), on_overflow, &[quota]), Table::single()] {
            // A single table has one bucket, whoever asks.
            let one = table.cell_bytes() == 9;
            let requests: Vec<_> =
                requests.iter().map(|r| Request { key: if one { 0 } else { r.key }, ..*r }).collect();
            for (key, admitted) in &run(table, |_| quota, &requests) {
                prop_assert!(within(&quota, admitted), "key {key}: {admitted:?}");
            }
        }
    }

    #[test]
    fn a_worker_whose_clock_lags_gives_each_key_at_most_its_lag(
        quota in small_quota(), on_overflow in exact(),
        requests in proptest::collection::vec((request(steady(), false), 0..5u64), 1..300),
    ) {
        let mut stored = Stored::one_set(on_overflow, &quota);
        let mut latest = START;
        let mut kept = Kept::new();
        for (request, lag) in requests {
            latest = latest.saturating_add_signed(request.moved);
            let now = latest - lag * MS;
            if stored.spend(request.key, &quota, now, request.n).decision.admitted() {
                kept.entry(request.key).or_default().push((now, request.n));
            }
        }
        for (key, admitted) in &mut kept {
            admitted.sort_unstable();
            // Each admission may have been of a slot that was gone 4 ms too early.
            let allowed: Vec<_> = admitted.iter().zip(0..).map(|((when, n), i)| (when + i * 4 * MS, *n)).collect();
            prop_assert!(within(&quota, &allowed), "key {key}: {admitted:?}");
        }
    }

    #[test]
    fn keys_with_different_quotas_in_one_table_stay_within_their_own(
        quotas in proptest::array::uniform3(small_quota()), on_overflow in exact(),
        requests in proptest::collection::vec(request(jumping(), false), 1..300),
    ) {
        let quota_of = |key: u32| quotas[key as usize % 3];
        let kept = run(Table::new(units(8), on_overflow, &quotas), quota_of, &requests);
        for (key, admitted) in &kept {
            prop_assert!(within(&quota_of(*key), admitted), "key {key}: {admitted:?}");
        }
    }

    #[test]
    fn while_every_key_has_a_slot_the_table_decides_as_unbounded_memory_would(
        quota in small_quota(), on_overflow in prop_oneof![exact(), Just(OnOverflow::Fresh)],
        requests in proptest::collection::vec(request(steady(), false), 1..300),
    ) {
        let mut stored = Stored::one_set(on_overflow, &quota);
        let mut memory: BTreeMap<u32, u64> = BTreeMap::new();
        let mut now = START;
        for request in requests {
            now = now.saturating_add_signed(request.moved);
            memory.retain(|_, tat| *tat > now);
            if memory.len() == 8 && !memory.contains_key(&request.key) {
                continue;
            }
            let spent = stored.spend(request.key, &quota, now, request.n);
            let known = memory.get(&request.key).copied();
            let (decision, tat) = decide(&quota, at(now), known, units(request.n));
            prop_assert_eq!(spent.decision, decision);
            prop_assert_eq!(spent.overflow, Overflow::None);
            if let Some(tat) = tat {
                memory.insert(request.key, tat);
            }
        }
    }

    #[test]
    fn a_refusal_lasts_at_most_as_long_as_it_says(
        quota in small_quota(), on_overflow in exact(),
        requests in proptest::collection::vec(request(jumping(), false), 1..100),
    ) {
        let mut stored = Stored::one_set(on_overflow, &quota);
        let mut now = START;
        for request in requests {
            now = now.saturating_add_signed(request.moved);
            let spent = stored.spend(request.key, &quota, now, request.n);
            let Some(wait) = spent.decision.retry_after() else { continue };
            prop_assert!(wait <= quota.fill() + CLOCK_LAG_TOLERANCE);
            prop_assert!(wait > Duration::ZERO);
            let place = stored.place(request.key);
            let then = at(now + wait.as_nanos() as u64);
            let old = stored.cells.get(&place.set).map(Vec::as_slice);
            let again = stored.table.peek(place, &quota, then, units(request.n), old);
            prop_assert!(again.admitted(), "{:?} then {:?}", spent, again);
        }
    }

    #[test]
    fn no_bytes_panic_or_are_written_that_do_not_read_back(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..160),
        shape in 0..4usize, whole in any::<bool>(),
        now in prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), START..START + HOUR],
        later in any::<u64>(),
        n in prop_oneof![1..10u32, any::<u32>().prop_map(|n| n.max(1))],
        quota in small_quota(), key in any::<u32>(),
    ) {
        let policies = [OnOverflow::Shared, OnOverflow::Deny, OnOverflow::Fresh];
        let table = policies.get(shape).map_or(Table::single(), |on| Table::new(units(8), *on, &[quota]));
        if whole {
            // Of a readable form, so that the numbers in it are used.
            bytes.truncate(if shape == 3 { 9 } else { 9 + bytes.len().saturating_sub(9) / 16 * 16 });
            if let Some(version) = bytes.first_mut() {
                *version = if shape == 3 { 2 } else { 1 };
            }
        }
        let place = table.locate(SEED, &key.to_le_bytes());
        let mut cell = bytes;
        for now in [now, later, now] {
            let mut new = Vec::new();
            let _ = table.peek(place, &quota, at(now), units(n), Some(&cell));
            let step = table.spend(place, &quota, at(now), units(n), Some(&cell), &mut new);
            if let Step::Write(spent) = step {
                cell.clone_from(&new);
                prop_assert!(cell.len() <= table.cell_bytes() as usize);
                let mut after = Vec::new();
                if let Some(receipt) = spent.receipt(&quota, units(n)) {
                    let refunded = table.refund(place, &receipt, Some(&cell), &mut after);
                    prop_assert_eq!(refunded, Step::Write(true));
                }
                let mut again = Vec::new();
                if let Step::Write(_) = table.spend(place, &quota, at(now), units(n), Some(&cell), &mut again) {
                    prop_assert!(spent.admitted(), "what was put right once is right");
                }
            }
        }
    }
}
