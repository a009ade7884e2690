//! MurmurHash3 x86 32 (Austin Appleby, 2011, public domain), of bytes that are in one piece.

/// MurmurHash3 x86 32 with seed 0.
#[must_use]
pub fn murmur3(bytes: &[u8]) -> u32 {
    seeded(bytes, 0)
}

/// MurmurHash3 x86 32 with any seed, which is what its test vectors need.
#[inline]
pub(super) fn seeded(bytes: &[u8], seed: u32) -> u32 {
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = seed;
    for block in blocks {
        hash = (hash ^ mixed(u32::from_le_bytes(*block))).rotate_left(13);
        hash = hash.wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    // Up to three bytes, little-endian. Without any this mixes in 0, which changes nothing.
    let tail = tail
        .iter()
        .rev()
        .fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
    hash ^= mixed(tail);
    // The length counts modulo 2^32.
    hash ^= bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

const fn mixed(word: u32) -> u32 {
    word.wrapping_mul(0xcc9e_2d51)
        .rotate_left(15)
        .wrapping_mul(0x1b87_3593)
}
