//! Moments in time: RFC 3339, as in `2026-11-20T09:00:00Z` or `2026-11-20 10:00:00.5+01:00`.
//!
//! Read by hand: a date library would be a large part of a .wasm, and this needs no calendar but the Gregorian one.

use crate::read::{Leaf, Malformed};
use fairlead_stage::Timestamp;

/// A moment from 1970 to 2100.
pub(crate) struct Time;

impl Leaf for Time {
    type Out = Timestamp;
    const EXPECTED: &'static str = "a time: write date, time and zone, as in 2026-11-20T09:00:00Z";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$";

    fn parse(text: &str) -> Result<Timestamp, Malformed> {
        let mut rest = Rest(text.as_bytes());
        let date = rest.date().ok_or(Malformed::Expected)?;
        let nanos = rest.time_of_day().ok_or(Malformed::Expected)?;
        if rest.0.is_empty() {
            return Err(Malformed::fix(
                "write the zone too: Z for UTC, or an offset as in +01:00",
            ));
        }
        let offset = rest.offset().ok_or(Malformed::Expected)?;
        let days = days_since_1970(date).ok_or(Malformed::fix("there is no such day"))?;
        in_range(days, nanos, offset).ok_or(Malformed::fix("write a time from 1970 to 2100"))
    }
}

/// Year, month, day.
type Date = (u64, u64, u64);

/// What is still to be read.
struct Rest<'t>(&'t [u8]);

