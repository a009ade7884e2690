//! The breakers of a rule in a fixed amount of memory: one, or one for each key.
//!
//! A store can never delete a key, so a keyed table is cut into *sets* of four slots, each set one cell that is read and
//! replaced whole. A key's hash says in which set it may live and tells it from others there (the *tag*). A record takes
//! its slot with the first call that completes; until then, and for most keys for ever, a closed breaker is one that is
//! not there.
//!
//! # Which slot may be taken over
//! One whose breaker cannot be told from one that is not there: it is closed, its window is empty by now, no failures or
//! openings are in a row, no ramp runs, and there is no warm-up to begin anew. Nothing is lost with it but its generation: a
//! call that began before and ends long after may be counted. And one that nothing has touched for ten minutes (or for
//! the longest of the policy's durations, if that is longer): nobody asks for that key any more. Without this a key whose
//! last call failed, whose breaker was open when its client went away, or whose window is of calls would keep its slot for
//! ever. If no slot may be taken, a key is without a breaker, and who asks is told so.
//!
//! # Memory and cost
//! [`Table::cell_bytes`] a set at most; a slot takes what its buckets with calls in them need. A step unpacks one record, or
//! all of a full set when it looks for a slot.
//!
//! What this does not do: store cells, any notion of a least recently used key, which a flood of new keys would empty.

pub(crate) mod set;
#[cfg(test)]
mod tests;

pub use set::Place;

use crate::read::nanos;
use crate::record::{self, Record};
use crate::{Admission, Breaker, Call, Completion, Counted, Counts, Known, Moment, Phase, Ticket};
use fairlead_stage::{Step, Timestamp};
use set::{Set, Way};
use std::num::NonZeroU32;
use std::time::Duration;

/// After how long a keyed breaker may be forgotten that nothing has touched.
const FORGET: Duration = Duration::from_secs(600);

/// The layout of a table, and its breakers' rules. It holds no breakers: they are in the cells that its steps are run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    breaker: Breaker,
    /// `None`: a single breaker.
    sets: Option<NonZeroU32>,
}

/// A breaker in its cell.
struct Found<'b> {
    record: Record,
    set: Set<'b>,
    /// `None`: there is no slot for it.
    way: Option<Way>,
    /// Its slot is another's, whose breaker is not closed.
    open_before: bool,
}

impl Table {
    /// A table of one breaker.
    #[must_use]
    pub const fn single(breaker: Breaker) -> Self {
        Self { breaker, sets: None }
    }

    /// A table with room for the breakers of `max_keys` keys, rounded up to a multiple of 4. They count inside: process-wide
    /// counters know nothing of keys.
    #[must_use]
    pub fn keyed(breaker: Breaker, max_keys: NonZeroU32) -> Self {
        Self {
            breaker: Breaker::new(breaker.policy, Counted::Inside),
            sets: Some(set::sets(max_keys)),
        }
    }

    /// The rules of its breakers.
    #[must_use]
    pub const fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// How many cells the table takes.
    #[must_use]
    pub const fn sets(&self) -> u32 {
        match self.sets {
            Some(sets) => sets.get(),
            None => 1,
        }
    }

    /// The most bytes that a cell holds.
    #[must_use]
    pub fn cell_bytes(&self) -> u32 {
        let record = self.record_bytes();
        match self.sets {
            Some(_) => set::max_bytes(record),
            None => record,
        }
    }

    fn record_bytes(&self) -> u32 {
        record::max_bytes(self.breaker.ring_bytes(), self.breaker.policy.half_open.probes)
    }

    /// Where a key lives, under the secret seed of the store.
    #[must_use]
    pub fn locate(&self, seed: [u64; 2], key: &[u8]) -> Place {
        match self.sets {
            Some(sets) => Place::of(sets, seed, key),
            None => Place::ONLY,
        }
    }

    /// Decides on a request for the breaker at `place`: a step on cell `place.set`, whose bytes are `old`. `None`: all slots
    /// of the set are taken, so the request has no breaker.
    ///
    /// Pure, so it may be run again on other bytes. It writes only what changes: a closed breaker is left alone.
    #[must_use]
    #[inline(never)]
    pub fn admit(
        &self,
        place: Place,
        at: &Moment<'_>,
        old: Option<&[u8]>,
        new: &mut Vec<u8>,
    ) -> Step<Option<Admission>> {
        let mut found = self.find(place, at.now, old);
        if found.way.is_none() {
            return Step::Keep(None);
        }
        let (pass, transition) = self.breaker.decide(&mut found.record, at);
        let admission = Admission {
            pass,
            known: self.known_of(&found, at.now),
            transition,
        };
        self.store(place, at.now, &found, new, Some(admission))
    }

