//! A histogram: counts of values by bucket, exact to merge and to make coarser.
//!
//! The counts lie dense between the lowest and the highest bucket that was met, at most [`Histogram::MAX_BUCKETS`] of them.
//! A value that does not fit makes the histogram coarser: each step halves the buckets (OpenTelemetry's *perfect
//! subsetting*), so that nothing is lost but precision. What a histogram says does not depend on the order in which values
//! were recorded, nor on how they were spread over histograms that were merged.
//!
//! Sketches with buckets of their own (t-digest, CKMS) do not merge without loss; HdrHistogram does, at ten times the
//! memory; equal buckets would have to be known beforehand.
//!
//! # Error
//! A quantile is that of the nearest rank, off by at most [`Scale::relative_error_ppm`] and half of one, at any rank and for
//! any distribution. The first and the last rank are exact.
//!
//! # Memory and cost
//! 8 bytes a bucket. Recording is a search in a table and an addition; 160 buckets at scale 3 take 1 ms and 16 minutes.
//!
//! What this does not do: negative values, time, bytes (see [`crate::Windows`]).

use crate::Scale;
use fairlead_stage::Share;

/// Counts of values by bucket. All counts and sums stay at their ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    scale: Scale,
    most: u32,
    /// The first bucket, whose count is not 0, unless there is none.
    start: i32,
    counts: Vec<u64>,
    zero: u64,
    count: u64,
    sum: u64,
    min: u64,
    max: u64,
}

impl Histogram {
    /// The buckets of a histogram that is not told otherwise (OpenTelemetry's default).
    pub const MAX_BUCKETS: u32 = 160;
    /// With fewer the coarsest scale would not have room for all values.
    const LEAST_BUCKETS: u32 = 5;

    /// An empty one, of at most [`Histogram::MAX_BUCKETS`] buckets.
    #[must_use]
    pub const fn new(scale: Scale) -> Self {
        Self {
            scale,
            most: Self::MAX_BUCKETS,
            start: 0,
            counts: Vec::new(),
            zero: 0,
            count: 0,
            sum: 0,
            min: u64::MAX,
            max: 0,
        }
    }

    /// An empty one of at most so many buckets, at least 5.
    #[must_use]
    pub fn with_max_buckets(scale: Scale, most: u32) -> Self {
        Self {
            most: most.max(Self::LEAST_BUCKETS),
            ..Self::new(scale)
        }
    }

    /// Counts a value.
    pub fn record(&mut self, value: u64) {
        self.record_n(value, 1);
    }

    /// Counts a value so many times.
    pub fn record_n(&mut self, value: u64, times: u64) {
        self.note(value, times);
        if value > 0 {
            self.add_at(self.scale.index(value), times);
        }
    }

    /// As [`Histogram::record`], at a scale of at most 5.
    pub(crate) fn record_small(&mut self, value: u64) {
        self.note(value, 1);
        if value > 0 {
            self.add_at(self.scale.index_small(value), 1);
        }
    }

    /// Counts a value everywhere but in its bucket.
    fn note(&mut self, value: u64, times: u64) {
        if times == 0 {
            return;
        }
        self.count = self.count.saturating_add(times);
        self.sum = self.sum.saturating_add(value.saturating_mul(times));
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if value == 0 {
            self.zero = self.zero.saturating_add(times);
        }
    }

    /// Adds to the bucket `index` of the present scale.
    pub(crate) fn add_at(&mut self, index: i32, times: u64) {
        if times > 0 {
            let by = self.make_room(index, index);
            self.add(index >> by, times);
        }
    }

    /// Adds to a bucket that there is room for.
    fn add(&mut self, index: i32, times: u64) {
        let position = usize::try_from(index.saturating_sub(self.start)).ok();
        if let Some(count) = position.and_then(|position| self.counts.get_mut(position)) {
            *count = count.saturating_add(times);
        }
    }

    /// Makes room for the buckets `low` to `high` of the present scale; says by how many steps it has become coarser
    /// for that.
    #[inline(never)]
    fn make_room(&mut self, low: i32, high: i32) -> u32 {
        if self.counts.is_empty() {
            self.start = low;
        }
        let end = self.start.saturating_add_unsigned(self.len().saturating_sub(1));
        let by = self.too_fine_by(self.start.min(low), end.max(high));
        self.downscale(by);
        let (low, high) = (low >> by, high >> by);
        let ahead = usize::try_from(self.start.saturating_sub(low)).unwrap_or(0);
        if ahead > 0 {
            let mut wider = vec![0; ahead];
            wider.append(&mut self.counts);
            (self.start, self.counts) = (low, wider);
        }
        let last = usize::try_from(high.saturating_sub(self.start)).unwrap_or(0);
        if last >= self.counts.len() {
            self.counts.resize(last.saturating_add(1), 0);
        }
        by
    }

