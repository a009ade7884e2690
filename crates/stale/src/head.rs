//! Which responses are kept, and which of their headers.
//!
//! # Statuses
//! 200, 203, 204, 300, 301, 308 and 410: those that RFC 9110, 15.1 calls heuristically cacheable, so that a cache may keep
//! them unasked, without 206 (a part of a resource) and without 404, 405, 414 and 501: what is kept stands in for a good
//! answer, and those are errors that may come from the very deployment that opened the breaker. 410 is no such error but
//! a statement on a resource, made on purpose.
//!
//! # What a response says about itself
//! | it has | then |
//! |---|---|
//! | `set-cookie` | not kept: it is one user's |
//! | `cache-control: no-store`, `private` (also with field names) | not kept (RFC 9111, 5.2.2.5 and 5.2.2.7) |
//! | `cache-control: no-cache` (also with field names) | not kept: it forbids any use unasked (5.2.2.4) |
//! | `must-revalidate`, `proxy-revalidate`, `s-maxage` | kept for its own lifetime, `s-maxage` or else `max-age`, less its `age`: these forbid being served stale (4.2.4), and not before. Without a lifetime: not kept |
//! | `vary` by anything but `accept-encoding`, which is part of the place | not kept: one variant for all would be wrong |
//! | `content-range` | not kept: a part |
//! | a `content-length` above the bound, or not a number | not kept |
//! | a gRPC `content-type` | not kept: its outcome stands in trailers |
//!
//! `max-age` and `expires` alone do not matter: being served beyond them is what the store is for. `expires` is not read
//! for `must-revalidate` either, so that such a response is not kept.
//!
//! # Headers
//! All that are meant for the client are kept (RFC 9111, 3.1). Left out are those of one connection (`connection` and what
//! it names, `keep-alive`, `proxy-*`, `te`, `trailer`, `transfer-encoding`, `upgrade`), what is written anew (`age`,
//! `content-length`, `server`, `warning`), and what Envoy says of one exchange (`x-envoy-*`).

use crate::entry::{Headers, push_header};
use crate::list::{Elements, directive, is_one_of, number};

/// The most bytes that the headers of a kept response take, with four bytes of framing each. A response with more is not
/// kept.
pub const MAX_HEADER_BYTES: u32 = 8 * 1024;

/// No list in `connection` is longer that means well.
const MAX_CONNECTION_BYTES: usize = 256;

const LEFT_OUT: [&str; 8] = [
    "age",
    "keep-alive",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "warning",
];
const LEFT_OUT_PREFIXES: [&str; 3] = [":", "proxy-", "x-envoy-"];

/// Is a response with this status kept?
pub(crate) const fn keeps(status: u16) -> bool {
    matches!(status, 200 | 203 | 204 | 300 | 301 | 308 | 410)
}

/// The head of a response that may be kept: its status and those of its headers that are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub(crate) status: u16,
    /// Its `age`, seconds.
    pub(crate) age: u32,
    /// How long it may be served by what it says itself, seconds; `u32::MAX` if it says nothing.
    pub(crate) lifetime: u32,
    pub(crate) content_length: Option<u32>,
    /// As an entry has them.
    pub(crate) headers: Vec<u8>,
}

/// Judges the headers of a response, one by one.
#[derive(Clone, Debug)]
pub struct Keeping {
    max_body: u32,
    refused: bool,
    status: u16,
    age: Option<u32>,
    max_age: Option<u32>,
    s_maxage: Option<u32>,
    revalidate: bool,
    content_length: Option<u32>,
    connection: Vec<u8>,
    headers: Vec<u8>,
}

