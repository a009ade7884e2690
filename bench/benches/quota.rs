//! Rate limits beside governor's own limiters: one bucket, one key of a table, ten thousand keys, and keys that are all new.
//!
//! Both sides decide by governor's GCRA, hash keys by SipHash-1-3, and read a clock that a bench steps: one addition. What
//! differs is where a bucket is and what the answer says:
//!
//! - fairlead reads a cell's bytes and writes new ones, since cells lie in the proxy's memory; governor changes an atomic
//!   of its own in place. What the proxy's store takes comes on top of fairlead's, and is not measured here.
//! - fairlead takes a key as bytes; governor takes an owned key, which is made beforehand here.
//! - fairlead's answer says what remains and when the bucket is full again. Governor's says nothing when it admits, and how
//!   long to wait when it refuses; `governor-remaining` is its middleware that tells what remains.
//! - governor's stores grow with each new key until they are swept (`sweep`); a table has the size that it was given.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench whose inputs are wrong stops"
)]

use criterion::{BatchSize, BenchmarkGroup, Throughput, criterion_group, criterion_main};
use fairlead_bench::{CpuTime, Criterion, START, Stored, cells, keys};
use fairlead_quota::{OnOverflow, Quota, Rate, Table, decide};
use fairlead_stage::Timestamp;
use governor::clock::Clock;
use governor::middleware::{NoOpMiddleware, StateInformationMiddleware};
use governor::nanos::Nanos;
use governor::state::keyed::{DashMapStateStore, HashMapStateStore, KeyedStateStore};
use governor::{NotUntil, RateLimiter};
use std::cell::Cell;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;

const ONE: NonZeroU32 = NonZeroU32::MIN;
const SEED: [u64; 2] = [1, 2];
const KEY: &[u8] = b"client-0123456789";
const KEYS: u64 = 10_000;

/// How far the clock goes at each reading: in that time one unit comes back of [`WIDE`], so that it admits for ever.
const STEP: u64 = 1_000;
const WIDE: Limit = Limit("1000000/s", None);
/// Admits once.
const NARROW: Limit = Limit("1/h", None);
/// Of ten thousand keys in turn each spends a little more than comes back, so that its bucket is never full. It would be
/// empty after 100 billion requests.
const BUSY: Limit = Limit("90/s", NonZeroU32::new(1_000_000));

/// A rate and a burst.
#[derive(Clone, Copy)]
struct Limit(&'static str, Option<NonZeroU32>);

type Keyed<S> = RateLimiter<Vec<u8>, S, Steps, NoOpMiddleware<Nanos>>;

/// A clock that is a step later each time it is read.
struct Steps(Cell<u64>);

impl Steps {
    const fn new() -> Self {
        Self(Cell::new(START.as_unix_nanos()))
    }

    fn tick(&self) -> u64 {
        let now = self.0.get().wrapping_add(STEP);
        self.0.set(now);
        now
    }

    fn stamp(&self) -> Timestamp {
        Timestamp::from_unix_nanos(self.tick())
    }
}

impl Clock for Steps {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.tick())
    }
}

impl Limit {
    fn quota(self) -> Quota {
        Quota::new(self.0.parse::<Rate>().unwrap(), self.1).unwrap()
    }

    fn governors(self) -> governor::Quota {
        let quota = self.quota();
        governor::Quota::with_period(quota.interval())
            .unwrap()
            .allow_burst(quota.burst())
    }
}

/// How long a refused client has to wait: what fairlead's answer says anyway.
fn wait(refused: &NotUntil<Nanos>) -> Duration {
    refused.wait_time_from(Nanos::from(START.as_unix_nanos()))
}

/// One bucket: fairlead on a bare number and in a cell, governor's direct limiter without and with what remains.
fn one(c: &mut Criterion) {
    for (name, limit, admits) in [
        ("quota/one/admit", WIDE, true),
        ("quota/one/refuse", NARROW, false),
    ] {
        let mut group = c.benchmark_group(name);
        let (quota, clock) = (limit.quota(), Steps::new());
        let (_, mut tat) = decide(&quota, clock.stamp(), None, ONE);
        group.bench_function("fairlead-number", |b| {
            b.iter(|| {
                let (decision, new) = decide(black_box(&quota), clock.stamp(), tat, ONE);
                tat = new.or(tat);
                decision
            });
        });
        assert_eq!(decide(&quota, clock.stamp(), tat, ONE).0.admitted(), admits);

        let (table, mut cell) = (Table::single(), Stored::default());
        let place = table.locate(SEED, KEY);
        let mut spend = || cell.update(|old, new| table.spend(place, &quota, clock.stamp(), ONE, old, new));
        spend();
        group.bench_function("fairlead-cell", |b| b.iter(&mut spend));
        assert_eq!(spend().admitted(), admits);

        let limiter = RateLimiter::direct_with_clock(limit.governors(), Steps::new());
        let _ = limiter.check();
        group.bench_function("governor", |b| {
            b.iter(|| black_box(&limiter).check().map_err(|refused| wait(&refused)));
        });
        assert_eq!(limiter.check().is_ok(), admits);

        if admits {
            let limiter = limiter.with_middleware::<StateInformationMiddleware>();
            group.bench_function("governor-remaining", |b| {
                b.iter(|| {
                    black_box(&limiter)
                        .check()
                        .map(|state| state.remaining_burst_capacity())
                });
            });
        }
        group.finish();
    }
}

