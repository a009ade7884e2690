//! Names: of limits and variants, of headers and cookies, of methods and services.

use super::keep;
use crate::read::{Leaf, Malformed};
use fairlead_matching::spec;

/// A name that can be a metric label and a structured-field string as it is.
pub(crate) struct Name;

impl Leaf for Name {
    type Out = String;
    const EXPECTED: &'static str = "a name: write 1 to 64 of the characters A-Z a-z 0-9 _ . -";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^[A-Za-z0-9_.-]{1,64}$";

    fn parse(text: &str) -> Result<String, Malformed> {
        let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        keep(text, (1..=64).contains(&text.len()) && text.bytes().all(known))
    }
}

/// A header name, in whatever case it was written; comes out in lower case.
pub(crate) struct HeaderName;

impl Leaf for HeaderName {
    type Out = String;
    const EXPECTED: &'static str = "a header name: write letters, digits and -, as in x-api-key";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$";

    fn parse(text: &str) -> Result<String, Malformed> {
        match text {
            ":authority" => Err(Malformed::fix(
                "the field for the request's host is hosts or host",
            )),
            ":path" => Err(Malformed::fix("the field for the request's path is path")),
            ":method" => Err(Malformed::fix(
                "the field for the request's method is methods or method",
            )),
            _ => keep(text, text.len() <= 256 && is_token(text)).map(|name| name.to_ascii_lowercase()),
        }
    }
}

/// The name of a cookie.
pub(crate) struct CookieName;

impl Leaf for CookieName {
    type Out = String;
    const EXPECTED: &'static str = "a cookie name: write letters, digits, _ and -, as in session_id";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$";

    fn parse(text: &str) -> Result<String, Malformed> {
        keep(text, is_token(text))
    }
}

/// The key of a member of W3C Baggage.
pub(crate) struct BaggageKey;

impl Leaf for BaggageKey {
    type Out = String;
    const EXPECTED: &'static str = "a key of baggage: write letters, digits, _ - and dots, as in user.id";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$";

    fn parse(text: &str) -> Result<String, Malformed> {
        keep(text, is_token(text))
    }
}

/// A method of HTTP.
pub(crate) struct Method;

impl Leaf for Method {
    type Out = String;
    const EXPECTED: &'static str = "a method: write a name in upper case, as in GET";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^[A-Z0-9!#$%&'*+.^_`|~-]+$";

    fn parse(text: &str) -> Result<String, Malformed> {
        Ok(spec::method(text)?)
    }
}

/// A service or a method of gRPC.
pub(crate) struct GrpcName;

impl Leaf for GrpcName {
    type Out = String;
    const EXPECTED: &'static str = "a gRPC name: write letters, digits, _ and dots, as in demo.Trips";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^[A-Za-z0-9_.]+$";

    fn parse(text: &str) -> Result<String, Malformed> {
        let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.');
        keep(text, !text.is_empty() && text.bytes().all(known))
    }
}

/// A `token` of RFC 9110, 5.6.2: what header names and cookie names are made of.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
