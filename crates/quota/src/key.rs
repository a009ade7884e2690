//! Keys of clients, hashed.
//!
//! A table stores 64 bits of a key, never the key. The hash is SipHash-1-3 (Aumasson and Bernstein, 2012, with the
//! reduced rounds that Rust's own hash maps use) under a 128-bit seed that clients do not know, so that nobody can choose
//! keys that meet in one set of a table. Two keys that share all 64 bits share a bucket: both together then get the rate
//! of one. With n keys in the table that befalls a new key with a probability below n / 2^64.
//!
//! Cost: about 15 ns for a short key natively.

use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// A hashed key. One hash addresses the key in any number of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyHash(u64);

impl KeyHash {
    /// The hash of a key that is in one piece.
    #[must_use]
    pub fn of(seed: [u64; 2], key: &[u8]) -> Self {
        KeyHasher::new(seed).part(key).finish()
    }

    /// The hash of a key that is `value` behind `frame`, without putting it together: that of the whole.
    #[must_use]
    pub fn of_framed([k0, k1]: [u64; 2], frame: [u8; 4], value: &[u8]) -> Self {
        let length = value.len().saturating_add(frame.len());
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let mut hasher = SipHasher13::new_with_keys(k0, k1);
        // Numbers are written as the bytes that they are in memory, in fewer steps than bytes.
        hasher.write_u64(length.to_le());
        hasher.write_u32(u32::from_ne_bytes(frame));
        hasher.write(value);
        Self(hasher.finish())
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }
}

/// Hashes a key part by part, without putting it together.
#[derive(Clone, Debug)]
pub struct KeyHasher(SipHasher13);

impl KeyHasher {
    /// A hasher under `seed`, which must be secret and the same for all that share the table.
    #[must_use]
    pub fn new([k0, k1]: [u64; 2]) -> Self {
        Self(SipHasher13::new_with_keys(k0, k1))
    }

    /// Adds a part. Its length goes in first, so that `ab`, `c` and `a`, `bc` are different keys.
    #[must_use]
    pub fn part(mut self, part: &[u8]) -> Self {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        self.0.write(&length.to_le_bytes());
        self.0.write(part);
        self
    }

    /// The hash of all parts.
    #[must_use]
    pub fn finish(self) -> KeyHash {
        KeyHash(self.0.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const SEED: [u64; 2] = [1, 2];

    #[test]
    fn where_parts_end_is_part_of_the_key() {
        let hash = |parts: &[&str]| {
            parts
                .iter()
                .fold(KeyHasher::new(SEED), |hasher, part| hasher.part(part.as_bytes()))
                .finish()
        };
        let all = [
            hash(&["ab", "c"]),
            hash(&["a", "bc"]),
            hash(&["abc"]),
            hash(&["abc", ""]),
            hash(&["", "abc"]),
        ];
        for (i, one) in all.iter().enumerate() {
            assert!(all.iter().skip(i + 1).all(|other| one != other));
        }
        assert_eq!(hash(&["abc"]), KeyHash::of(SEED, b"abc"));
    }

    #[test]
    fn a_framed_key_is_the_key_that_both_make() {
        let key = b"a key of more than eight bytes";
        for end in 4..=key.len() {
            let (frame, value) = key[..end].split_first_chunk().unwrap();
            assert_eq!(
                KeyHash::of_framed(SEED, *frame, value),
                KeyHash::of(SEED, &key[..end])
            );
        }
    }

    #[test]
    fn another_seed_yields_another_hash() {
        assert_ne!(KeyHash::of([1, 2], b"key"), KeyHash::of([1, 3], b"key"));
        assert_ne!(KeyHash::of([1, 2], b"key"), KeyHash::of([2, 2], b"key"));
    }

    #[test]
    fn the_hash_is_the_same_on_every_platform() {
        // A native module and a Wasm filter may share stored cells.
        assert_eq!(KeyHash::of(SEED, b"client-1").bits(), 5_088_744_284_408_135_461);
    }
}
