//! Whether a canary is worse than it may be.
//!
//! Each bound is one about a share of bad requests: those that failed, or those slower than a threshold, of which there
//! may be 5 % if the bound is on p95. A share of a few dozen requests says little, and a guard looks every second for
//! months. So a canary breaks a bound only if all of this holds:
//!
//! - *Enough*: it has [`Guard::minimum_requests`] in the window, and so has the stable variant where it is compared with.
//! - *Above*: the lower end of the interval in which the true share lies is above the bound. Wilson's score interval; for
//!   a distance to the stable variant, Newcombe's hybrid of both variants' (method 10). [`SURE_OF_ERRORS`] standard
//!   deviations for failures. [`SURE_OF_LATENCY`] for latencies, whose threshold has already been moved up to the edge of
//!   a bucket. This keeps a canary in that is a little better than its bound.
//! - *Evidence*: a log-likelihood ratio (G-test) of [`EVIDENCE`], either that the canary is worse than the stable variant
//!   is, or, for a bound that is a number, that it is worse than that number; so such a bound also works where there is no
//!   stable traffic, or none that is any better. This keeps a canary in that is like the stable variant.
//!
//! The G-test is right for small counts and rare failures, where the usual chi-square test is not (Dunning). The evidence
//! against a number obeys the Chernoff bound: whatever the count, a canary that keeps to it shows as much in at most
//! e^-10.5 of all looks, one in 36,000. Looks at a sliding window that follow each other are nearly the same look.
//!
//! # Measured
//! Simulated with one judgement a second over windows of 60 s, `max: 5%` and `or_above_stable_by: 2%` unless it says
//! otherwise, 50 requests at least. "9:1" has nine times the canary's traffic on the stable variant, "1:1" the same.
//! The tests repeat all of this with fixed seeds.
//!
//! TABLE
//!
//! # Few requests
//! No exception is made for a small [`Guard::minimum_requests`]; evidence of 21 is what it takes. With `max: 5%` four
//! failures of four are enough, and five of five with up to `max: 12%`; above that it takes more: seven of seven with 20 %,
//! 17 of 17 with 50 %. Five of five also do against 45 good requests of the stable variant, up to `max: 23%`. With `max: 0%`
//! a single failure does.
//!
//! # Cost
//! A few logarithms a tick. What this does not do: remember anything, or correct for the number of looks; the constants
//! are chosen by what happens in a thousand hours of them.
//!
//! Sources: E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (1927). R. G. Newcombe,
//! "Interval estimation for the difference between independent proportions" (1998). T. Dunning, "Accurate methods for the
//! statistics of surprise and coincidence" (1993). H. Chernoff, "A measure of asymptotic efficiency" (1952), theorem 1.

use super::windows::Counts;
use super::{ErrorRate, Guard, Latency};
use crate::Share;
use std::time::Duration;

