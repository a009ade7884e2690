//! How long upstreams are asked to take for a request: times that are spread in a known way.
//!
//! Not drawn by chance: of each hundred requests every percentile is asked for once, in an order that jumps about. So the
//! quantiles of what was asked for are known beforehand.

use std::time::Duration;

/// A spread of times: so many percent of the requests take from one time to another, evenly.
#[derive(Debug)]
pub(super) struct Delays(&'static [Part]);

#[derive(Debug)]
struct Part {
    percent: u64,
    from_ms: u64,
    to_ms: u64,
}

/// Has no divisor in common with a hundred, so that its multiples meet every percentile.
const STRIDE: u64 = 37;

impl Part {
    const fn new(percent: u64, from_ms: u64, to_ms: u64) -> Self {
        Self {
            percent,
            from_ms,
            to_ms,
        }
    }
}

impl Delays {
    /// Of the background traffic to the shop's first page, its items, its till, and the reviews.
    pub(super) const FRONT: Self = Self(&[const { Part::new(100, 3, 9) }]);
    pub(super) const ITEMS: Self = Self(&[const { Part::new(100, 10, 40) }]);
    pub(super) const PAY: Self = Self(&[const { Part::new(97, 20, 50) }, const { Part::new(3, 120, 160) }]);
    pub(super) const REVIEWS: Self = Self(&[const { Part::new(100, 5, 25) }]);
    /// Of the checks: items and till, in the stable version and in v2. Long enough for what lies between a client and the
    /// proxy to be little; none is near the threshold of the objective, 100 ms.
    pub(super) const CHECKED_ITEMS: Self = Self(&[const { Part::new(100, 20, 60) }]);
    pub(super) const CHECKED_ITEMS_V2: Self = Self(&[const { Part::new(100, 40, 120) }]);
    pub(super) const CHECKED_PAY: Self =
        Self(&[const { Part::new(90, 30, 50) }, const { Part::new(10, 150, 190) }]);
    pub(super) const CHECKED_PAY_V2: Self =
        Self(&[const { Part::new(80, 60, 80) }, const { Part::new(20, 160, 200) }]);

    /// What the `n`-th request takes.
    pub(super) fn of(&self, n: u64) -> Duration {
        let mut rest = (n % 100).wrapping_mul(STRIDE) % 100;
        for part in self.0 {
            if rest < part.percent {
                // In the middle of its percentile.
                let place = rest.wrapping_mul(2).wrapping_add(1);
                let whole = part.to_ms.saturating_sub(part.from_ms).saturating_mul(1000);
                let micros = whole
                    .saturating_mul(place)
                    .div_ceil(part.percent.saturating_mul(2));
                return Duration::from_millis(part.from_ms).saturating_add(Duration::from_micros(micros));
            }
            rest = rest.saturating_sub(part.percent);
        }
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_hundred_requests_every_percentile_is_asked_for_once() {
        for start in [0, 1, 250] {
            let mut all: Vec<Duration> = (start..start + 100).map(|n| Delays::ITEMS.of(n)).collect();
            all.sort_unstable();
            let expected = (0..100).map(|n: u32| Duration::from_micros(10_150 + u64::from(n) * 300));
            assert!(all.into_iter().eq(expected), "from {start} on");
        }
    }

    #[test]
    fn a_spread_with_a_gap_asks_for_nothing_in_it() {
        let all: Vec<u128> = (0..100).map(|n| Delays::CHECKED_PAY.of(n).as_millis()).collect();
        assert_eq!(all.iter().filter(|ms| (30..50).contains(*ms)).count(), 90);
        assert_eq!(all.iter().filter(|ms| (150..190).contains(*ms)).count(), 10);
    }
}
