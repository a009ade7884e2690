//! Finding one cookie in a `Cookie` header (RFC 6265, 4.2), tolerant of what browsers and scripts really send.

use std::ops::Range;

/// Where the value of the first cookie of a name lies.
#[inline]
pub(super) fn find(header: &[u8], name: &str) -> Option<Range<usize>> {
    let mut start = 0_usize;
    for pair in header.split(|b| *b == b';') {
        let end = start.saturating_add(pair.len());
        let equals = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
        let (left, right) = pair.split_at(equals);
        if left.trim_ascii() == name.as_bytes() {
            let value = right.strip_prefix(b"=").unwrap_or_default();
            let padding = value.len().saturating_sub(value.trim_ascii_end().len());
            let value_end = end.saturating_sub(padding);
            let value = value.trim_ascii();
            let value_start = value_end.saturating_sub(value.len());
            let quoted = value.len() >= 2 && value.first() == Some(&b'"') && value.last() == Some(&b'"');
            let quote = usize::from(quoted);
            return Some(value_start.saturating_add(quote)..value_end.saturating_sub(quote));
        }
        start = end.saturating_add(1);
    }
    None
}
