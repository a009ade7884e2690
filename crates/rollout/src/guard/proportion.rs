//! How sure one can be of a share that was counted.
//!
//! Wilson's score interval says where the true share lies; unlike the usual one it is right for a few requests of which
//! none or all are bad. Newcombe's method 10 makes an interval of the distance between two shares of it.
//!
//! The G-test holds for small counts and rare failures, where the usual chi-square test does not (Dunning). Evidence against
//! a number obeys the Chernoff bound: whatever the count, a canary at its bound shows G of 16 in at most e^-8 of all looks,
//! one in 3,000. Looks at a sliding window that follow each other are nearly the same look.
//!
//! Floating point: a judgement is for one worker to make, so that no two have to round alike. What this does not do: know
//! what is counted, or look twice.
//!
//! Sources: E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (1927). R. G. Newcombe,
//! "Interval estimation for the difference between independent proportions" (1998). T. Dunning, "Accurate methods for the
//! statistics of surprise and coincidence" (1993). H. Chernoff, "A measure of asymptotic efficiency for tests of a
//! hypothesis" (1952).

use crate::Share;

/// How sure a guard has to be.
#[derive(Clone, Copy)]
pub(super) struct Sure {
    /// How many standard deviations above its bound a share has to be.
    deviations: f64,
    /// How strong the evidence has to be that the canary is worse than the stable variant, as a log-likelihood ratio G.
    evidence: f64,
}

/// With 2 deviations, a canary with 4 % of failures would trip `max: 5%` ten times as often as with 4; one with 20 % is
/// caught nearly as soon with 4, because the evidence asks for more. With evidence of 18, equal variants would trip three
/// times as often.
pub(super) const FAILURES: Sure = Sure {
    deviations: 4.0,
    evidence: 21.0,
};
/// Fewer deviations, because the threshold has already been moved up to the edge of a bucket: at 4, a canary twice as slow
/// would take twice the traffic to be caught. More evidence, because the threshold comes from the same counts.
pub(super) const LATENCIES: Sure = Sure {
    deviations: 3.0,
    evidence: 24.0,
};
/// How strong the evidence has to be that a canary is worse than a number. Less, because a wrong trip takes a canary that is
/// at its bound already, and because this is all there is where the stable variant has little traffic.
const EVIDENCE_ALONE: f64 = 16.0;

/// So many of so many, of which there is at least one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proportion {
    pub(super) bad: u64,
    pub(super) of: u64,
}

impl Proportion {
    /// Whether this is surely above `limit`, with evidence.
    #[inline(never)]
    pub(super) fn is_above(self, limit: Share, sure: Sure, stable: Option<Self>) -> bool {
        self.lies_above(limit, sure)
            && (2.0 * self.divergence(fraction(limit)) >= EVIDENCE_ALONE
                || stable.is_some_and(|stable| self.is_worse(stable, sure)))
    }

    /// Whether this is surely above that of `stable` by more than `distance`, with evidence.
    #[inline(never)]
    pub(super) fn is_above_stable(self, stable: Self, distance: Share, sure: Sure) -> bool {
        let distance = fraction(distance);
        self.share() - stable.share() > distance
            && self.least_distance(stable, sure.deviations) > distance
            && self.is_worse(stable, sure)
    }

    /// The lower end of the interval of the distance between both shares: Newcombe's method 10.
    fn least_distance(self, stable: Self, deviations: f64) -> f64 {
        let (down, up) = (
            self.share() - self.lower(deviations),
            stable.upper(deviations) - stable.share(),
        );
        self.share() - stable.share() - (down * down + up * up).sqrt()
    }

    /// Whether the lower end of the interval is above `limit`.
    pub(super) fn lies_above(self, limit: Share, sure: Sure) -> bool {
        // The first keeps rounding from making something of nothing.
        self.share() > fraction(limit) && self.lower(sure.deviations) > fraction(limit)
    }

    /// Whether there is evidence that this is a higher share than that of `stable`.
    pub(super) fn is_worse(self, stable: Self, sure: Sure) -> bool {
        self.evidence_over(stable) >= sure.evidence
    }

    fn share(self) -> f64 {
        self.bad as f64 / self.of as f64
    }

    /// The share, rounded down.
    pub(super) fn ppm(self) -> Share {
        let whole = u64::from(Share::WHOLE_PPM);
        let ppm = self.bad.saturating_mul(whole).checked_div(self.of);
        let ppm = ppm.and_then(|ppm| u32::try_from(ppm).ok());
        ppm.and_then(Share::from_ppm).unwrap_or(Share::ALL)
    }

    /// The lower end of Wilson's score interval.
    #[inline(never)]
    fn lower(self, deviations: f64) -> f64 {
        let (share, of) = (self.share(), self.of as f64);
        let square = deviations * deviations;
        let centre = share + square / (2.0 * of);
        let spread = deviations * (share * (1.0 - share) / of + square / (4.0 * of * of)).sqrt();
        (centre - spread) / (1.0 + square / of)
    }

    /// Its upper end.
    fn upper(self, deviations: f64) -> f64 {
        let good = Self {
            bad: self.of.saturating_sub(self.bad),
            of: self.of,
        };
        1.0 - good.lower(deviations)
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
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[track_caller]
    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() < 5e-5, "{got} is not {expected}");
    }

    fn of(bad: u64, of: u64) -> Proportion {
        Proportion { bad, of }
    }

    #[test]
    fn intervals_are_those_of_the_literature() {
        // Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table 1, method 3.
        for (bad, all, lower, upper) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            close(of(bad, all).lower(1.959_964), lower);
            close(of(bad, all).upper(1.959_964), upper);
        }
        // The same, "Interval estimation for the difference between independent proportions", table II, method 10.
        for (one, other, lower) in [
            (of(56, 70), of(48, 80), 0.0524),
            (of(9, 10), of(3, 10), 0.1705),
            (of(10, 10), of(0, 20), 0.6791),
        ] {
            close(one.least_distance(other, 1.959_964), lower);
        }
    }

    #[test]
    fn evidence_is_the_logarithm_of_a_ratio_of_likelihoods() {
        // All of 10 against none of 10: 2 x 20 x ln 2.
        close(of(10, 10).evidence_over(of(0, 10)), 40.0 * 2.0_f64.ln());
        // 5 of 50 against 1 of 50, worked out by hand from observed and expected counts.
        let g = |observed: f64, expected: f64| 2.0 * observed * (observed / expected).ln();
        close(
            of(5, 50).evidence_over(of(1, 50)),
            g(5.0, 3.0) + g(45.0, 47.0) + g(1.0, 3.0) + g(49.0, 47.0),
        );
        close(of(1, 50).evidence_over(of(5, 50)), 0.0);
        close(of(5, 5).divergence(0.05), 5.0 * 20.0_f64.ln());
    }
}
