//! Percentages, and which requests belong to one.
//!
//! A counter rather than a random number: a demo shows the same each time, and a test can count exactly.

use std::fmt;
use std::str::FromStr;

use super::digits;

/// A percentage in steps of 0.01 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u32);

impl Percent {
    const WHOLE: u32 = 10_000;
    const EXPECTED: &str = "not a percentage such as 20% or 0.5%, at most 100% and two decimals";

    /// A percentage from hundredths of a percent; `None` above 10000.
    pub fn from_hundredths(hundredths: u32) -> Option<Self> {
        (hundredths <= Self::WHOLE).then_some(Self(hundredths))
    }

    /// Whether request number `n`, counted from 0, is one of the share: after `n` requests the number of those chosen
    /// is the share of `n`, rounded down (Bresenham's line). So 20% is exactly every fifth.
    pub(crate) fn chooses(self, n: u64) -> bool {
        let chosen = |n: u64| u128::from(n) * u128::from(self.0) / u128::from(Self::WHOLE);
        chosen(n.wrapping_add(1)) > chosen(n)
    }
}

impl FromStr for Percent {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let number = text.strip_suffix('%').ok_or(Self::EXPECTED)?;
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let hundredths = match decimals.len() {
            1 => digits(decimals).map(|tenths| tenths * 10),
            2 => digits(decimals),
            _ => None,
        };
        let (Some(whole), Some(hundredths)) = (digits(whole), hundredths) else {
            return Err(Self::EXPECTED);
        };
        let total = whole
            .checked_mul(100)
            .and_then(|whole| whole.checked_add(hundredths));
        total
            .and_then(|total| Self::from_hundredths(u32::try_from(total).ok()?))
            .ok_or(Self::EXPECTED)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}%"),
            (whole, hundredths) => write!(f, "{whole}.{hundredths:02}%"),
        }
    }
}
