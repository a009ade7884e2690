//! The reply to a request over a limit, as it is written.

use super::{Deny, MAX_BODY_BYTES};
use crate::json::Json;
use crate::leaf::{ContentType, HeaderName, HeaderValue, Text};
use crate::problem::Problems;
use crate::read::{Int, Map, Read};

object! {
    /// The reply to a request over a limit.
    struct DenyFields, "a deny reply" {
        /// HTTP status.
        "status" Optional status: Int<400, 599> = 429;
        /// Body.
        "body" Optional body: Body = "";
        /// Content type of the body.
        "content_type" Optional content_type: ContentType = "text/plain";
        /// Further headers of the reply.
        "headers" Optional headers: Map<HeaderName, HeaderValue>;
        /// Whether the body is an RFC 9457 problem document that names the limit.
        "problem_json" Optional problem_json: bool = false;
    }
}

/// The body of a refusal.
pub(super) struct Body;

impl Read for Body {
    type Out = String;

    fn read(value: &Json, at: &mut Problems) -> Option<String> {
        let text = Text::read(value, at)?;
        if text.len() > MAX_BODY_BYTES {
            at.say(&[
                "is too long: ",
                &text.len().to_string(),
                " bytes, and 65536 are the most",
            ]);
        }
        Some(text)
    }
}

/// Headers of a refusal that have a meaning for the proxy or are written by the filter.
const RESERVED_HEADERS: [&str; 8] = [
    "connection",
    "content-length",
    "grpc-message",
    "grpc-status",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "transfer-encoding",
];

impl Read for Deny {
    type Out = Self;

    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = DenyFields::read(value, at)?;
        let problem_json = fields.problem_json.unwrap_or_default();
        if problem_json && fields.body.as_ref().is_some_and(|body| !body.is_empty()) {
            at.say_at(
                "body",
                &["does not go with problem_json, which writes the body: leave one of them out"],
            );
        }
        if problem_json && fields.content_type.is_some() {
            at.say_at(
                "content_type",
                &["is application/problem+json with problem_json: leave it out"],
            );
        }
        let headers = fields.headers.unwrap_or_default();
        let mark = at.enter("headers");
        for (name, _) in &headers {
            if name == "content-type" {
                at.say_at(name, &["has a field of its own: write deny.content_type"]);
            } else if RESERVED_HEADERS.contains(&name.as_str()) {
                at.say_at(name, &["is written by the filter or by the proxy: leave it out"]);
            }
        }
        at.leave(mark);
        let content_type = if problem_json {
            "application/problem+json"
        } else {
            "text/plain"
        };
        Some(Self {
            status: fields
                .status
                .and_then(|status| u16::try_from(status).ok())
                .unwrap_or(429),
            body: fields.body.unwrap_or_default(),
            content_type: fields.content_type.unwrap_or_else(|| content_type.to_owned()),
            headers,
            problem_json,
        })
    }
}

described_as! {
    Deny => DenyFields;
    Body => Text, { "maxLength": 65536 };
}
