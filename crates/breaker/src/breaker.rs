//! One breaker: what it is asked, what it answers, and what can be answered without its record.

use crate::classes::Outcome;
use crate::counts::reaches;
use crate::policy::{Policy, Window};
use crate::read::nanos;
use crate::{Counted, Counts, Known, Phase};
use fairlead_stage::Timestamp;
use std::time::Duration;

/// What a request or its end meets: the clock, chance, and who asks.
#[derive(Clone, Copy)]
pub struct Moment<'m> {
    /// The clock.
    pub now: Timestamp,
    /// Random bits: for jitter and for the recovery ramp.
    pub entropy: u64,
    /// Who asks: see [`crate::Presence`].
    pub instance: u32,
    /// Whether another instance is alive. It is not asked about `instance`.
    pub live: &'m dyn Fn(u32) -> bool,
    /// What the process-wide counters read now, with the call that ends here ([`Counted::Outside`]; otherwise of no use).
    pub totals: Counts,
}

/// Whether a request may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// It passes.
    Free,
    /// It passes, and what becomes of it decides whether the breaker closes.
    Probe,
    /// It does not.
    Refused {
        /// When to try again: whole seconds, at least 1.
        retry_after: Duration,
    },
}

/// What a stream keeps of its admission until it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The breaker's generation at admission.
    pub generation: u32,
    /// Whether it is a probe.
    pub probe: bool,
    /// When it was admitted.
    pub started: Timestamp,
}

/// The answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Whether it may pass.
    pub pass: Pass,
    /// What the worker now knows of the breaker.
    pub known: Known,
    /// What happened to the breaker.
    pub transition: Option<Transition>,
}

impl Admission {
    /// What the stream keeps if it passes.
    #[must_use]
    pub fn ticket(&self, now: Timestamp) -> Ticket {
        Ticket {
            generation: self.known.generation,
            probe: self.pass == Pass::Probe,
            started: now,
        }
    }
}

/// What came of a call's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The call was admitted by an earlier generation, or window of one bucket, or its permit was taken back: it changed
    /// nothing.
    pub late: bool,
    /// What the worker now knows of the breaker. To be kept also, and even more so, if the call was late.
    pub known: Known,
    /// What happened to the breaker.
    pub transition: Option<Transition>,
    /// The breaker of another key was forgotten to make room for its record, and was not closed: whoever counts those that
    /// are not closed counts one less.
    pub forgot_open: bool,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// What it counts as. A probe that ended without a result is [`Outcome::Ignored`].
    pub outcome: Outcome,
    /// Whether it was slow ([`Breaker::is_slow`]).
    pub slow: bool,
}

/// Why a breaker made a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Too large a share of calls failed.
    ErrorRate,
    /// Too large a share of calls was slow.
    SlowRate,
    /// Too many failures without a success between them.
    ConsecutiveFailures,
    /// Too many probes failed.
    ProbesFailed,
    /// Too many probes were slow.
    ProbesSlow,
    /// A probe ended without a result, and the rules do not forgive that.
    ProbeLost,
    /// Enough probes succeeded.
    ProbesSucceeded,
    /// It was open for long enough.
    OpenEnded,
    /// The probes did not tell in time.
    MaxWait,
}

impl Cause {
    /// The word for logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ErrorRate => "error_rate",
            Self::SlowRate => "slow_rate",
            Self::ConsecutiveFailures => "consecutive_failures",
            Self::ProbesFailed => "probes_failed",
            Self::ProbesSlow => "probes_slow",
            Self::ProbeLost => "probe_lost",
            Self::ProbesSucceeded => "probes_succeeded",
            Self::OpenEnded => "open_ended",
            Self::MaxWait => "max_wait",
        }
    }
}

/// What happened to a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Where it stood.
    pub from: Phase,
    /// Where it stands.
    pub to: Phase,
    /// Why.
    pub cause: Cause,
    /// The new generation.
    pub generation: u32,
    /// What it was judged by: the window's counts from closed, those of the probes from half-open, none from open.
    pub counts: Counts,
    /// To open: for how long. Otherwise zero.
    pub open_for: Duration,
}

/// A breaker's rules. It holds no state: that is in the cells of a [`crate::Table`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    pub(crate) policy: Policy,
    pub(crate) counted: Counted,
}

