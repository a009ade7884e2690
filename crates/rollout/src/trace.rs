//! The variants of traces, for a while, in a fixed amount of memory.
//!
//! The side of a proxy that takes requests in stores which variant a trace has been given; the side that sends them out
//! finds it again, so that an application that passes on nothing but its trace context takes the variant along.
//!
//! A store can never delete a key, so a table is cut into *sets* of eight slots, each one cell of a store, read and
//! replaced whole. A trace's hash says in which set it may live, and tells it from the others there (the *tag*): SipHash-2-4
//! under a secret seed, since clients choose trace ids and must not be able to aim at one set. Slots whose time is over
//! are taken first, then the one that would be over next: here, unlike in a table of limits, forgetting the oldest is
//! right, since who floods the table with new traces makes others lose a label, not a limit.
//!
//! | bytes | |
//! |---|---|
//! | 1 | version 1 |
//! | 17 each | of up to 8 slots: tag, when it is over in nanoseconds since the Unix epoch, variant |
//!
//! Numbers are little-endian, and slots are in the order in which they were stored, which is also that in which they will be
//! over. Bytes of any other form count as absent: nothing is known.
//!
//! # Clocks
//! A clock set back leaves slots that live too long. They are found meanwhile, as what they say of a trace is still true;
//! the next that is stored in their set cuts their time to the table's. A clock set forward ends them early.
//!
//! # Exactness
//! Two traces of one tag are taken for one: with 8 slots in a set that befalls a lookup with a probability below 2^-60.
//! The number of a variant means what the caller means by it: whoever numbers variants anew needs another table.
//!
//! # Memory and cost
//! At most 137 bytes a set. Natively the hash of a trace takes about 30 ns, a lookup 3 and storing 20.
//!
//! What this does not do: parse trace contexts, store cells.

#[cfg(test)]
mod tests;

use crate::draw::Keyed;
use fairlead_stage::{Step, Timestamp};
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

const VERSION: u8 = 1;
const WAYS: u32 = 8;
const SLOT_BYTES: usize = 17;
/// Version and all slots.
const CELL_BYTES: u32 = 1 + WAYS * SLOT_BYTES as u32;

/// The layout of a table. It holds no traces: they are in the cells that its steps are run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    sets: NonZeroU32,
    /// In nanoseconds.
    ttl: u64,
}

/// Where in a table a trace lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// The set: the index of its cell, below [`Table::sets`].
    pub set: u32,
    /// What tells the trace from others in the set.
    tag: NonZeroU64,
}

/// What came of storing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The trace took a slot that was free.
    New,
    /// The trace was known. Its variant is now the one given, and its time begins anew.
    Known,
    /// The trace took the slot of the oldest one in its set, all eight of which still had time.
    Evicted,
}

/// A slot as it is stored.
#[derive(Clone, Copy)]
struct Entry {
    tag: u64,
    /// Nanoseconds since the Unix epoch.
    over: u64,
    variant: u8,
}

impl Table {
    /// A table with room for `max_entries` traces, rounded up to a multiple of 8, each for `ttl`.
    #[must_use]
    pub fn new(max_entries: NonZeroU32, ttl: Duration) -> Self {
        Self {
            sets: NonZeroU32::new(max_entries.get().div_ceil(WAYS)).unwrap_or(NonZeroU32::MIN),
            ttl: u64::try_from(ttl.as_nanos()).unwrap_or(u64::MAX),
        }
    }

    /// How many cells the table takes.
    #[must_use]
    pub const fn sets(&self) -> u32 {
        self.sets.get()
    }

    /// The most bytes that a cell holds.
    #[must_use]
    pub const fn cell_bytes(&self) -> u32 {
        CELL_BYTES
    }

    /// Where a trace lives, under the secret seed of the store. `trace_id` may be of any form, the same for each call.
    #[must_use]
    #[inline(never)]
    pub fn locate(&self, seed: [u64; 2], trace_id: &[u8]) -> Slot {
        let hash = Keyed::new(seed, b"trace").bytes(trace_id).finish();
        // Multiply-shift (Lemire, 2019) of the upper half: even over the sets without a division.
        let set = (hash >> 32).wrapping_mul(u64::from(self.sets())) >> 32;
        Slot {
            set: u32::try_from(set).unwrap_or(0),
            tag: NonZeroU64::new(hash).unwrap_or(NonZeroU64::MIN),
        }
    }

    /// Stores the variant of the trace at `slot`: a step on cell `slot.set`, whose bytes are `old`.
    ///
    /// Pure, so it may be run again on other bytes. The cell is left alone if the trace is there with the same variant and
    /// at least seven eighths of its time: a trace that comes in many times in a row costs one write.
    #[inline(never)]
    pub fn store(
        &self,
        slot: Slot,
        now: Timestamp,
        variant: u8,
        old: Option<&[u8]>,
        new: &mut Vec<u8>,
    ) -> Step<Stored> {
        let now = now.as_unix_nanos();
        let own = Entry {
            tag: slot.tag.get(),
            over: now.saturating_add(self.ttl),
            variant,
        };
        let old = old.and_then(slots).unwrap_or_default();
        let live = || old.iter().map(Entry::read).filter(|entry| entry.over > now);
        let mut stored = Stored::New;
        if let Some(known) = live().find(|entry| entry.tag == own.tag) {
            let fresh = own.over.saturating_sub(self.ttl / 8)..=own.over;
            if known.variant == variant && fresh.contains(&known.over) {
                return Step::Keep(Stored::Known);
            }
            stored = Stored::Known;
        }
        let others = || live().filter(|entry| entry.tag != own.tag);
        // The first is the oldest.
        let mut skipped = 0;
        if others().count() >= WAYS as usize {
            stored = Stored::Evicted;
            skipped = 1;
        }
        new.clear();
        new.push(VERSION);
        for mut entry in others().skip(skipped) {
            entry.over = entry.over.min(own.over);
            entry.write(new);
        }
        own.write(new);
        Step::Write(stored)
    }

    /// The variant of the trace at `slot`, whose cell's bytes are `old`; `None` if it is not known or no longer.
    #[must_use]
    #[inline(never)]
    pub fn find(&self, slot: Slot, now: Timestamp, old: Option<&[u8]>) -> Option<u8> {
        let now = now.as_unix_nanos();
        slots(old?)?
            .iter()
            .map(Entry::read)
            .find(|entry| entry.tag == slot.tag.get() && entry.over > now)
            .map(|entry| entry.variant)
    }
}

/// The slots of a cell.
fn slots(bytes: &[u8]) -> Option<&[[u8; SLOT_BYTES]]> {
    if bytes.len() > CELL_BYTES as usize {
        return None;
    }
    let (slots, odd) = bytes.strip_prefix(&[VERSION])?.as_chunks();
    odd.is_empty().then_some(slots)
}

impl Entry {
    fn read(bytes: &[u8; SLOT_BYTES]) -> Self {
        let [tag @ .., _, _, _, _, _, _, _, _, _] = *bytes;
        let [_, _, _, _, _, _, _, _, over @ .., variant] = *bytes;
        Self {
            tag: u64::from_le_bytes(tag),
            over: u64::from_le_bytes(over),
            variant,
        }
    }

    fn write(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.tag.to_le_bytes());
        bytes.extend_from_slice(&self.over.to_le_bytes());
        bytes.push(self.variant);
    }
}
