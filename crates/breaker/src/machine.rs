//! The state machine: what a request, and the end of a call, make of a record.
//!
//! Every answer is a pure function of the record, the clock and chance, so that the worker that loses a race runs it again
//! on what the winner has left: two workers that both see a breach open a breaker once.
//!
//! # Clocks
//! Phases end lazily, by the first request or result that finds them over. A phase that began ahead of now (the clock was
//! set back) is taken to begin now, with the length that it had; none is longer than the policy allows. So nothing is open
//! for longer than one duration, nor half-open for longer than one wait, after any jump. A clock set forward ends phases early.

mod phases;

use crate::breaker::{SOON, refuse_until};
use crate::classes::Outcome;
use crate::counts::reaches;
use crate::record::Record;
use crate::ring::Marks;
use crate::{Breaker, Call, Cause, Counted, Counts, Known, Moment, Pass, Phase, Ticket, Transition};
use fairlead_stage::{Share, Timestamp};

/// Whether a result was late, and what it has made happen.
pub(crate) type Counting = (bool, Option<Transition>);

impl Breaker {
    /// What a worker may know of a record.
    pub(crate) fn known_of(&self, record: &Record, now: u64) -> Known {
        let closed = record.phase == Phase::Closed;
        let counts_on = closed && self.policy.rules.keep_window;
        let over = closed && record.until <= now;
        Known {
            phase: record.phase,
            generation: record.generation,
            since: Timestamp::from_unix_nanos(if counts_on { 0 } else { record.since }),
            until: Timestamp::from_unix_nanos(if over { 0 } else { record.until }),
            base: record.base,
        }
    }

    /// Decides on a request.
    #[inline(never)]
    pub(crate) fn decide(&self, record: &mut Record, at: &Moment<'_>) -> (Pass, Option<Transition>) {
        let now = at.now.as_unix_nanos();
        self.settle(record, now);
        let mut transition = self.expire(record, at);
        if record.phase == Phase::Open && now >= record.until {
            let to = if self.policy.half_open.probes == 0 {
                Phase::Closed
            } else {
                Phase::HalfOpen
            };
            transition = Some(self.shift(record, at, to, Cause::OpenEnded, Counts::NONE));
        }
        if record.phase == Phase::HalfOpen {
            let lost = record.holders.reap(at.instance, at.live);
            record.dirty |= lost > 0;
            if lost > 0 && self.policy.rules.lost_probe_opens {
                let counts = record.probes;
                transition = Some(self.shift(record, at, Phase::Open, Cause::ProbeLost, counts));
            }
        }
        let pass = match record.phase {
            Phase::Closed => self.pass_closed(record, at),
            Phase::Open => refuse_until(Timestamp::from_unix_nanos(record.until), at.now),
            Phase::HalfOpen => self.pass_half_open(record, at.instance),
        };
        (pass, transition)
    }

    fn pass_closed(&self, record: &mut Record, at: &Moment<'_>) -> Pass {
        let now = at.now.as_unix_nanos();
        if record.generation != 0 {
            return self.climb(record.until, now, at.entropy);
        }
        // With calls counted outside, most of them never come by here: the warm-up begins with the first request.
        if record.since == 0 && self.counted == Counted::Outside && !self.policy.warm_up.is_zero() {
            record.base = at.totals;
            self.begin(record, now);
        }
        Pass::Free
    }

    fn pass_half_open(&self, record: &mut Record, instance: u32) -> Pass {
        let passed = record.probes.calls().saturating_add(record.holders.sum());
        if passed < u64::from(self.policy.half_open.probes) && record.holders.take(instance) {
            record.dirty = true;
            return Pass::Probe;
        }
        SOON
    }

    /// Counts the end of a call.
    #[inline(never)]
    pub(crate) fn count(
        &self,
        record: &mut Record,
        at: &Moment<'_>,
        ticket: Ticket,
        call: Call,
        evidence: Option<(Counts, u32)>,
    ) -> Counting {
        let now = at.now.as_unix_nanos();
        self.settle(record, now);
        if let Some(transition) = self.expire(record, at) {
            return (true, Some(transition));
        }
        if ticket.generation != record.generation {
            return (true, None);
        }
        let failed = match call.outcome {
            Outcome::Success => Some(false),
            Outcome::Failure => Some(true),
            Outcome::Ignored if self.policy.rules.ignored_succeed => Some(false),
            Outcome::Ignored => None,
        };
        let marks = failed.map(|failed| Marks {
            failed,
            slow: call.slow,
        });
        match record.phase {
            Phase::Closed => match (marks, self.counted) {
                (None, _) => (false, None),
                (Some(marks), Counted::Inside) => self.count_inside(record, at, ticket, marks),
                (Some(marks), Counted::Outside) => (false, self.weigh(record, at, marks, evidence)),
            },
            Phase::HalfOpen if ticket.probe => self.count_probe(record, at, marks),
            Phase::HalfOpen | Phase::Open => (true, None),
        }
    }

