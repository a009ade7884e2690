//! The crate as a whole: how far quantiles are off, and what the tests of its parts share.

mod accuracy;

use crate::*;
use fairlead_stage::{Share, Timestamp};

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1_000 * MS;
/// Some day in 2026, at the beginning of a slice of most windows.
pub(crate) const START: u64 = 1_795_000_200 * SECOND;

pub(crate) fn at(nanos: u64) -> Timestamp {
    Timestamp::from_unix_nanos(nanos)
}

pub(crate) fn share(text: &str) -> Share {
    text.parse().unwrap()
}

pub(crate) fn scale(number: i8) -> Scale {
    Scale::new(number).unwrap()
}

pub(crate) fn all_scales() -> impl Iterator<Item = Scale> {
    (-4..=8).map(scale)
}

/// The value of the nearest rank in a sorted list.
pub(crate) fn nearest_rank(sorted: &[u64], share: Share) -> u64 {
    let rank = (sorted.len() as u128 * u128::from(share.ppm())).div_ceil(1_000_000);
    sorted[(rank as usize).max(1) - 1]
}

/// Whether `got` is as near to `exact` as a scale promises: its relative error, and half of one for rounding.
pub(crate) fn near(got: u64, exact: u64, scale: Scale) -> bool {
    let allowed = u128::from(exact) * u128::from(scale.relative_error_ppm()) + 500_000;
    u128::from(got.abs_diff(exact)) * 1_000_000 <= allowed
}

/// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between 0 and 1, neither included.
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Normally distributed (Box and Muller, 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}
