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

/// A slot as it is stored.
type Slot = [u8; SLOT_BYTES];

/// A set as one key finds it: the bytes of its cell, looked over once and never unpacked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Set<'b> {
    slots: &'b [Slot],
    now: u64,
    longest_fill: u64,
    /// TAT of the overflow bucket.
    pub(crate) overflow: u64,
    /// The slot of the key, and its TAT.
    pub(crate) own: Option<(Way, u64)>,
    /// The first slot that is free, or whose TAT has passed.
    pub(crate) vacant: Option<Way>,
    /// The slot with the earliest TAT, and that TAT, in a set without a vacant one.
    pub(crate) first_to_expire: (Way, u64),
    /// Some TAT is no possible one: all are seen, and will be written, as they should be.
    pub(crate) corrected: bool,
}

/// What a step makes of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Nothing,
    /// The key has this slot, with this TAT.
    Slot(Way, u64),
    /// The TAT of the overflow bucket.
    Overflow(u64),
}

impl<'b> Set<'b> {
    /// Looks for a key in the bytes of a cell, and corrects every TAT that no quota of the table explains.
    #[inline]
    pub(crate) fn find(bytes: Option<&'b [u8]>, tag: NonZeroU64, now: u64, longest_fill: u64) -> Self {
        let stored = bytes.and_then(parts);
        let found = stored.and_then(|(overflow, slots)| Self::look(overflow, slots, tag, now, longest_fill));
        found.unwrap_or(Self {
            slots: &[],
            now,
            longest_fill,
            overflow: 0,
            own: None,
            vacant: Some(Way(0)),
            first_to_expire: (Way(0), 0),
            corrected: false,
        })
    }

    /// Looks for a key, and at every TAT as it is.
    pub(crate) fn find_as_is(bytes: Option<&'b [u8]>, tag: NonZeroU64) -> Self {
        Self::find(bytes, tag, 0, u64::MAX)
    }

    #[inline]
    fn look(overflow: u64, slots: &'b [Slot], tag: NonZeroU64, now: u64, longest_fill: u64) -> Option<Self> {
        let plausible = gcra::plausible(overflow, now, longest_fill);
        let mut corrected = plausible != overflow;
        let (mut own, mut vacant, mut first_to_expire) = (None, None, (Way(0), u64::MAX));
        for (position, slot) in slots.iter().enumerate() {
            let (owner, stored) = unpack(slot);
            if owner == 0 {
                return None;
            }
            let (way, tat) = (Way(position), gcra::plausible(stored, now, longest_fill));
            corrected |= tat != stored;
            if owner == tag.get() && own.is_none() {
                own = Some((way, tat));
            }
            if tat <= now && vacant.is_none() {
                vacant = Some(way);
            }
            if tat < first_to_expire.1 {
                first_to_expire = (way, tat);
            }
        }
        Some(Self {
            slots,
            now,
            longest_fill,
            overflow: plausible,
            own,
            vacant: vacant.or((slots.len() < WAYS_USIZE).then_some(Way(slots.len()))),
            first_to_expire,
            corrected,
        })
    }

    /// Packs the set with what a step makes of it for the key. Slots whose TAT has passed are left out: nobody can tell.
    #[inline(never)]
    pub(crate) fn write(&self, change: Change, tag: NonZeroU64, bytes: &mut Vec<u8>) {
        let overflow = match change {
            Change::Overflow(tat) => tat,
            _ => self.overflow,
        };
        let put = match change {
            Change::Slot(way, tat) => Some((way, tat)),
            _ => None,
        };
        let slot = |owner: u64, tat: u64, bytes: &mut Vec<u8>| {
            if tat > self.now {
                bytes.extend_from_slice(&pack(owner, tat));
            }
        };
        bytes.clear();
        bytes.push(SET_VERSION);
        bytes.extend_from_slice(&overflow.to_le_bytes());
        for (position, stored) in self.slots.iter().enumerate() {
            let (owner, tat) = match put {
                Some((way, tat)) if way == Way(position) => (tag.get(), tat),
                _ => unpack(stored),
            };
            slot(owner, gcra::plausible(tat, self.now, self.longest_fill), bytes);
        }
        if let Some((Way(position), tat)) = put
            && position == self.slots.len()
        {
            slot(tag.get(), tat, bytes);
        }
    }
}

/// The overflow bucket's TAT, and the slots.
fn parts(bytes: &[u8]) -> Option<(u64, &[Slot])> {
    let (&version, rest) = bytes.split_first()?;
    let (overflow, slots) = rest.split_first_chunk()?;
    let (slots, odd) = slots.as_chunks::<SLOT_BYTES>();
    if version != SET_VERSION || !odd.is_empty() || slots.len() > WAYS_USIZE {
        return None;
    }
    Some((u64::from_le_bytes(*overflow), slots))
}

/// Tag and TAT of a slot.
fn unpack(slot: &Slot) -> (u64, u64) {
    let both = u128::from_le_bytes(*slot);
    (both as u64, (both >> 64) as u64)
}

fn pack(tag: u64, tat: u64) -> Slot {
    (u128::from(tat) << 64 | u128::from(tag)).to_le_bytes()
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
