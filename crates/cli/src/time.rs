//! Durations as traffic files write them: a number and a unit, `250ms`, `1.5s`, `5m`, `-1h`. Exact to the nanosecond.
//! Moments as RFC 3339 writes them, in UTC.

use fairlead_stage::Timestamp;
use std::time::{Duration, UNIX_EPOCH};

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

/// Reads a moment, in UTC, from 1970 on; gives the time since then.
///
/// # Errors
/// What to write instead.
pub(crate) fn moment(text: &str) -> Result<Duration, String> {
    let fix = "write a time in UTC from 1970 on, as in 2026-01-01T00:00:00Z";
    let time = humantime::parse_rfc3339(text).map_err(|error| format!("{error}: {fix}"))?;
    time.duration_since(UNIX_EPOCH).map_err(|_| fix.to_owned())
}

/// The same, as a reading of the proxy's clock.
///
/// # Errors
/// What to write instead.
pub(crate) fn timestamp(text: &str) -> Result<Timestamp, String> {
    moment(text).map(|since| Timestamp::default().saturating_add(since))
}

/// `2026-11-20T09:00:00Z`, with decimals where there are any.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    let time = UNIX_EPOCH + Duration::from_nanos(at.as_unix_nanos());
    humantime::format_rfc3339(time).to_string()
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
    fn moments_are_in_utc() {
        let at = timestamp("2026-11-23T09:00:00.25Z").unwrap();
        assert_eq!(at.as_unix_nanos(), 1_795_424_400_250_000_000);
        assert_eq!(rfc3339(at), "2026-11-23T09:00:00.250000000Z");
        assert_eq!(rfc3339(Timestamp::default()), "1970-01-01T00:00:00Z");
        for wrong in [
            "",
            "2026-11-23",
            "2026-11-23T09:00:00+02:00",
            "1969-12-31T23:59:59Z",
        ] {
            assert!(moment(wrong).is_err(), "{wrong}");
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
