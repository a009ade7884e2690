//! A rate as the operator writes it: `100/s`, `6000/m`, `1/h`, `10/d`.
//!
//! The count and the unit are kept apart, because clients are told the rate in the operator's own terms
//! ([`crate::fields`]). Parsing runs when a config is read, never on the request path.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

/// The unit of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    /// `s`
    Second,
    /// `m`
    Minute,
    /// `h`
    Hour,
    /// `d`: 24 hours.
    Day,
}

impl Period {
    /// Length in seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// Length in nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.seconds().saturating_mul(1_000_000_000)
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "m",
            Self::Hour => "h",
            Self::Day => "d",
        }
    }
}

/// So many requests in a period: at least one, and at most [`Rate::MAX_PER_SECOND`] a second on average.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    requests: NonZeroU64,
    period: Period,
}

impl Rate {
    /// The fastest rate, in requests a second.
    ///
    /// GCRA counts in whole nanoseconds between two requests, rounded up so that a rate is never exceeded. At a million
    /// a second that is 1000 ns, so that rounding takes less than 0.1 % off any rate up to here. Faster ones would lose
    /// more than an operator expects: at 600 million a second, two in three.
    pub const MAX_PER_SECOND: u64 = 1_000_000;

    /// A rate of `requests` in each `period`.
    ///
    /// # Errors
    /// [`RateError::Zero`], [`RateError::TooFast`].
    pub const fn new(requests: u64, period: Period) -> Result<Self, RateError> {
        let Some(requests) = NonZeroU64::new(requests) else {
            return Err(RateError::Zero);
        };
        if requests.get() > Self::MAX_PER_SECOND.saturating_mul(period.seconds()) {
            return Err(RateError::TooFast);
        }
        Ok(Self { requests, period })
    }

    /// Requests in each period.
    #[must_use]
    pub const fn requests(&self) -> NonZeroU64 {
        self.requests
    }

    /// The period.
    #[must_use]
    pub const fn period(&self) -> Period {
        self.period
    }

    /// GCRA's emission interval: nanoseconds from one request to the next at this rate, rounded up.
    pub(crate) const fn interval_nanos(&self) -> u64 {
        self.period.nanos().div_ceil(self.requests.get())
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.requests, self.period.unit())
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let (requests, unit) = text.split_once('/').ok_or(RateError::NoSlash)?;
        if requests.is_empty() || !requests.bytes().all(|b| b.is_ascii_digit()) {
            return Err(RateError::NotANumber);
        }
        let period = match unit {
            "s" => Period::Second,
            "m" => Period::Minute,
            "h" => Period::Hour,
            "d" => Period::Day,
            _ => return Err(RateError::UnknownUnit),
        };
        // Only digits are left, so what does not fit is too large.
        Self::new(requests.parse().map_err(|_| RateError::TooFast)?, period)
    }
}

/// Why a text or a number is not a rate. [`fmt::Display`] says what is wrong, [`RateError::fix`] what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateError {
    /// There is no `/` between a count and a unit.
    NoSlash,
    /// What stands before the `/` is not a whole number in decimal digits.
    NotANumber,
    /// Zero requests.
    Zero,
    /// What stands after the `/` is none of the units.
    UnknownUnit,
    /// More than [`Rate::MAX_PER_SECOND`].
    TooFast,
}

impl RateError {
    /// What to write instead.
    #[must_use]
    pub const fn fix(self) -> &'static str {
        match self {
            Self::NoSlash => "write count/unit, like 100/s, 6000/m, 1/h or 10/d",
            Self::NotANumber => "write a whole number before the /, like 100/s",
            Self::Zero => "write at least 1; to refuse every request, answer it in the route",
            Self::UnknownUnit => "use s, m, h or d",
            Self::TooFast => "write at most 1000000/s, or leave the limit out",
        }
    }
}

impl fmt::Display for RateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSlash => "is not of the form count/unit",
            Self::NotANumber => "does not start with a whole number",
            Self::Zero => "admits nothing",
            Self::UnknownUnit => "has an unknown unit",
            Self::TooFast => "is more than 1000000 a second",
        })
    }
}

impl std::error::Error for RateError {}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn rate(text: &str) -> Result<Rate, RateError> {
        text.parse()
    }

    #[test]
    fn a_rate_is_written_as_it_was_read() {
        for text in [
            "1/s",
            "100/s",
            "6000/m",
            "1/h",
            "10/d",
            "1000000/s",
            "86400000000/d",
        ] {
            assert_eq!(rate(text).unwrap().to_string(), text);
        }
        assert_eq!(rate("007/s").unwrap(), Rate::new(7, Period::Second).unwrap());
    }

    #[test]
    fn what_is_not_a_rate_is_refused_with_the_reason() {
        for (text, error) in [
            ("", RateError::NoSlash),
            ("100", RateError::NoSlash),
            ("/s", RateError::NotANumber),
            ("-1/s", RateError::NotANumber),
            ("+1/s", RateError::NotANumber),
            (" 1/s", RateError::NotANumber),
            ("1.5/s", RateError::NotANumber),
            ("1e3/s", RateError::NotANumber),
            ("0/s", RateError::Zero),
            ("000/d", RateError::Zero),
            ("1/", RateError::UnknownUnit),
            ("1/S", RateError::UnknownUnit),
            ("1/ms", RateError::UnknownUnit),
            ("1/s ", RateError::UnknownUnit),
            ("1/s/s", RateError::UnknownUnit),
            ("1000001/s", RateError::TooFast),
            ("60000001/m", RateError::TooFast),
            ("99999999999999999999999999/d", RateError::TooFast),
        ] {
            assert_eq!(rate(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn every_refusal_says_what_is_wrong_and_what_to_write_instead() {
        for (text, wrong, fix) in [
            ("100", "is not of the form count/unit", "100/s"),
            ("x/s", "does not start with a whole number", "whole number"),
            ("0/s", "admits nothing", "at least 1"),
            ("1/w", "has an unknown unit", "s, m, h or d"),
            ("2000000/s", "is more than 1000000 a second", "at most 1000000/s"),
        ] {
            let error = rate(text).unwrap_err();
            assert_eq!(error.to_string(), wrong);
            assert!(error.fix().contains(fix), "{text}: {}", error.fix());
        }
    }

    #[test]
    fn the_interval_is_rounded_up_so_that_the_rate_is_never_exceeded() {
        for (text, nanos) in [
            ("1/s", 1_000_000_000),
            ("3/s", 333_333_334),
            ("1000000/s", 1_000),
            ("999999/s", 1_001),
            ("7/m", 8_571_428_572),
            ("1/d", 86_400_000_000_000),
        ] {
            assert_eq!(rate(text).unwrap().interval_nanos(), nanos, "{text}");
        }
    }

    #[test]
    fn rounding_takes_less_than_a_thousandth_off_a_rate() {
        for requests in [999_999, 999_001, 700_001, 500_001, 333_334, 12_345] {
            let rate = Rate::new(requests, Period::Second).unwrap();
            let real = 1_000_000_000 / rate.interval_nanos();
            assert!(real * 1000 >= requests * 999 - 999, "{rate}: {real}/s");
        }
    }
}
