//! The host of a request in its normal form, so that one host has one spelling.

use std::borrow::Cow;

/// Lower case, without port and one trailing dot; `None` if nothing is left.
#[inline]
pub(super) fn normal(authority: Cow<'_, [u8]>) -> Option<Cow<'_, [u8]>> {
    let end = end(&authority);
    let upper = authority.get(..end)?.iter().any(u8::is_ascii_uppercase);
    let host = match authority {
        Cow::Borrowed(text) if !upper => Cow::Borrowed(text.get(..end)?),
        Cow::Borrowed(text) => Cow::Owned(text.get(..end)?.to_ascii_lowercase()),
        Cow::Owned(mut text) => {
            text.truncate(end);
            text.make_ascii_lowercase();
            Cow::Owned(text)
        }
    };
    (!host.is_empty()).then_some(host)
}

/// Where the host ends. A colon parts the port only if it is the only one, or follows the bracket of an IPv6 address.
#[inline]
fn end(authority: &[u8]) -> usize {
    let mut name = authority;
    if let Some(colon) = authority.iter().rposition(|b| *b == b':') {
        let (before, port) = authority.split_at(colon);
        let alone =
            !before.contains(&b':') || (before.first() == Some(&b'[') && before.last() == Some(&b']'));
        if alone && port.iter().skip(1).all(u8::is_ascii_digit) {
            name = before;
        }
    }
    name.strip_suffix(b".").unwrap_or(name).len()
}
