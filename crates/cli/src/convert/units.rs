//! Durations, shares and counts: as other systems write them, brought into what a policy can hold.

use crate::time::parse_nanos;
use std::time::Duration;

pub(super) const MILLISECOND: Duration = Duration::from_millis(1);
pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// What a policy takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    least: Duration,
    most: Duration,
}

/// `window.duration`.
pub(super) const WINDOW: Bounds = Bounds {
    least: Duration::from_millis(100),
    most: HOUR,
};
/// `open.duration`, `timeout`.
pub(super) const UP_TO_AN_HOUR: Bounds = Bounds {
    least: MILLISECOND,
    most: HOUR,
};
/// `open.max`, `half_open.max_wait`.
pub(super) const UP_TO_A_DAY: Bounds = Bounds {
    least: MILLISECOND,
    most: Duration::from_secs(86_400),
};
/// `trip.slow.above`.
pub(super) const SLOW: Bounds = Bounds {
    least: MILLISECOND,
    most: Duration::from_secs(600),
};

/// A duration as a policy writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) duration: Duration,
    /// Why it is another one than the source's; empty: it is the same.
    pub(super) why: String,
}

impl Bounds {
    /// The longest.
    pub(super) const fn most(self) -> Duration {
        self.most
    }

    /// `duration` in whole milliseconds and within the bounds.
    pub(super) fn fit(self, duration: Duration) -> Span {
        let rounded =
            Duration::from_millis(u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX));
        let fitted = rounded.clamp(self.least, self.most);
        let why = if fitted < rounded {
            format!("{} is the most", span(self.most))
        } else if fitted > rounded {
            format!("{} is the least", span(self.least))
        } else if rounded != duration {
            "in whole milliseconds".to_owned()
        } else {
            String::new()
        };
        Span {
            duration: fitted,
            why,
        }
    }
}

/// A duration in the largest unit of which it is a whole number: `90s`, `5m`, `1500ms`.
pub(super) fn span(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, each) in [("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
        if millis >= each && millis.is_multiple_of(each) {
            return format!("{}{unit}", millis / each);
        }
    }
    format!("{millis}ms")
}

/// Milliseconds as a duration. What is below nothing is nothing.
pub(super) fn millis(number: f64) -> Duration {
    // As much as a u64 has nanoseconds: what is more is cut to an hour in any case.
    Duration::from_secs_f64((number / 1000.0).clamp(0.0, 1e9))
}

/// Go's durations: `5m`, `1m30s`, `1.5s`.
pub(super) fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let unit = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let end = rest
            .get(unit..)?
            .find(|c: char| !c.is_ascii_alphabetic())
            .map_or(rest.len(), |length| unit.saturating_add(length));
        let (part, next) = rest.split_at_checked(end)?;
        let nanos = u64::try_from(parse_nanos(part)?).ok()?;
        total = total.checked_add(Duration::from_nanos(nanos))?;
        rest = next;
    }
    (!text.is_empty()).then_some(total)
}

/// Spring's durations: `500ms`, `10s`, a bare number of milliseconds, and ISO 8601 with hours and less: `PT1M30S`.
pub(super) fn spring_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(number) = text.parse::<u64>() {
        return Some(Duration::from_millis(number));
    }
    let lower = text.to_ascii_lowercase();
    match lower.strip_prefix("pt") {
        Some(parts) => go_duration(parts).filter(|_| !parts.contains("ms")),
        None => go_duration(&text.replace(' ', "")),
    }
}

/// A percentage as a policy writes it: at most four decimals, from nothing to all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Percentage {
    pub(super) ppm: u32,
    /// Whether it is another one than the source's.
    pub(super) changed: bool,
}

pub(super) const ALL_PPM: u32 = 1_000_000;

pub(super) fn percentage(percent: f64) -> Percentage {
    let ppm = (percent * 10_000.0).round().clamp(0.0, f64::from(ALL_PPM)) as u32;
    Percentage {
        ppm,
        changed: (f64::from(ppm) / 10_000.0 - percent).abs() > 1e-9,
    }
}

/// `50%`, `33.3333%`.
pub(super) fn share(ppm: u32) -> String {
    let text = format!("{}.{:04}", ppm / 10_000, ppm % 10_000);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_go_and_of_spring_are_read() {
        let read = |text: &str| go_duration(text).map(span);
        assert_eq!(read("5m").as_deref(), Some("5m"));
        assert_eq!(read("1m30s").as_deref(), Some("90s"));
        assert_eq!(read("1.5s").as_deref(), Some("1500ms"));
        assert_eq!(read("300s").as_deref(), Some("5m"));
        assert_eq!(read("0s").as_deref(), Some("0ms"));
        for text in ["", "5", "-5s", "5x", "s", "1m30"] {
            assert_eq!(read(text), None, "{text}");
        }
        let read = |text: &str| spring_duration(text).map(span);
        assert_eq!(read("500").as_deref(), Some("500ms"));
        assert_eq!(read("10s").as_deref(), Some("10s"));
        assert_eq!(read("10 s").as_deref(), Some("10s"));
        assert_eq!(read("PT1M30S").as_deref(), Some("90s"));
        assert_eq!(read("PT10MS"), None);
        assert_eq!(read("${WAIT:10s}"), None);
    }

    #[test]
    fn a_duration_out_of_bounds_is_moved_and_says_so() {
        let fit = |duration| {
            let fitted = UP_TO_AN_HOUR.fit(duration);
            (span(fitted.duration), fitted.why)
        };
        assert_eq!(fit(Duration::from_secs(3)), ("3s".to_owned(), String::new()));
        assert_eq!(
            fit(Duration::ZERO),
            ("1ms".to_owned(), "1ms is the least".to_owned())
        );
        assert_eq!(
            fit(Duration::from_secs(7200)),
            ("1h".to_owned(), "1h is the most".to_owned())
        );
        assert_eq!(
            fit(Duration::from_micros(2500)),
            ("3ms".to_owned(), "in whole milliseconds".to_owned())
        );
        assert_eq!(millis(-1.0), Duration::ZERO);
        assert_eq!(span(UP_TO_AN_HOUR.fit(millis(1e300)).duration), "1h");
    }

    #[test]
    fn a_percentage_has_four_decimals() {
        let read = |percent| {
            let read = percentage(percent);
            (share(read.ppm), read.changed)
        };
        assert_eq!(read(50.0), ("50%".to_owned(), false));
        assert_eq!(read(0.5), ("0.5%".to_owned(), false));
        assert_eq!(read(100.0 / 3.0), ("33.3333%".to_owned(), true));
        assert_eq!(read(250.0), ("100%".to_owned(), true));
        assert_eq!(read(-1.0), ("0%".to_owned(), true));
    }
}
