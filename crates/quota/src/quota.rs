//! A rate with a burst: everything a decision needs to know about a limit, checked once.

use crate::rate::{Period, Rate};
use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

/// The longest time that an empty bucket may take to fill: ten years of 365 days.
///
/// It keeps every sum of a decision far from overflow: nanoseconds since the epoch plus a few such spans fit a `u64`
/// until the year 2480. Nobody who waits longer is a client.
pub const LONGEST_FILL: Duration = Duration::from_secs(10 * 365 * 86_400);

const LONGEST_FILL_NANOS: u64 = 10 * 365 * Period::Day.nanos();

/// What one key may spend: `burst` at once, and `rate` in the long run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    rate: Rate,
    burst: NonZeroU32,
    interval: NonZeroU64,
    fill: u64,
    gcra: governor::Quota,
}

impl Quota {
    /// A quota of `rate` with this `burst`, or with one second's worth of the rate, at least 1.
    ///
    /// # Errors
    /// [`QuotaError`]: an empty bucket would take longer than [`LONGEST_FILL`] to fill.
    pub fn new(rate: Rate, burst: Option<NonZeroU32>) -> Result<Self, QuotaError> {
        let burst = burst.unwrap_or_else(|| default_burst(rate));
        let error = QuotaError::FillsTooSlowly {
            most: largest_burst(rate),
        };
        let interval = NonZeroU64::new(rate.interval_nanos()).ok_or(error)?;
        let fill = interval.get().checked_mul(u64::from(burst.get())).ok_or(error)?;
        if fill > LONGEST_FILL_NANOS {
            return Err(error);
        }
        let gcra = governor::Quota::with_period(Duration::from_nanos(interval.get())).ok_or(error)?;
        Ok(Self {
            rate,
            burst,
            interval,
            fill,
            gcra: gcra.allow_burst(burst),
        })
    }

    /// The rate as the operator wrote it.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// The most that can be spent at once.
    #[must_use]
    pub const fn burst(&self) -> NonZeroU32 {
        self.burst
    }

    /// The time in which one unit comes back: GCRA's emission interval T, rounded up to a whole nanosecond.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval.get())
    }

    /// The time in which an empty bucket fills: burst x interval, at most [`LONGEST_FILL`].
    #[must_use]
    pub const fn fill(&self) -> Duration {
        Duration::from_nanos(self.fill)
    }

    pub(crate) const fn interval_nanos(&self) -> NonZeroU64 {
        self.interval
    }

    pub(crate) const fn fill_nanos(&self) -> u64 {
        self.fill
    }

    pub(crate) const fn gcra(&self) -> governor::Quota {
        self.gcra
    }
}

/// One second's worth of a rate, at least 1. Fits, as a rate is at most [`Rate::MAX_PER_SECOND`].
fn default_burst(rate: Rate) -> NonZeroU32 {
    let per_second = rate
        .requests()
        .get()
        .checked_div(rate.period().seconds())
        .unwrap_or(0);
    u32::try_from(per_second)
        .ok()
        .and_then(NonZeroU32::new)
        .unwrap_or(NonZeroU32::MIN)
}

fn largest_burst(rate: Rate) -> u32 {
    let most = LONGEST_FILL_NANOS.checked_div(rate.interval_nanos()).unwrap_or(0);
    u32::try_from(most).unwrap_or(u32::MAX)
}

/// Why a rate and a burst are not a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaError {
    /// An empty bucket would take longer than [`LONGEST_FILL`] to fill.
    FillsTooSlowly {
        /// The largest burst for this rate.
        most: u32,
    },
}

impl fmt::Display for QuotaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::FillsTooSlowly { most } = self;
        write!(
            f,
            "takes more than ten years to fill at this rate; the largest burst is {most}"
        )
    }
}

impl std::error::Error for QuotaError {}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn quota(rate: &str, burst: Option<u32>) -> Result<Quota, QuotaError> {
        Quota::new(rate.parse().unwrap(), burst.map(|b| NonZeroU32::new(b).unwrap()))
    }

    #[test]
    fn the_burst_is_one_second_of_the_rate_unless_said_otherwise() {
        for (rate, burst) in [
            ("100/s", 100),
            ("6000/m", 100),
            ("90/m", 1),
            ("1/h", 1),
            ("3600/h", 1),
            ("1000000/s", 1_000_000),
        ] {
            assert_eq!(quota(rate, None).unwrap().burst().get(), burst, "{rate}");
        }
        assert_eq!(quota("100/s", Some(7)).unwrap().burst().get(), 7);
    }

    #[test]
    fn a_bucket_that_takes_more_than_ten_years_to_fill_is_refused() {
        assert_eq!(quota("1/d", Some(3650)).unwrap().fill(), LONGEST_FILL);
        let error = quota("1/d", Some(3651)).unwrap_err().to_string();
        assert_eq!(
            error,
            "takes more than ten years to fill at this rate; the largest burst is 3650"
        );
        assert_eq!(
            quota("1/d", Some(3651)),
            Err(QuotaError::FillsTooSlowly { most: 3650 })
        );
        assert_eq!(
            quota("1/d", Some(u32::MAX)),
            Err(QuotaError::FillsTooSlowly { most: 3650 })
        );
        assert_eq!(
            quota("1000000/s", Some(u32::MAX)).unwrap().burst().get(),
            u32::MAX
        );
    }

    #[test]
    fn the_longest_fill_is_the_same_in_both_units() {
        assert_eq!(LONGEST_FILL.as_nanos(), u128::from(LONGEST_FILL_NANOS));
    }
}
