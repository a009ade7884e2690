//! The ABI's encoding of a header map: a count, then the lengths of all names and values, then the bytes, each followed
//! by NUL; numbers are 32-bit little-endian. Envoy: `proxy-wasm-cpp-host/src/pairs_util.cc`.
//!
//! A fetched map is searched where it lies; nothing is copied out of it. A search costs one comparison of lengths a
//! header. Bytes that do not decode are an empty map.

use std::borrow::Cow;

/// A fetched header map.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    bytes: Vec<u8>,
}

impl Pairs {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// The first value of `name`.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// All values of `name`, joined by `separator`; borrowed if there is one.
    pub(crate) fn joined(&self, name: &[u8], separator: &[u8]) -> Option<Cow<'_, [u8]>> {
        let mut values = self
            .iter()
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value);
        let first = values.next()?;
        let Some(second) = values.next() else {
            return Some(Cow::Borrowed(first));
        };
        let mut all = first.to_vec();
        for value in std::iter::once(second).chain(values) {
            all.extend_from_slice(separator);
            all.extend_from_slice(value);
        }
        Some(Cow::Owned(all))
    }

    /// Shows every line, in order.
    pub(crate) fn each(&self, show: &mut dyn FnMut(&[u8], &[u8])) {
        for (name, value) in self.iter() {
            show(name, value);
        }
    }

    fn iter(&self) -> Iter<'_> {
        let count = word(&self.bytes, 0).unwrap_or(0);
        let data = count
            .checked_mul(8)
            .and_then(|n| n.checked_add(4))
            .unwrap_or(usize::MAX);
        Iter {
            bytes: &self.bytes,
            next: 0,
            count,
            data,
        }
    }
}

struct Iter<'p> {
    bytes: &'p [u8],
    next: usize,
    count: usize,
    data: usize,
}

impl<'p> Iterator for Iter<'p> {
    type Item = (&'p [u8], &'p [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.count {
            return None;
        }
        let lengths = self.next.checked_mul(8)?.checked_add(4)?;
        let name_len = word(self.bytes, lengths)?;
        let value_len = word(self.bytes, lengths.checked_add(4)?)?;
        let name_end = self.data.checked_add(name_len)?;
        let value_start = name_end.checked_add(1)?;
        let value_end = value_start.checked_add(value_len)?;
        let name = self.bytes.get(self.data..name_end)?;
        let value = self.bytes.get(value_start..value_end)?;
        self.data = value_end.checked_add(1)?;
        self.next = self.next.checked_add(1)?;
        Some((name, value))
    }
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let word = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes(word.try_into().ok()?)).ok()
}

/// Writes pairs in the ABI's encoding into `out`, which is cleared first.
pub(crate) fn encode<'a>(out: &mut Vec<u8>, pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) {
    out.clear();
    let length = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&length(pairs.clone().count()));
    for (name, value) in pairs.clone() {
        out.extend_from_slice(&length(name.len()));
        out.extend_from_slice(&length(value.len()));
    }
    for (name, value) in pairs {
        out.extend_from_slice(name);
        out.push(0);
        out.extend_from_slice(value);
        out.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
        let mut out = vec![9; 3];
        encode(&mut out, pairs.iter().map(|(k, v)| (k.as_slice(), v.as_slice())));
        out
    }

    #[test]
    fn the_first_of_several_values_is_found() {
        let map = Pairs::new(encoded(&[
            (b"a".to_vec(), b"1".to_vec()),
            (b"b".to_vec(), vec![]),
            (b"a".to_vec(), b"2".to_vec()),
        ]));
        assert_eq!(map.get(b"a"), Some(&b"1"[..]));
        assert_eq!(map.get(b"b"), Some(&b""[..]));
        assert_eq!(map.get(b"c"), None);
        assert_eq!(map.joined(b"a", b"; ").as_deref(), Some(&b"1; 2"[..]));
        assert_eq!(map.joined(b"b", b"; ").as_deref(), Some(&b""[..]));
        assert_eq!(map.joined(b"c", b"; "), None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(pairs in prop::collection::vec((prop::collection::vec(1u8.., 1..9), prop::collection::vec(any::<u8>(), 0..40)), 0..20)) {
            let map = Pairs::new(encoded(&pairs));
            let read: Vec<_> = map.iter().map(|(k, v)| (k.to_vec(), v.to_vec())).collect();
            prop_assert_eq!(read, pairs);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), name in prop::collection::vec(any::<u8>(), 0..4)) {
            let map = Pairs::new(bytes);
            let _ = map.get(&name);
            prop_assert!(map.iter().count() <= 200);
        }
    }
}
