//! What a response counts as, as it is written.

use super::status::{Flag, GrpcStatus, StatusRange};
use crate::json::Json;
use crate::problem::Problems;
use crate::read::{List, Read};
use fairlead_breaker::classes::{Classes, GrpcStatuses, LocalReplies, Statuses};

object! {
    /// Which calls have failed. Whatever is neither here nor ignored has succeeded.
    struct FailureFields, "a set of failures" {
        /// HTTP statuses.
        "status" Optional status: Statuses = ["5xx"];
        /// gRPC statuses.
        "grpc" Optional grpc: GrpcFailures = ["UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "DATA_LOSS"];
        /// Whether a connection that the upstream resets is a failure; otherwise it is ignored.
        "reset" Optional reset: bool = true;
        /// Whether a response that is cut off after its headers is a failure; otherwise it counts by its headers.
        "truncated" Optional truncated: bool = false;
        /// Replies that the proxy makes itself, by Envoy's response flags. Other such replies are ignored.
        "local_replies" Optional local_replies: LocalReplies = ["UF", "UH", "UT", "URX"];
    }
}

object! {
    /// Which calls say nothing about what was called. They count as neither, also if they are failures.
    struct IgnoreFields, "a set of ignored calls" {
        /// HTTP statuses.
        "status" Optional status: Statuses = [];
        /// gRPC statuses.
        "grpc" Optional grpc: GrpcStatuses = [];
        /// Whether a client that goes away before there is a response is ignored; otherwise that is a failure.
        "client_abort" Optional client_abort: bool = true;
    }
}

impl Read for Statuses {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let ranges = List::<StatusRange>::read(value, at)?;
        let add = |all: Self, (from, to)| all.with(from, to);
        Some(ranges.into_iter().fold(Self::default(), add))
    }
}

impl Read for GrpcStatuses {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let list = List::<GrpcStatus>::read(value, at)?;
        Some(list.into_iter().fold(Self::default(), Self::with))
    }
}

/// gRPC statuses that are failures.
pub(super) struct GrpcFailures;

impl Read for GrpcFailures {
    type Out = GrpcStatuses;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<GrpcStatuses> {
        let list = List::<GrpcFailure>::read(value, at)?;
        Some(list.into_iter().fold(GrpcStatuses::default(), GrpcStatuses::with))
    }
}

struct GrpcFailure;

impl Read for GrpcFailure {
    type Out = u32;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<u32> {
        let status = GrpcStatus::read(value, at)?;
        if status == 0 {
            at.wrong(value, "a failure: leave it out");
            return None;
        }
        Some(status)
    }
}

impl Read for LocalReplies {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let list = List::<Flag>::read(value, at)?;
        Some(list.into_iter().fold(Self::default(), Self::with))
    }
}

/// What is written, over what else would hold.
#[inline(never)]
pub(super) fn classes(
    failure: Option<FailureFields>,
    ignore: Option<IgnoreFields>,
    mut base: Classes,
) -> Classes {
    if let Some(failure) = failure {
        base.failures = failure.status.unwrap_or(base.failures);
        base.grpc_failures = failure.grpc.unwrap_or(base.grpc_failures);
        base.reset = failure.reset.unwrap_or(base.reset);
        base.truncated = failure.truncated.unwrap_or(base.truncated);
        base.local_replies = failure.local_replies.unwrap_or(base.local_replies);
    }
    if let Some(ignore) = ignore {
        base.ignored = ignore.status.unwrap_or(base.ignored);
        base.grpc_ignored = ignore.grpc.unwrap_or(base.grpc_ignored);
        base.ignore_client_abort = ignore.client_abort.unwrap_or(base.ignore_client_abort);
    }
    base
}

described_as! {
    Statuses => List<StatusRange>;
    GrpcStatuses => List<GrpcStatus>;
    GrpcFailures => List<GrpcFailure>;
    GrpcFailure => GrpcStatus, { "not": { "enum": ["OK", 0] } };
    LocalReplies => List<Flag>;
}
