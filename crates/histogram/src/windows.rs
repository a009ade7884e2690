//! A histogram over a sliding window, in bytes that workers share.
//!
//! A worker counts into a *pending* cell of its own, which costs a request one small copy, and once a tick adds what is
//! pending to the *window* cell, which all workers share. A window is cut into [`Windows::SLICES`] slices, each under its
//! number: the wall clock divided by the length of a slice. So all workers agree on slices without talking, and a slice that
//! is older than the window is recognised by its number; nothing has to be cleared in time. The slice of the present and the
//! [`Windows::SLICES`] before it count, so that at least one whole window does, and at most a twelfth more. What is pending
//! counts from its merge on.
//!
//! A slice holds a dense range of buckets, from the lowest to the highest that it met, so that most are far smaller
//! than they can be. Each becomes coarser when its range would exceed [`crate::Histogram::MAX_BUCKETS`], which at scale
//! 3 takes 1 ms and more than 16 minutes. Bytes are the same whatever the order of merges.
//!
//! | bytes | pending | window |
//! |---|---|---|
//! | 1 | version 1 | version 2 |
//! | 8 | | length of a slice in nanoseconds |
//! | | one histogram | each slice, in ascending order: 8 number, then its histogram |
//!
//! | bytes | of a histogram |
//! |---|---|
//! | 1, 1, 2 | scale, number of buckets, first bucket |
//! | 4, 8, 8, 8 | zeros, sum, least, greatest |
//! | 4 each | counts |
//!
//! Numbers are little-endian. Bytes of any other form count as absent.
//!
//! # Clocks
//! A slice that lies ahead of now by more than one was written before the clock was set back: it does not count, and the
//! next merge drops it. One slice ahead is the clock of another worker, read a moment later.
//!
//! # Memory and cost
//! At most 673 bytes pending and 8,849 a window; of latencies around 40 ms 200 and 2,600. A value of a bucket in range
//! costs one copy of the pending cell and an addition, natively 30 ns; one out of range decodes it. Natively a merge
//! takes 1.2 µs and reading a full window 4.
//!
//! What this does not do: store cells, tick. Values are whole numbers of any unit.

mod bytes;

use crate::{Histogram, Scale};
use bytes::Stored;
use fairlead_stage::{Step, Timestamp};
use std::num::NonZeroU64;
use std::time::Duration;

const PENDING_VERSION: u8 = 1;
const WINDOW_VERSION: u8 = 2;
/// Version and length of a slice.
const HEAD: usize = 9;
const NUMBER: usize = 8;
/// The slices of a window, and the one that has only begun.
const SLOTS: usize = Windows::SLICES as usize + 1;
const PENDING_BYTES: u32 = 1 + bytes::MOST as u32;
const WINDOW_BYTES: u32 = (HEAD + SLOTS * (NUMBER + bytes::MOST)) as u32;

/// The layout of a window's cells. It holds no counts: they are in the cells that its steps are run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    slice: NonZeroU64,
    scale: Scale,
}

/// A slice of a window cell: its number, and its histogram's bytes.
type Slice<'b> = (u64, &'b [u8]);

impl Windows {
    /// How many slices make a window.
    pub const SLICES: u32 = 12;

    /// The layout for a window, 1 s to 1 h, at a scale of at most 5; finer ones are taken for 5. Cells of another layout are
    /// to be kept apart by the names of their groups; those of another length of the window count as absent.
    #[must_use]
    pub fn new(window: Duration, scale: Scale) -> Self {
        let nanos = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
        let slice = nanos.div_euclid(u64::from(Self::SLICES));
        Self {
            slice: NonZeroU64::new(slice).unwrap_or(NonZeroU64::MIN),
            scale: scale.min(Scale::FINEST_SMALL),
        }
    }

    /// How often workers should merge: once a slice, at least every 5 s, at most every 100 ms.
    #[must_use]
    pub fn tick(&self) -> Duration {
        Duration::from_nanos(self.slice.get()).clamp(Duration::from_millis(100), Duration::from_secs(5))
    }

    /// The most bytes of a pending cell.
    #[must_use]
    pub const fn pending_bytes(&self) -> u32 {
        PENDING_BYTES
    }

    /// The most bytes of a window cell.
    #[must_use]
    pub const fn window_bytes(&self) -> u32 {
        WINDOW_BYTES
    }

    /// Counts a value in a pending cell: `pending` are its bytes, `new` becomes its new ones. Always [`Step::Write`].
    #[inline(never)]
    pub fn record(&self, pending: Option<&[u8]>, value: u64, new: &mut Vec<u8>) -> Step<()> {
        let content = self.pending(pending);
        new.clear();
        new.push(PENDING_VERSION);
        if let Some((stored, content)) = content {
            new.extend_from_slice(content);
            if stored.bump(new.get_mut(1..).unwrap_or_default(), value) {
                return Step::Write(());
            }
            new.truncate(1);
        }
        let mut histogram = content.map_or_else(|| Histogram::new(self.scale), |(stored, _)| stored.read());
        histogram.record_small(value);
        bytes::write(&histogram, new);
        Step::Write(())
    }

