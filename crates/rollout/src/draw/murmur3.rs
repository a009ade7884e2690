//! MurmurHash3 x86 32 (Austin Appleby, 2011, public domain), of bytes that come in pieces.

/// MurmurHash3 x86 32 with seed 0.
#[must_use]
pub fn murmur3(bytes: &[u8]) -> u32 {
    Murmur3::seeded(0).with(bytes).finish()
}

/// A hash that has taken in some bytes and waits for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Murmur3 {
    hash: u32,
    /// Bytes that do not fill a block yet, little-endian: as many as `length` is beyond a multiple of 4.
    rest: u32,
    /// Counts modulo 2^32.
    length: u32,
}

impl Murmur3 {
    /// A hash of nothing yet, with any seed, which is what its test vectors need.
    #[inline]
    pub(super) const fn seeded(seed: u32) -> Self {
        Self {
            hash: seed,
            rest: 0,
            length: 0,
        }
    }

    /// Takes in bytes behind those before.
    #[inline]
    pub(super) fn with(mut self, bytes: &[u8]) -> Self {
        let bits = (self.length % 4).wrapping_mul(8);
        let (blocks, tail) = bytes.as_chunks::<4>();
        let mut waiting = u64::from(self.rest);
        for block in blocks {
            waiting |= u64::from(u32::from_le_bytes(*block)).wrapping_shl(bits);
            self.take_in(waiting as u32);
            waiting >>= 32;
        }
        let mut bits = bits;
        for byte in tail {
            waiting |= u64::from(*byte).wrapping_shl(bits);
            bits = bits.wrapping_add(8);
        }
        if bits >= 32 {
            self.take_in(waiting as u32);
            waiting >>= 32;
        }
        self.rest = waiting as u32;
        self.length = self.length.wrapping_add(bytes.len() as u32);
        self
    }

    fn take_in(&mut self, block: u32) {
        self.hash = (self.hash ^ mixed(block)).rotate_left(13);
        self.hash = self.hash.wrapping_mul(5).wrapping_add(0xe654_6b64);
    }

    /// The hash of all bytes.
    #[inline]
    pub(super) const fn finish(self) -> u32 {
        // Without any bytes left this mixes in 0, which changes nothing.
        let mut hash = self.hash ^ mixed(self.rest) ^ self.length;
        hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
        hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
        hash ^ hash >> 16
    }
}

const fn mixed(word: u32) -> u32 {
    word.wrapping_mul(0xcc9e_2d51)
        .rotate_left(15)
        .wrapping_mul(0x1b87_3593)
}