impl Keeping {
    pub(crate) const fn new(max_body: u32) -> Self {
        Self {
            max_body,
            refused: false,
            status: 0,
            age: None,
            max_age: None,
            s_maxage: None,
            revalidate: false,
            content_length: None,
            connection: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// Takes a header line, `:status` among them. False once the response is not kept, whatever else it has.
    pub fn header(&mut self, name: &[u8], value: &[u8]) -> bool {
        if !self.refused && !self.take(name, value) {
            self.refused = true;
        }
        !self.refused
    }

    /// Judges one line: false refuses the response.
    #[inline(never)]
    fn take(&mut self, name: &[u8], value: &[u8]) -> bool {
        let is = |other: &str| is_one_of(name, &[other]);
        if is(":status") {
            self.status = number(value)
                .and_then(|status| u16::try_from(status).ok())
                .unwrap_or_default();
            return keeps(self.status);
        }
        if is_one_of(name, &["set-cookie", "content-range"]) {
            return false;
        }
        if is("content-length") {
            self.content_length = number(value);
            return self.content_length.is_some_and(|length| length <= self.max_body);
        }
        if is("connection") {
            self.connection.extend_from_slice(value);
            self.connection.push(b',');
            return self.connection.len() <= MAX_CONNECTION_BYTES;
        }
        if is("age") {
            // Of several the first counts, and what is no number does not (RFC 9111, 5.1).
            self.age = self.age.or_else(|| number(Elements(value).next()?));
        }
        if is_left_out(name) {
            return true;
        }
        let good = if is("vary") {
            Elements(value).all(|field| is_one_of(field, &["accept-encoding"]))
        } else if is("content-type") {
            !is_grpc(value)
        } else if is("cache-control") {
            Elements(value).all(|element| self.directive(element))
        } else {
            true
        };
        good && push_header(&mut self.headers, name, value) && self.headers.len() <= MAX_HEADER_BYTES as usize
    }

    /// Judges one directive of `cache-control`. Of several lifetimes the shortest counts; one that is no number is none at
    /// all (RFC 9111, 4.2.1).
    fn directive(&mut self, element: &[u8]) -> bool {
        let (name, argument) = directive(element);
        let lifetime = if is_one_of(name, &["s-maxage"]) {
            self.revalidate = true;
            &mut self.s_maxage
        } else if is_one_of(name, &["max-age"]) {
            &mut self.max_age
        } else {
            self.revalidate |= is_one_of(name, &["must-revalidate", "proxy-revalidate"]);
            return !is_one_of(name, &["no-store", "private", "no-cache"]);
        };
        let seconds = number(argument).unwrap_or(0);
        *lifetime = Some(lifetime.map_or(seconds, |other| other.min(seconds)));
        true
    }

    /// The judgement on all headers; `None` if the response is not kept.
    #[must_use]
    pub fn finish(mut self) -> Option<Head> {
        let age = self.age.unwrap_or(0);
        let lifetime = if self.revalidate {
            self.s_maxage.or(self.max_age).unwrap_or(0).saturating_sub(age)
        } else {
            u32::MAX
        };
        if self.refused || !keeps(self.status) || lifetime == 0 {
            return None;
        }
        if !self.connection.is_empty() {
            self.headers = without(&self.headers, &self.connection);
        }
        Some(Head {
            status: self.status,
            age,
            lifetime,
            content_length: self.content_length,
            headers: self.headers,
        })
    }
}

fn is_left_out(name: &[u8]) -> bool {
    let begins = |prefix: &&str| {
        name.get(..prefix.len())
            .is_some_and(|start| is_one_of(start, &[prefix]))
    };
    name.is_empty() || is_one_of(name, &LEFT_OUT) || LEFT_OUT_PREFIXES.iter().any(begins)
}

fn is_grpc(content_type: &[u8]) -> bool {
    let prefix = "application/grpc";
    content_type
        .trim_ascii()
        .get(..prefix.len())
        .is_some_and(|start| is_one_of(start, &[prefix]))
}

/// These headers without those that `connection` names.
#[inline(never)]
fn without(headers: &[u8], connection: &[u8]) -> Vec<u8> {
    let mut left = Vec::with_capacity(headers.len());
    for (name, value) in Headers(headers) {
        if !Elements(connection).any(|named| named.eq_ignore_ascii_case(name)) {
            push_header(&mut left, name, value);
        }
    }
    left
}

#[cfg(test)]
mod tests;