    /// Adds all that `other` has counted. Exact; the scale is the coarser one, or coarser still if the buckets of both do
    /// not fit.
    #[inline(never)]
    pub fn merge(&mut self, other: &Self) {
        self.downscale(self.scale.finer_by(other.scale));
        if let Some(behind) = other.len().checked_sub(1) {
            let by = other.scale.finer_by(self.scale);
            let end = other.start.saturating_add_unsigned(behind);
            let more = self.make_room(other.start >> by, end >> by);
            for (index, count) in other.buckets() {
                self.add(index >> by.saturating_add(more), count);
            }
        }
        self.zero = self.zero.saturating_add(other.zero);
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.saturating_add(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Makes it coarser by so many steps, at most to [`Scale::MIN`]: each step joins neighbours.
    #[inline(never)]
    pub fn downscale(&mut self, by: u32) {
        let by = by.min(self.scale.finer_by(Scale::MIN));
        if by == 0 {
            return;
        }
        self.scale = self.scale.coarser(by);
        let start = self.start >> by;
        let mut joined: Vec<u64> = Vec::new();
        let mut index = self.start;
        for count in &self.counts {
            let position = usize::try_from((index >> by).saturating_sub(start)).unwrap_or(0);
            if position >= joined.len() {
                joined.resize(position.saturating_add(1), 0);
            }
            if let Some(sum) = joined.get_mut(position) {
                *sum = sum.saturating_add(*count);
            }
            index = index.saturating_add(1);
        }
        (self.start, self.counts) = (start, joined);
    }

    /// How many steps are needed for the buckets `low` to `high` to fit.
    fn too_fine_by(&self, low: i32, high: i32) -> u32 {
        let most = self.scale.finer_by(Scale::MIN);
        let fits = |by: u32| (high >> by).abs_diff(low >> by) < self.most;
        (0..most).find(|by| fits(*by)).unwrap_or(most)
    }

    /// How fine it is by now.
    #[must_use]
    pub const fn scale(&self) -> Scale {
        self.scale
    }

    /// How many values were counted.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// How many of them were 0.
    #[must_use]
    pub const fn zero_count(&self) -> u64 {
        self.zero
    }

    /// Their sum.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.sum
    }

    /// Their mean, rounded down; `None` of none.
    #[must_use]
    pub const fn mean(&self) -> Option<u64> {
        self.sum.checked_div(self.count)
    }

    /// The least; `None` of none.
    #[must_use]
    pub const fn min(&self) -> Option<u64> {
        if self.count == 0 { None } else { Some(self.min) }
    }

    /// The greatest; `None` of none.
    #[must_use]
    pub const fn max(&self) -> Option<u64> {
        if self.count == 0 { None } else { Some(self.max) }
    }

    /// The buckets that are not empty, and their counts, in ascending order. 0 is in none of them.
    pub fn buckets(&self) -> impl Iterator<Item = (i32, u64)> {
        (self.start..)
            .zip(&self.counts)
            .map(|(index, count)| (index, *count))
            .filter(|(_, count)| *count > 0)
    }

    /// How many values are certainly greater than `bound`: those of the buckets that lie wholly above it. Those in the
    /// bucket of `bound` itself are not.
    #[must_use]
    pub fn count_above(&self, bound: u64) -> u64 {
        if bound == 0 {
            return self.count.saturating_sub(self.zero);
        }
        let bucket = self.scale.index(bound);
        self.buckets()
            .filter(|(index, _)| *index > bucket)
            .fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    /// The quantile of the nearest rank, which is the `share` of the count, rounded up; the first one at 0 %. `None` of no
    /// values.
    #[must_use]
    #[inline(never)]
    pub fn quantile(&self, share: Share) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let rank = rank(self.count, share);
        if rank == 1 {
            return Some(self.min);
        }
        let mut through = self.zero;
        if rank <= through {
            return Some(0);
        }
        if rank < self.count {
            for (index, count) in self.buckets() {
                through = through.saturating_add(count);
                if rank <= through {
                    return Some(self.scale.middle(index).max(self.min).min(self.max));
                }
            }
        }
        Some(self.max)
    }

    fn len(&self) -> u32 {
        u32::try_from(self.counts.len()).unwrap_or(u32::MAX)
    }

    /// The first bucket, and the counts from there on.
    pub(crate) fn dense(&self) -> (i32, &[u64]) {
        (self.start, &self.counts)
    }

    /// A histogram of what was stored. If the first or the last count is 0 it takes more room than needed.
    pub(crate) fn stored(
        scale: Scale,
        start: i32,
        counts: Vec<u64>,
        [zero, sum, min, max]: [u64; 4],
    ) -> Self {
        let count = counts.iter().fold(zero, |sum, count| sum.saturating_add(*count));
        Self {
            scale,
            most: Self::MAX_BUCKETS,
            start,
            counts,
            zero,
            count,
            sum,
            min,
            max,
        }
    }
}

/// The rank of a quantile among so many: from 1 on.
fn rank(count: u64, share: Share) -> u64 {
    let (whole, ppm) = (u64::from(Share::WHOLE_PPM), u64::from(share.ppm()));
    // In two parts, neither of which overflows.
    let (millions, rest) = (count.div_euclid(whole), count.rem_euclid(whole));
    let rank = millions.saturating_mul(ppm);
    rank.saturating_add(rest.saturating_mul(ppm).div_ceil(whole))
        .max(1)
}

#[cfg(test)]
mod tests;
