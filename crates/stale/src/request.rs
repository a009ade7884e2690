//! Which requests the store is for.

use crate::list::{Elements, directive};

/// What the store has to know of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'r> {
    /// `:method`.
    pub method: &'r [u8],
    /// It has an `authorization` header.
    pub authorization: bool,
    /// It has a `cookie` header.
    pub cookie: bool,
    /// It has a `range` header.
    pub range: bool,
    /// It has a body: its headers did not end the stream.
    pub body: bool,
    /// `cache-control`, all of its lines joined by commas.
    pub cache_control: Option<&'r [u8]>,
}

impl Request<'_> {
    /// May a kept response answer this request, and may the response to it be kept?
    ///
    /// - Only `GET`: no other method's response answers a later `GET` (RFC 9111, 2 and 4). A `HEAD` is not answered from a
    ///   kept `GET`, though it might be: it is rare, and a proxy's own reply to it would have to lie about its length.
    /// - Not with `authorization` (RFC 9111, 3.5), and not with a cookie: the response may be for one user's eyes, and many
    ///   an application forgets to say so. Varnish's built-in rules draw the same line.
    /// - Not with `range`: its answer is a part of a resource, and the place says nothing of which.
    /// - Not with a body: a `GET` whose body asks the question, as search engines have it, is not told apart by its place.
    /// - Not with `cache-control: no-store` (RFC 9111, 5.2.1.5). Other wishes of a client (`no-cache`, `max-age=0`, which a
    ///   browser's reload sends) prefer what cannot be had: the choice is between a kept response and an error.
    #[must_use]
    pub fn qualifies(&self) -> bool {
        self.method == b"GET"
            && !(self.authorization || self.cookie || self.range || self.body)
            && !self.cache_control.is_some_and(says_no_store)
    }
}

#[inline(never)]
fn says_no_store(cache_control: &[u8]) -> bool {
    Elements(cache_control).any(|element| directive(element).0.eq_ignore_ascii_case(b"no-store"))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const PLAIN: Request<'_> = Request {
        method: b"GET",
        authorization: false,
        cookie: false,
        range: false,
        body: false,
        cache_control: None,
    };

    #[test]
    fn a_plain_get_qualifies_and_no_other_method_does() {
        assert!(PLAIN.qualifies());
        for method in [
            "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "get", "GETS", "", "QUERY",
        ] {
            let request = Request {
                method: method.as_bytes(),
                ..PLAIN
            };
            assert!(!request.qualifies(), "{method}");
        }
    }

    #[test]
    fn what_makes_a_response_one_users_or_a_part_of_a_resource_disqualifies() {
        let disqualified = [
            Request {
                authorization: true,
                ..PLAIN
            },
            Request {
                cookie: true,
                ..PLAIN
            },
            Request { range: true, ..PLAIN },
            Request { body: true, ..PLAIN },
        ];
        for request in disqualified {
            assert!(!request.qualifies(), "{request:?}");
        }
    }

    #[test]
    fn no_store_is_obeyed_and_a_reload_is_not() {
        let check = |cache_control: &str, expected: bool| {
            let request = Request {
                cache_control: Some(cache_control.as_bytes()),
                ..PLAIN
            };
            assert_eq!(request.qualifies(), expected, "{cache_control}");
        };
        check("no-store", false);
        check("max-age=0, No-Store", false);
        check("no-cache", true);
        check("max-age=0", true);
        check("only-if-cached, max-stale=60", true);
        check("x=\"no-store, no-store\"", true);
        check("x-no-store", true);
        check("", true);
    }
}
