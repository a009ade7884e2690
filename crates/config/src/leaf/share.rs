//! Parts of a whole: percentages, quantiles, factors.

use crate::json::Json;
use crate::problem::Problems;
use crate::read::{Leaf, Malformed, Read};
use fairlead_rollout::{Share, ShareError};

impl Leaf for Share {
    type Out = Self;
    const EXPECTED: &'static str = "a percentage: write a number and %, as in 10% or 0.5%";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^0*(100(\\.0{1,4})?|[0-9]{1,2}(\\.[0-9]{1,4})?)%$";

    fn parse(text: &str) -> Result<Self, Malformed> {
        text.parse().map_err(|error| match error {
            ShareError::Syntax => Malformed::Expected,
            more => Malformed::fix(more.fix()),
        })
    }
}

/// A percentage. One that lacks its sign is a mistake that has a better answer than how to write percentages.
pub(crate) struct Percent;

impl Read for Percent {
    type Out = Share;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Share> {
        let Json::Number(number) = value else {
            return Share::read(value, at);
        };
        let percent = |number: f64| [&Json::Number(number).excerpt(), "%"].concat();
        let mut fix = percent(*number);
        if fix.parse::<Share>().is_err() {
            return Share::read(value, at);
        }
        // A half, or half a percent?
        if *number > 0.0 && *number <= 1.0 {
            fix = [&fix, " or ", &percent(*number * 100.0)].concat();
        }
        at.wrong(value, &["a percentage: write ", &fix].concat());
        None
    }
}

/// So many parts per million, as a config writes them. Also more than the whole, as a sum of shares can be.
#[inline(never)]
pub(crate) fn written(ppm: u32) -> String {
    const ONE_PERCENT: u32 = 10_000;
    let (whole, rest) = (ppm / ONE_PERCENT, ppm % ONE_PERCENT);
    let mut text = whole.to_string();
    if rest > 0 {
        let rest = rest.to_string();
        text.push('.');
        text.extend((rest.len()..4).map(|_| '0'));
        text.push_str(rest.trim_end_matches('0'));
    }
    text.push('%');
    text
}

/// A quantile, as the share of values below it.
pub(crate) struct Quantile;

impl Leaf for Quantile {
    type Out = Share;
    const EXPECTED: &'static str = "a quantile: write one between p0 and p100, as in p95 or p99.9";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^(p[0-9]+(\\.[0-9]{1,4})?|[0-9]+(\\.[0-9]{1,4})?%)$";

    fn parse(text: &str) -> Result<Share, Malformed> {
        let share = match text.strip_prefix('p') {
            Some(number) => [number, "%"].concat().parse(),
            None => text.parse(),
        };
        match share {
            Ok(share) if share > Share::NONE && share < Share::ALL => Ok(share),
            Err(ShareError::TooFine) => Err(Malformed::fix("write at most four decimals, as in p99.9999")),
            _ => Err(Malformed::Expected),
        }
    }
}

/// The same, and more than nothing.
pub(crate) struct PercentAbove0;

impl Read for PercentAbove0 {
    type Out = Share;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Share> {
        let share = Percent::read(value, at)?;
        if share == Share::NONE {
            at.wrong(value, "a percentage above 0%");
            return None;
        }
        Some(share)
    }
}

/// How many times as much, from `MIN` thousandths to 100, in thousandths.
pub(crate) struct Factor<const MIN: u32>;

impl<const MIN: u32> Read for Factor<MIN> {
    type Out = u32;

    fn read(value: &Json, at: &mut Problems) -> Option<u32> {
        factor(value, MIN, at)
    }
}

#[inline(never)]
fn factor(value: &Json, min: u32, at: &mut Problems) -> Option<u32> {
    let min = f64::from(min) / 1000.0;
    let mut fix = "";
    match value {
        Json::Number(n) if *n >= min && *n <= 100.0 => return Some((*n * 1000.0).round() as u32),
        Json::Text(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
            fix = ", without quotes";
        }
        _ => {}
    }
    let min = Json::Number(min).excerpt();
    at.wrong(
        value,
        &["a factor: write a number from ", &min, " to 100", fix].concat(),
    );
    None
}

described_as! {
    Percent => Share;
    PercentAbove0 => Share, { "not": { "pattern": "^[0.]*%$" } };
}

#[cfg(feature = "schema")]
impl<const MIN: u32> crate::schema::Describe for Factor<MIN> {
    fn describe(_: &mut crate::schema::Definitions) -> serde_json::Value {
        let min = f64::from(MIN) / 1000.0;
        serde_json::json!({ "type": "number", "minimum": min, "maximum": 100 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_written_in_either_way() {
        for (text, ppm) in [
            ("p50", 500_000),
            ("p95", 950_000),
            ("p99.9", 999_000),
            ("p99.9999", 999_999),
            ("p0.0001", 1),
            ("95%", 950_000),
            ("0.5%", 5000),
        ] {
            assert_eq!(Quantile::parse(text).unwrap().ppm(), ppm, "{text}");
        }
        for text in [
            "",
            "p",
            "p0",
            "p100",
            "0%",
            "100%",
            "95",
            "pp95",
            "p95%",
            "p-1",
            "p99.99999",
            "P95",
            "p 95",
        ] {
            assert!(Quantile::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for (ppm, text) in [
            (0, "0%"),
            (1, "0.0001%"),
            (10_000, "1%"),
            (125_000, "12.5%"),
            (100_500, "10.05%"),
            (1_000_000, "100%"),
        ] {
            assert_eq!(written(ppm), text);
            assert_eq!(text.parse::<Share>().map(Share::ppm), Ok(ppm));
        }
        assert_eq!(written(8_000_000), "800%");
    }
}
