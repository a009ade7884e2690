//! Phases: how long they take, and how one becomes another.

use crate::breaker::Breaker;
use crate::policy::{Backoff, Then, Window};
use crate::read::nanos;
use crate::record::Record;
use crate::{Cause, Counts, Moment, Phase, Transition};
use fairlead_stage::Share;
use std::time::Duration;

/// Openings in a row beyond this are not counted.
const MAX_OPENS: u32 = 1_000;

impl Breaker {
    /// Brings a record to where it would be if the clock had never been set back, and the policy had never been another.
    pub(super) fn settle(&self, record: &mut Record, now: u64) {
        let longest = self.longest(record);
        let length = record.until.saturating_sub(record.since).min(longest);
        let since = record.since.min(now);
        let until = if record.phase == Phase::Closed && length == 0 {
            0
        } else {
            since.saturating_add(length)
        };
        if (since, until) != (record.since, record.until) {
            (record.since, record.until) = (since, until);
            record.dirty = true;
        }
        // An earlier policy may have had a longer window, or more probes.
        if record.ring.len() > self.ring_bytes() as usize {
            record.ring.clear();
            record.dirty = true;
        }
        record.dirty |= record.holders.shorten(self.policy.half_open.probes);
    }

    /// How long the record's phase may take, in nanoseconds; of a closed breaker: its ramp or warm-up.
    pub(crate) fn longest(&self, record: &Record) -> u64 {
        match record.phase {
            Phase::Closed if record.generation == 0 => nanos(self.policy.warm_up),
            Phase::Closed => nanos(self.policy.recovery_ramp),
            Phase::Open => {
                let open = &self.policy.open;
                let whole = Share::WHOLE_PPM.saturating_add(open.jitter.ppm());
                stretched(nanos(open.max.max(open.duration)), whole).max(1)
            }
            Phase::HalfOpen => nanos(self.policy.half_open.max_wait),
        }
    }

    /// Ends a half-open phase that is over.
    pub(super) fn expire(&self, record: &mut Record, at: &Moment<'_>) -> Option<Transition> {
        if record.phase != Phase::HalfOpen || at.now.as_unix_nanos() < record.until {
            return None;
        }
        let to = match self.policy.half_open.then {
            Then::Open => Phase::Open,
            Then::Close => Phase::Closed,
        };
        let counts = record.probes;
        Some(self.shift(record, at, to, Cause::MaxWait, counts))
    }

    /// The first call of a breaker that nobody has asked yet.
    pub(super) fn begin(&self, record: &mut Record, now: u64) {
        record.since = now.max(1);
        if !self.policy.warm_up.is_zero() {
            record.until = record.since.saturating_add(nanos(self.policy.warm_up));
        }
        record.dirty = true;
    }

    /// Makes a transition.
    #[inline(never)]
    pub(super) fn shift(
        &self,
        record: &mut Record,
        at: &Moment<'_>,
        to: Phase,
        cause: Cause,
        counts: Counts,
    ) -> Transition {
        let now = at.now.as_unix_nanos();
        let keep_window = self.policy.rules.keep_window;
        let from = record.phase;
        let opens = self.row(record, now);
        let length = match to {
            Phase::Open => self.open_for(opens.saturating_add(1), at.entropy),
            Phase::HalfOpen => nanos(self.policy.half_open.max_wait).max(1),
            Phase::Closed => nanos(self.policy.recovery_ramp),
        };
        record.opens = match (to, self.policy.open.backoff) {
            (Phase::Open, _) => opens.saturating_add(1).min(MAX_OPENS),
            (Phase::Closed, Backoff::Factor { .. }) => 0,
            _ => opens,
        };
        if to == Phase::Closed && !keep_window {
            record.base = at.totals;
        }
        if !keep_window {
            record.ring.clear();
        }
        record.phase = to;
        record.generation = record.generation.wrapping_add(1).max(1);
        record.consecutive = 0;
        record.since = now.max(1);
        record.until = if length == 0 {
            0
        } else {
            record.since.saturating_add(length)
        };
        record.probes = Counts::NONE;
        record.holders.clear();
        record.dirty = true;
        Transition {
            from,
            to,
            cause,
            generation: record.generation,
            counts,
            open_for: match to {
                Phase::Open => Duration::from_nanos(length),
                Phase::Closed | Phase::HalfOpen => Duration::ZERO,
            },
        }
    }

    /// Openings in a row, as of `now`.
    pub(crate) fn row(&self, record: &Record, now: u64) -> u32 {
        if record.phase != Phase::Closed || self.policy.open.backoff != Backoff::Linear {
            return record.opens;
        }
        let period = match self.policy.window {
            Window::Time { duration, .. } => duration,
            Window::Calls(_) => self.policy.open.duration,
        };
        let healthy = now.saturating_sub(record.since).checked_div(nanos(period));
        let healthy = u32::try_from(healthy.unwrap_or(0)).unwrap_or(u32::MAX);
        record.opens.saturating_sub(healthy)
    }

    /// For how long it opens, in nanoseconds, when it does so for the `opens`th time in a row.
    #[inline(never)]
    fn open_for(&self, opens: u32, entropy: u64) -> u64 {
        let open = &self.policy.open;
        let (first, max) = (nanos(open.duration), nanos(open.max.max(open.duration)));
        let mut length = first;
        match open.backoff {
            Backoff::Linear => length = first.saturating_mul(u64::from(opens.max(1))),
            Backoff::Factor { permille } if permille > 1_000 => {
                for _ in 1..opens {
                    if length >= max {
                        break;
                    }
                    length = length.saturating_mul(u64::from(permille)) / 1_000;
                }
            }
            Backoff::Factor { .. } => {}
        }
        length = length.min(max);
        let jitter = open.jitter.ppm();
        if jitter > 0 {
            // Multiply-shift of the upper half: even over 0 to twice the jitter.
            let span = u64::from(jitter).saturating_mul(2).saturating_add(1);
            let drawn = u32::try_from((entropy >> 32).saturating_mul(span) >> 32).unwrap_or(0);
            let factor = Share::WHOLE_PPM.saturating_sub(jitter).saturating_add(drawn);
            length = stretched(length, factor);
        }
        length.max(1)
    }
}

/// `factor` parts per million of a length in nanoseconds.
fn stretched(length: u64, factor: u32) -> u64 {
    if factor == Share::WHOLE_PPM {
        return length;
    }
    (length / 1_000).saturating_mul(u64::from(factor)) / 1_000
}
