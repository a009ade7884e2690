//! Header edits that a stage wishes for, applied after it has returned.
//!
//! One buffer serves all streams of a worker: names and values are spans of it, so that collecting edits allocates
//! nothing once it has grown to its working size. A value is composed in a second buffer first, so that who writes it
//! starts from an empty one.

use crate::HeaderMap;
use std::ops::Range;

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

#[derive(Debug)]
struct Span {
    map: HeaderMap,
    kind: EditKind,
    name: Range<usize>,
    value: Range<usize>,
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

    fn push(&mut self, map: HeaderMap, kind: EditKind, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name.as_bytes());
        let value = self.bytes.len();
        self.value.clear();
        write(&mut self.value);
        self.bytes.extend_from_slice(&self.value);
        let end = self.bytes.len();
        self.spans.push(Span {
            map,
            kind,
            name: start..value,
            value: value..end,
        });
    }

    /// The edits, in order.
    pub fn edits(&self) -> impl Iterator<Item = Edit<'_>> {
        self.spans.iter().map(|span| Edit {
            map: span.map,
            kind: span.kind,
            name: self.bytes.get(span.name.clone()).unwrap_or_default(),
            value: self.bytes.get(span.value.clone()).unwrap_or_default(),
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
        let moved = |range: &Range<usize>| range.start.saturating_add(by)..range.end.saturating_add(by);
        self.bytes.extend_from_slice(&other.bytes);
        self.spans.extend(other.spans.iter().map(|span| Span {
            map: span.map,
            kind: span.kind,
            name: moved(&span.name),
            value: moved(&span.value),
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
            ]
        );
        effects.clear();
        assert!(effects.is_empty());
    }
}
