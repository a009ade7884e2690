//! Whether a canary is worse than it may be.
//!
//! Each bound is one on a share of bad requests: those that failed, or those slower than a threshold, of which there may be
//! 5 % if the bound is on p95. A share of a few dozen requests says little, and a guard looks every second for months. So
//! a canary breaks a bound only if all of this holds:
//!
//! - *Enough*: it has [`Guard::minimum_requests`] in the window, and so has the stable variant where it is compared with.
//! - *Above*: the lower end of the interval in which the true share lies is above the bound: Wilson's score interval, and
//!   for a distance to the stable variant Newcombe's of both (method 10). This keeps a canary in that is a little better
//!   than its bound.
//! - *Evidence*: a log-likelihood ratio (G-test) says that the canary is worse than the stable variant. For a bound that is
//!   a number, that it is worse than this number will do, so that it also works where there is no stable traffic, or none
//!   that is any better. This keeps a canary in that is like the stable variant.
//!
//! # Measured
//! Poisson traffic judged once a second over windows of 60 s with the default of 50 requests, a seed each for 20,000
//! hours; the tests repeat parts of it with fixed seeds. *Caught*: of canaries that go from 1 % of failures to 20 %, those
//! that trip within two windows, by `max: 5%` with `or_above_stable_by: 2%`, and by either alone. *Trips*: in 1,000
//! hours, for the rates of the canary and the stable variant; near the bound by `max: 5%` alone.
//!
//! | requests a window | caught: both, `max`, `above` | 1 % 1 % | 3 % 3 % | 4 % 4 % | 4 % 1 % | 5 % 5 % |
//! |---|---|---|---|---|---|---|
//! | 50 and 450 | 96 %, 92 %, 96 % | 0.2 | 1.2 | 1.3 | 35 | 11 |
//! | 50 and 50 | 76 %, 76 %, 9 % | 0 | 0 | 0.8 | 0.8 | 10 |
//! | 60 and 540 | 99.7 %, 98 %, 99.7 % | 0.2 | 1.1 | 2.4 | 37 | 13 |
//! | 60 and 60 | 88 %, 88 %, 22 % | 0 | 0 | 1.7 | 1.7 | 13 |
//! | 180 and 1,620 | all | 0 | 0.2 | 1.2 | 6 | 16 |
//! | 180 and 180 | all | 0 | 0 | 0.6 | 4 | 16 |
//! | 600 and 5,400 | all | 0 | 0 | 0.3 | 0.3 | 17 |
//! | 6,000 and 54,000 | all | 0 | 0 | 0 | 0 | 19 |
//!
//! Latencies are log-normal, `quantile: p95`, `max_ratio_to_stable: 1.5`, nine times the canary's traffic on the stable
//! variant, judged once a slice. Sigma 0.5 is a p95 of 2.3 times the median, sigma 1 of 5.2 times. *Caught*: of canaries
//! that become twice as slow. *Trips* in 1,000 hours of one that is 1.4 times as slow. One that is as fast did not trip in
//! 5,000 hours of each.
//!
//! | requests a window | caught: sigma 0.5, 1 | trips: sigma 0.5, 1 |
//! |---|---|---|
//! | 60 | 78 %, 6 % | 86, 52 |
//! | 180 | 97 %, 51 % | 10, 134 |
//! | 600 | all, 91 % | 0.4, 21 |
//! | 1,800 | all, all | |
//!
//! # Few requests
//! No exception is made for a small [`Guard::minimum_requests`]: it is evidence that counts. With `max: 5%` three failures of
//! three are enough, with up to `max: 20%` five of five, with 50 % it takes 17 of 17. Five of five are also enough against
//! 45 good ones of the stable variant with up to `max: 23%`. With `max: 0%` a single failure is.
//!
//! # Cost
//! Below a microsecond natively, a few logarithms, no allocation. What this does not do: remember anything, or correct for
//! the number of looks; the constants are chosen by what comes of a thousand hours of them.

use super::proportion::{FAILURES, LATENCIES, Proportion};
use super::windows::Counts;
use super::{ErrorRate, Guard, Latency};
use crate::Share;
use std::time::Duration;

