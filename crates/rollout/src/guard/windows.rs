//! Outcomes of a variant over a sliding window, in bytes that workers share.
//!
//! A worker counts into a *pending* cell of its own, which costs a request one small copy, and once a tick adds what is
//! pending to the variant's *window* cell, which all workers share. A window is cut into [`Windows::SLICES`] slices, each
//! under its number: the wall clock divided by the length of a slice. So all workers agree on slices without talking, and
//! a slice that nobody has written for a window is recognised as old by its number; nothing has to be cleared in time.
//! The slice of the present and the [`Windows::SLICES`] before it count, so that at least one whole window does, and at
//! most a tenth more.
//!
//! # Clocks
//! A slice that lies ahead of now by more than one was written before the clock was set back: it does not count, and the
//! next merge drops it. One slice ahead is the clock of another worker, read a moment later.
//!
//! # Memory and cost
//! Without a latency bound 9 bytes pending and 177 a window; with one 625 and 6,953. Natively, recording takes 3 or 12 ns,
//! a merge 13 or 110, counting 30 or 730. No input panics; bytes that are not of the expected length and version count as
//! absent.
//!
//! What this does not do: store cells, tick, judge.

use super::Guard;
use super::latency::{self, Histogram};
use crate::Share;
use fairlead_stage::{Step, Timestamp};
use std::num::NonZeroU64;
use std::time::Duration;

const VERSION: u8 = 1;
const WORD: usize = 4;
const NUMBER: usize = 8;
/// Words of a tally: requests, failures, and then the buckets.
const REQUESTS: usize = 0;
const FAILURES: usize = 1;
const BUCKETS: usize = 2;
/// The slices of a window and the one that has only begun.
const SLOTS: usize = Windows::SLICES as usize + 1;

/// Sizes in bytes.
struct Layout {
    slot: usize,
    pending: u32,
    window: u32,
}

const SHORT: usize = WORD * BUCKETS;
const WITHOUT_LATENCY: Layout = Layout {
    slot: NUMBER + SHORT,
    pending: 1 + SHORT as u32,
    window: 1 + (SLOTS * (NUMBER + SHORT)) as u32,
};
const LONG: usize = WORD * (BUCKETS + latency::BUCKETS);
const WITH_LATENCY: Layout = Layout {
    slot: NUMBER + LONG,
    pending: 1 + LONG as u32,
    window: 1 + (SLOTS * (NUMBER + LONG)) as u32,
};

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it failed.
    pub failed: bool,
    /// How long until the response began; `None`: not known, so that it counts for the rate of failures only.
    pub latency: Option<Duration>,
}

/// What a worker has counted since its last merge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Requests that did not fail.
    pub succeeded: u32,
    /// Requests that failed.
    pub failed: u32,
}

/// Outcomes of a variant over the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub(super) requests: u64,
    pub(super) failures: u64,
    pub(super) latency: Histogram,
}

impl Counts {
    /// Nothing counted.
    pub const NONE: Self = Self {
        requests: 0,
        failures: 0,
        latency: Histogram::EMPTY,
    };

    /// Requests.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// Those of them that failed.
    #[must_use]
    pub const fn failures(&self) -> u64 {
        self.failures
    }

    /// A quantile of the latencies, off by less than 12.5 %; `None` when none was counted.
    #[must_use]
    pub fn quantile(&self, quantile: Share) -> Option<Duration> {
        self.latency.quantile(quantile.ppm()).map(Duration::from_micros)
    }
}

/// The layout of a guard's cells. It holds no counts: they are in the cells that its steps are run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    slice: NonZeroU64,
    latency: bool,
}

impl Guard {
    /// The layout of its cells. It depends on the length of the window and on whether there is a latency bound: cells of
    /// another layout are to be kept apart by the names of their groups.
    #[must_use]
    pub fn windows(&self) -> Windows {
        let slice = nanos(self.window).div_euclid(u64::from(Windows::SLICES));
        Windows {
            slice: NonZeroU64::new(slice).unwrap_or(NonZeroU64::MIN),
            latency: self.latency.is_some(),
        }
    }
}

