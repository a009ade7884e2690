//! What a handful of noisy samples says.
//!
//! Timings on a shared machine are skewed and have outliers, so the middle is the median and its uncertainty comes from
//! the percentile bootstrap (Efron, 1979): resample with replacement, take the median of each resample, cut 2.5 % off
//! either end. It assumes nothing about the shape. With fewer than about six samples it cannot be wider than the
//! samples are and covers less than it says. The generator is seeded: the same samples give the same interval.

use std::fmt;

use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// Resamples. The ends of the interval move by well under a tenth of its width from one seed to another.
const RESAMPLES: usize = 2000;

/// A value and where it could as well have been: the median and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The median of the samples.
    pub median: f64,
    /// Lower end; at most the median.
    pub low: f64,
    /// Upper end; at least the median.
    pub high: f64,
}

impl Interval {
    /// The median of `samples` with its 95 % bootstrap interval. Paired measurements go in as their differences or
    /// ratios. Samples that are not finite are left out; `None` if none is left.
    pub fn bootstrap(samples: &[f64], seed: u64) -> Option<Self> {
        let samples: Vec<f64> = samples
            .iter()
            .copied()
            .filter(|sample| sample.is_finite())
            .collect();
        let middle = median(&samples)?;
        let mut random = fastrand::Rng::with_seed(seed);
        let mut resample: Vec<f64> = Vec::with_capacity(samples.len());
        let medians: Vec<f64> = (0..RESAMPLES)
            .filter_map(|_| {
                resample.clear();
                resample
                    .extend((0..samples.len()).filter_map(|_| samples.get(random.usize(..samples.len()))));
                middle_of(&mut resample)
            })
            .collect();
        Some(Self {
            median: middle,
            low: quantile(&medians, 0.025)?.min(middle),
            high: quantile(&medians, 0.975)?.max(middle),
        })
    }

    /// A value without uncertainty.
    pub fn exact(value: f64) -> Self {
        Self {
            median: value,
            low: value,
            high: value,
        }
    }

    /// Whether `value` is inside.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// In another unit, or turned round by a negative factor.
    #[must_use]
    pub fn scale(self, factor: f64) -> Self {
        let (one, other) = (self.low * factor, self.high * factor);
        Self {
            median: self.median * factor,
            low: one.min(other),
            high: one.max(other),
        }
    }
}

/// `2.00 [1.80, 2.40]`, with as many decimals as the format asks for.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, low, high } = self;
        match f.precision() {
            Some(digits) => write!(f, "{median:.digits$} [{low:.digits$}, {high:.digits$}]"),
            None => write!(f, "{median} [{low}, {high}]"),
        }
    }
}

/// The median of samples that may be put in another order, without sorting all of them.
fn middle_of(samples: &mut [f64]) -> Option<f64> {
    let half = samples.len() / 2;
    if samples.is_empty() {
        return None;
    }
    let even = samples.len().is_multiple_of(2);
    let (below, above, _) = samples.select_nth_unstable_by(half, f64::total_cmp);
    let below = below.iter().copied().max_by(f64::total_cmp).filter(|_| even);
    Some(below.map_or(*above, |below| f64::midpoint(below, *above)))
}

/// The value that a share `q` (0 to 1, clamped) of the samples does not exceed, interpolated between neighbours (type 7
/// of Hyndman and Fan, the default of R and NumPy). `None` without samples.
pub fn quantile(samples: &[f64], q: f64) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let position = q.clamp(0.0, 1.0) * sorted.len().checked_sub(1)? as f64;
    let below = sorted.get(position.floor() as usize)?;
    let above = sorted.get(position.ceil() as usize)?;
    Some(below + (above - below) * position.fract())
}

/// The middle value, or the mean of the two in the middle. `None` without samples.
pub fn median(samples: &[f64]) -> Option<f64> {
    quantile(samples, 0.5)
}
