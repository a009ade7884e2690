//! Circuit breakers beside two of the ecosystem: a whole call of a closed one (admission and result), and a refusal.
//!
//! - [recloser](https://docs.rs/recloser) 1.4, which is maintained: a window of calls, as `window: {calls}` is.
//! - [failsafe](https://docs.rs/failsafe) 1.3, without a release since 2024: a window of time, as `window: {duration}` is,
//!   though it weighs calls by their age in it (an exponentially weighted mean) instead of counting them.
//!
//! Of the others, tower-resilience's is async and keeps each call of a window of time in a list that it sums up at each
//! result; it could only be measured with a runtime around it.
//!
//! The same on all sides: a window of 100 calls or 10 s, a breaker that trips at half, every fifth call fails, so it stays
//! closed. What differs:
//!
//! - fairlead's breaker is bytes in a cell: each result decodes and encodes its record. The others change atomics (recloser)
//!   or what is behind a mutex (failsafe) in place, locks included. What the proxy's store takes comes on top of fairlead's,
//!   and is not measured here.
//! - fairlead is told the time. Where the others read the clock, a reading is part of fairlead's side too: one a call.
//!   failsafe reads it twice or three times a result.
//! - fairlead also counts slow calls, and drops results of calls that were admitted before a transition.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench whose inputs are wrong stops"
)]

use criterion::{criterion_group, criterion_main};
use failsafe::{CircuitBreaker, Config, failure_policy};
use fairlead_bench::{Criterion, START, Stored, cells, keys};
use fairlead_breaker::classes::Outcome;
use fairlead_breaker::policy::{Policy, Window};
use fairlead_breaker::{
    Breaker, Call, Counted, Counts, Known, Moment, Pass, Phase, Place, Snapshots, Table, Ticket,
};
use fairlead_stage::{Step, Timestamp};
use recloser::Recloser;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

const HUNDRED: NonZeroU32 = NonZeroU32::new(100).unwrap();
const TEN: NonZeroU32 = NonZeroU32::new(10).unwrap();
const WINDOW: Duration = Duration::from_secs(10);
const OPEN: Duration = Duration::from_secs(3600);
const SEED: [u64; 2] = [1, 2];

const CALLS: Window = Window::Calls(HUNDRED);
const TIME: Window = Window::Time {
    duration: WINDOW,
    buckets: TEN,
};

/// Whether each call fails: every fifth does.
fn outcomes() -> impl Iterator<Item = bool> {
    (0_u32..5).map(|number| number == 4).cycle()
}

fn result(failed: bool) -> Result<(), ()> {
    if failed { Err(()) } else { Ok(()) }
}

/// A clock that begins nine seconds after [`START`].
struct Clock(Instant);

impl Clock {
    fn start() -> Self {
        Self(Instant::now())
    }

    fn now(&self) -> Timestamp {
        START
            .saturating_add(Duration::from_secs(9))
            .saturating_add(self.0.elapsed())
    }
}

/// A breaker in its cell, with what a worker knows of it.
struct Ours {
    table: Table,
    cell: Stored,
    known: Known,
}

impl Ours {
    fn new(window: Window) -> Self {
        let mut policy = Policy {
            window,
            minimum_requests: 100,
            ..Policy::default()
        };
        (policy.open.duration, policy.open.max) = (OPEN, OPEN);
        Self {
            table: Table::single(Breaker::new(policy, Counted::Inside)),
            cell: Stored::default(),
            known: Known::default(),
        }
    }

    /// A request and its result. Says whether it passed.
    fn call(&mut self, failed: bool, now: Timestamp) -> bool {
        if self.table.breaker().admit_known(&self.known, now, 0) != Some(Pass::Free) {
            return false;
        }
        let ticket = Ticket {
            generation: self.known.generation,
            probe: false,
            started: now,
        };
        let done = self
            .cell
            .update(|old, new| finish(&self.table, Place::ONLY, (ticket, failed), now, old, new));
        if done {
            self.known = self.table.known(Place::ONLY, now, self.cell.bytes()).unwrap();
        }
        true
    }
}

/// Counts a result. Says whether that made a transition.
fn finish(
    table: &Table,
    place: Place,
    (ticket, failed): (Ticket, bool),
    now: Timestamp,
    old: Option<&[u8]>,
    new: &mut Vec<u8>,
) -> Step<bool> {
    let call = Call {
        outcome: if failed {
            Outcome::Failure
        } else {
            Outcome::Success
        },
        slow: false,
    };
    match table.complete(place, &moment(now), ticket, call, None, old, new) {
        Step::Keep(done) => Step::Keep(done.transition.is_some()),
        Step::Write(done) => Step::Write(done.transition.is_some()),
    }
}

fn moment<'m>(now: Timestamp) -> Moment<'m> {
    Moment {
        now,
        entropy: 0,
        instance: 1,
        live: &|_| true,
        totals: Counts::NONE,
    }
}

fn recloser() -> Recloser {
    Recloser::custom()
        .error_rate(0.5)
        .closed_len(100)
        .open_wait(OPEN)
        .build()
}

