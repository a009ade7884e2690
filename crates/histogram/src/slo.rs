//! Objectives on latency: what is good, and how fast an error budget is spent.
//!
//! A counter of good requests and one of all give the ratio exactly, which no histogram does unless the threshold is one of
//! its bounds.
//!
//! What this does not do: count, keep windows. Cost: a comparison; the arithmetic on budgets is for tools.

use fairlead_stage::Share;
use std::time::Duration;

/// What a request must keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slo {
    /// The longest that is good, in microseconds.
    pub threshold_us: u64,
}

impl Slo {
    /// Whether a request that took so many microseconds is good: it took no longer than the threshold.
    #[must_use]
    pub const fn is_good(&self, micros: u64) -> bool {
        micros <= self.threshold_us
    }
}

/// How many requests may be bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The part of all requests that is to be good: above nothing, below all.
    pub objective: Share,
}

impl Budget {
    /// How many times as fast as planned the budget is spent: the rate of bad requests over the rate that may be bad. 1
    /// spends it exactly in the period of the objective. `None` without requests, or with an objective of 100 %.
    #[must_use]
    pub fn burn_rate(self, good: u64, total: u64) -> Option<f64> {
        let allowed = Share::WHOLE_PPM.checked_sub(self.objective.ppm())?;
        if total == 0 || allowed == 0 {
            return None;
        }
        let bad = total.saturating_sub(good) as f64 / total as f64;
        Some(bad * f64::from(Share::WHOLE_PPM) / f64::from(allowed))
    }

    /// The part of the budget that is left after all requests of a period: 1 all of it, below 0 overspent. `None` as above.
    #[must_use]
    pub fn left(self, good: u64, total: u64) -> Option<f64> {
        self.burn_rate(good, total).map(|rate| 1.0 - rate)
    }

    /// The burn rate that spends this `part` of a period's budget within `window`: 2 % of 30 days in an hour is 14.4.
    /// `None` of no window.
    #[must_use]
    pub fn rate_that_spends(part: Share, window: Duration, period: Duration) -> Option<f64> {
        if window.is_zero() {
            return None;
        }
        let part = f64::from(part.ppm()) / f64::from(Share::WHOLE_PPM);
        Some(part * period.as_secs_f64() / window.as_secs_f64())
    }
}

#[cfg(test)]
mod tests;
