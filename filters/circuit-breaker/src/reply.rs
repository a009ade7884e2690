//! What a refused request is told.

use fairlead_config::Reply as Configured;
use fairlead_stage::{Effects, HeaderMap, Reply, Verdict};
use std::borrow::Cow;
use std::time::Duration;

/// gRPC's UNAVAILABLE. Envoy uses it for gRPC requests only.
const UNAVAILABLE: u32 = 14;

/// The reply of one breaker.
pub(crate) struct Refusal {
    status: u16,
    content_type: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Shows in access logs which breaker it was: `circuit_breaker/<name>`.
    pub(crate) details: String,
}

impl Refusal {
    #[inline(never)]
    pub(crate) fn new(name: &str, reply: Configured) -> Self {
        let problem = reply.problem_json;
        Self {
            status: reply.status,
            content_type: if problem {
                "application/problem+json".to_owned()
            } else {
                reply.content_type
            },
            headers: reply.headers,
            body: if problem {
                document(reply.status, name)
            } else {
                reply.body.into()
            },
            details: ["circuit_breaker/", name].concat(),
        }
    }

    /// The reply, with when to come back in whole seconds.
    #[inline(never)]
    pub(crate) fn verdict<'s>(&'s self, retry_after: Duration, effects: &mut Effects) -> Verdict<'s> {
        let response = HeaderMap::Response;
        if !self.body.is_empty() {
            effects.set(response, "content-type", |out| {
                out.extend_from_slice(self.content_type.as_bytes());
            });
        }
        for (name, value) in &self.headers {
            effects.set(response, name, |out| out.extend_from_slice(value.as_bytes()));
        }
        effects.set(response, "retry-after", |out| {
            push_number(out, retry_after.as_secs())
        });
        Verdict::Deny(Reply {
            status: self.status,
            grpc_status: Some(UNAVAILABLE),
            details: &self.details,
            body: Cow::Borrowed(&self.body),
        })
    }
}

pub(crate) fn push_number(out: &mut Vec<u8>, number: u64) {
    let start = out.len();
    let mut rest = number;
    loop {
        let digit = u8::try_from(rest % 10).unwrap_or(0);
        out.push(b'0'.saturating_add(digit));
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

/// A problem document (RFC 9457). Names of breakers need no escaping.
#[inline(never)]
fn document(status: u16, breaker: &str) -> Vec<u8> {
    let status = status.to_string();
    let parts = [
        r#"{"type":"about:blank","title":"Circuit breaker open","status":"#,
        &status,
        r#","breaker":""#,
        breaker,
        r#""}"#,
    ];
    parts.concat().into_bytes()
}
