//! Durations: `250ms`, `10s`, `5m`, `1h`, `30d`; where single requests are timed, also `250us`.

use crate::json::Json;
use crate::problem::Problems;
use crate::read::{Leaf, Malformed, Read};
use std::time::Duration;

/// The units, the longest first, with their milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// A duration of any length. One that is too long for any bound comes out as the longest there is.
struct AnySpan;

impl Leaf for AnySpan {
    type Out = Duration;
    const EXPECTED: &'static str = "a duration: write a whole number and its unit, ms s m h or d, as in 10s";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^[0-9]+(ms|s|m|h|d)$";

    fn parse(text: &str) -> Result<Duration, Malformed> {
        number(text, &UNITS).map(Duration::from_millis)
    }
}

/// What a text is in the least of these units, and at most the greatest number.
#[inline(never)]
fn number(text: &str, units: &[(&str, u64)]) -> Result<u64, Malformed> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = text.strip_suffix(unit).unwrap_or_default();
    let (_, each) = units
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or(Malformed::Expected)?;
    if number.is_empty() {
        return Err(Malformed::Expected);
    }
    Ok(number.parse().unwrap_or(u64::MAX).saturating_mul(*each))
}

/// A duration from `MIN` to `MAX` milliseconds.
pub(crate) struct Span<const MIN: u64, const MAX: u64>;

/// Milliseconds of a second, a minute, an hour and a day, for the bounds of a [`Span`].
pub(crate) const SECOND: u64 = 1000;
pub(crate) const HOUR: u64 = 3_600_000;
pub(crate) const DAY: u64 = 86_400_000;

impl<const MIN: u64, const MAX: u64> Read for Span<MIN, MAX> {
    type Out = Duration;

    fn read(value: &Json, at: &mut Problems) -> Option<Duration> {
        within(value, MIN, MAX, at)
    }
}

#[inline(never)]
fn within(value: &Json, min: u64, max: u64, at: &mut Problems) -> Option<Duration> {
    let span = AnySpan::read(value, at)?;
    if span < Duration::from_millis(min) || span > Duration::from_millis(max) {
        let bounds = ["a duration from ", &written(min), " to ", &written(max)];
        at.wrong(value, &bounds.concat());
        return None;
    }
    Some(span)
}

/// So many milliseconds, as a config writes them: in the longest unit that leaves no remainder.
pub(crate) fn written(millis: u64) -> String {
    written_in(millis, &UNITS)
}

#[inline(never)]
fn written_in(number: u64, units: &[(&str, u64)]) -> String {
    for (unit, each) in units {
        if number >= *each && number.checked_rem(*each) == Some(0) {
            return [&number.checked_div(*each).unwrap_or_default().to_string(), *unit].concat();
        }
    }
    "0s".to_owned()
}

/// The units where single requests are timed, the longest first, with their microseconds.
const FINE_UNITS: [(&str, u64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1000),
    ("us", 1),
];

/// How long a request may take that is told apart: 24 h, in microseconds.
const LONGEST: u64 = 86_400_000_000;

/// A duration in any unit from microseconds on.
struct AnyFineSpan;

impl Leaf for AnyFineSpan {
    type Out = u64;
    const EXPECTED: &'static str =
        "a duration: write a whole number and its unit, us ms s m h or d, as in 250ms";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^[0-9]+(us|ms|s|m|h|d)$";

    fn parse(text: &str) -> Result<u64, Malformed> {
        number(text, &FINE_UNITS)
    }
}

/// How long a request takes: 1 microsecond to 24 h, in microseconds.
pub(crate) struct FineSpan;

impl Read for FineSpan {
    type Out = u64;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<u64> {
        let micros = AnyFineSpan::read(value, at)?;
        if micros == 0 || micros > LONGEST {
            at.wrong(value, "a duration from 1us to 24h");
            return None;
        }
        Some(micros)
    }
}

/// So many microseconds, as a config writes them.
pub(crate) fn fine_text(micros: u64) -> String {
    written_in(micros, &FINE_UNITS)
}

#[cfg(feature = "schema")]
impl crate::schema::Describe for FineSpan {
    fn describe(definitions: &mut crate::schema::Definitions) -> serde_json::Value {
        let mut schema = AnyFineSpan::describe(definitions);
        crate::schema::merge(
            &mut schema,
            serde_json::json!({ "description": "From 1us to 24h." }),
        );
        schema
    }
}

#[cfg(feature = "schema")]
impl<const MIN: u64, const MAX: u64> crate::schema::Describe for Span<MIN, MAX> {
    fn describe(definitions: &mut crate::schema::Definitions) -> serde_json::Value {
        let mut schema = AnySpan::describe(definitions);
        let text = ["From ", &written(MIN), " to ", &written(MAX), "."].concat();
        crate::schema::merge(&mut schema, serde_json::json!({ "description": text }));
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_are_a_duration() {
        for (text, millis) in [
            ("0s", 0),
            ("0ms", 0),
            ("250ms", 250),
            ("10s", 10_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("30d", 2_592_000_000),
            ("007s", 7000),
        ] {
            assert_eq!(
                AnySpan::parse(text).unwrap(),
                Duration::from_millis(millis),
                "{text}"
            );
        }
        assert_eq!(
            AnySpan::parse("99999999999999999999999d").unwrap(),
            Duration::from_millis(u64::MAX)
        );
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "", "s", "10", "10 s", " 10s", "10s ", "1.5s", "-1s", "+1s", "10S", "10sec", "1h30m", "10w",
            "10us", "٣s",
        ] {
            assert!(AnySpan::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn requests_are_timed_in_microseconds() {
        for (text, micros) in [
            ("1us", 1),
            ("250us", 250),
            ("1ms", 1000),
            ("1500us", 1500),
            ("24h", LONGEST),
            ("1d", LONGEST),
        ] {
            assert_eq!(AnyFineSpan::parse(text).unwrap(), micros, "{text}");
            assert_eq!(AnyFineSpan::parse(&fine_text(micros)).unwrap(), micros, "{text}");
        }
        assert_eq!(AnyFineSpan::parse("99999999999999999999d").unwrap(), u64::MAX);
        assert_eq!(fine_text(2_500_000), "2500ms");
        for text in ["", "us", "1", "1.5ms", "1µs", "1ns"] {
            assert!(AnyFineSpan::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for (millis, text) in [
            (0, "0s"),
            (1, "1ms"),
            (1000, "1s"),
            (1500, "1500ms"),
            (90_000, "90s"),
            (3_600_000, "1h"),
            (34_560_000_000, "400d"),
        ] {
            assert_eq!(written(millis), text);
            assert_eq!(AnySpan::parse(text).unwrap(), Duration::from_millis(millis));
        }
    }
}
