//! Completed calls, counted.

use fairlead_stage::Share;

/// Completed calls: of a window, or since a counter began. Ignored calls are in none of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls that worked, slow or not.
    pub successes: u64,
    /// Calls that failed, slow or not.
    pub failures: u64,
    /// Calls that were slow, whether they worked or not.
    pub slow: u64,
}

impl Counts {
    /// No calls.
    pub const NONE: Self = Self {
        successes: 0,
        failures: 0,
        slow: 0,
    };

    /// All completed calls.
    #[must_use]
    pub const fn calls(&self) -> u64 {
        self.successes.saturating_add(self.failures)
    }

    /// What was counted since `earlier`.
    #[must_use]
    pub(crate) const fn since(&self, earlier: &Self) -> Self {
        Self {
            successes: self.successes.saturating_sub(earlier.successes),
            failures: self.failures.saturating_sub(earlier.failures),
            slow: self.slow.saturating_sub(earlier.slow),
        }
    }

    /// The later of two readings of the same counters.
    pub(crate) fn later(&self, other: &Self) -> Self {
        Self {
            successes: self.successes.max(other.successes),
            failures: self.failures.max(other.failures),
            slow: self.slow.max(other.slow),
        }
    }

    /// Whether counters that only grow can have read this before they read `later`.
    pub(crate) const fn precedes(&self, later: &Self) -> bool {
        self.successes <= later.successes && self.failures <= later.failures && self.slow <= later.slow
    }

    pub(crate) const fn add(&mut self, failed: bool, slow: bool) {
        if failed {
            self.failures = self.failures.saturating_add(1);
        } else {
            self.successes = self.successes.saturating_add(1);
        }
        if slow {
            self.slow = self.slow.saturating_add(1);
        }
    }
}

/// Where a breaker's completed calls are counted while it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// In a ring in the breaker's record: each completion is a step on its cell.
    Inside,
    /// In counters of the whole process that the caller keeps ([`crate::Snapshots`]): only a call that may trip the
    /// breaker is a step on its cell. For rolling time windows only.
    Outside,
}

/// Whether `part` of `whole` reaches a share, or exceeds it. Nothing reaches nothing.
pub(crate) fn reaches(part: u64, whole: u64, share: Share, above: bool) -> bool {
    let part_ppm = part.saturating_mul(u64::from(Share::WHOLE_PPM));
    let bound = whole.saturating_mul(u64::from(share.ppm()));
    part > 0 && (part_ppm > bound || (part_ppm == bound && !above))
}