/// A table and its cells.
struct Cells {
    table: Table,
    quota: Quota,
    cells: Vec<Stored>,
    clock: Steps,
}

impl Cells {
    fn new(max_keys: u32, limit: Limit) -> Self {
        let quota = limit.quota();
        let table = Table::new(NonZeroU32::new(max_keys).unwrap(), OnOverflow::Shared, &[quota]);
        Self {
            table,
            quota,
            cells: cells(table.sets()),
            clock: Steps::new(),
        }
    }

    fn spend(&mut self, key: &[u8]) -> bool {
        let place = self.table.locate(SEED, key);
        let now = self.clock.stamp();
        self.cells[place.set as usize]
            .update(|old, new| self.table.spend(place, &self.quota, now, ONE, old, new))
            .admitted()
    }
}

fn hashmap(limit: Limit) -> Keyed<HashMapStateStore<Vec<u8>>> {
    RateLimiter::hashmap_with_clock(limit.governors(), Steps::new())
}

fn dashmap(limit: Limit) -> Keyed<DashMapStateStore<Vec<u8>>> {
    RateLimiter::dashmap_with_clock(limit.governors(), Steps::new())
}

fn in_turn<S>(group: &mut BenchmarkGroup<'_, CpuTime>, name: &str, limiter: &Keyed<S>, keys: &[Vec<u8>])
where
    S: KeyedStateStore<Vec<u8>>,
{
    for key in keys {
        let _ = limiter.check_key(key);
    }
    let mut turn = keys.iter().cycle();
    group.bench_function(name, |b| {
        b.iter(|| {
            let key = turn.next().unwrap();
            limiter
                .check_key(black_box(key))
                .map_err(|refused| wait(&refused))
        });
    });
}

/// Keys that have a bucket: a single one, which is admitted or refused, and ten thousand in turn. The table has room for eight
/// times as many, so that an eighth of its slots is live; the stores hold exactly those.
fn known_keys(c: &mut Criterion) {
    let many = keys(KEYS);
    let hot = vec![KEY.to_vec()];
    for (name, limit, keys) in [
        ("quota/hot-key/admit", WIDE, &hot),
        ("quota/hot-key/refuse", NARROW, &hot),
        ("quota/10k-keys/admit", BUSY, &many),
        ("quota/10k-keys/refuse", NARROW, &many),
    ] {
        let mut group = c.benchmark_group(name);
        let mut table = Cells::new(80_000, limit);
        for key in keys {
            assert!(table.spend(key), "the first request of a key is admitted");
        }
        let mut turn = keys.iter().cycle();
        group.bench_function("fairlead", |b| {
            b.iter(|| table.spend(black_box(turn.next().unwrap())));
        });
        in_turn(&mut group, "governor-hashmap", &hashmap(limit), keys);
        in_turn(&mut group, "governor-dashmap", &dashmap(limit), keys);
        group.finish();
    }
}

fn flood<S>(
    group: &mut BenchmarkGroup<'_, CpuTime>,
    name: &str,
    limiter: fn(Limit) -> Keyed<S>,
    keys: &[Vec<u8>],
) where
    S: KeyedStateStore<Vec<u8>>,
{
    let check = |limiter: &mut Keyed<S>| keys.iter().filter(|key| limiter.check_key(*key).is_ok()).count();
    assert_eq!(check(&mut limiter(BUSY)), keys.len());
    group.bench_function(name, |b| {
        b.iter_batched_ref(|| limiter(BUSY), check, BatchSize::PerIteration);
    });
}

/// Ten thousand keys that nobody has seen, each once, into something empty. The time is that of all, with what the bench's
/// cells allocate and the keys that governor copies. A table with room for them gives each a bucket, as governor does. One
/// of 4,096 is full before half of them have come, and decides on the rest by the buckets that its sets share.
fn new_keys(c: &mut Criterion) {
    let keys = keys(KEYS);
    let mut group = c.benchmark_group("quota/new-keys");
    group.throughput(Throughput::Elements(KEYS));
    for max_keys in [65_536, 4_096] {
        let spend = |table: &mut Cells| keys.iter().filter(|key| table.spend(key)).count();
        assert_eq!(spend(&mut Cells::new(max_keys, BUSY)), keys.len());
        group.bench_function(format!("fairlead-{max_keys}"), |b| {
            b.iter_batched_ref(|| Cells::new(max_keys, BUSY), spend, BatchSize::PerIteration);
        });
    }
    flood(&mut group, "governor-hashmap", hashmap, &keys);
    flood(&mut group, "governor-dashmap", dashmap, &keys);
    group.finish();
}

/// What keeps governor's stores bounded, with ten thousand keys that all stay. A table needs nothing of the kind.
fn sweep(c: &mut Criterion) {
    let mut group = c.benchmark_group("quota/sweep");
    let (hashmap, dashmap) = (hashmap(NARROW), dashmap(NARROW));
    for key in keys(KEYS) {
        let _ = (hashmap.check_key(&key), dashmap.check_key(&key));
    }
    group.bench_function("governor-hashmap", |b| b.iter(|| hashmap.retain_recent()));
    group.bench_function("governor-dashmap", |b| b.iter(|| dashmap.retain_recent()));
    assert_eq!((hashmap.len() as u64, dashmap.len() as u64), (KEYS, KEYS));
    group.finish();
}

criterion_group! {
    name = benches;
    config = fairlead_bench::criterion();
    targets = one, known_keys, new_keys, sweep
}
criterion_main!(benches);