/// The shortest wait that a refusal names.
pub(crate) const SOON: Pass = Pass::Refused {
    retry_after: Duration::from_secs(1),
};

impl Breaker {
    /// A breaker. One whose window is not a rolling time window counts inside, whatever is asked for.
    #[must_use]
    pub fn new(policy: Policy, counted: Counted) -> Self {
        let rolls = matches!(policy.window, Window::Time { buckets, .. } if buckets.get() > 1);
        Self {
            policy,
            counted: if rolls { counted } else { Counted::Inside },
        }
    }

    /// What it is told.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Where its completed calls are counted.
    #[must_use]
    pub const fn counted(&self) -> Counted {
        self.counted
    }

    /// The most bytes of a record's ring.
    pub(crate) fn ring_bytes(&self) -> u32 {
        match self.counted {
            Counted::Inside => self.policy.window.ring_bytes(),
            Counted::Outside => 0,
        }
    }

    /// Whether these counts of the window, or so many failures in a row, trip a closed breaker.
    #[must_use]
    #[inline(never)]
    pub fn judge(&self, counts: &Counts, consecutive: u32) -> Option<Cause> {
        let Policy { trip, rules, .. } = &self.policy;
        let minimum = match self.policy.window {
            // A ring never holds more than it has room for.
            Window::Calls(calls) => self.policy.minimum_requests.min(calls.get()),
            Window::Time { .. } => self.policy.minimum_requests,
        };
        let calls = counts.calls();
        if calls >= u64::from(minimum) {
            let reached = |part, share| reaches(part, calls, share, rules.trip_above);
            if trip.error_rate.is_some_and(|rate| reached(counts.failures, rate)) {
                return Some(Cause::ErrorRate);
            }
            if trip.slow.is_some_and(|slow| reached(counts.slow, slow.rate)) {
                return Some(Cause::SlowRate);
            }
        }
        trip.consecutive_failures
            .filter(|limit| consecutive >= limit.get())
            .map(|_| Cause::ConsecutiveFailures)
    }

    /// The answer to a request, if what the worker knows suffices for one. `None`: the record must be asked.
    #[must_use]
    #[inline(never)]
    pub fn admit_known(&self, known: &Known, now: Timestamp, entropy: u64) -> Option<Pass> {
        match known.phase {
            Phase::Closed if known.passes_freely() => Some(Pass::Free),
            Phase::Closed => {
                let ramp = nanos(self.policy.recovery_ramp);
                let (until, now) = (known.until.as_unix_nanos(), now.as_unix_nanos());
                if until.saturating_sub(now) > ramp {
                    return None;
                }
                Some(self.climb(until, now, entropy))
            }
            Phase::Open => {
                let running = known.since <= now && now < known.until;
                running.then(|| refuse_until(known.until, now))
            }
            Phase::HalfOpen => None,
        }
    }

    /// Whether a request passes on a recovery ramp that ends at `until`.
    pub(crate) fn climb(&self, until: u64, now: u64, entropy: u64) -> Pass {
        let ramp = nanos(self.policy.recovery_ramp);
        let left = until.saturating_sub(now).min(ramp);
        if left == 0 {
            return Pass::Free;
        }
        // In microseconds, so that the products fit: a ramp is at most an hour.
        let draw = (entropy >> 32).saturating_mul(ramp / 1_000);
        if draw < (ramp.saturating_sub(left) / 1_000).saturating_mul(1 << 32) {
            Pass::Free
        } else {
            SOON
        }
    }

    /// Whether a call was slow that took so long until its response headers.
    #[must_use]
    pub fn is_slow(&self, took: Duration) -> bool {
        self.policy.trip.slow.is_some_and(|slow| took > slow.above)
    }
}

/// A refusal until `until`: in whole seconds, rounded up, at least 1.
pub(crate) fn refuse_until(until: Timestamp, now: Timestamp) -> Pass {
    let wait = until.since(now);
    let begun = u64::from(wait.subsec_nanos() > 0);
    Pass::Refused {
        retry_after: Duration::from_secs(wait.as_secs().saturating_add(begun).max(1)),
    }
}

#[cfg(test)]
mod tests;
