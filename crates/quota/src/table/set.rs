//! One set of a table, and its bytes.
//!
//! | bytes | of a set | of a single bucket |
//! |---|---|---|
//! | 1 | version 1 | version 2 |
//! | 8 | TAT of the overflow bucket, 0 if never used | TAT |
//! | 16 each | tag (not 0) and TAT of up to 8 slots | |
//!
//! Numbers are little-endian. Bytes of any other form count as absent: a set in which nothing was ever spent.

use crate::gcra;
use std::num::NonZeroU64;

/// Slots of a set.
pub(crate) const WAYS: u32 = 8;
const WAYS_USIZE: usize = WAYS as usize;

const SET_VERSION: u8 = 1;
const SINGLE_VERSION: u8 = 2;
const SLOT_BYTES: usize = 16;

/// The longest set: version, overflow TAT, all slots.
pub(crate) const MAX_BYTES: u32 = 1 + 8 + WAYS * 16;
/// A single bucket.
pub(crate) const SINGLE_BYTES: u32 = 1 + 8;

/// A slot of a set, by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way(usize);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Slot {
    /// 0: free.
    tag: u64,
    tat: u64,
}

/// A set, unpacked. Free slots have a TAT of 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Set {
    slots: [Slot; WAYS_USIZE],
    /// TAT of the overflow bucket.
    pub(crate) overflow: u64,
}

impl Set {
    /// Unpacks a set and corrects every TAT that no quota of the table explains; says whether there was one.
    #[inline(never)]
    pub(crate) fn read(bytes: Option<&[u8]>, now: u64, longest_fill: u64) -> (Self, bool) {
        let mut set = Self::read_as_is(bytes);
        let mut corrected = false;
        let tats = set
            .slots
            .iter_mut()
            .map(|slot| &mut slot.tat)
            .chain([&mut set.overflow]);
        for tat in tats {
            let plausible = gcra::plausible(*tat, now, longest_fill);
            corrected |= plausible != *tat;
            *tat = plausible;
        }
        (set, corrected)
    }

    /// Unpacks a set.
    pub(crate) fn read_as_is(bytes: Option<&[u8]>) -> Self {
        bytes.and_then(Self::decode).unwrap_or_default()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (&version, rest) = bytes.split_first()?;
        let (overflow, slots) = rest.split_first_chunk()?;
        let (slots, odd) = slots.as_chunks::<SLOT_BYTES>();
        if version != SET_VERSION || !odd.is_empty() || slots.len() > WAYS_USIZE {
            return None;
        }
        let mut set = Self {
            overflow: u64::from_le_bytes(*overflow),
            ..Self::default()
        };
        for (slot, bytes) in set.slots.iter_mut().zip(slots) {
            let (tag, tat) = bytes.split_first_chunk()?;
            *slot = Slot {
                tag: u64::from_le_bytes(*tag),
                tat: u64::from_le_bytes(*tat.first_chunk()?),
            };
            if slot.tag == 0 {
                return None;
            }
        }
        Some(set)
    }

    /// Packs the set. Slots whose TAT has passed are left out: nobody can tell.
    #[inline(never)]
    pub(crate) fn write(&self, now: u64, bytes: &mut Vec<u8>) {
        bytes.clear();
        bytes.push(SET_VERSION);
        bytes.extend_from_slice(&self.overflow.to_le_bytes());
        for slot in self.slots.iter().filter(|slot| slot.tag != 0 && slot.tat > now) {
            bytes.extend_from_slice(&slot.tag.to_le_bytes());
            bytes.extend_from_slice(&slot.tat.to_le_bytes());
        }
    }

    /// The slot of a key.
    pub(crate) fn way(&self, tag: NonZeroU64) -> Option<Way> {
        self.slots.iter().position(|slot| slot.tag == tag.get()).map(Way)
    }

    /// A free slot, or one whose TAT has passed.
    pub(crate) fn vacant(&self, now: u64) -> Option<Way> {
        self.slots
            .iter()
            .position(|slot| slot.tag == 0 || slot.tat <= now)
            .map(Way)
    }

    /// The slot with the earliest TAT, and that TAT.
    pub(crate) fn first_to_expire(&self) -> (Way, u64) {
        let first = self.slots.iter().enumerate().min_by_key(|(_, slot)| slot.tat);
        first.map_or((Way(0), 0), |(i, slot)| (Way(i), slot.tat))
    }

    /// The TAT of a slot, if it belongs to the key.
    pub(crate) fn tat_of(&self, way: Way, tag: NonZeroU64) -> Option<u64> {
        self.slots
            .get(way.0)
            .filter(|slot| slot.tag == tag.get())
            .map(|slot| slot.tat)
    }

    /// The TAT of a slot.
    pub(crate) fn tat_mut(&mut self, way: Way) -> Option<&mut u64> {
        self.slots.get_mut(way.0).map(|slot| &mut slot.tat)
    }

    /// Gives a slot to a key.
    pub(crate) fn put(&mut self, way: Way, tag: NonZeroU64, tat: u64) {
        if let Some(slot) = self.slots.get_mut(way.0) {
            *slot = Slot { tag: tag.get(), tat };
        }
    }
}

/// The TAT of a single bucket.
pub(crate) fn read_single(bytes: Option<&[u8]>) -> Option<u64> {
    match bytes?.split_first()? {
        (&SINGLE_VERSION, tat) => Some(u64::from_le_bytes(tat.try_into().ok()?)),
        _ => None,
    }
}

/// Packs a single bucket.
pub(crate) fn write_single(tat: u64, bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.push(SINGLE_VERSION);
    bytes.extend_from_slice(&tat.to_le_bytes());
}
