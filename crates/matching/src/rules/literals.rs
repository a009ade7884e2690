//! A set of byte strings, each with a number: the hash table of the index.
//!
//! Open addressing at most half full, 8 bytes a slot. The set is filled from a config and then only asked, so what
//! clients send cannot make it degrade, and the hash needs no secret. (The standard map would draw one from the
//! host, and its SipHash costs more than the rest of a look-up.) A look-up hashes the text, eight bytes a step, and
//! compares it with one key in all likelihood, with none if it is not in the set.

use super::{small, work};

/// The set. Numbers count from 0 in the order of insertion.
#[derive(Clone, Debug, Default)]
pub(crate) struct Literals {
    /// A power of two of slots, or none.
    slots: Vec<Slot>,
    /// Where each key ends in `bytes`; it starts where the one before ends.
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    hash: u32,
    /// The key's number plus one; 0 = free.
    key: u32,
}

impl Literals {
    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// The number of a text.
    #[inline]
    pub(crate) fn get(&self, text: &[u8]) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let hash = hash(text);
        let key = self.slots.get(self.place(hash, text)).map_or(0, |slot| slot.key);
        key.checked_sub(1)
    }

    /// The number of a text that is put in if it is not there.
    pub(crate) fn insert(&mut self, text: &[u8]) -> u32 {
        if let Some(known) = self.get(text) {
            return known;
        }
        self.bytes.extend_from_slice(text);
        self.ends.push(small(self.bytes.len()));
        let key = small(self.ends.len());
        if self.ends.len().saturating_mul(2) > self.slots.len() {
            let slots = self.ends.len().saturating_mul(2).next_power_of_two();
            self.slots.clear();
            self.slots.resize(slots, Slot::default());
            for number in 0..key {
                let hash = hash(self.key(number));
                self.put(hash, number);
            }
        } else {
            self.put(hash(text), key.saturating_sub(1));
        }
        key.saturating_sub(1)
    }

    fn put(&mut self, hash: u32, number: u32) {
        let place = self.place(hash, self.key(number));
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Slot {
                hash,
                key: number.saturating_add(1),
            };
        }
    }

    /// The text of a number.
    pub(crate) fn key(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let start = number
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .map_or(0, |end| *end as usize);
        let end = self.ends.get(number).map_or(start, |end| *end as usize);
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// The slot of a text, or the free one where it would go. At least half of the slots are free, so there is one.
    #[inline]
    fn place(&self, hash: u32, text: &[u8]) -> usize {
        let mask = self.slots.len().wrapping_sub(1);
        let mut place = hash as usize & mask;
        loop {
            work::count(1);
            match self.slots.get(place) {
                Some(slot) if slot.key != 0 => {
                    if slot.hash == hash {
                        work::count(text.len().wrapping_shr(3).saturating_add(1));
                        if same(self.key(slot.key.wrapping_sub(1)), text) {
                            return place;
                        }
                    }
                }
                _ => return place,
            }
            place = place.wrapping_add(1) & mask;
        }
    }
}

/// Whether two texts are equal. `==` becomes a call that, in Wasm, compares one byte at a time.
#[inline]
fn same(left: &[u8], right: &[u8]) -> bool {
    let ((left_words, left_tail), (right_words, right_tail)) =
        (left.as_chunks::<8>(), right.as_chunks::<8>());
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    left.len() == right.len()
        && left_words
            .iter()
            .zip(right_words)
            .all(|(left, right)| word(left) == word(right))
        && left_tail
            .iter()
            .zip(right_tail)
            .all(|(left, right)| left == right)
}

/// Multiplies and folds eight bytes at a time. The length goes in first, so that zero bytes at the end count.
#[inline]
fn hash(text: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |state: u64, word: u64| {
        let product = (state ^ word).wrapping_mul(FACTOR);
        product ^ product.wrapping_shr(32)
    };
    let (words, tail) = text.as_chunks::<8>();
    work::count(words.len().saturating_add(1));
    let mut state = text.len() as u64;
    for word in words {
        state = mix(state, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(tail) {
        *to = *from;
    }
    let state = mix(mix(state, u64::from_le_bytes(last)), 0);
    // The upper half: the better mixed one of a product.
    (state.wrapping_shr(32) as u32) ^ (state as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_text_with_the_hash_of_another_is_not_taken_for_it() {
        let mut seen = HashMap::new();
        let (first, second) = (0_u64..)
            .find_map(|number| {
                let text = format!("/path-{number}");
                seen.insert(hash(text.as_bytes()), text.clone())
                    .map(|other| (other, text))
            })
            .unwrap();
        let mut set = Literals::default();
        assert_eq!(set.insert(first.as_bytes()), 0);
        assert_eq!(set.get(second.as_bytes()), None);
        assert_eq!(set.insert(second.as_bytes()), 1);
        assert_eq!(set.get(first.as_bytes()), Some(0));
    }

    #[test]
    fn texts_keep_their_numbers_while_the_set_grows() {
        let mut set = Literals::default();
        // Beginnings of each other and the empty text, which differ in nothing but their length.
        let texts: Vec<Vec<u8>> = (0..300).map(|length| vec![0; length]).collect();
        for (number, text) in (0..).zip(&texts) {
            assert_eq!(set.insert(text), number);
            assert_eq!(set.insert(text), number, "put in again");
        }
        for (number, text) in (0..).zip(&texts) {
            assert_eq!((set.get(text), set.key(number)), (Some(number), &text[..]));
        }
        assert_eq!(set.get(&[0; 300]), None);
        assert_eq!(Literals::default().get(b""), None);
    }
}