/// A closed breaker over the last 100 calls. Neither side reads a clock.
fn window_of_calls(c: &mut Criterion) {
    let mut group = c.benchmark_group("breaker/window-of-calls");
    let (mut ours, recloser) = (Ours::new(CALLS), recloser());
    for failed in outcomes().take(1_000) {
        assert!(ours.call(failed, START) && recloser.call(|| result(failed)).is_ok() != failed);
    }
    let mut turn = outcomes();
    group.bench_function("fairlead", |b| {
        b.iter(|| black_box(&mut ours).call(turn.next().unwrap(), START));
    });
    let mut turn = outcomes();
    group.bench_function("recloser", |b| {
        b.iter(|| black_box(&recloser).call(|| result(turn.next().unwrap())));
    });
    assert!(ours.call(false, START) && recloser.call(|| result(false)).is_ok());
    group.finish();
}

/// A closed breaker over the last 10 s, with calls in each of its ten buckets. Both sides read the clock; what the reading
/// takes is `the-clock`.
fn window_of_time(c: &mut Criterion) {
    let mut group = c.benchmark_group("breaker/window-of-time");
    let mut ours = Ours::new(TIME);
    for (number, failed) in outcomes().take(1_000).enumerate() {
        assert!(ours.call(
            failed,
            START.saturating_add(Duration::from_millis(9 * number as u64))
        ));
    }
    let waits = std::iter::repeat(OPEN);
    let policy = failure_policy::success_rate_over_time_window(0.5, 100, WINDOW, waits);
    let failsafe = Config::new().failure_policy(policy).build();
    let clock = Clock::start();
    let mut turn = outcomes();
    group.bench_function("fairlead", |b| {
        b.iter(|| black_box(&mut ours).call(turn.next().unwrap(), clock.now()));
    });
    let mut turn = outcomes();
    group.bench_function("failsafe", |b| {
        b.iter(|| black_box(&failsafe).call(|| result(turn.next().unwrap())));
    });
    assert!(ours.call(false, clock.now()) && failsafe.call(|| result(false)).is_ok());
    group.bench_function("the-clock", |b| b.iter(|| clock.now()));
    group.finish();
}

/// A refusal by a breaker that is open. All read the clock.
fn open(c: &mut Criterion) {
    let mut group = c.benchmark_group("breaker/refuse");
    let (mut ours, recloser, clock) = (Ours::new(CALLS), recloser(), Clock::start());
    let policy = failure_policy::consecutive_failures(100, std::iter::repeat(OPEN));
    let failsafe = Config::new().failure_policy(policy).build();
    for _ in 0..200 {
        ours.call(true, clock.now());
        let _ = (recloser.call(|| result(true)), failsafe.call(|| result(true)));
    }
    group.bench_function("fairlead", |b| {
        b.iter(|| black_box(&mut ours).call(false, clock.now()));
    });
    group.bench_function("recloser", |b| {
        b.iter(|| black_box(&recloser).call(|| result(false)));
    });
    group.bench_function("failsafe", |b| {
        b.iter(|| black_box(&failsafe).call(|| result(false)));
    });
    assert_eq!(ours.known.phase, Phase::Open);
    assert!(!ours.call(false, clock.now()));
    assert!(matches!(
        recloser.call(|| result(false)),
        Err(recloser::Error::Rejected)
    ));
    assert!(!failsafe.is_call_permitted());
    group.finish();
}

/// What has no counterpart: the steps by themselves, a thousand keys in turn, and a window over counters of the process.
fn steps(c: &mut Criterion) {
    let mut group = c.benchmark_group("breaker/steps");
    let mut ours = Ours::new(TIME);
    for failed in outcomes().take(1_000) {
        ours.call(failed, START);
    }
    let (rules, known) = (*ours.table.breaker(), ours.known);
    group.bench_function("admit-known", |b| {
        b.iter(|| rules.admit_known(black_box(&known), START, 0));
    });
    let mut new = Vec::new();
    group.bench_function("admit-record", |b| {
        let old = ours.cell.bytes();
        b.iter(|| {
            new.clear();
            ours.table
                .admit(Place::ONLY, &moment(START), black_box(old), &mut new)
        });
    });

    let keys = keys(1_000);
    let table = Table::keyed(rules, NonZeroU32::new(4_000).unwrap());
    let mut cells = cells(table.sets());
    let (mut key, mut turn) = (keys.iter().cycle(), outcomes());
    group.bench_function("1000-keys", |b| {
        b.iter(|| {
            let place = table.locate(SEED, black_box(key.next().unwrap()));
            let cell = &mut cells[place.set as usize];
            let known = table.known(place, START, cell.bytes()).unwrap_or_default();
            let ticket = Ticket {
                generation: known.generation,
                probe: false,
                started: START,
            };
            let failed = turn.next().unwrap();
            cell.update(|old, new| finish(&table, place, (ticket, failed), START, old, new))
        });
    });

    // Ten buckets that have each been noted; what a failure has to ask.
    let (snapshots, mut cell) = (Snapshots::new(WINDOW, TEN), Stored::default());
    let (mut now, mut totals) = (START, Counts::NONE);
    for _ in 0..20 {
        now = now.saturating_add(Duration::from_secs(1));
        (totals.successes, totals.failures) = (totals.successes + 80, totals.failures + 20);
        cell.update(|old, new| snapshots.note(now, Timestamp::default(), &totals, old, new));
    }
    let old = cell.bytes();
    group.bench_function("judge-counters", |b| {
        b.iter(|| {
            let counts = snapshots.window(now, Timestamp::default(), &Counts::NONE, &totals, black_box(old));
            rules.judge(&counts, 0)
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = fairlead_bench::criterion();
    targets = window_of_calls, window_of_time, open, steps
}
criterion_main!(benches);
