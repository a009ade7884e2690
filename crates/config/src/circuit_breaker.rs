//! `pluginConfig` of the circuit-breaker filter.
//!
//! [`parse`] turns the bytes that the proxy hands over into a [`CircuitBreaker`] in which everything holds that the filter
//! relies on, or into the list of every mistake. It runs once a configuration; nothing of it is on the request path.

mod classes;
mod fallback;
mod fields;
mod opening;
mod per;
mod recovery;
mod status;
#[cfg(test)]
mod tests;
mod throttle;
#[cfg(feature = "native")]
mod warnings;
mod window;

#[cfg(feature = "native")]
pub use warnings::warnings;

use crate::problem::Errors;
use crate::read::Read;
use crate::{Mode, OnInvalidConfig, Reply};
use fairlead_breaker::classes::Classes;
use fairlead_breaker::policy::{Policy, Throttle};
use fairlead_breaker::preset::Preset;
use fairlead_matching::{KeyPartSpec, KeySource, MatchSpec};
use std::num::NonZeroU32;
use std::time::Duration;

/// The most breakers: each has metrics of its own, which a proxy can never delete.
pub const MAX_BREAKERS: usize = 256;
/// `max_keys` where the config does not say.
pub const DEFAULT_MAX_KEYS: NonZeroU32 = NonZeroU32::new(1024).unwrap();
/// The most that `max_keys` can be.
pub const MAX_MAX_KEYS: NonZeroU32 = NonZeroU32::new(1 << 16).unwrap();
/// `fallback.status` where the config does not say.
pub const FALLBACK_STATUS: u16 = 503;
/// The most bytes of bodies that one breaker can keep: `max_body` times `max_entries`.
pub const MAX_STALE_BYTES: u64 = 64 * 1024 * 1024;

/// A checked config of the filter.
#[derive(Clone, Debug)]
pub struct CircuitBreaker {
    /// What the whole filter may do; see [`CircuitBreaker::effective`].
    pub mode: Mode,
    /// The breakers in the order in which they apply, at most [`MAX_BREAKERS`]. All that match apply; the first that refuses
    /// a request answers it. May be empty: the filter then does nothing.
    pub breakers: Vec<Breaker>,
    /// What the filter does when its first config cannot be used; see [`crate::pass_at_first_load`].
    pub on_invalid_config: OnInvalidConfig,
}

impl CircuitBreaker {
    /// What `breaker` may do: the weaker of its own mode and the filter's.
    #[must_use]
    pub fn effective(&self, breaker: &Breaker) -> Mode {
        self.mode.min(breaker.mode)
    }
}

/// One breaker, or one for each key: which calls it watches, what opens it, and what a refused request gets.
#[derive(Clone, Debug, PartialEq)]
pub struct Breaker {
    /// Unique in its config; 1 to 64 of `A-Z a-z 0-9 _ . -`, as it becomes a metric label.
    pub name: String,
    /// The breaker's own mode; the filter acts by [`CircuitBreaker::effective`].
    pub mode: Mode,
    /// Alternatives, one of which a request must meet. Empty: every request.
    pub matches: Vec<MatchSpec>,
    /// What has a breaker of its own.
    pub per: Per,
    /// How many keys can have a breaker at a time: 1 to [`MAX_MAX_KEYS`]. Without a meaning for [`Per::Rule`].
    pub max_keys: NonZeroU32,
    /// When it opens and closes. With `throttle` only its window counts, which is then one of time with at least two
    /// buckets.
    pub policy: Policy,
    /// `minimum_requests` as it was written, where that is more than a window of calls holds and [`Policy`] has less.
    pub capped_minimum: Option<u32>,
    /// What a response counts as.
    pub classes: Classes,
    /// Sheds in proportion instead of opening. Only with [`Per::Rule`].
    pub throttle: Option<Throttle>,
    /// How long the upstream may take: 1 ms to 1 h. `None`: what the route says.
    pub timeout: Option<Duration>,
    /// How many requests can be in flight, over all workers: 1 to 100,000. `None`: any number.
    pub max_in_flight: Option<NonZeroU32>,
    /// What a refused request gets.
    pub fallback: Fallback,
    /// Says the state, whatever the calls do.
    pub force: Option<Force>,
    /// The library whose starting values and comparison rules `policy` and `classes` began with.
    pub preset: Option<Preset>,
}

/// What has a breaker of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Per {
    /// The rule: all requests that match share one.
    #[default]
    Rule,
    /// Each upstream cluster.
    Cluster,
    /// Each route.
    Route,
    /// Each host that requests ask for.
    Host,
    /// Each key: the parts of a composite key, at least one.
    Key(Vec<KeyPartSpec>),
}

impl Per {
    /// The parts of the key; `None`: one breaker for all.
    #[must_use]
    #[inline(never)]
    pub fn into_key(self) -> Option<Vec<KeyPartSpec>> {
        let name = match self {
            Self::Rule => return None,
            Self::Key(parts) => return Some(parts),
            Self::Host => None,
            Self::Cluster => Some("cluster_name"),
            Self::Route => Some("route_name"),
        };
        let property = |name: &str| KeySource::Property(["xds", name].map(str::to_owned).into());
        Some(vec![KeyPartSpec {
            source: name.map_or(KeySource::Host, property),
            default: None,
        }])
    }
}

/// An operator's word, which overrides what the calls say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// Every request is refused.
    Open,
    /// None is.
    Closed,
}

/// What a refused request gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// This reply, unless one of the others can be had. A gRPC request gets `UNAVAILABLE` instead.
    pub reply: Reply,
    /// The last good response to the same request, if there is one.
    pub stale: Option<Stale>,
    /// Another route. Never together with `stale`.
    pub reroute: Option<Reroute>,
}

/// Which good responses are kept, to be served in place of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale {
    /// How old one may be when it is served: 1 s to 24 h.
    pub max_age: Duration,
    /// The longest body that is kept: 1 byte to 1 MiB. Times `max_entries` at most [`MAX_STALE_BYTES`].
    pub max_body_bytes: u32,
    /// How many are kept: 1 to 1024.
    pub max_entries: NonZeroU32,
}

/// A request header that makes a route match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reroute {
    /// In lower case; none that a proxy acts on itself.
    pub header: String,
    /// Not empty.
    pub value: String,
}

/// Reads and checks a config. Empty bytes are `{}`.
///
/// # Errors
/// Every mistake, each with its path.
#[inline(never)]
pub fn parse(bytes: &[u8]) -> Result<CircuitBreaker, Errors> {
    crate::read::document(bytes, CircuitBreaker::read)
}
