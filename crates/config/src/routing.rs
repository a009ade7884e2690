//! Request headers that a filter sets so that a route matches: names that they can have, and values.

use crate::leaf::{HeaderName, HeaderValue};
use crate::read::{Leaf, Malformed};

/// Request headers that proxies act on. To set or to remove them would do more than choose a route.
const RESERVED: [&str; 17] = [
    "authorization",
    "baggage",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "traceparent",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
];

/// Starts of names that proxies act on.
const RESERVED_STARTS: [&str; 2] = ["x-envoy-", "x-forwarded-"];

/// Whether proxies act on a header of this name, which is in lower case.
#[inline(never)]
fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || RESERVED_STARTS.iter().any(|start| name.starts_with(start))
}

/// The name of a request header that a canary can set and remove; comes out in lower case.
pub(crate) struct RoutingHeader;

impl Leaf for RoutingHeader {
    type Out = String;
    const EXPECTED: &'static str =
        "the name of a header of your own: write letters, digits and -, as in x-canary";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = <HeaderName as Leaf>::PATTERN;

    fn parse(text: &str) -> Result<String, Malformed> {
        let name = HeaderName::parse(text).map_err(|_| Malformed::Expected)?;
        if is_reserved(&name) {
            return Err(Malformed::fix(
                "it means something to proxies, so write another one, as in x-canary",
            ));
        }
        Ok(name)
    }
}

/// The same for a fallback.
pub(crate) struct FallbackHeader;

impl Leaf for FallbackHeader {
    type Out = String;
    const EXPECTED: &'static str =
        "the name of a header of your own: write letters, digits and -, as in x-fallback";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = <HeaderName as Leaf>::PATTERN;

    fn parse(text: &str) -> Result<String, Malformed> {
        RoutingHeader::parse(text).map_err(|error| match error {
            Malformed::Fix(_) => {
                Malformed::fix("it means something to proxies, so write another one, as in x-fallback")
            }
            expected => expected,
        })
    }
}

/// What the routing header says: compared with as routes do, byte for byte.
pub(crate) struct RoutingValue;

impl Leaf for RoutingValue {
    type Out = String;
    const EXPECTED: &'static str =
        "a value of the routing header: write at least one character, on one line, without spaces around it";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str =
        "^[^\\u0000-\\u0020\\u007f]([^\\u0000-\\u0008\\u000a-\\u001f\\u007f]*[^\\u0000-\\u0020\\u007f])?$";

    fn parse(text: &str) -> Result<String, Malformed> {
        let blank = |c: char| matches!(c, ' ' | '\t');
        if text.is_empty() || text.starts_with(blank) || text.ends_with(blank) {
            return Err(Malformed::Expected);
        }
        HeaderValue::parse(text).map_err(|_| Malformed::Expected)
    }
}
