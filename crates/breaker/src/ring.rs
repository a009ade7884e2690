//! The window of a breaker that counts inside: a ring of buckets of time, or of calls.
//!
//! | bytes | buckets of time | calls |
//! |---|---|---|
//! | 4 | the window's shape | the window's shape |
//! | 8 | when the newest bucket began | 2 and 2: calls in the ring, position of the next one, once it is full |
//! | the rest | 12 a bucket, newest first: successes, failures, slow | 4 calls a byte, 2 bits each: failed, slow |
//!
//! Buckets at the end in which nothing was counted are left out, so that an idle window is its head alone. A ring of
//! another shape, left by an earlier config, is an empty one.
//!
//! # Clocks
//! A newest bucket that begins after now by no more than its own length is what a clock of another worker has left, read a
//! moment later: it counts on. If it begins later still, the clock was set back, and the ring is emptied.
//!
//! What this does not do: judge. Cost: the whole ring is read and summed at each call; calls are counted four at a time.

mod calls;
mod time;

use crate::Counts;
use crate::policy::Window;
use crate::read::nanos;

/// The bytes of a window's shape.
const SHAPE: usize = 4;

/// What a call adds to the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) failed: bool,
    pub(crate) slow: bool,
}

impl Window {
    /// The most bytes of its ring.
    pub(crate) const fn ring_bytes(&self) -> u32 {
        match self {
            Self::Time { buckets, .. } => time::bytes(buckets.get()),
            Self::Calls(calls) => calls::bytes(calls.get()),
        }
    }

    /// Tells rings of this window from those of others, as far as that matters.
    fn shape(&self) -> [u8; SHAPE] {
        let number = match self {
            Self::Time { duration, buckets } => {
                let nanos = nanos(*duration);
                let folded = (nanos ^ (nanos >> 32)) & u64::from(u32::MAX);
                u32::try_from(folded).unwrap_or(0).rotate_left(6) ^ buckets.get()
            }
            Self::Calls(calls) => !calls.get(),
        };
        number.to_le_bytes()
    }

    /// Brings a ring up to `now`; one that cannot be read begins at `origin`. Says whether anything has been dropped.
    #[inline(never)]
    pub(crate) fn roll(&self, ring: &mut Vec<u8>, origin: u64, now: u64) -> bool {
        let shape = self.shape();
        match self {
            Self::Time { duration, buckets } => {
                let bucket = nanos(*duration).checked_div(u64::from(buckets.get()));
                time::roll(
                    ring,
                    shape,
                    bucket.unwrap_or(0).max(1),
                    buckets.get(),
                    origin,
                    now,
                )
            }
            Self::Calls(calls) => calls::check(ring, shape, calls.get()),
        }
    }

    /// Counts a call in a ring that has been rolled.
    pub(crate) fn add(&self, ring: &mut Vec<u8>, marks: Marks) {
        match self {
            Self::Time { .. } => time::add(ring, marks),
            Self::Calls(calls) => calls::add(ring, calls.get(), marks),
        }
    }

    /// What a ring that has been rolled says.
    pub(crate) fn sum(&self, ring: &[u8]) -> Counts {
        match self {
            Self::Time { .. } => time::sum(ring),
            Self::Calls(_) => calls::sum(ring),
        }
    }

    /// When the one bucket of a ring that has been rolled began, if there is but one.
    pub(crate) fn fixed_since(&self, ring: &[u8]) -> Option<u64> {
        match self {
            Self::Time { buckets, .. } if buckets.get() == 1 => time::newest(ring),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
