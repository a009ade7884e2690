//! `pluginConfig` of the rate-limit filter.
//!
//! [`parse`] turns the bytes that the proxy hands over into a [`RateLimit`] in which everything holds that the filter
//! relies on, or into the list of every mistake. It runs once a configuration; nothing of it is on the request path.

mod deny;
mod fields;
mod overrides;
#[cfg(test)]
mod tests;
#[cfg(feature = "native")]
mod warnings;

#[cfg(feature = "native")]
pub use warnings::warnings;

use crate::problem::Errors;
use crate::read::Read;
use crate::{Mode, OnInvalidConfig, Reply};
use fairlead_matching::{KeyPartSpec, MatchSpec};
use fairlead_quota::{OnOverflow, Quota};
use std::num::NonZeroU32;

/// `max_keys` where the config does not say.
pub const DEFAULT_MAX_KEYS: NonZeroU32 = NonZeroU32::new(4096).unwrap();
/// The most that `max_keys` can be.
pub const MAX_MAX_KEYS: NonZeroU32 = NonZeroU32::new(1 << 20).unwrap();
/// `deny.status` where the config does not say.
pub const DENY_STATUS: u16 = 429;

/// A checked config of the filter.
#[derive(Clone, Debug)]
pub struct RateLimit {
    /// What the whole filter may do; see [`RateLimit::effective`].
    pub mode: Mode,
    /// The limits in the order in which they apply. May be empty: the filter then does nothing.
    pub limits: Vec<Limit>,
    /// The reply to a request over a limit. A gRPC request gets `RESOURCE_EXHAUSTED` instead.
    pub deny: Reply,
    /// Which headers tell the client about its limits.
    pub response_headers: ResponseHeaders,
    /// What the filter does when its first config cannot be used; see [`crate::pass_at_first_load`].
    pub on_invalid_config: OnInvalidConfig,
}

impl RateLimit {
    /// What `limit` may do: the weaker of its own mode and the filter's.
    #[must_use]
    pub fn effective(&self, limit: &Limit) -> Mode {
        self.mode.min(limit.mode)
    }
}

/// One limit: which requests, counted by what, at which rate.
#[derive(Clone, Debug)]
pub struct Limit {
    /// Unique in its config; 1 to 64 of `A-Z a-z 0-9 _ . -`, as it becomes a metric label and a structured-field string.
    pub name: String,
    /// The limit's own mode; the filter acts by [`RateLimit::effective`].
    pub mode: Mode,
    /// Alternatives, one of which a request must meet. Empty: every request.
    pub matches: Vec<MatchSpec>,
    /// The parts of the key, at least one; absent: one bucket for the limit.
    pub key: Option<Vec<KeyPartSpec>>,
    /// The quota of each key that has no override.
    pub quota: Quota,
    /// Quotas of particular keys; no key is there twice. Empty where `key` is absent.
    pub overrides: Vec<Override>,
    /// Who shares a bucket.
    pub scope: Scope,
    /// How many keys can have a bucket of their own at a time: 1 to [`MAX_MAX_KEYS`].
    pub max_keys: NonZeroU32,
    /// What a new key gets while all buckets are taken.
    pub on_overflow: OnOverflow,
}

/// The quota of one key.
#[derive(Clone, Debug)]
pub struct Override {
    /// The key's values, one for each part of [`Limit::key`].
    pub key: Vec<String>,
    /// What that key gets.
    pub quota: OverrideQuota,
}

/// What an override gives.
#[derive(Clone, Copy, Debug)]
pub enum OverrideQuota {
    /// This quota instead of the limit's.
    Quota(Quota),
    /// No limit at all.
    Unlimited,
}

/// Who shares a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Each worker thread has buckets of its own: the cheapest, but a client gets up to workers x rate.
    Worker,
    /// All workers of this proxy share.
    #[default]
    Proxy,
}

/// Which headers tell the client about its limits. `Retry-After` comes with every refusal, whatever this says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseHeaders {
    /// `RateLimit` and `RateLimit-Policy` of the current IETF draft.
    #[default]
    Ietf,
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset` as Envoy writes them for its `DRAFT_VERSION_03`.
    Draft03,
    /// `RateLimit-Limit`, `-Remaining` and `-Reset` of the drafts up to 07.
    Legacy,
    /// None.
    None,
}

/// Reads and checks a config. Empty bytes are `{}`.
///
/// # Errors
/// Every mistake, each with its path.
#[inline(never)]
pub fn parse(bytes: &[u8]) -> Result<RateLimit, Errors> {
    crate::read::document(bytes, RateLimit::read)
}