impl Rest<'_> {
    /// The next byte, if it is one of these.
    fn any(&mut self, of: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        if !of.contains(first) {
            return None;
        }
        self.0 = rest;
        Some(*first)
    }

    /// A number of exactly so many digits.
    fn number(&mut self, digits: usize) -> Option<u64> {
        let mut number: u64 = 0;
        for _ in 0..digits {
            let digit = self.any(b"0123456789")?.saturating_sub(b'0');
            number = number.saturating_mul(10).saturating_add(u64::from(digit));
        }
        Some(number)
    }

    fn date(&mut self) -> Option<Date> {
        let year = self.number(4)?;
        self.any(b"-")?;
        let month = self.number(2)?;
        self.any(b"-")?;
        let day = self.number(2)?;
        Some((year, month, day))
    }

    /// Nanoseconds since midnight.
    fn time_of_day(&mut self) -> Option<u64> {
        self.any(b"Tt ")?;
        let minutes = self.hours_and_minutes()?;
        self.any(b":")?;
        let seconds = self.number(2).filter(|seconds| *seconds < 60)?;
        let mut nanos = 0;
        if self.any(b".").is_some() {
            let digits = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
            let more = 9_usize.checked_sub(digits).filter(|more| *more < 9)?;
            nanos = (0..more).fold(self.number(digits)?, |nanos, _| nanos.saturating_mul(10));
        }
        let seconds = minutes.saturating_mul(60).saturating_add(seconds);
        Some(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    /// In minutes.
    fn hours_and_minutes(&mut self) -> Option<u64> {
        let hours = self.number(2).filter(|hours| *hours < 24)?;
        self.any(b":")?;
        let minutes = self.number(2).filter(|minutes| *minutes < 60)?;
        Some(hours.saturating_mul(60).saturating_add(minutes))
    }

    /// How far the zone is ahead of UTC, in minutes, and nothing after it.
    fn offset(&mut self) -> Option<i64> {
        let minutes = match self.any(b"Zz+-")? {
            b'+' => i64::try_from(self.hours_and_minutes()?).ok()?,
            b'-' => i64::try_from(self.hours_and_minutes()?).ok()?.saturating_neg(),
            _ => 0,
        };
        self.0.is_empty().then_some(minutes)
    }
}

/// `None` if there is no such day. After Howard Hinnant's `days_from_civil`: years begin in March, so that the leap day is
/// their last, and 400 of them are always as long.
fn days_since_1970((year, month, day): Date) -> Option<i64> {
    const MONTHS: [u64; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let longest = *MONTHS.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    if day == 0 || day > longest || (month == 2 && day == 29 && !is_leap) {
        return None;
    }
    // All of this is below 10,000 years. 400 years more keep the year before year 0 above 0.
    let year = year + 400 - u64::from(month <= 2);
    let (era, year) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + year * 365 + year / 4 - year / 100 + day_of_year;
    i64::try_from(days).ok()?.checked_sub(719_468 + 146_097)
}

fn in_range(days: i64, nanos: u64, offset: i64) -> Option<Timestamp> {
    const MINUTE: i64 = 60_000_000_000;
    const DAY: i64 = 1440 * MINUTE;
    // 2101-01-01.
    const END: u64 = 47_847 * DAY as u64;
    let midnight = days.checked_mul(DAY)?;
    let here = midnight.checked_add(i64::try_from(nanos).ok()?)?;
    let utc = here.checked_sub(offset.checked_mul(MINUTE)?)?;
    let utc = u64::try_from(utc).ok().filter(|utc| *utc < END)?;
    Some(Timestamp::from_unix_nanos(utc))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(text: &str) -> Option<u64> {
        Time::parse(text)
            .ok()
            .map(|time| time.as_unix_nanos() / 1_000_000_000)
    }

    #[test]
    fn a_moment_is_the_same_in_every_zone() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01t00:00:00z", 0),
            ("1969-12-31T23:00:00-01:00", 0),
            ("1970-01-01T05:45:00+05:45", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-11-20T09:00:00Z", 1_795_165_200),
            ("2026-11-20 10:00:00+01:00", 1_795_165_200),
            ("2026-11-19T21:00:00-12:00", 1_795_165_200),
            ("2100-12-31T23:59:59Z", 4_133_980_799),
            ("2101-01-01T00:59:59+01:00", 4_133_980_799),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn fractions_count_down_to_nanoseconds() {
        for (fraction, nanos) in [
            ("", 0),
            (".5", 500_000_000),
            (".000000001", 1),
            (".999999999", 999_999_999),
            (".120", 120_000_000),
        ] {
            let text = ["1970-01-01T00:00:01", fraction, "Z"].concat();
            assert_eq!(
                Time::parse(&text).unwrap().as_unix_nanos(),
                1_000_000_000 + nanos,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2026-11-20",
            "2026-11-20T09:00Z",
            "2026-11-20T09:00:00",
            "2026-11-20T09:00:00 Z",
            "2026-11-20T09:00:00Z ",
            "2026-11-20T24:00:00Z",
            "2026-11-20T09:60:00Z",
            "2026-11-20T23:59:60Z",
            "2026-11-20T09:00:00.Z",
            "2026-11-20T09:00:00.0000000001Z",
            "2026-11-20T09:00:00+1:00",
            "2026-11-20T09:00:00+0100",
            "2026-11-20T09:00:00+24:00",
            "2026-11-20_09:00:00Z",
            "26-11-20T09:00:00Z",
            "+2026-11-20T09:00:00Z",
            "2026-1-20T09:00:00Z",
            "2026-13-20T09:00:00Z",
            "2026-00-20T09:00:00Z",
            "2026-11-00T09:00:00Z",
            "2026-11-31T09:00:00Z",
            "2026-02-29T09:00:00Z",
            "2100-02-29T09:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+00:01",
            "1900-01-01T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "2101-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "2026-11-20T09:00:00\u{e9}",
        ] {
            assert!(Time::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn days_follow_each_other_without_a_gap() {
        let mut expected = days_since_1970((1, 1, 1)).unwrap();
        for year in 1..2500 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(days) = days_since_1970((year, month, day)) {
                        assert_eq!(days, expected, "{year}-{month}-{day}");
                        expected += 1;
                    }
                }
            }
        }
        assert_eq!(days_since_1970((1970, 1, 1)), Some(0));
        assert_eq!(expected, days_since_1970((2500, 1, 1)).unwrap());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9TZtz:. +-]{0,36}", any in any::<String>()) {
            let _ = Time::parse(&text);
            let _ = Time::parse(&any);
        }
    }
}