/// How many standard deviations above its bound a share of failures has to be. Of all that leave false trips below one in
/// 1,000 hours, this is what best tells a canary with 4 % of failures from one above `max: 5%`; detection of 20 % is not
/// less than with 2, because [`EVIDENCE`] asks for more.
const SURE_OF_ERRORS: f64 = 4.0;
/// The same for the share of slow responses. At 4, a canary twice as slow with `max_ratio_to_stable: 1.5` would take five
/// times the traffic to be caught.
const SURE_OF_LATENCY: f64 = 3.0;
/// How strong the evidence has to be that the canary is worse than the stable variant, as a log-likelihood ratio G: 4.6
/// standard deviations. At 18, equal variants would be told apart four times as often.
const EVIDENCE: f64 = 21.0;
/// The same that it is worse than a number: 4 standard deviations. Less, because a wrong trip needs a canary that is at its
/// bound already, and this is all there is where traffic is halved or the stable variant has none.
const EVIDENCE_ALONE: f64 = 16.0;

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
            && canary.is_above(max, SURE_OF_ERRORS, stable)
        {
            return Some(breach(Against::Max, max));
        }
        let (distance, stable) = bounds.above_stable.zip(stable)?;
        let limit = distance.ppm().saturating_add(stable.ppm().ppm());
        let limit = Share::from_ppm(limit).unwrap_or(Share::ALL);
        canary
            .is_above_stable(stable, distance, SURE_OF_ERRORS)
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
            Against::Max => canary.is_above(limit, SURE_OF_LATENCY, stable),
            Against::Stable => {
                canary.lies_above(limit, SURE_OF_LATENCY)
                    && stable.is_some_and(|stable| canary.evidence_over(stable) >= EVIDENCE)
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

/// So many of so many, of which there is at least one.
#[derive(Clone, Copy, Debug)]
struct Proportion {
    bad: u64,
    of: u64,
}

impl Proportion {
    /// Whether this is surely above `limit`, with evidence.
    #[inline(never)]
    fn is_above(self, limit: Share, sure: f64, stable: Option<Self>) -> bool {
        self.lies_above(limit, sure)
            && (2.0 * self.divergence(fraction(limit)) >= EVIDENCE_ALONE
                || stable.is_some_and(|stable| self.evidence_over(stable) >= EVIDENCE))
    }

    /// Whether this is surely above that of `stable` by more than `distance`, with evidence.
    #[inline(never)]
    fn is_above_stable(self, stable: Self, distance: Share, sure: f64) -> bool {
        let distance = fraction(distance);
        self.share() - stable.share() > distance
            && self.least_distance(stable, sure) > distance
            && self.evidence_over(stable) >= EVIDENCE
    }

    /// The lower end of the interval of the distance between both shares: Newcombe's method 10.
    fn least_distance(self, stable: Self, sure: f64) -> f64 {
        let (down, up) = (
            self.share() - self.lower(sure),
            stable.upper(sure) - stable.share(),
        );
        self.share() - stable.share() - (down * down + up * up).sqrt()
    }

    /// Whether the lower end of the interval is above `limit`.
    fn lies_above(self, limit: Share, sure: f64) -> bool {
        // The first keeps rounding from making something of nothing.
        self.share() > fraction(limit) && self.lower(sure) > fraction(limit)
    }

    fn share(self) -> f64 {
        self.bad as f64 / self.of as f64
    }

    fn ppm(self) -> Share {
        let whole = u64::from(Share::WHOLE_PPM);
        let ppm = self.bad.saturating_mul(whole).checked_div(self.of);
        let ppm = ppm.and_then(|ppm| u32::try_from(ppm).ok());
        ppm.and_then(Share::from_ppm).unwrap_or(Share::ALL)
    }

    /// The lower end of Wilson's score interval.
    #[inline(never)]
    fn lower(self, sure: f64) -> f64 {
        let (share, of) = (self.share(), self.of as f64);
        let square = sure * sure;
        let centre = share + square / (2.0 * of);
        let spread = sure * (share * (1.0 - share) / of + square / (4.0 * of * of)).sqrt();
        (centre - spread) / (1.0 + square / of)
    }

    /// Its upper end.
    fn upper(self, sure: f64) -> f64 {
        let good = Self {
            bad: self.of.saturating_sub(self.bad),
            of: self.of,
        };
        1.0 - good.lower(sure)
    }

    /// The evidence that this is a higher share than that of `stable`: G of the table of both; none where it is no higher.
    #[inline(never)]
    fn evidence_over(self, stable: Self) -> f64 {
        if self.share() <= stable.share() {
            return 0.0;
        }
        let both = Self {
            bad: self.bad.saturating_add(stable.bad),
            of: self.of.saturating_add(stable.of),
        };
        2.0 * (self.divergence(both.share()) + stable.divergence(both.share()))
    }

    /// The divergence (Kullback and Leibler) of this share from `expected`, once for each request, in nats.
    #[inline(never)]
    fn divergence(self, expected: f64) -> f64 {
        let share = self.share();
        let term = |part: f64, expected: f64| {
            if part > 0.0 {
                part * (part / expected).ln()
            } else {
                0.0
            }
        };
        self.of as f64 * (term(share, expected) + term(1.0 - share, 1.0 - expected))
    }
}

fn fraction(share: Share) -> f64 {
    f64::from(share.ppm()) / f64::from(Share::WHOLE_PPM)
}

#[cfg(test)]
mod tests;
