//! What a stage says about a request.

use std::borrow::Cow;

/// The outcome of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<'s> {
    /// The request goes on.
    Continue,
    /// The proxy answers in the upstream's place. Response-header edits of the same callback become headers of the reply.
    Deny(Reply<'s>),
}

/// A reply that the proxy makes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply<'s> {
    /// HTTP status, 200 to 599.
    pub status: u16,
    /// For a gRPC request: the gRPC status code, sent as a trailers-only response with HTTP status 200.
    pub grpc_status: Option<u32>,
    /// Shows as `%RESPONSE_CODE_DETAILS%` in access logs: no spaces.
    pub details: &'s str,
    /// Body, or the gRPC message.
    pub body: Cow<'s, [u8]>,
}
