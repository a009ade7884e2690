//! A user's place, and the variant that the weights give it.
//!
//! A key, with a salt before it, is hashed to a [`Place`]: a number from 0 up to 1,000,000. The weights of the variants
//! are ranges laid end to end from 0, in order, and who is beyond the last has the default variant. So a user needs no
//! memory to be given the same variant by every proxy, and a first variant whose weight grows keeps everyone it has.
//! A later variant's range begins where the earlier ones end: whoever changes their weights moves it.
//!
//! Another salt draws other users: the places of a user under two salts are independent.
//!
//! [`Hash::Murmur3`] draws the lines that flagd draws (`fractional`, since it reckons in integers): to the bit where weights
//! are whole percents.
//! MurmurHash3 has no key: a client that may choose its key can choose its variant too. Draw on what a client cannot
//! choose freely, or keep the salt to yourself, which makes it a matter of trying.
//!
//! Cost natively: a place by MurmurHash3 takes about a nanosecond for four bytes of the key, by SHA-256 about 65 (some
//! hundred without instructions for it), without a key 30; picking 3. Nothing is allocated.
//!
//! What this does not do: find a key in a request, know of ramps or guards: weights are what they are at the moment.

mod keyed;
mod murmur3;
#[cfg(test)]
mod tests;

pub(crate) use keyed::Keyed;
pub use murmur3::murmur3;

use crate::Share;
use fairlead_stage::Timestamp;
use murmur3::Murmur3;
use sha2::{Digest, Sha256};

/// Stands between the parts of a composite key.
pub const SEPARATOR: u8 = b'|';

/// How a key becomes a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hash {
    /// MurmurHash3 x86 32, seed 0, scaled as flagd does: `(hash * 1,000,000) >> 32`.
    #[default]
    Murmur3,
    /// The first eight bytes of SHA-256, big-endian, modulo 100, as Higress' traffic-tag does: whole percents.
    Sha256Percent,
}

/// Where a user stands between 0 and 1,000,000: who stands below a weight is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(u32);

impl Place {
    /// A place from parts per million; `None` from 1,000,000 on.
    #[must_use]
    pub const fn from_ppm(ppm: u32) -> Option<Self> {
        if ppm < Share::WHOLE_PPM {
            Some(Self(ppm))
        } else {
            None
        }
    }

    /// Parts per million, 0 to 999,999.
    #[must_use]
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// The place of evenly distributed bits: `(bits * 1,000,000) >> 32`, which is below the whole.
    const fn of_bits(bits: u32) -> Self {
        Self(((bits as u64).wrapping_mul(Share::WHOLE_PPM as u64) >> 32) as u32)
    }
}

/// How keys are drawn that all have the same salt before them, which is taken in once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salted(Salt);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Salt {
    Murmur3(Murmur3),
    Sha256Percent(Box<[u8]>),
}

impl Salted {
    /// Draws by `hash` under `salt`.
    #[must_use]
    pub fn new(hash: Hash, salt: &[u8]) -> Self {
        Self(match hash {
            Hash::Murmur3 => Salt::Murmur3(Murmur3::seeded(0).with(salt)),
            Hash::Sha256Percent => Salt::Sha256Percent(salt.into()),
        })
    }

    /// The place of a key: that of salt and key as one.
    #[must_use]
    #[inline]
    pub fn place(&self, key: &[u8]) -> Place {
        match &self.0 {
            Salt::Murmur3(salt) => Place::of_bits(salt.with(key).finish()),
            Salt::Sha256Percent(salt) => sha256_percent(salt, key),
        }
    }
}

/// The place of a key that has its salt before it.
#[must_use]
pub fn place(hash: Hash, salted_key: &[u8]) -> Place {
    match hash {
        Hash::Murmur3 => Place::of_bits(murmur3(salted_key)),
        Hash::Sha256Percent => sha256_percent(b"", salted_key),
    }
}

fn sha256_percent(salt: &[u8], key: &[u8]) -> Place {
    /// Parts per million of one percent.
    const PERCENT: u32 = 10_000;
    let [hash, _] = sha256(salt, key);
    Place(((hash % 100) as u32).wrapping_mul(PERCENT))
}

/// The first half of the SHA-256 of two pieces, as two big-endian numbers.
#[inline(never)]
pub(crate) fn sha256(before: &[u8], bytes: &[u8]) -> [u64; 2] {
    let hash: [u8; 32] = Sha256::new()
        .chain_update(before)
        .chain_update(bytes)
        .finalize()
        .into();
    let mut words = hash.as_chunks().0.iter().map(|word| u64::from_be_bytes(*word));
    [words.next().unwrap_or(0), words.next().unwrap_or(0)]
}

/// A place for someone without a key: SipHash-2-4 of the clock and a counter under a secret seed, the upper half of it
/// scaled as [`Hash::Murmur3`] is.
///
/// Two draws must not share both `now` and `count`. Clients that do not know the seed cannot tell the next place.
#[must_use]
#[inline(never)]
pub fn random(seed: [u64; 2], now: Timestamp, count: u64) -> Place {
    let hash = Keyed::new(seed, b"draw")
        .number(now.as_unix_nanos())
        .number(count)
        .finish();
    Place::of_bits((hash >> 32) as u32)
}

/// The position of the variant whose range the place falls into; `None`: the default variant.
///
/// Weights beyond the whole have no room: the first ones win. For variants that may be held back, see [`crate::ranges`].
pub fn pick(place: Place, weights: impl IntoIterator<Item = Share>) -> Option<usize> {
    let mut end = 0_u32;
    weights.into_iter().position(|weight| {
        end = end.saturating_add(weight.ppm());
        place.ppm() < end
    })
}

/// What a variant of weight `weight` gets of `total`, if all `count` variants that share it have the weights `sum`
/// together: `total * weight / sum`, rounded down. Where they have none, each gets the same.
///
/// The parts of all variants never add up to more than `total`, and none shrinks where `total` grows.
#[must_use]
pub fn portion(total: Share, weight: Share, sum: Share, count: usize) -> Share {
    let total = total.ppm();
    let part = if sum == Share::NONE {
        u32::try_from(count)
            .ok()
            .and_then(|count| total.checked_div(count))
    } else {
        // Nobody weighs more than all together.
        let weight = u64::from(weight.min(sum).ppm());
        let product = u64::from(total).wrapping_mul(weight);
        product.checked_div(u64::from(sum.ppm())).map(|part| part as u32)
    };
    part.and_then(Share::from_ppm).unwrap_or(Share::NONE)
}
