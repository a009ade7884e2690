//! Rolling windows over counters that only grow.
//!
//! Counters of the whole process are exact and cheap, but know no window. So each worker remembers what they read at the
//! beginning of each bucket, and a window's counts are what they read now less what they read when the window began.
//!
//! # Exactness
//! A worker that [`Snapshots::note`]s at least once in each bucket counts no call that is older than the window, and all of
//! the last `buckets - 1` buckets' length, less the longest time between two notes: off from a sliding window by at most the
//! calls of one bucket and one tick. One that notes more rarely also counts what came between its last note before the window
//! and the window's beginning. One that has only begun counts from its first note on, or from when the breaker last closed,
//! if that lies in the window.
//!
//! # Clocks and counters
//! Snapshots that lie ahead of now are of before the clock was set back: they do not count, and the next note drops them.
//! Counters that have gone down were set to nothing by an operator: the snapshots are dropped, and a base that is above
//! them does not count.
//!
//! # Memory and cost
//! 32 bytes a bucket, in the worker's heap.

use crate::Counts;
use crate::read::{Reader, nanos, put_counts, put64};
use fairlead_stage::{Step, Timestamp};
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

const VERSION: u8 = 1;
const ENTRY_BYTES: u32 = 32;

/// The layout of a cell of snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshots {
    /// In nanoseconds.
    bucket: NonZeroU64,
    buckets: u32,
}

/// What the counters read, and when.
#[derive(Clone, Copy)]
struct Entry {
    when: u64,
    totals: Counts,
}

impl Snapshots {
    /// Snapshots for a window of `duration` in `buckets`, at most 60 of them.
    #[must_use]
    pub fn new(duration: Duration, buckets: NonZeroU32) -> Self {
        let buckets = buckets.get().min(60);
        let bucket = nanos(duration).checked_div(u64::from(buckets)).unwrap_or(0);
        Self {
            bucket: NonZeroU64::new(bucket).unwrap_or(NonZeroU64::MIN),
            buckets,
        }
    }

    /// The most bytes that a cell holds.
    #[must_use]
    pub const fn bytes(&self) -> u32 {
        self.buckets
            .saturating_add(1)
            .saturating_mul(ENTRY_BYTES)
            .saturating_add(1)
    }

    /// Remembers what the counters read, if that is not yet done for the bucket of `now`. To be run at ticks, and before
    /// each [`Snapshots::window`]. `since` is [`crate::Known::since`]: buckets begin with it.
    #[inline(never)]
    pub fn note(
        &self,
        now: Timestamp,
        since: Timestamp,
        totals: &Counts,
        old: Option<&[u8]>,
        new: &mut Vec<u8>,
    ) -> Step<()> {
        let now = now.as_unix_nanos();
        let mut entries = read(old);
        let before = entries.len();
        // As they stand, oldest first, each must have been possible before the next.
        entries.retain(|entry| entry.when <= now);
        if entries.iter().any(|entry| !entry.totals.precedes(totals)) {
            entries.clear();
        }
        let current = self.bucket_of(now, since.as_unix_nanos());
        let begin = self.begin(current);
        // After a window without a call the last one stands for all that follow: an idle breaker writes nothing.
        let noted = entries
            .last()
            .is_some_and(|entry| entry.when >= current || (entry.when < begin && entry.totals == *totals));
        if noted && entries.len() == before {
            return Step::Keep(());
        }
        if !noted {
            entries.push(Entry {
                when: now,
                totals: *totals,
            });
        }
        // Those of the window, and the last one before it.
        let older = entries.iter().filter(|entry| entry.when < begin).count();
        let most = self.buckets.saturating_add(1) as usize;
        let skip = older.saturating_sub(1).max(entries.len().saturating_sub(most));
        new.clear();
        new.push(VERSION);
        for entry in entries.iter().skip(skip) {
            put64(new, entry.when);
            put_counts(new, &entry.totals);
        }
        Step::Write(())
    }

    /// What was counted in the window that ends now, and not before the breaker last closed: `since` and `base` are those of
    /// the [`crate::Known`] of a closed breaker, `totals` what the counters read, and `old` the cell's bytes.
    #[must_use]
    #[inline(never)]
    pub fn window(
        &self,
        now: Timestamp,
        since: Timestamp,
        base: &Counts,
        totals: &Counts,
        old: Option<&[u8]>,
    ) -> Counts {
        let (now, since) = (now.as_unix_nanos(), since.as_unix_nanos());
        let current = self.bucket_of(now, since);
        let begin = self.begin(current);
        let sound = base.precedes(totals);
        if sound && (begin..=now).contains(&since) {
            return totals.since(base);
        }
        let entries = read(old);
        let possible = || {
            entries
                .iter()
                .filter(|entry| entry.when <= now && entry.totals.precedes(totals))
        };
        let first_bucket = begin..begin.saturating_add(self.bucket.get());
        let start = possible()
            .find(|entry| first_bucket.contains(&entry.when))
            .or_else(|| possible().rfind(|entry| entry.when < begin))
            .or_else(|| possible().next())
            .map_or(*totals, |entry| entry.totals);
        let start = if sound { start.later(base) } else { start };
        totals.since(&start)
    }

    /// When the bucket of `now` began.
    fn bucket_of(&self, now: u64, since: u64) -> u64 {
        let since = if since <= now { since } else { 0 };
        let into = now.saturating_sub(since).checked_rem(self.bucket.get());
        now.saturating_sub(into.unwrap_or(0))
    }

    /// When the window began whose newest bucket began at `current`.
    fn begin(&self, current: u64) -> u64 {
        let older = u64::from(self.buckets.saturating_sub(1));
        current.saturating_sub(older.saturating_mul(self.bucket.get()))
    }
}

/// The entries of a cell, oldest first; none if its bytes cannot be read.
#[inline(never)]
fn read(cell: Option<&[u8]>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let Some(content) = cell.and_then(|cell| cell.strip_prefix(&[VERSION])) else {
        return entries;
    };
    let mut reader = Reader(content);
    while let (Some(when), Some(totals)) = (reader.u64(), reader.counts()) {
        entries.push(Entry { when, totals });
    }
    entries
}
