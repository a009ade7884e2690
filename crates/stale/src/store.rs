//! The cells, and what may happen to one.
//!
//! # Who gets a cell
//! A response is written to its cell if the cell is free, or holds bytes that cannot be read, or an entry whose time is
//! over, or one that was kept at least [`Store::refresh`] ago. So a live entry is replaced at most once in that time,
//! however many requests there are and whoever they are from: requests that meet in a cell do not push each other out at each
//! turn, and of those the busier one more often has it.
//!
//! # Clocks
//! The wall clock may jump. An entry that lies ahead of it by up to `max_age` has gained no age; further ahead it is absent.
//! So after a clock was set back an entry is served for at most twice `max_age`. One that lies ahead by the refresh time
//! is written anew by the next response.

use crate::entry::{Entry, FRAME_BYTES, Found, Headers};
use crate::pace::apart;
use crate::{Body, Head, Keeping, MAX_HEADER_BYTES};
use fairlead_stage::{Step, Timestamp};
use siphasher::sip::SipHasher13;
use std::hash::Hasher;
use std::num::NonZeroU32;
use std::time::Duration;

/// Where the response to a request is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The cell, below [`Store::cells`].
    pub cell: u32,
    /// What tells the requests of a cell apart.
    pub tag: u64,
}

/// What became of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kept {
    /// It is in the store now.
    Stored,
    /// The store has one for the same request that is recent enough.
    Recent,
    /// Its cell holds a recent one for another request.
    Occupied,
    /// Its body is too long, or not as long as its `content-length` has announced: it was cut off (RFC 9111, 3.3).
    Unfit,
}

/// A store of responses: how many, how long, how large. The responses themselves are in the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store {
    cells: NonZeroU32,
    max_body: u32,
    /// Nanoseconds, and so is the next.
    max_age: u64,
    refresh: u64,
}

const SECOND: u64 = 1_000_000_000;

impl Store {
    /// A store of at most `max_entries` responses with bodies of up to `max_body_bytes`, each served until `max_age` after
    /// it was kept.
    #[must_use]
    pub fn new(max_entries: NonZeroU32, max_body_bytes: u32, max_age: Duration) -> Self {
        let max_age = u64::try_from(max_age.as_nanos()).unwrap_or(u64::MAX);
        Self {
            cells: max_entries,
            max_body: max_body_bytes,
            max_age,
            refresh: (max_age / 20).clamp(SECOND, 60 * SECOND),
        }
    }

    /// How many cells it needs: one an entry.
    #[must_use]
    pub const fn cells(&self) -> u32 {
        self.cells.get()
    }

    /// The most bytes of a cell: body, [`MAX_HEADER_BYTES`] and 31 bytes of framing.
    #[must_use]
    pub const fn cell_bytes(&self) -> u32 {
        self.max_body
            .saturating_add(MAX_HEADER_BYTES)
            .saturating_add(FRAME_BYTES)
    }

    /// How long an entry is left as it is: a twentieth of `max_age`, between 1 s and 60 s. What is served is older than the
    /// last good response by no more than this, or twice this with a [`crate::Pace`], if no other request shares its cell.
    #[must_use]
    pub const fn refresh(&self) -> Duration {
        Duration::from_nanos(self.refresh)
    }

    pub(crate) const fn refresh_nanos(&self) -> u64 {
        self.refresh
    }

    /// The place for a request that is told from others by these parts: authority, path with query, `accept-encoding`. A
    /// part that the request does not have is an empty one.
    ///
    /// `seed` is secret, and the same for all that share the cells. The tag is all 64 bits of a SipHash-1-3 (Aumasson and
    /// Bernstein, 2012, with fewer rounds) over the parts, each after its length: a response is served for a request that
    /// is not its own with a probability of 2^-64, which nobody without the seed can raise.
    #[must_use]
    pub fn locate<'p>(&self, [k0, k1]: [u64; 2], parts: impl IntoIterator<Item = &'p [u8]>) -> Place {
        let mut hasher = SipHasher13::new_with_keys(k0, k1);
        for part in parts {
            hash_part(&mut hasher, part);
        }
        let tag = hasher.finish();
        // The upper half of the hash, scaled to the number of cells (Lemire, 2019): below it, and at most 32 bits.
        let scaled = (tag >> 32).saturating_mul(self.cells.get().into()) >> 32;
        Place {
            cell: u32::try_from(scaled).unwrap_or(0),
            tag,
        }
    }

    /// Begins to judge the headers of a response.
    #[must_use]
    pub const fn keeping(&self) -> Keeping {
        Keeping::new(self.max_body)
    }

    /// Begins to collect the body of a response.
    #[must_use]
    pub fn body(&self, head: &Head) -> Body {
        Body::new(self.max_body as usize, head.content_length)
    }

    /// Keeps a whole response, one step of a cell: nothing of `self` or the arguments but `new` changes, so it may run
    /// again. A response whose stream was reset is not whole: the caller does not bring it here.
    ///
    /// Cost: one copy of headers and body if it is written, else a few comparisons.
    pub fn keep(
        &self,
        place: Place,
        now: Timestamp,
        head: &Head,
        body: &[u8],
        old: Option<&[u8]>,
        new: &mut Vec<u8>,
    ) -> Step<Kept> {
        let cut = head
            .content_length
            .is_some_and(|length| length as usize != body.len());
        if cut || body.len() > self.max_body as usize {
            return Step::Keep(Kept::Unfit);
        }
        if let Some(entry) = old.and_then(Entry::decode)
            && self.is_usable(&entry, now)
            && apart(entry.kept, now) < self.refresh
        {
            let same = entry.tag == place.tag;
            return Step::Keep(if same { Kept::Recent } else { Kept::Occupied });
        }
        let entry = Entry {
            tag: place.tag,
            kept: now,
            age: head.age,
            lifetime: head.lifetime,
            status: head.status,
            headers: &head.headers,
            body,
        };
        entry.encode(new);
        Step::Write(Kept::Stored)
    }

    /// The response that is kept at this place, if there is one and it may be served now.
    #[must_use]
    pub fn find<'b>(&self, place: Place, now: Timestamp, old: Option<&'b [u8]>) -> Option<Found<'b>> {
        let entry = Entry::decode(old?)?;
        let good = entry.tag == place.tag
            && self.is_usable(&entry, now)
            && entry.body.len() <= self.max_body as usize
            && Headers(entry.headers).are_whole();
        good.then(|| Found {
            status: entry.status,
            age: Duration::from_secs(entry.age.into()).saturating_add(now.since(entry.kept)),
            body: entry.body,
            headers: entry.headers,
        })
    }

    /// Has the entry's time come, and is it not over?
    #[inline(never)]
    fn is_usable(&self, entry: &Entry<'_>, now: Timestamp) -> bool {
        let (kept, now) = (entry.kept.as_unix_nanos(), now.as_unix_nanos());
        let lifetime = u64::from(entry.lifetime).saturating_mul(SECOND).min(self.max_age);
        now.saturating_sub(kept) < lifetime && kept.saturating_sub(now) <= self.max_age
    }
}

/// Adds a part, its length first, so that `ab`, `c` and `a`, `bc` are different requests.
#[inline(never)]
fn hash_part(hasher: &mut SipHasher13, part: &[u8]) {
    let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
    hasher.write(&length.to_le_bytes());
    hasher.write(part);
}

#[cfg(test)]
mod tests;
