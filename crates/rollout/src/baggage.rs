//! One more member in W3C baggage, the header that carries key-value pairs along a trace.
//!
//! <https://www.w3.org/TR/baggage/>: members are separated by `,`; a member is `key=value`, and may have properties after
//! `;`. Spaces and tabs around each of these do not count.
//!
//! Baggage belongs to the application: whatever else is in it, be it malformed or not even text, stays as it is, byte for
//! byte. If there is no room, it stays as it is altogether.
//!
//! What this does not do: read values, percent-encode. Cost: about half a nanosecond a byte natively.

#[cfg(test)]
mod tests;

/// The most bytes of baggage that everyone passes on.
pub const MAX_BYTES: usize = 8192;
/// The most members of baggage that everyone passes on.
pub const MAX_MEMBERS: usize = 64;

/// There is no room for another member: the result would be longer than [`MAX_BYTES`] or have more than [`MAX_MEMBERS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Appends to `out` the baggage with `key=value` at its end, and without earlier members of the same key, whatever their
/// values.
///
/// `baggage` is the header's value, several of them joined by `,`; empty where there is none. `key` must be a token and
/// `value` percent-encoded, as W3C has it: both are written as they are. Keys are compared exactly.
///
/// # Errors
/// [`Full`]; `out` is as it was.
#[inline(never)]
pub fn append(baggage: &[u8], key: &str, value: &str, out: &mut Vec<u8>) -> Result<(), Full> {
    let before = out.len();
    let mut writer = Writer {
        out,
        room: MAX_BYTES,
        members: MAX_MEMBERS,
    };
    let written = writer.all(baggage, key.as_bytes(), value.as_bytes());
    if written.is_none() {
        out.truncate(before);
    }
    written.ok_or(Full)
}

/// Writes within the limits.
struct Writer<'o> {
    out: &'o mut Vec<u8>,
    /// Bytes that may still come.
    room: usize,
    /// Members that may still come.
    members: usize,
}

impl Writer<'_> {
    fn all(&mut self, baggage: &[u8], key: &[u8], value: &[u8]) -> Option<()> {
        let mut before: &[u8] = b"";
        for member in baggage.split(|byte| *byte == b',') {
            if key_of(member) == Some(key) {
                continue;
            }
            let content = trim_start(member);
            if !content.is_empty() {
                self.members = self.members.checked_sub(1)?;
            }
            self.bytes(before)?;
            // A field's value must not begin with a space, as it might where a member was dropped.
            self.bytes(if before.is_empty() { content } else { member })?;
            before = b",";
        }
        self.members.checked_sub(1)?;
        if self.room < MAX_BYTES {
            self.bytes(b",")?;
        }
        self.bytes(key)?;
        self.bytes(b"=")?;
        self.bytes(value)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        self.room = self.room.checked_sub(bytes.len())?;
        self.out.extend_from_slice(bytes);
        Some(())
    }
}

/// The key of a member; `None` where there is no `=`. With a `;` in it, it is no key, and equals none.
fn key_of(member: &[u8]) -> Option<&[u8]> {
    let key = member.split(|byte| *byte == b'=').next()?;
    (key.len() < member.len()).then(|| trim_end(trim_start(key)))
}

/// Without spaces and tabs before it.
fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let Some((b' ' | b'\t', rest)) = bytes.split_first() {
        bytes = rest;
    }
    bytes
}

/// Without spaces and tabs after it.
fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let Some((b' ' | b'\t', rest)) = bytes.split_last() {
        bytes = rest;
    }
    bytes
}
