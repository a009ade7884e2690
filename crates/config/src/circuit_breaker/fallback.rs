//! What a refused request gets, as it is written.

use super::{FALLBACK_STATUS, Fallback, MAX_STALE_BYTES, Reroute, Stale};
use crate::json::Json;
use crate::leaf::{ContentType, DAY, HeaderName, HeaderValue, SECOND, Size, Span};
use crate::problem::Problems;
use crate::read::{Int, Map, Read};
use crate::reply::{Body, Written};
use crate::routing::{FallbackHeader, RoutingValue};
use std::num::NonZeroU32;
use std::time::Duration;

object! {
    /// What a refused request gets: a reply, perhaps after a look for a kept response; or another route.
    struct FallbackFields, "a fallback" {
        /// HTTP status.
        "status" Optional status: Int<200, 599> = 503;
        /// Body.
        "body" Optional body: Body = "";
        /// Content type of the body.
        "content_type" Optional content_type: ContentType = "text/plain";
        /// Further headers of the reply.
        "headers" Optional headers: Map<HeaderName, HeaderValue>;
        /// Whether the body is an RFC 9457 problem document that names the breaker.
        "problem_json" Optional problem_json: bool = false;
        /// Serves the last good response to the same request, if there is one, and else the reply.
        "stale" Optional stale: Stale;
        /// Sends the request another way. Goes with no other field.
        "reroute" Optional reroute: Reroute;
    }
}

object! {
    /// Which good responses are kept.
    struct StaleFields, "a stale fallback" {
        /// How old one may be when it is served.
        "max_age" Optional max_age: Span<SECOND, DAY> = "5m";
        /// The longest body that is kept. Times max_entries at most 64MiB.
        "max_body" Optional max_body: Size<{ 1 << 20 }> = "64KiB";
        /// How many are kept.
        "max_entries" Optional max_entries: Int<1, 1024> = 32;
    }
}

object! {
    /// A request header that makes a route match. The route is chosen anew once it is set.
    struct RerouteFields, "a reroute" {
        /// Its name.
        "header" Required header: FallbackHeader;
        /// What it says.
        "value" Required value: RoutingValue;
    }
}

impl Read for Fallback {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = FallbackFields::read(value, at)?;
        if value.has("reroute") {
            for key in [
                "status",
                "body",
                "content_type",
                "headers",
                "problem_json",
                "stale",
            ] {
                if value.has(key) {
                    at.say_at(
                        key,
                        &["does not go with reroute, which gives no reply: leave one of them out"],
                    );
                }
            }
        }
        let written = Written {
            status: fields.status,
            body: fields.body,
            content_type: fields.content_type,
            headers: fields.headers,
            problem_json: fields.problem_json,
        };
        Some(Self {
            reply: written.checked("fallback", FALLBACK_STATUS, at),
            stale: fields.stale,
            reroute: fields.reroute,
        })
    }
}

impl Read for Stale {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = StaleFields::read(value, at)?;
        let max_body_bytes = fields.max_body.unwrap_or(64 * 1024);
        let max_entries = fields.max_entries.unwrap_or(32);
        if u64::from(max_body_bytes).saturating_mul(u64::from(max_entries)) > MAX_STALE_BYTES {
            at.say(&["may take more than 64MiB: write a smaller max_body or fewer max_entries"]);
        }
        Some(Self {
            max_age: fields.max_age.unwrap_or(Duration::from_secs(300)),
            max_body_bytes,
            max_entries: NonZeroU32::new(max_entries)?,
        })
    }
}

impl Read for Reroute {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = RerouteFields::read(value, at)?;
        Some(Self {
            header: fields.header?,
            value: fields.value?,
        })
    }
}

described_as! {
    Fallback => FallbackFields;
    Stale => StaleFields;
    Reroute => RerouteFields;
}
