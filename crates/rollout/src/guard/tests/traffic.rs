//! Traffic by the slice: how many requests of each kind come in a stretch of time is drawn at once, from a Poisson
//! distribution, so that a thousand hours take seconds.

use super::super::latency::{BUCKETS, edge};
use super::super::windows::Windows;

/// SplitMix64.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A Poisson distribution, as a table of its cumulative probabilities in parts of 2^64.
pub(super) struct Poisson {
    least: u64,
    cumulative: Vec<u64>,
}

impl Poisson {
    pub(super) fn new(mean: f64) -> Self {
        let spread = 10.0 * mean.sqrt() + 20.0;
        let least = (mean - spread).max(0.0).floor() as u64;
        let most = (mean + spread).ceil() as u64;
        let mut log_factorial: f64 = (1..=least).map(|k| (k as f64).ln()).sum();
        let mut total = 0.0;
        let mut cumulative = Vec::new();
        for k in least..=most {
            if k > least {
                log_factorial += (k as f64).ln();
            }
            let log = if mean > 0.0 { k as f64 * mean.ln() } else { 0.0 };
            total += if mean > 0.0 || k == 0 {
                (log - mean - log_factorial).exp()
            } else {
                0.0
            };
            cumulative.push((total.min(1.0) * 2.0_f64.powi(64)) as u64);
            if total >= 1.0 - 1e-15 {
                break;
            }
        }
        Self { least, cumulative }
    }

    pub(super) fn draw(&self, random: &mut Random) -> u64 {
        let place = random.next();
        // Nearly all draws of a rare thing end here.
        match self.cumulative.first() {
            Some(first) if place < *first => self.least,
            _ => self.least + self.cumulative.partition_point(|below| *below <= place) as u64,
        }
    }
}

/// Many kinds of which each comes with its own Poisson distribution. The rare ones are drawn together, and then which of
/// them it was: the same distribution, in a fraction of the draws.
pub(super) struct Mix {
    common: Vec<(usize, Poisson)>,
    rare: Poisson,
    /// Kinds, and the sum of the means up to each of them.
    which: Vec<(usize, f64)>,
}

impl Mix {
    /// The means of all kinds, each under its position.
    pub(super) fn new(means: &[f64]) -> Self {
        let (mut common, mut which, mut sum) = (Vec::new(), Vec::new(), 0.0);
        for (kind, mean) in means.iter().enumerate() {
            if *mean > 0.1 {
                common.push((kind, Poisson::new(*mean)));
            } else if *mean > 0.0 {
                sum += mean;
                which.push((kind, sum));
            }
        }
        Self {
            common,
            rare: Poisson::new(sum),
            which,
        }
    }

    /// Draws how many of each kind come; says it for those of which any do.
    pub(super) fn draw(&self, random: &mut Random, mut comes: impl FnMut(usize, u64)) {
        for (kind, flow) in &self.common {
            let count = flow.draw(random);
            if count > 0 {
                comes(*kind, count);
            }
        }
        for _ in 0..self.rare.draw(random) {
            let sum = self.which.last().map_or(0.0, |(_, sum)| *sum);
            let place = random.next() as f64 / 2.0_f64.powi(64) * sum;
            let which = self.which.partition_point(|(_, below)| *below <= place);
            comes(self.which[which.min(self.which.len() - 1)].0, 1);
        }
    }
}

/// Slices that are added up over a sliding window: the present one and the ten before it, as in [`Windows`].
pub(super) struct Sliding<const N: usize> {
    slices: [[u64; N]; Windows::SLICES as usize + 1],
    present: usize,
    pub(super) sum: [u64; N],
}

impl<const N: usize> Sliding<N> {
    pub(super) fn new() -> Self {
        Self {
            slices: [[0; N]; Windows::SLICES as usize + 1],
            present: 0,
            sum: [0; N],
        }
    }

    /// Begins a slice.
    pub(super) fn next(&mut self) {
        self.present = (self.present + 1) % self.slices.len();
        for position in 0..N {
            let old = self.slices[self.present][position];
            if old > 0 {
                self.sum[position] -= old;
                self.slices[self.present][position] = 0;
            }
        }
    }

    pub(super) fn add(&mut self, position: usize, more: u64) {
        self.slices[self.present][position] += more;
        self.sum[position] += more;
    }
}

/// How many a second come in each bucket of a log-normal distribution of latencies.
pub(super) fn log_normal(a_second: f64, median_micros: f64, sigma: f64) -> [f64; BUCKETS] {
    let below = |micros: f64| normal((micros / median_micros).ln() / sigma);
    std::array::from_fn(|bucket| {
        let from = if bucket == 0 {
            0.0
        } else {
            below(edge(bucket) as f64)
        };
        let to = if bucket + 1 == BUCKETS {
            1.0
        } else {
            below(edge(bucket + 1) as f64)
        };
        a_second * (to - from)
    })
}

/// The normal distribution (Abramowitz and Stegun 7.1.26, good to seven digits).
fn normal(x: f64) -> f64 {
    let z = x.abs() / 2.0_f64.sqrt();
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let sum = [
        1.061_405_429,
        -1.453_152_027,
        1.421_413_741,
        -0.284_496_736,
        0.254_829_592,
    ];
    let tail = sum.iter().fold(0.0, |sum, term| (sum + term) * t) * (-z * z).exp() / 2.0;
    if x < 0.0 { tail } else { 1.0 - tail }
}
