//! One set of a keyed table, and its bytes.
//!
//! | bytes | |
//! |---|---|
//! | 1 | version 2 |
//! | 2, 8, the first number's | of up to 4 slots: length of the content, tag, content |
//!
//! Numbers are little-endian. Bytes of any other form count as absent: a set without slots.

use std::num::{NonZeroU32, NonZeroU64};

/// Slots of a set.
pub(crate) const WAYS: u32 = 4;
const WAYS_USIZE: usize = WAYS as usize;
const VERSION: u8 = 2;
const HEAD_BYTES: u32 = 10;

/// Where in a table a key lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The set: the index of its cell, below the table's number of sets.
    pub set: u32,
    /// What tells the key from others in the set.
    pub tag: NonZeroU64,
}

impl Place {
    /// The place in a table of one.
    pub const ONLY: Self = Self {
        set: 0,
        tag: NonZeroU64::MIN,
    };

    /// Where a key lives among `sets`: SipHash-1-3 under a seed that clients do not know, so that nobody can choose keys
    /// that meet in one set.
    #[inline(never)]
    pub(crate) fn of(sets: NonZeroU32, [k0, k1]: [u64; 2], key: &[u8]) -> Self {
        let hash = siphasher::sip::SipHasher13::new_with_keys(k0, k1).hash(key);
        // Multiply-shift (Lemire, 2019) of the upper half: even over the sets without a division.
        let set = (hash >> 32).saturating_mul(u64::from(sets.get())) >> 32;
        Self {
            set: u32::try_from(set).unwrap_or(0),
            tag: NonZeroU64::new(hash).unwrap_or(NonZeroU64::MIN),
        }
    }
}

/// How many sets have room for so many keys.
pub(crate) fn sets(max_keys: NonZeroU32) -> NonZeroU32 {
    NonZeroU32::new(max_keys.get().div_ceil(WAYS)).unwrap_or(NonZeroU32::MIN)
}

/// The most bytes of a set whose contents take at most so many.
pub(crate) const fn max_bytes(content: u32) -> u32 {
    content
        .saturating_add(HEAD_BYTES)
        .saturating_mul(WAYS)
        .saturating_add(1)
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot<'b> {
    /// 0: free.
    tag: u64,
    content: &'b [u8],
}

/// A set, cut into its slots.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Set<'b>([Slot<'b>; WAYS_USIZE]);

/// A slot of a set, by its position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Way(usize);

impl<'b> Set<'b> {
    /// Cuts a set whose contents take at most so many bytes each.
    #[inline(never)]
    pub(crate) fn read(bytes: Option<&'b [u8]>, most: u32) -> Self {
        bytes.and_then(|bytes| Self::cut(bytes, most)).unwrap_or_default()
    }

    fn cut(bytes: &'b [u8], most: u32) -> Option<Self> {
        let mut set = Self::default();
        let mut slots = set.0.iter_mut();
        let mut rest = bytes.strip_prefix(&[VERSION])?;
        while !rest.is_empty() {
            let (length, more) = rest.split_first_chunk()?;
            let (tag, more) = more.split_first_chunk()?;
            let (content, more) = more.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
            let tag = u64::from_le_bytes(*tag);
            *slots
                .next()
                .filter(|_| tag != 0 && content.len() <= most as usize)? = Slot { tag, content };
            rest = more;
        }
        Some(set)
    }

    /// The slot of a key, and what is in it.
    pub(crate) fn find(&self, tag: NonZeroU64) -> Option<(Way, &'b [u8])> {
        let position = self.0.iter().position(|slot| slot.tag == tag.get())?;
        Some((Way(position), self.0.get(position)?.content))
    }

    /// What is in a slot.
    pub(crate) fn content(&self, way: Way) -> Option<&'b [u8]> {
        self.0
            .get(way.0)
            .filter(|slot| slot.tag != 0)
            .map(|slot| slot.content)
    }

    /// A free slot; else one whose content is `idle`.
    #[inline(never)]
    pub(crate) fn vacant(&self, idle: &dyn Fn(&[u8]) -> bool) -> Option<Way> {
        let free = self.0.iter().position(|slot| slot.tag == 0);
        free.or_else(|| self.0.iter().position(|slot| idle(slot.content)))
            .map(Way)
    }

    /// Packs the set, with what `content` writes for a key in the slot `own`.
    #[inline(never)]
    pub(crate) fn write(&self, own: Way, tag: NonZeroU64, content: &dyn Fn(&mut Vec<u8>), out: &mut Vec<u8>) {
        let mut fresh = Vec::new();
        content(&mut fresh);
        out.clear();
        out.push(VERSION);
        for (position, slot) in self.0.iter().enumerate() {
            let slot = if position == own.0 {
                Slot {
                    tag: tag.get(),
                    content: &fresh,
                }
            } else {
                *slot
            };
            // Contents are bounded far below 64 KiB, but for those that someone else has made.
            if let (Ok(length), true) = (u16::try_from(slot.content.len()), slot.tag != 0) {
                out.extend_from_slice(&length.to_le_bytes());
                out.extend_from_slice(&slot.tag.to_le_bytes());
                out.extend_from_slice(slot.content);
            }
        }
    }
}
