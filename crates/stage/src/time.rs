//! Time as stages see it.

use std::time::Duration;

/// A reading of the proxy's wall clock: nanoseconds since the Unix epoch.
///
/// The wall clock may be set back while traffic runs, so there is no subtraction that can fail: [`Timestamp::since`]
/// saturates at zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// A timestamp from nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn as_unix_nanos(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This timestamp moved forward by `by`, at most to the end of time.
    #[must_use]
    pub fn saturating_add(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_clock_set_back_yields_no_negative_duration() {
        let (early, late) = (Timestamp::from_unix_nanos(5), Timestamp::from_unix_nanos(9));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(late.since(early), Duration::from_nanos(4));
    }

    #[test]
    fn moving_past_the_end_of_time_stays_there() {
        assert_eq!(
            Timestamp::from_unix_nanos(u64::MAX)
                .saturating_add(Duration::from_secs(1))
                .as_unix_nanos(),
            u64::MAX
        );
    }
}
