//! What a stage may ask inside one callback.

use crate::{AttributeId, Effects, Timestamp};
use std::borrow::Cow;

/// A header map of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HeaderMap {
    /// Request headers, with `:method`, `:path` and `:authority`. Readable in `on_request` only.
    Request,
    /// Response headers, with `:status`. Readable in `on_response`, and in `on_done` under [`crate::Done::Outcome`].
    Response,
    /// Response trailers. Readable in `on_trailers`, and in `on_done` under [`crate::Done::Outcome`].
    ResponseTrailers,
}

/// What can be asked of the proxy inside one callback. Monomorphised: no `dyn`, no call that is not needed.
///
/// Values are bytes, never text: a client may send any byte but NUL, CR and LF. What is not there, or not readable in
/// this callback, is `None`; nothing here can fail.
pub trait View {
    /// The proxy's wall clock, read at most once a callback.
    fn now(&self) -> Timestamp;

    /// The proxy's steady clock, read at most once a callback: it only goes forward, whatever is done to the wall clock, and
    /// says nothing but how much time has passed between two readings in one proxy process. 0 where the host did not say.
    fn steady(&self) -> Timestamp;

    /// The first value of a header, by its lower-case name. Empty values are `Some`.
    ///
    /// The lines of `cookie` are one value, joined by `; ` (RFC 9113, 8.2.3), and so are those of `baggage`, joined by `,`
    /// (W3C Baggage, 3.1): a client could otherwise hide a cookie from a stage by sending it in a second line, which
    /// applications read.
    ///
    /// The name must have been named to [`crate::Needs::header`]; a front end may answer `None` otherwise.
    fn header(&self, map: HeaderMap, name: &str) -> Option<Cow<'_, [u8]>>;

    /// The status of the response (RFC 9110, 15). Readable where response headers are, and named to
    /// [`crate::Needs::header`] as `:status`.
    #[inline(never)]
    fn status(&self) -> Option<u16> {
        status_code(&self.header(HeaderMap::Response, ":status")?)
    }

    /// Shows every line of a header map, in order. Reads the map as a whole, whatever the needs were.
    fn each_header(&self, map: HeaderMap, show: &mut dyn FnMut(&[u8], &[u8]));

    /// Whether the message ends with what this callback is about: it has no body, or its last part is here.
    fn ends(&self) -> bool;

    /// An attribute of the stream, in the proxy's encoding: text as it is, integers, durations and timestamps as eight
    /// bytes little-endian (nanoseconds), booleans as one byte.
    fn attribute(&self, id: AttributeId) -> Option<Cow<'_, [u8]>>;

    /// Applies pending edits now rather than when the stage has returned, so that attributes read afterwards show them.
    /// Headers may or may not ([`crate::Within`] shows them).
    fn apply(&self, edits: &mut Effects);
}

/// The number of a status: a status has three digits, and what has fewer is a number, too.
#[must_use]
#[inline]
pub fn status_code(text: &[u8]) -> Option<u16> {
    if text.is_empty() || text.len() > 3 {
        return None;
    }
    let mut code: u16 = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        code = code.wrapping_mul(10).wrapping_add(u16::from(digit));
    }
    Some(code)
}

/// What stands between the lines of a request header that is one list over all of its lines; `None` for any other header.
#[must_use]
#[inline]
pub fn line_separator(name: &str) -> Option<&'static [u8]> {
    match name {
        "cookie" => Some(b"; "),
        "baggage" => Some(b","),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_status_is_at_most_three_digits() {
        for (text, status) in [("200", 200), ("999", 999), ("007", 7), ("0", 0)] {
            assert_eq!(status_code(text.as_bytes()), Some(status));
        }
        for no_status in [&b""[..], b"2000", b"2x0", b"+20", b" 20", b"-20"] {
            assert_eq!(status_code(no_status), None);
        }
    }
}
