//! Hashes with a secret key: SipHash-2-4 (Aumasson and Bernstein, 2012), for numbers that clients must not foresee.

use siphasher::sip::SipHasher24;
use std::hash::Hasher;

/// A hash under a secret key, for one purpose.
#[derive(Clone)]
pub(crate) struct Keyed(SipHasher24);

impl Keyed {
    /// `purpose` goes in first: no purpose may be the beginning of another, so that hashes for two never are of the same
    /// bytes.
    pub(crate) fn new([k0, k1]: [u64; 2], purpose: &[u8]) -> Self {
        let mut hash = Self(SipHasher24::new_with_keys(k0, k1));
        hash.bytes(purpose);
        hash
    }

    // This and the end are not inlined: they are large, and three modules use them.
    /// Adds bytes as they are.
    #[inline(never)]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.write(bytes);
        self
    }

    /// Adds a number, in eight bytes, little-endian.
    pub(crate) fn number(&mut self, number: u64) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    /// Adds bytes with their length before them, so that where they end counts.
    pub(crate) fn text(&mut self, text: &[u8]) -> &mut Self {
        self.number(u64::try_from(text.len()).unwrap_or(u64::MAX))
            .bytes(text)
    }

    /// The hash of all that was added.
    #[inline(never)]
    pub(crate) fn finish(&self) -> u64 {
        self.0.finish()
    }
}
