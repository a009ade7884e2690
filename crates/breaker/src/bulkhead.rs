//! How many requests are in flight, over all workers.
//!
//! A ledger of who has how many in flight, by instance, so that a worker that ends takes its own out of the count. Each
//! request is two steps on a cell; where that is too dear, leave the bound away.
//!
//! | bytes | of a ledger |
//! |---|---|
//! | 1 | version 3 |
//! | 1, 8 each | how many instances; instance and its number of requests |
//!
//! With keys, ledgers live in sets of four slots as breakers do ([`crate::Table`]); one without requests in flight makes
//! room for others.
//!
//! What this does not do: queue. Who finds no room is refused at once.

use crate::Moment;
use crate::ledger::{self, Ledger, MAX_HOLDERS};
use crate::read::Reader;
use crate::table::Place;
use crate::table::set::{self, Set, Way};
use fairlead_stage::Step;
use std::num::NonZeroU32;

const VERSION: u8 = 3;

/// A bound on requests in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bulkhead {
    /// How many may be in flight.
    pub max: NonZeroU32,
}

impl Bulkhead {
    /// The most bytes of a ledger.
    pub const BYTES: u32 = ledger::bytes(MAX_HOLDERS).saturating_add(1);

    /// Lets a request in if there is room: a step on a cell of its own, whose bytes are `old`. Says whether it did.
    #[must_use]
    pub fn acquire(&self, at: &Moment<'_>, old: Option<&[u8]>, new: &mut Vec<u8>) -> Step<bool> {
        let mut ledger = decode(old);
        if !self.enter(&mut ledger, at) {
            return Step::Keep(false);
        }
        new.clear();
        encode(&ledger, new);
        Step::Write(true)
    }

    /// Counts a request out that was let in.
    #[must_use]
    pub fn release(&self, at: &Moment<'_>, old: Option<&[u8]>, new: &mut Vec<u8>) -> Step<()> {
        let mut ledger = decode(old);
        if !ledger.give(at.instance) {
            return Step::Keep(());
        }
        new.clear();
        encode(&ledger, new);
        Step::Write(())
    }

    fn enter(&self, ledger: &mut Ledger, at: &Moment<'_>) -> bool {
        ledger.reap(at.instance, at.live);
        ledger.sum() < u64::from(self.max.get()) && ledger.take(at.instance)
    }
}

/// The bulkheads of a rule: one, or one for each key. It holds no counts: they are in the cells that its steps are run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bulkheads {
    bulkhead: Bulkhead,
    /// `None`: a single one.
    sets: Option<NonZeroU32>,
}

impl Bulkheads {
    /// One bulkhead.
    #[must_use]
    pub const fn single(bulkhead: Bulkhead) -> Self {
        Self { bulkhead, sets: None }
    }

    /// One for each of `max_keys` keys that have requests in flight, rounded up to a multiple of 4.
    #[must_use]
    pub fn keyed(bulkhead: Bulkhead, max_keys: NonZeroU32) -> Self {
        Self {
            bulkhead,
            sets: Some(set::sets(max_keys)),
        }
    }

    /// How many cells it takes.
    #[must_use]
    pub const fn sets(&self) -> u32 {
        match self.sets {
            Some(sets) => sets.get(),
            None => 1,
        }
    }

    /// The most bytes that a cell holds.
    #[must_use]
    pub const fn cell_bytes(&self) -> u32 {
        match self.sets {
            Some(_) => set::max_bytes(Bulkhead::BYTES),
            None => Bulkhead::BYTES,
        }
    }

    /// Where a key lives, under the secret seed of the store.
    #[must_use]
    pub fn locate(&self, seed: [u64; 2], key: &[u8]) -> Place {
        match self.sets {
            Some(sets) => Place::of(sets, seed, key),
            None => Place::ONLY,
        }
    }

    /// Lets a request in if there is room: a step on cell `place.set`, whose bytes are `old`. Says whether it did; `None`: all
    /// slots of the set are taken, so the request is not counted, and must not be released.
    #[must_use]
    #[inline(never)]
    pub fn acquire(
        &self,
        place: Place,
        at: &Moment<'_>,
        old: Option<&[u8]>,
        new: &mut Vec<u8>,
    ) -> Step<Option<bool>> {
        if self.sets.is_none() {
            return match self.bulkhead.acquire(at, old, new) {
                Step::Keep(entered) => Step::Keep(Some(entered)),
                Step::Write(entered) => Step::Write(Some(entered)),
            };
        }
        let set = Set::read(old, Bulkhead::BYTES);
        let found = set.find(place.tag);
        let idle = |content: &[u8]| {
            let mut ledger = decode(Some(content));
            ledger.reap(at.instance, at.live);
            ledger.sum() == 0
        };
        let Some(way) = found.map(|(way, _)| way).or_else(|| set.vacant(&idle)) else {
            return Step::Keep(None);
        };
        let mut ledger = decode(found.map(|(_, content)| content));
        if !self.bulkhead.enter(&mut ledger, at) {
            return Step::Keep(Some(false));
        }
        write(&set, way, place, &ledger, new);
        Step::Write(Some(true))
    }

    /// Counts a request out that was let in: a step on cell `place.set`, whose bytes are `old`.
    #[must_use]
    #[inline(never)]
    pub fn release(&self, place: Place, at: &Moment<'_>, old: Option<&[u8]>, new: &mut Vec<u8>) -> Step<()> {
        if self.sets.is_none() {
            return self.bulkhead.release(at, old, new);
        }
        let set = Set::read(old, Bulkhead::BYTES);
        let Some((way, content)) = set.find(place.tag) else {
            return Step::Keep(());
        };
        let mut ledger = decode(Some(content));
        if !ledger.give(at.instance) {
            return Step::Keep(());
        }
        write(&set, way, place, &ledger, new);
        Step::Write(())
    }
}

fn decode(bytes: Option<&[u8]>) -> Ledger {
    let read = |bytes: &[u8]| {
        let mut reader = Reader(bytes.strip_prefix(&[VERSION])?);
        let ledger = Ledger::read(&mut reader)?;
        reader.0.is_empty().then_some(ledger)
    };
    bytes.and_then(read).unwrap_or_default()
}

fn encode(ledger: &Ledger, out: &mut Vec<u8>) {
    out.push(VERSION);
    ledger.write(out);
}

fn write(set: &Set<'_>, way: Way, place: Place, ledger: &Ledger, new: &mut Vec<u8>) {
    set.write(way, place.tag, &|out| encode(ledger, out), new);
}

#[cfg(test)]
mod tests;