/// A duration in nanoseconds, at most those of 584 years.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Windows {
    /// How many slices make a window.
    pub const SLICES: u32 = 10;

    /// The bytes of a pending cell.
    #[must_use]
    pub const fn pending_bytes(&self) -> u32 {
        self.layout().pending
    }

    /// The bytes of a window cell.
    #[must_use]
    pub const fn window_bytes(&self) -> u32 {
        self.layout().window
    }

    const fn layout(&self) -> &'static Layout {
        if self.latency {
            &WITH_LATENCY
        } else {
            &WITHOUT_LATENCY
        }
    }

    /// Counts an outcome in a pending cell: `old` are its bytes, `new` becomes its new ones. Always
    /// [`Step::Write`].
    pub fn record(&self, old: Option<&[u8]>, outcome: Outcome, new: &mut Vec<u8>) -> Step<()> {
        start(old, self.pending_bytes(), new);
        let tally = new.get_mut(1..).unwrap_or_default();
        add(tally, REQUESTS, 1);
        if outcome.failed {
            add(tally, FAILURES, 1);
        }
        if let (true, Some(latency)) = (self.latency, outcome.latency) {
            let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
            add(tally, BUCKETS.saturating_add(latency::bucket_of(micros)), 1);
        }
        Step::Write(())
    }

    /// What a pending cell has counted.
    #[must_use]
    pub fn pending(&self, old: Option<&[u8]>) -> Pending {
        let tally = content(old, self.pending_bytes());
        let (requests, failures) = (word(tally, REQUESTS), word(tally, FAILURES));
        Pending {
            succeeded: requests.saturating_sub(failures),
            failed: failures.min(requests),
        }
    }

    /// Adds what is `pending` (a pending cell's bytes; empty: nothing) to a window cell. To be run on the cell's present
    /// bytes: when another worker was faster, run it again on what that one has left.
    ///
    /// [`Step::Keep`] when there is nothing to add nor to drop; `new` is of no use then.
    #[must_use = "what is not to be written is not in the buffer"]
    pub fn merge(
        &self,
        window: Option<&[u8]>,
        pending: &[u8],
        now: Timestamp,
        new: &mut Vec<u8>,
    ) -> Step<()> {
        let pending = content(Some(pending), self.pending_bytes());
        let present = self.number(now);
        start(window, self.window_bytes(), new);
        let slots = new.get_mut(1..).unwrap_or_default();
        let mut step = Step::Keep(());
        for slot in slots.chunks_exact_mut(self.layout().slot) {
            if number(slot) > present.saturating_add(1) {
                slot.fill(0);
                step = Step::Write(());
            }
        }
        if word(pending, REQUESTS) == 0 {
            return step;
        }
        let position = usize::try_from(present.rem_euclid(SLOTS as u64)).unwrap_or(0);
        if let Some(slot) = slots.chunks_exact_mut(self.layout().slot).nth(position) {
            if number(slot) != present {
                slot.fill(0);
            }
            if let Some((number, tally)) = slot.split_first_chunk_mut() {
                *number = present.to_le_bytes();
                for (sum, more) in tally.as_chunks_mut().0.iter_mut().zip(pending.as_chunks().0) {
                    *sum = u32::from_le_bytes(*sum)
                        .saturating_add(u32::from_le_bytes(*more))
                        .to_le_bytes();
                }
            }
        }
        Step::Write(())
    }

    /// What a window cell says at `now`: the sum of its slices that lie in the window and began at `since` or later.
    #[must_use]
    pub fn counts(&self, window: Option<&[u8]>, now: Timestamp, since: Timestamp) -> Counts {
        let present = self.number(now);
        let newest = present.saturating_add(1);
        let oldest = present
            .saturating_sub(u64::from(Self::SLICES))
            .max(since.as_unix_nanos().div_ceil(self.slice.get()));
        let mut counts = Counts::NONE;
        for slot in content(window, self.window_bytes()).chunks_exact(self.layout().slot) {
            if (oldest..=newest).contains(&number(slot)) {
                let tally = slot.get(NUMBER..).unwrap_or_default();
                let requests = u64::from(word(tally, REQUESTS));
                counts.requests = counts.requests.saturating_add(requests);
                // No more than the requests, whatever the bytes are.
                let failures = u64::from(word(tally, FAILURES)).min(requests);
                counts.failures = counts.failures.saturating_add(failures);
                counts
                    .latency
                    .add(tally.get(WORD * BUCKETS..).unwrap_or_default());
            }
        }
        counts
    }

    const fn number(&self, now: Timestamp) -> u64 {
        now.as_unix_nanos().div_euclid(self.slice.get())
    }
}

/// Puts a cell's bytes into `new`; those of an empty one if there are none, or none that can be read.
fn start(old: Option<&[u8]>, bytes: u32, new: &mut Vec<u8>) {
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    new.clear();
    match old {
        Some(old) if old.len() == bytes && old.first() == Some(&VERSION) => new.extend_from_slice(old),
        _ => {
            new.push(VERSION);
            new.resize(bytes, 0);
        }
    }
}

/// What is behind the version byte; nothing if the bytes cannot be read.
fn content(cell: Option<&[u8]>, bytes: u32) -> &[u8] {
    match cell.and_then(|cell| cell.split_first()) {
        Some((&VERSION, rest)) if u32::try_from(rest.len()) == Ok(bytes.saturating_sub(1)) => rest,
        _ => &[],
    }
}

fn number(slot: &[u8]) -> u64 {
    slot.first_chunk().map_or(0, |number| u64::from_le_bytes(*number))
}

fn word(tally: &[u8], position: usize) -> u32 {
    tally
        .as_chunks()
        .0
        .get(position)
        .map_or(0, |word| u32::from_le_bytes(*word))
}

fn add(tally: &mut [u8], position: usize, more: u32) {
    if let Some(word) = tally.as_chunks_mut().0.get_mut(position) {
        *word = u32::from_le_bytes(*word).saturating_add(more).to_le_bytes();
    }
}

#[cfg(test)]
mod tests;