    /// Counts the end of a call that the breaker at `place` admitted: a step on cell `place.set`, whose bytes are `old`.
    ///
    /// `evidence`: the window's counts and the failures in a row, with this call; for a breaker that counts outside only.
    /// Such a breaker need not be told of successes that were not slow, unless they are probes'.
    #[must_use]
    #[inline(never)]
    #[allow(
        clippy::too_many_arguments,
        reason = "a step needs what happened, when, to whom, and both buffers"
    )]
    pub fn complete(
        &self,
        place: Place,
        at: &Moment<'_>,
        ticket: Ticket,
        call: Call,
        evidence: Option<(Counts, u32)>,
        old: Option<&[u8]>,
        new: &mut Vec<u8>,
    ) -> Step<Completion> {
        let mut found = self.find(place, at.now, old);
        let (late, transition) = match found.way {
            Some(_) => self.breaker.count(&mut found.record, at, ticket, call, evidence),
            None => (true, None),
        };
        let completion = Completion {
            forgot_open: found.open_before && found.record.dirty,
            late,
            known: self.known_of(&found, at.now),
            transition,
        };
        self.store(place, at.now, &found, new, completion)
    }

    /// What a worker may know of the breaker at `place`, whose cell's bytes are `old`; `None` if no record is there.
    #[must_use]
    #[inline(never)]
    pub fn known(&self, place: Place, now: Timestamp, old: Option<&[u8]>) -> Option<Known> {
        let bytes = match self.sets {
            Some(_) => Set::read(old, self.record_bytes()).find(place.tag)?.1,
            None => old?,
        };
        let mut record = Record::decode(bytes)?;
        // An earlier policy may have let it be open for longer.
        let longest = record.since.saturating_add(self.breaker.longest(&record));
        record.until = record.until.min(longest);
        Some(self.breaker.known_of(&record, now.as_unix_nanos()))
    }

    fn known_of(&self, found: &Found<'_>, now: Timestamp) -> Known {
        self.breaker.known_of(&found.record, now.as_unix_nanos())
    }

    #[inline(never)]
    fn find<'b>(&self, place: Place, now: Timestamp, old: Option<&'b [u8]>) -> Found<'b> {
        let mut set = Set::default();
        let mut content = old;
        if self.sets.is_some() {
            set = Set::read(old, self.record_bytes());
            content = set.find(place.tag).map(|(_, content)| content);
        }
        let way = match content {
            Some(_) => set.find(place.tag).map(|(way, _)| way),
            None => set.vacant(&|content| self.idle(content, now.as_unix_nanos())),
        };
        let before = way.and_then(|way| set.content(way)).filter(|_| content.is_none());
        Found {
            open_before: before
                .and_then(Record::decode)
                .is_some_and(|record| record.phase != Phase::Closed),
            record: content.and_then(Record::decode).unwrap_or_default(),
            way: way.or_else(|| self.sets.is_none().then(Way::default)),
            set,
        }
    }

    fn store<T>(
        &self,
        place: Place,
        now: Timestamp,
        found: &Found<'_>,
        new: &mut Vec<u8>,
        answer: T,
    ) -> Step<T> {
        let (Some(way), true) = (found.way, found.record.dirty) else {
            return Step::Keep(answer);
        };
        let now = now.as_unix_nanos();
        if self.sets.is_some() {
            let content = |out: &mut Vec<u8>| found.record.encode(now, out);
            found.set.write(way, place.tag, &content, new);
        } else {
            new.clear();
            found.record.encode(now, new);
        }
        Step::Write(answer)
    }

    /// Whether a keyed breaker may make room for another.
    fn idle(&self, content: &[u8], now: u64) -> bool {
        let Some(mut record) = Record::decode(content) else {
            return true;
        };
        let policy = &self.breaker.policy;
        if now.abs_diff(record.last) >= nanos(self.forget()) {
            return true;
        }
        if record.phase != Phase::Closed
            || record.until > now
            || record.consecutive > 0
            || !policy.warm_up.is_zero()
            || self.breaker.row(&record, now) > 0
        {
            return false;
        }
        policy.window.roll(&mut record.ring, record.since, now);
        policy.window.sum(&record.ring) == Counts::NONE
    }

    /// After how long a keyed breaker may be forgotten that nothing has touched.
    fn forget(&self) -> Duration {
        let policy = &self.breaker.policy;
        let window = match policy.window {
            crate::policy::Window::Time { duration, .. } => duration,
            crate::policy::Window::Calls(_) => Duration::ZERO,
        };
        let open = policy.open.max.max(policy.open.duration).saturating_mul(2);
        [
            window,
            open,
            policy.half_open.max_wait,
            policy.recovery_ramp,
            policy.warm_up,
        ]
        .into_iter()
        .fold(FORGET, Duration::max)
    }
}