    /// Counts a call of a closed breaker in its ring.
    fn count_inside(&self, record: &mut Record, at: &Moment<'_>, ticket: Ticket, marks: Marks) -> Counting {
        let now = at.now.as_unix_nanos();
        let started = ticket.started.as_unix_nanos();
        if record.since == 0 {
            self.begin(record, started.min(now));
        }
        let window = &self.policy.window;
        let dropped = window.roll(&mut record.ring, record.since, now);
        if let Some(since) = window.fixed_since(&record.ring) {
            if dropped {
                record.consecutive = 0;
            }
            if started < since {
                return (true, None);
            }
        }
        window.add(&mut record.ring, marks);
        record.dirty = true;
        if self.policy.trip.consecutive_failures.is_some() {
            record.consecutive = if marks.failed {
                record.consecutive.saturating_add(1)
            } else {
                0
            };
        }
        let evidence = (window.sum(&record.ring), record.consecutive);
        (false, self.weigh(record, at, marks, Some(evidence)))
    }

    /// Opens a closed breaker if the evidence says so.
    fn weigh(
        &self,
        record: &mut Record,
        at: &Moment<'_>,
        marks: Marks,
        evidence: Option<(Counts, u32)>,
    ) -> Option<Transition> {
        let (counts, consecutive) = evidence?;
        let warming = record.generation == 0 && at.now.as_unix_nanos() < record.until;
        let rules = &self.policy.rules;
        let weighs = marks.failed || marks.slow || !(rules.bad_calls_trip || rules.keep_window);
        if warming || !weighs {
            return None;
        }
        let cause = self.judge(&counts, consecutive)?;
        Some(self.shift(record, at, Phase::Open, cause, counts))
    }

    /// Counts the result of a probe; `None`: it has none.
    fn count_probe(&self, record: &mut Record, at: &Moment<'_>, marks: Option<Marks>) -> Counting {
        // Who was taken for dead has no permit any more: another probe may run in its place.
        if !record.holders.give(at.instance) {
            return (true, None);
        }
        record.dirty = true;
        let verdict = match marks {
            Some(marks) => {
                record.probes.add(marks.failed, marks.slow);
                if self.policy.rules.keep_window && self.counted == Counted::Inside {
                    let now = at.now.as_unix_nanos();
                    self.policy.window.roll(&mut record.ring, record.since, now);
                    self.policy.window.add(&mut record.ring, marks);
                }
                self.judge_probes(&record.probes)
            }
            None if self.policy.rules.lost_probe_opens => Some(Cause::ProbeLost),
            None => None,
        };
        let transition = verdict.map(|cause| {
            let to = match cause {
                Cause::ProbesSucceeded => Phase::Closed,
                _ => Phase::Open,
            };
            let counts = record.probes;
            self.shift(record, at, to, cause, counts)
        });
        (false, transition)
    }

    /// What the probes say that have completed; `None`: nothing certain yet.
    fn judge_probes(&self, probes: &Counts) -> Option<Cause> {
        let rules = &self.policy.rules;
        let all = u64::from(self.policy.half_open.probes);
        let left = all.saturating_sub(probes.calls());
        if rules.judge_all_probes && left > 0 {
            return None;
        }
        let enough = least(all, self.policy.half_open.success_rate, rules.close_above).min(all);
        let slow = self
            .policy
            .trip
            .slow
            .map_or(u64::MAX, |slow| least(all, slow.rate, rules.trip_above));
        if probes.slow >= slow {
            return Some(Cause::ProbesSlow);
        }
        if probes.successes.saturating_add(left) < enough {
            return Some(Cause::ProbesFailed);
        }
        let certain = probes.slow.saturating_add(left) < slow;
        (probes.successes >= enough && certain).then_some(Cause::ProbesSucceeded)
    }
}

/// The least number, at least 1, that reaches a share of `all`; one more than `all` if none does.
fn least(all: u64, share: Share, above: bool) -> u64 {
    let whole = u64::from(Share::WHOLE_PPM);
    let parts = all.saturating_mul(u64::from(share.ppm()));
    let exact = parts.div_ceil(whole).max(1);
    if reaches(exact, all, share, above) {
        exact
    } else {
        exact.saturating_add(1)
    }
}