    /// Adds what is `pending` (a pending cell's bytes; empty: nothing) to a window cell. To be run on the cell's present
    /// bytes: when another worker was faster, run it again on what that one has left.
    ///
    /// [`Step::Keep`] when there is nothing to add nor to drop; `new` is of no use then.
    #[must_use = "what is not to be written is not in the buffer"]
    #[inline(never)]
    pub fn merge(
        &self,
        window: Option<&[u8]>,
        pending: &[u8],
        now: Timestamp,
        new: &mut Vec<u8>,
    ) -> Step<()> {
        let present = self.number(now);
        let slices = self.slices(window);
        let pending = self.pending(Some(pending)).map(|(stored, _)| stored.read());
        let Some(mut own) = pending.filter(|pending| pending.count() > 0) else {
            let ahead = slices
                .iter()
                .any(|(number, _)| *number > present.saturating_add(1));
            if !ahead {
                return Step::Keep(());
            }
            self.write(&slices, present, None, new);
            return Step::Write(());
        };
        for (_, content) in slices.iter().filter(|(number, _)| *number == present) {
            if let Some((stored, _)) = Stored::parse(content, self.scale) {
                own.merge(&stored.read());
            }
        }
        self.write(&slices, present, Some(&own), new);
        Step::Write(())
    }

    /// What a window cell says at `now`: the sum of its slices that lie in the window.
    #[must_use]
    #[inline(never)]
    pub fn read(&self, window: Option<&[u8]>, now: Timestamp) -> Histogram {
        let present = self.number(now);
        let mut sum = Histogram::new(self.scale);
        for (number, content) in self.slices(window) {
            if let (true, Some((stored, _))) = (counts(number, present), Stored::parse(content, self.scale)) {
                sum.merge(&stored.read());
            }
        }
        sum
    }

    /// The slices of a window cell; none if the bytes cannot be read.
    fn slices<'b>(&self, window: Option<&'b [u8]>) -> Vec<Slice<'b>> {
        window.and_then(|window| self.cut(window)).unwrap_or_default()
    }

    fn cut<'b>(&self, window: &'b [u8]) -> Option<Vec<Slice<'b>>> {
        let (head, mut rest) = window.strip_prefix(&[WINDOW_VERSION])?.split_first_chunk()?;
        if u64::from_le_bytes(*head) != self.slice.get() {
            return None;
        }
        let mut slices: Vec<Slice<'b>> = Vec::new();
        while !rest.is_empty() {
            let (number, content) = rest.split_first_chunk()?;
            let number = u64::from_le_bytes(*number);
            let (_, more) = Stored::parse(content, self.scale)?;
            let (content, _) = content.split_at_checked(content.len().saturating_sub(more.len()))?;
            if slices.last().is_some_and(|(last, _)| *last >= number) {
                return None;
            }
            slices.push((number, content));
            rest = more;
        }
        Some(slices)
    }

    /// Writes the slices that count, now and a moment ahead, with `own` in the place of the one of the present.
    fn write(&self, slices: &[Slice<'_>], present: u64, own: Option<&Histogram>, new: &mut Vec<u8>) {
        new.clear();
        new.push(WINDOW_VERSION);
        new.extend_from_slice(&self.slice.get().to_le_bytes());
        let mut own = own;
        let live = slices.iter().filter(|(number, _)| counts(*number, present));
        let newest = live
            .clone()
            .next_back()
            .map_or(present, |(number, _)| present.max(*number));
        for (number, content) in live.filter(|(number, _)| counts(*number, newest)) {
            if let (true, Some(histogram)) = (*number >= present, own) {
                put(present, histogram, new);
                own = None;
                if *number == present {
                    continue;
                }
            }
            new.extend_from_slice(&number.to_le_bytes());
            new.extend_from_slice(content);
        }
        if let Some(histogram) = own {
            put(present, histogram, new);
        }
    }

    /// What is in a pending cell; `None` if nothing that can be read.
    fn pending<'b>(&self, pending: Option<&'b [u8]>) -> Option<(Stored<'b>, &'b [u8])> {
        let content = pending?.strip_prefix(&[PENDING_VERSION])?;
        let (stored, rest) = Stored::parse(content, self.scale)?;
        rest.is_empty().then_some((stored, content))
    }

    const fn number(&self, now: Timestamp) -> u64 {
        now.as_unix_nanos().div_euclid(self.slice.get())
    }
}

/// Whether a slice lies in the window that ends with the present one.
fn counts(number: u64, present: u64) -> bool {
    let oldest = present.saturating_sub(u64::from(Windows::SLICES));
    (oldest..=present.saturating_add(1)).contains(&number)
}

fn put(number: u64, histogram: &Histogram, new: &mut Vec<u8>) {
    new.extend_from_slice(&number.to_le_bytes());
    bytes::write(histogram, new);
}

#[cfg(test)]
mod tests;
