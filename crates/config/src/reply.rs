//! A reply that a filter makes itself, as its config writes it: the fields that rate limits and circuit breakers share.
//!
//! Each filter declares the fields in an object of its own, as the objects have different names, bounds and neighbours; what
//! the fields are and how they go together is checked here.

use crate::json::Json;
use crate::leaf::Text;
use crate::problem::Problems;
use crate::read::Read;

/// The longest body of a reply, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// A reply to a request that a filter refuses. A gRPC request gets a status of gRPC instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status: 400 to 599 of a rate limit, 200 to 599 of a circuit breaker.
    pub status: u16,
    /// Body, at most [`MAX_BODY_BYTES`]. Empty where `problem_json` is set.
    pub body: String,
    /// `content-type` of the body.
    pub content_type: String,
    /// Headers to add: lower-case names, each once, and values without CR, LF and NUL.
    pub headers: Vec<(String, String)>,
    /// Whether the body is an RFC 9457 problem document that names the rule.
    pub problem_json: bool,
}

impl Reply {
    /// A reply of this status, with nothing in it.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            body: String::new(),
            content_type: "text/plain".to_owned(),
            headers: Vec::new(),
            problem_json: false,
        }
    }
}

/// The body of a reply.
pub(crate) struct Body;

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

/// Headers of a reply that have a meaning for the proxy or are written by a filter.
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

/// The fields as they are written.
pub(crate) struct Written {
    pub(crate) status: Option<u32>,
    pub(crate) body: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) headers: Option<Vec<(String, String)>>,
    pub(crate) problem_json: Option<bool>,
}

impl Written {
    /// Checks the fields with each other. The walk is at the object that they stand in, which has this name.
    #[inline(never)]
    pub(crate) fn checked(self, object: &str, status: u16, at: &mut Problems) -> Reply {
        let problem_json = self.problem_json.unwrap_or_default();
        if problem_json && self.body.as_ref().is_some_and(|body| !body.is_empty()) {
            at.say_at(
                "body",
                &["does not go with problem_json, which writes the body: leave one of them out"],
            );
        }
        if problem_json && self.content_type.is_some() {
            at.say_at(
                "content_type",
                &["is application/problem+json with problem_json: leave it out"],
            );
        }
        let headers = self.headers.unwrap_or_default();
        let mark = at.enter("headers");
        for (name, _) in &headers {
            if name == "content-type" {
                at.say_at(name, &["has a field of its own: write ", object, ".content_type"]);
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
        Reply {
            status: self
                .status
                .and_then(|status| u16::try_from(status).ok())
                .unwrap_or(status),
            body: self.body.unwrap_or_default(),
            content_type: self.content_type.unwrap_or_else(|| content_type.to_owned()),
            headers,
            problem_json,
        }
    }
}

described_as! {
    Body => Text, { "maxLength": 65536 };
}
