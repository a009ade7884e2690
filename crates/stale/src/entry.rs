//! A kept response, as bytes.
//!
//! | bytes | |
//! |---|---|
//! | 1 | version 1 |
//! | 8 | tag |
//! | 8 | when it was kept, nanoseconds since the Unix epoch |
//! | 4 | its `age` then, seconds |
//! | 4 | how long it may be served at most, seconds |
//! | 2 | status |
//! | 4 | bytes of headers |
//! | | headers: each the length of its name (2), of its value (2), name, value |
//! | the rest | body |
//!
//! Numbers are little-endian. Bytes of any other form count as absent.

use crate::head;
use fairlead_stage::Timestamp;
use std::time::Duration;

const VERSION: u8 = 1;

/// What comes before the headers.
pub(crate) const FRAME_BYTES: u32 = 1 + 8 + 8 + 4 + 4 + 2 + 4;

/// A kept response, unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'b> {
    pub(crate) tag: u64,
    pub(crate) kept: Timestamp,
    pub(crate) age: u32,
    pub(crate) lifetime: u32,
    pub(crate) status: u16,
    pub(crate) headers: &'b [u8],
    pub(crate) body: &'b [u8],
}

impl<'b> Entry<'b> {
    /// Reads all but what the headers are.
    #[inline(never)]
    pub(crate) fn decode(bytes: &'b [u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (tag, rest) = rest.split_first_chunk()?;
        let (kept, rest) = rest.split_first_chunk()?;
        let (age, rest) = rest.split_first_chunk()?;
        let (lifetime, rest) = rest.split_first_chunk()?;
        let (status, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (headers, body) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let status = u16::from_le_bytes(*status);
        if *version != VERSION || !head::keeps(status) {
            return None;
        }
        Some(Self {
            tag: u64::from_le_bytes(*tag),
            kept: Timestamp::from_unix_nanos(u64::from_le_bytes(*kept)),
            age: u32::from_le_bytes(*age),
            lifetime: u32::from_le_bytes(*lifetime),
            status,
            headers,
            body,
        })
    }

    /// Appends the bytes that [`Entry::decode`] reads.
    #[inline(never)]
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let length = u32::try_from(self.headers.len()).unwrap_or(u32::MAX);
        out.reserve_exact(
            (FRAME_BYTES as usize)
                .saturating_add(self.headers.len())
                .saturating_add(self.body.len()),
        );
        put(out, &[VERSION]);
        put(out, &self.tag.to_le_bytes());
        put(out, &self.kept.as_unix_nanos().to_le_bytes());
        put(out, &self.age.to_le_bytes());
        put(out, &self.lifetime.to_le_bytes());
        put(out, &self.status.to_le_bytes());
        put(out, &length.to_le_bytes());
        put(out, self.headers);
        put(out, self.body);
    }
}

/// Not inlined, for it is called often and small only so.
#[inline(never)]
fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
}

/// Appends a header as an entry has it; false, and nothing is appended, if name or value are too long for that.
pub(crate) fn push_header(out: &mut Vec<u8>, name: &[u8], value: &[u8]) -> bool {
    let (Ok(name_length), Ok(value_length)) = (u16::try_from(name.len()), u16::try_from(value.len())) else {
        return false;
    };
    put(out, &name_length.to_le_bytes());
    put(out, &value_length.to_le_bytes());
    put(out, name);
    put(out, value);
    true
}

/// The headers of a kept response, name and value, in the order in which they came.
#[derive(Clone, Debug)]
pub struct Headers<'b>(pub(crate) &'b [u8]);

impl<'b> Headers<'b> {
    /// Are these bytes headers to their end?
    pub(crate) fn are_whole(mut self) -> bool {
        self.by_ref().all(|(name, _)| !name.is_empty()) && self.0.is_empty()
    }
}

impl<'b> Iterator for Headers<'b> {
    type Item = (&'b [u8], &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name_length, rest) = self.0.split_first_chunk()?;
        let (value_length, rest) = rest.split_first_chunk()?;
        let (name, rest) = rest.split_at_checked(u16::from_le_bytes(*name_length).into())?;
        let (value, rest) = rest.split_at_checked(u16::from_le_bytes(*value_length).into())?;
        self.0 = rest;
        Some((name, value))
    }
}

/// A kept response that may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'b> {
    /// Its status, one of those that are kept.
    pub status: u16,
    /// How old it is: its `age` when it was kept, and the time since (RFC 9111, 4.2.3, without a look at `date`, and
    /// without the time that the response took).
    pub age: Duration,
    /// Its body.
    pub body: &'b [u8],
    pub(crate) headers: &'b [u8],
}

impl<'b> Found<'b> {
    /// Its headers, without `content-length`, `age` and those that were for one connection only.
    #[must_use]
    pub const fn headers(&self) -> Headers<'b> {
        Headers(self.headers)
    }
}