/// What is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The share of requests that fail.
    ErrorRate,
    /// The share of responses that begin too late.
    Latency,
}

/// What a bound is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// A number in the config.
    Max,
    /// The stable variant.
    Stable,
}

/// A bound that a variant has broken, and the numbers that show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breach {
    /// What is bounded.
    pub bound: Bound,
    /// What it is compared with.
    pub against: Against,
    /// The share of the variant's requests that failed, or that were certainly slower than `threshold`.
    pub share: Share,
    /// What that share may be: for a distance to the stable variant, that one's share and the distance.
    pub limit: Share,
    /// Latency only: the threshold.
    pub threshold: Option<Duration>,
}

impl Guard {
    /// The first bound that `canary` breaks; `stable` is what the default variant did over the same time. Without enough
    /// requests of one of them, bounds that need it are not broken.
    #[must_use]
    pub fn judge(&self, canary: &Counts, stable: &Counts) -> Option<Breach> {
        let errors = self
            .error_rate
            .and_then(|bounds| self.errors(bounds, canary, stable));
        errors.or_else(|| {
            self.latency
                .and_then(|bounds| self.latencies(bounds, canary, stable))
        })
    }

    #[inline(never)]
    fn errors(&self, bounds: ErrorRate, canary: &Counts, stable: &Counts) -> Option<Breach> {
        let canary = self.enough(canary.failures, canary.requests)?;
        let stable = self.enough(stable.failures, stable.requests);
        let breach = |against, limit| Breach {
            bound: Bound::ErrorRate,
            against,
            share: canary.ppm(),
            limit,
            threshold: None,
        };
        if let Some(max) = bounds.max
            && canary.is_above(max, FAILURES, stable)
        {
            return Some(breach(Against::Max, max));
        }
        let (distance, stable) = bounds.above_stable.zip(stable)?;
        let limit = distance.ppm().saturating_add(stable.ppm().ppm());
        let limit = Share::from_ppm(limit).unwrap_or(Share::ALL);
        canary
            .is_above_stable(stable, distance, FAILURES)
            .then(|| breach(Against::Stable, limit))
    }

    #[inline(never)]
    fn latencies(&self, bounds: Latency, canary: &Counts, stable: &Counts) -> Option<Breach> {
        // Before anything is added up.
        self.enough(0, canary.latency.total())?;
        if let Some(max) = bounds.max
            && let Some(breach) = self.slower(bounds, Against::Max, micros(max), canary, stable)
        {
            return Some(breach);
        }
        let ratio = bounds.max_ratio_to_stable_permille?;
        self.enough(0, stable.latency.total())?;
        let threshold = stable
            .latency
            .quantile(bounds.quantile.ppm())?
            .saturating_mul(u64::from(ratio))
            .div_ceil(1000);
        self.slower(bounds, Against::Stable, threshold, canary, stable)
    }

    /// Whether more of the canary's responses are slower than `threshold` than the quantile leaves room for.
    #[inline(never)]
    fn slower(
        &self,
        bounds: Latency,
        against: Against,
        threshold: u64,
        canary: &Counts,
        stable: &Counts,
    ) -> Option<Breach> {
        let slow = |counts: &Counts| self.enough(counts.latency.at_least(threshold), counts.latency.total());
        let room = Share::WHOLE_PPM.saturating_sub(bounds.quantile.ppm());
        let (limit, canary, stable) = (Share::from_ppm(room)?, slow(canary)?, slow(stable));
        let above = match against {
            Against::Max => canary.is_above(limit, LATENCIES, stable),
            Against::Stable => {
                canary.lies_above(limit, LATENCIES)
                    && stable.is_some_and(|stable| canary.is_worse(stable, LATENCIES))
            }
        };
        above.then(|| Breach {
            bound: Bound::Latency,
            against,
            share: canary.ppm(),
            limit,
            threshold: Some(Duration::from_micros(threshold)),
        })
    }

    fn enough(&self, bad: u64, of: u64) -> Option<Proportion> {
        (of > 0 && of >= u64::from(self.minimum_requests)).then_some(Proportion { bad, of })
    }
}

/// In microseconds, rounded up.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
