//! The reply to a request over a limit, as it is written.

use super::DENY_STATUS;
use crate::json::Json;
use crate::leaf::{ContentType, HeaderName, HeaderValue};
use crate::problem::Problems;
use crate::read::{Int, Map, Read};
use crate::reply::{Body, Reply, Written};

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

/// `deny:`.
pub(super) struct Deny;

impl Read for Deny {
    type Out = Reply;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Reply> {
        let fields = DenyFields::read(value, at)?;
        let written = Written {
            status: fields.status,
            body: fields.body,
            content_type: fields.content_type,
            headers: fields.headers,
            problem_json: fields.problem_json,
        };
        Some(written.checked("deny", DENY_STATUS, at))
    }
}

described_as! {
    Deny => DenyFields;
}
