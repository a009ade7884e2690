//! Durations as traffic files write them: a number and a unit, `250ms`, `1.5s`, `5m`, `-1h`. Exact to the nanosecond.

use std::time::Duration;

/// How to write one, for messages.
pub(crate) const EXPECTED: &str =
    "a duration: write a number of milliseconds, or text as in \"250ms\", \"1.5s\", \"5m\", \"1h\"";

/// The longest duration: ten years. Longer ones are slips.
const LONGEST_NANOS: i128 = 10 * 366 * 86_400 * 1_000_000_000;

/// Nanoseconds in the text; `None` if it is no duration, or one of more than ten years.
pub(crate) fn parse_nanos(text: &str) -> Option<i64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at_checked(unit_at)?;
    let unit: i128 = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3_600 * 1_000_000_000,
        "d" => 86_400 * 1_000_000_000,
        _ => return None,
    };
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| (1..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(decimals) {
        return None;
    }
    let scale = 10_i128.checked_pow(u32::try_from(decimals.len()).ok()?)?;
    let fraction = unit.checked_mul(decimals.parse().ok()?)? / scale;
    bounded(
        unit.checked_mul(whole.parse().ok()?)?.checked_add(fraction)?,
        negative,
    )
}

/// Nanoseconds of a number of milliseconds.
pub(crate) fn millis_to_nanos(millis: f64) -> Option<i64> {
    let nanos = (millis.abs() * 1e6).round();
    bounded(nanos as i128, millis < 0.0)
}

fn bounded(nanos: i128, negative: bool) -> Option<i64> {
    let nanos = i64::try_from(nanos)
        .ok()
        .filter(|nanos| i128::from(*nanos) <= LONGEST_NANOS)?;
    Some(if negative { nanos.saturating_neg() } else { nanos })
}

/// Seconds with as many decimals as it takes: `0s`, `0.02s`.
pub(crate) fn seconds(duration: Duration) -> String {
    let text = format!("{}.{:09}", duration.as_secs(), duration.subsec_nanos());
    let short = text.trim_end_matches('0').trim_end_matches('.');
    format!("{short}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact() {
        for (text, nanos) in [
            ("0ms", Some(0)),
            ("250ms", Some(250_000_000)),
            ("1.5s", Some(1_500_000_000)),
            ("0.1s", Some(100_000_000)),
            ("0.000000001s", Some(1)),
            ("5m", Some(300_000_000_000)),
            ("-1h", Some(-3_600_000_000_000)),
            ("2d", Some(172_800_000_000_000)),
            ("7us", Some(7_000)),
            ("9ns", Some(9)),
            ("", None),
            ("5", None),
            ("s", None),
            ("1.s", None),
            (".5s", None),
            ("--1s", None),
            ("+1s", None),
            ("1 s", None),
            ("1w", None),
            ("1e3ms", None),
            ("4000d", None),
            ("999999999999999d", None),
        ] {
            assert_eq!(parse_nanos(text), nanos, "{text}");
        }
    }

    #[test]
    fn numbers_are_milliseconds() {
        for (millis, nanos) in [
            (0.0, Some(0)),
            (0.5, Some(500_000)),
            (-2.0, Some(-2_000_000)),
            (1e30, None),
            (f64::NAN, Some(0)),
        ] {
            assert_eq!(millis_to_nanos(millis), nanos, "{millis}");
        }
    }

    #[test]
    fn what_is_shown_can_be_read_back() {
        for (nanos, text) in [
            (0, "0s"),
            (20_000_000, "0.02s"),
            (1, "0.000000001s"),
            (10_000_000_000, "10s"),
            (3_600_000_000_000, "3600s"),
        ] {
            assert_eq!(seconds(Duration::from_nanos(nanos)), text);
            assert_eq!(parse_nanos(text), i64::try_from(nanos).ok());
        }
    }
}
