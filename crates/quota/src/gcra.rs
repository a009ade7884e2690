//! One decision of the Generic Cell Rate Algorithm (ATM Forum, Traffic Management 4.0, 1996, normative annex C).
//!
//! GCRA is a token bucket kept as one number: the *theoretical arrival time* (TAT), the moment at which the bucket will
//! be full again. A spend moves it ahead by the interval T of the rate. So it needs no refill and no timer, one `u64` is
//! the whole state of a key, waiting times are exact to the nanosecond, and a TAT in the past says the same as no TAT.
//!
//! Whether a request conforms is decided by the governor crate's GCRA, over a clock and a store of our own that live on
//! the stack for one decision. What is left is computed here from the same TAT, because governor tells it about admitted
//! requests only.
//!
//! # Clocks
//! TATs are absolute, in nanoseconds of the clock that `now` is read from: the proxy's steady one, or its wall clock where it
//! has no other. Governor counts from the moment at which its limiter was built;
//! our clock reads zero at that moment, so that all workers mean the same by a stored number.
//!
//! A stored TAT that no spending can explain is further ahead than a whole fill of the bucket: the clock was set back, the
//! config changed from `1/h` to `100/s`, or the bytes are corrupt. It is taken for an empty bucket, which recovers at once
//! at the rate, and the corrected TAT is to be stored even though the request is refused. Up to
//! [`CLOCK_LAG_TOLERANCE`] beyond that a TAT is left alone: the clock of another worker was read a little later, and to
//! "correct" its TAT would give that time away as quota.
//!
//! # Bound
//! Time that counts is how far the clock moved forward; a clock set back counts as one that stood still. In any window of
//! such time `w`, a key that is decided on its stored TAT is admitted at most `burst + w / T` units. So a clock that jumps
//! forward by `j` grants `j / T` more, at most a burst, as if the time had passed; setting it back grants nothing.
//!
//! Cost: about 10 ns natively, no allocation. What this does not do: store, share, or decide for several limits at once.

use crate::quota::Quota;
use fairlead_stage::Timestamp;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, RateLimiter, StateStore};
use std::cell::Cell;
use std::num::NonZeroU32;
use std::time::Duration;

/// How far beyond a full fill a stored TAT may lie before it is taken for a mistake: one second.
///
/// Workers read the clock a moment before they update a shared bucket, and a stalled one long before. A clock set back by
/// less than this is waited out.
pub const CLOCK_LAG_TOLERANCE: Duration = Duration::from_secs(1);

const CLOCK_LAG_TOLERANCE_NANOS: u64 = 1_000_000_000;

/// Later readings of the clock count as this one, in the year 2481: sums of a reading and a few of the longest fills
/// still fit a `u64`.
const LAST_MOMENT: u64 = u64::MAX - (1 << 61);

/// Whether a request may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It may, and its units are spent.
    Admitted,
    /// It may not, and nothing is spent.
    Denied {
        /// How long until the same request would be admitted, if nothing else is spent meanwhile. More than zero.
        retry_after: Duration,
    },
    /// It asks for more units than the bucket can ever hold. Nothing is spent; waiting does not help.
    InsufficientCapacity {
        /// The most that one request can get.
        burst: NonZeroU32,
    },
}

impl Outcome {
    /// How long to wait before the same request is worth trying again. `None` when it was admitted, or never can be.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Denied { retry_after } => Some(*retry_after),
            Self::Admitted | Self::InsufficientCapacity { .. } => None,
        }
    }
}

/// A decision, and how the bucket stands after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the request may pass.
    pub outcome: Outcome,
    /// How many units could be spent right now: 0 to burst.
    pub remaining: u32,
    /// How long until one unit more than `remaining` can be spent; zero when the bucket is full.
    pub next_after: Duration,
    /// How long until the bucket is full; zero when it is.
    pub full_after: Duration,
}

impl Decision {
    /// Whether the request may pass.
    #[must_use]
    pub const fn admitted(&self) -> bool {
        matches!(self.outcome, Outcome::Admitted)
    }

