//! Cumulative counters under bounds that the operator chose: exact, whatever the distribution.
//!
//! Prometheus' classic histogram: for each bound a counter of the values that are not greater. The proxy's own
//! histograms round values to buckets of a fixed kind and lay bounds over them afterwards; these count against the
//! bounds themselves. A worker counts into a *pending* cell of its own and once a tick drains it into counters, so that
//! a request pays for one small copy.
//!
//! | bytes | of a pending cell |
//! |---|---|
//! | 1 | version 1 |
//! | 8 | sum |
//! | 4 each | counts: of each bound, and of what is greater than all |
//!
//! Numbers are little-endian. Bytes of any other form count as absent.
//!
//! # Cost
//! 4 bytes a bound, and a binary search. Counts end at 2^32 - 1 a tick.
//!
//! What this does not do: define or add to counters.

use crate::Scale;
use fairlead_stage::Step;

const VERSION: u8 = 1;
const COUNT: usize = 4;
/// Version and sum.
const HEAD: usize = 9;

/// Bounds of buckets, ascending and unique.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds(Vec<u64>);

/// What was drained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
}

impl Bounds {
    /// The most bounds that a config should have: with `+Inf` each is a metric of each series.
    pub const MOST: usize = 160;

    /// These bounds, sorted, each once.
    #[must_use]
    pub fn new(mut bounds: Vec<u64>) -> Self {
        bounds.sort_unstable();
        bounds.dedup();
        Self(bounds)
    }

    /// The bounds of exponential buckets that cover `from` to `to`: the powers of the scale's base, rounded to whole
    /// numbers, from the last that is not above `from` to the first that is not below `to`. Fewer where rounding makes
    /// some equal; at most 64 for each power of two at scale 6, and so on: the caller has to look at [`Bounds::len`].
    #[must_use]
    #[inline(never)]
    pub fn exponential(scale: Scale, from: u64, to: u64) -> Self {
        let (from, to) = (from.max(1), to.max(from).max(1));
        // One bucket earlier than the small scale says, as bounds are rounded.
        let small = scale.min(Scale::FINEST_SMALL).index_small(from);
        let mut index = small.saturating_sub(1).max(0) << scale.finer_by(Scale::FINEST_SMALL);
        let mut bounds: Vec<u64> = Vec::new();
        loop {
            let bound = scale.rounded_bound(index);
            if bound <= from {
                bounds.clear();
            }
            if bounds.last() != Some(&bound) {
                bounds.push(bound);
            }
            if bound >= to {
                return Self(bounds);
            }
            index = index.saturating_add(1);
        }
    }

    /// The bounds.
    #[must_use]
    pub fn as_slice(&self) -> &[u64] {
        &self.0
    }

    /// How many there are, without `+Inf`.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The position of the first bound that is not below `value`; [`Bounds::len`], which is `+Inf`, if there is none.
    #[must_use]
    pub fn position(&self, value: u64) -> usize {
        self.0.partition_point(|bound| *bound < value)
    }

    /// The bytes of a pending cell.
    #[must_use]
    pub fn pending_bytes(&self) -> u32 {
        u32::try_from(self.bytes()).unwrap_or(u32::MAX)
    }

    fn bytes(&self) -> usize {
        self.len()
            .saturating_add(1)
            .saturating_mul(COUNT)
            .saturating_add(HEAD)
    }

    /// Counts a value in a pending cell: `old` are its bytes, `new` becomes its new ones. Always [`Step::Write`].
    #[inline(never)]
    pub fn record(&self, old: Option<&[u8]>, value: u64, new: &mut Vec<u8>) -> Step<()> {
        new.clear();
        match old {
            Some(old) if self.sound(old) => new.extend_from_slice(old),
            _ => {
                new.push(VERSION);
                new.resize(self.bytes(), 0);
            }
        }
        if let Some((sum, counts)) = new.get_mut(1..).and_then(<[u8]>::split_first_chunk_mut) {
            *sum = u64::from_le_bytes(*sum).saturating_add(value).to_le_bytes();
            if let Some(count) = counts.as_chunks_mut().0.get_mut(self.position(value)) {
                *count = u32::from_le_bytes(*count).saturating_add(1).to_le_bytes();
            }
        }
        Step::Write(())
    }

    /// What a pending cell has counted: for each counter that grows, its position ([`Bounds::len`]: `+Inf`) and by how much.
    /// The caller empties the cell in the same step in which it takes the bytes.
    #[inline(never)]
    pub fn drain(&self, pending: &[u8], mut each: impl FnMut(usize, u64)) -> Drained {
        let mut drained = Drained::default();
        if !self.sound(pending) {
            return drained;
        }
        if let Some((sum, counts)) = pending.get(1..).and_then(<[u8]>::split_first_chunk) {
            drained.sum = u64::from_le_bytes(*sum);
            for (position, count) in counts.as_chunks().0.iter().enumerate() {
                let count = u64::from(u32::from_le_bytes(*count));
                drained.count = drained.count.saturating_add(count);
                if drained.count > 0 {
                    each(position, drained.count);
                }
            }
        }
        drained
    }

    fn sound(&self, bytes: &[u8]) -> bool {
        bytes.len() == self.bytes() && bytes.first() == Some(&VERSION)
    }
}

#[cfg(test)]
mod tests;
