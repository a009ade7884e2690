//! A part of a whole.

use std::fmt;
use std::str::FromStr;

/// A part of a whole in parts per million, from nothing to all of it. Integers, so that every proxy draws the same line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u32);

impl Share {
    /// The whole, in parts per million.
    pub const WHOLE_PPM: u32 = 1_000_000;
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// All of it.
    pub const ALL: Self = Self(Self::WHOLE_PPM);

    /// A share from parts per million; `None` above the whole.
    #[must_use]
    pub const fn from_ppm(ppm: u32) -> Option<Self> {
        if ppm <= Self::WHOLE_PPM {
            Some(Self(ppm))
        } else {
            None
        }
    }

    /// Parts per million, 0 to 1,000,000.
    #[must_use]
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// This share of `whole`, rounded down.
    #[must_use]
    pub fn of(self, whole: Self) -> Self {
        let product = u64::from(self.0).saturating_mul(u64::from(whole.0));
        let ppm = product.checked_div(u64::from(Self::WHOLE_PPM));
        // Neither is above the whole, so the product of both is below either.
        Self(ppm.and_then(|ppm| u32::try_from(ppm).ok()).unwrap_or(0))
    }

    /// Half of it, `times` times over, rounded down.
    #[must_use]
    pub const fn halved(self, times: u32) -> Self {
        match self.0.checked_shr(times) {
            Some(ppm) => Self(ppm),
            None => Self::NONE,
        }
    }
}

/// Why a text is no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShareError {
    /// It is not a number followed by `%`.
    Syntax,
    /// It has more than four decimals: less than one in a million cannot be told apart.
    TooFine,
    /// It is more than 100 %.
    TooLarge,
}

impl ShareError {
    /// What to write instead.
    #[must_use]
    pub const fn fix(self) -> &'static str {
        match self {
            Self::Syntax => "write a percentage, as in 10% or 0.5%",
            Self::TooFine => "write at most four decimals, as in 0.0001%",
            Self::TooLarge => "write at most 100%",
        }
    }
}

impl fmt::Display for ShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fix())
    }
}

impl FromStr for Share {
    type Err = ShareError;

    /// Reads `10%`, `12.5%`, `0.0001%`.
    fn from_str(text: &str) -> Result<Self, ShareError> {
        let number = text.strip_suffix('%').ok_or(ShareError::Syntax)?.as_bytes();
        let point = number.iter().position(|b| *b == b'.').unwrap_or(number.len());
        let (whole, decimals) = number.split_at(point);
        let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        let decimals = match decimals.split_first() {
            None => decimals,
            Some((_, rest)) if digits(rest) => rest,
            Some(_) => return Err(ShareError::Syntax),
        };
        if !digits(whole) {
            return Err(ShareError::Syntax);
        }
        if decimals.len() > 4 {
            return Err(ShareError::TooFine);
        }
        let padding = [b'0'; 4];
        let padding = padding.iter().skip(decimals.len());
        let ppm = whole
            .iter()
            .chain(decimals)
            .chain(padding)
            .fold(0_u32, |number, digit| {
                number
                    .saturating_mul(10)
                    .saturating_add(u32::from(digit.saturating_sub(b'0')))
            });
        Self::from_ppm(ppm).ok_or(ShareError::TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn percentages_become_parts_per_million() {
        for (text, ppm) in [
            ("0%", 0),
            ("1%", 10_000),
            ("12.5%", 125_000),
            ("0.0001%", 1),
            ("100%", 1_000_000),
            ("100.0000%", 1_000_000),
            ("007%", 70_000),
        ] {
            assert_eq!(text.parse::<Share>().map(Share::ppm), Ok(ppm), "{text}");
        }
    }

    #[test]
    fn what_is_no_percentage_is_refused_with_the_reason() {
        for (text, error) in [
            ("", ShareError::Syntax),
            ("%", ShareError::Syntax),
            ("10", ShareError::Syntax),
            (".5%", ShareError::Syntax),
            ("5.%", ShareError::Syntax),
            ("-1%", ShareError::Syntax),
            ("1e1%", ShareError::Syntax),
            ("0.00001%", ShareError::TooFine),
            ("100.0001%", ShareError::TooLarge),
            ("99999999999999999999%", ShareError::TooLarge),
        ] {
            assert_eq!(text.parse::<Share>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_share_of_a_share_is_rounded_down() {
        let share = |text: &str| text.parse::<Share>().unwrap();
        assert_eq!(share("50%").of(share("25%")), share("12.5%"));
        assert_eq!(share("0.0001%").of(share("99%")), Share::NONE);
        assert_eq!(Share::ALL.of(Share::ALL), Share::ALL);
        assert_eq!(share("10%").halved(1), share("5%"));
        assert_eq!(share("10%").halved(99), Share::NONE);
    }
}