    /// [`Outcome::retry_after`].
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.outcome.retry_after()
    }

    /// How the bucket stands if the `n` units of this admitted decision are not spent after all: what a client is told about
    /// a limit that would have let it pass when another one refuses.
    #[must_use]
    pub fn unspent(&self, quota: &Quota, n: NonZeroU32) -> Self {
        if !self.admitted() {
            return *self;
        }
        let spent = u64::try_from(self.full_after.as_nanos()).unwrap_or(u64::MAX);
        let cost = u64::from(n.get()).saturating_mul(quota.interval_nanos().get());
        Self::standing(quota, 0, spent.saturating_sub(cost), self.outcome)
    }

    /// A refusal for so long by something that is not this key's bucket.
    pub(crate) const fn refused_for(wait: Duration) -> Self {
        Self {
            outcome: Outcome::Denied { retry_after: wait },
            remaining: 0,
            next_after: wait,
            full_after: wait,
        }
    }

    /// An outcome, and how the bucket stands whose TAT is now `tat`.
    pub(crate) fn standing(quota: &Quota, now: u64, tat: u64, outcome: Outcome) -> Self {
        let (interval, fill) = (quota.interval_nanos(), quota.fill_nanos());
        let spent = tat.saturating_sub(now);
        let burst = quota.burst().get();
        let room = fill.saturating_sub(spent);
        let remaining = u32::try_from(room / interval).unwrap_or(burst).min(burst);
        let next_after = if remaining == burst {
            0
        } else {
            // One unit more needs that much room, which is there once the spent part has shrunk to the rest.
            let needed = u64::from(remaining)
                .saturating_add(1)
                .saturating_mul(interval.get());
            spent.saturating_sub(fill.saturating_sub(needed))
        };
        Self {
            outcome,
            remaining,
            next_after: Duration::from_nanos(next_after),
            full_after: Duration::from_nanos(spent),
        }
    }
}

/// Decides whether `n` units may be spent now, given the stored TAT of the key (`None` if there is none).
///
/// Returns the decision and, if the stored TAT has to change, the new one: after a spend, and after a refusal by a TAT
/// that was no possible one (see the module's "Clocks").
///
/// All numbers are allowed: `stored` may be any bytes read as a number, `now` may lie before earlier readings.
#[must_use]
pub fn decide(quota: &Quota, now: Timestamp, stored: Option<u64>, n: NonZeroU32) -> (Decision, Option<u64>) {
    let now = moment(now);
    match stored.map(|tat| (tat, plausible(tat, now, quota.fill_nanos()))) {
        None => told(quota, now, now, n),
        Some((stored, tat)) => {
            let (decision, new) = told(quota, now, tat, n);
            (decision, new.or((tat != stored).then_some(tat)))
        }
    }
}

/// [`decide_at`], and how the bucket stands.
fn told(quota: &Quota, now: u64, tat: u64, n: NonZeroU32) -> (Decision, Option<u64>) {
    let (outcome, next) = decide_at(quota, now, tat, n);
    (Decision::standing(quota, now, next.unwrap_or(tat), outcome), next)
}

/// The clock reading that decisions use.
pub(crate) const fn moment(now: Timestamp) -> u64 {
    let now = now.as_unix_nanos();
    if now < LAST_MOMENT { now } else { LAST_MOMENT }
}

/// The stored TAT of a bucket that fills in `fill`, or that of an empty one if it cannot be right.
pub(crate) const fn plausible(tat: u64, now: u64, fill: u64) -> u64 {
    let empty = now.saturating_add(fill);
    if tat > empty.saturating_add(CLOCK_LAG_TOLERANCE_NANOS) {
        empty
    } else {
        tat
    }
}

/// Decides on a TAT as it is. `now` comes from [`moment`], `tat` from [`plausible`] for some fill of a checked quota.
///
/// Returns the new TAT only after a spend.
pub(crate) fn decide_at(quota: &Quota, now: u64, tat: u64, n: NonZeroU32) -> (Outcome, Option<u64>) {
    let too_large = Outcome::InsufficientCapacity { burst: quota.burst() };
    // Before governor multiplies: its arithmetic is unchecked.
    if n > quota.burst() {
        return (too_large, None);
    }
    let store = OneTat {
        stored: Nanos::from(tat),
        next: Cell::new(None),
    };
    let limiter: RateLimiter<NotKeyed, OneTat, Reading, NoOpMiddleware<Nanos>> =
        RateLimiter::new(quota.gcra(), store, Reading(Cell::new(0)));
    limiter.clock().0.set(now);
    match limiter.check_n(n) {
        Ok(Ok(())) => {
            let next = limiter.into_state_store().next.get().unwrap_or(tat);
            (Outcome::Admitted, Some(next))
        }
        Ok(Err(not_until)) => {
            let retry_after = not_until.wait_time_from(Nanos::from(now));
            (Outcome::Denied { retry_after }, None)
        }
        Err(_) => (too_large, None),
    }
}

/// Governor's clock: zero while the limiter is built, then the time of the decision.
struct Reading(Cell<u64>);

impl Clock for Reading {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.get())
    }
}

/// Governor's store: the one TAT that the decision is about.
struct OneTat {
    stored: Nanos,
    next: Cell<Option<u64>>,
}

impl StateStore for OneTat {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _key: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (answer, next) = decide(Some(self.stored))?;
        self.next.set(Some(next.as_u64()));
        Ok(answer)
    }
}

#[cfg(test)]
mod tests;
