//! Finding and decoding one parameter of a query, as an HTML form encodes it.

use std::ops::Range;

/// Where the value of the first parameter of a name lies, not yet decoded.
#[inline]
pub(super) fn find(query: &[u8], name: &str) -> Option<Range<usize>> {
    let mut start = 0_usize;
    for pair in query.split(|b| *b == b'&') {
        let end = start.saturating_add(pair.len());
        let equals = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
        let raw_name = pair.get(..equals).unwrap_or_default();
        if !pair.is_empty() && (Decode { rest: raw_name }).eq(name.bytes()) {
            return Some(start.saturating_add(equals).saturating_add(1).min(end)..end);
        }
        start = end.saturating_add(1);
    }
    None
}

/// The decoded text, or `None` if it is as it stands.
pub(super) fn decoded(raw: &[u8]) -> Option<Vec<u8>> {
    let encoded = raw.iter().any(|b| matches!(b, b'%' | b'+'));
    encoded.then(|| Decode { rest: raw }.collect())
}

struct Decode<'q> {
    rest: &'q [u8],
}

impl Iterator for Decode<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        match first {
            b'+' => Some(b' '),
            b'%' => {
                let [high, low, after @ ..] = rest else {
                    return Some(b'%');
                };
                let Some(byte) = hexadecimal(*high, *low) else {
                    return Some(b'%');
                };
                self.rest = after;
                Some(byte)
            }
            other => Some(*other),
        }
    }
}

/// The byte that two hexadecimal digits stand for.
pub(super) fn hexadecimal(high: u8, low: u8) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    Some(digit(high)?.wrapping_shl(4) | digit(low)?)
}
