//! Header edits that a stage wishes for, applied after it has returned.
//!
//! One buffer serves all streams of a worker: names and values are spans of it, so that collecting edits allocates
//! nothing once it has grown to its working size. A value that is known is copied there; one that is written is composed
//! in a second buffer first, so that who writes it starts from an empty one.

use crate::HeaderMap;

/// What is done to a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditKind {
    /// Replaces all values by one.
    Set,
    /// Appends one more value.
    Add,
    /// Removes all values.
    Remove,
}

/// An edit, and where it is in the bytes: the name, and its value right behind it.
#[derive(Clone, Copy, Debug)]
struct Span {
    map: HeaderMap,
    kind: EditKind,
    name: usize,
    value: usize,
    end: usize,
}

/// One edit, borrowed from [`Effects`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit<'e> {
    /// The map it applies to.
    pub map: HeaderMap,
    /// What is done.
    pub kind: EditKind,
    /// Header name, lower case.
    pub name: &'e [u8],
    /// New value; empty for [`EditKind::Remove`].
    pub value: &'e [u8],
}

/// The collected edits of one callback, in the order in which they were asked for.
#[derive(Debug, Default)]
pub struct Effects {
    bytes: Vec<u8>,
    value: Vec<u8>,
    spans: Vec<Span>,
    /// How many of them have been applied.
    applied: usize,
}

impl Effects {
    /// Asks for `name` to have exactly one value, which `write` puts into the empty buffer that it is given.
    pub fn set(&mut self, map: HeaderMap, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.push(map, EditKind::Set, name, write);
    }

    /// Asks for one more value of `name`.
    pub fn add(&mut self, map: HeaderMap, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.push(map, EditKind::Add, name, write);
    }

    /// Asks for `name` to be removed.
    pub fn remove(&mut self, map: HeaderMap, name: &str) {
        self.push(map, EditKind::Remove, name, |_| ());
    }

    /// [`Effects::set`] to a value that is known.
    pub fn set_to(&mut self, map: HeaderMap, name: &str, value: &[u8]) {
        let at = self.bytes.len();
        // Once for both: each piece that grows the buffer asks anew whether it has room.
        self.bytes.reserve(name.len().saturating_add(value.len()));
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(value);
        self.note(map, EditKind::Set, at, name);
    }

    fn push(&mut self, map: HeaderMap, kind: EditKind, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(name.as_bytes());
        self.value.clear();
        write(&mut self.value);
        self.bytes.extend_from_slice(&self.value);
        self.note(map, kind, at, name);
    }

    /// Notes an edit whose name has been written at `at`, and its value behind it, up to the end.
    fn note(&mut self, map: HeaderMap, kind: EditKind, at: usize, name: &str) {
        self.spans.push(Span {
            map,
            kind,
            name: at,
            value: at.saturating_add(name.len()),
            end: self.bytes.len(),
        });
    }

    /// The edits, in order.
    pub fn edits(&self) -> impl Iterator<Item = Edit<'_>> + Clone {
        self.spans.iter().map(|span| Edit {
            map: span.map,
            kind: span.kind,
            name: self.bytes.get(span.name..span.value).unwrap_or_default(),
            value: self.bytes.get(span.value..span.end).unwrap_or_default(),
        })
    }

    /// The edits that have not been applied yet, in order.
    pub fn pending(&self) -> impl Iterator<Item = Edit<'_>> {
        self.edits().skip(self.applied)
    }

    /// Says that all edits so far have been applied. They are still shown.
    pub fn settle(&mut self) {
        self.applied = self.spans.len();
    }

    /// Moves all edits of `other` behind these.
    pub fn append(&mut self, other: &mut Self) {
        let by = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.spans.extend(other.spans.iter().map(|span| Span {
            name: span.name.saturating_add(by),
            value: span.value.saturating_add(by),
            end: span.end.saturating_add(by),
            ..*span
        }));
        other.clear();
    }

    /// Whether nothing was asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Forgets all edits and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
        self.applied = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn edits_come_back_in_the_order_they_were_asked_for() {
        let mut effects = Effects::default();
        effects.set(HeaderMap::Request, "x-a", |out| out.extend_from_slice(b"1"));
        effects.remove(HeaderMap::Response, "x-b");
        effects.add(HeaderMap::Response, "x-c", |_| ());
        let mut later = Effects::default();
        later.set_to(HeaderMap::Request, "x-d", b"4");
        effects.append(&mut later);
        assert!(later.is_empty());
        let seen: Vec<_> = effects
            .edits()
            .map(|e| (e.map, e.kind, e.name, e.value))
            .collect();
        assert_eq!(
            seen,
            [
                (HeaderMap::Request, EditKind::Set, &b"x-a"[..], &b"1"[..]),
                (HeaderMap::Response, EditKind::Remove, b"x-b", b""),
                (HeaderMap::Response, EditKind::Add, b"x-c", b""),
                (HeaderMap::Request, EditKind::Set, b"x-d", b"4"),
            ]
        );
        effects.clear();
        assert!(effects.is_empty());
    }
}
