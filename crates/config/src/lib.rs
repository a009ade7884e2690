//! pluginConfig, the public API of every filter: from JSON to types in which everything holds that a filter relies on.
//!
//! One set of declarations (`object!` and `words!`) drives reading and the JSON Schema, so that the two cannot disagree.
//! Reading never stops at the first mistake: [`Errors`] lists all of them, each with path, value and fix.
//!
//! What this crate does not do: read files or YAML, compile matches into an index, talk to a host. It runs while a proxy
//! configures a filter, so it is built for size rather than speed.

#[macro_use]
mod read;

#[cfg(test)]
mod arbitrary;
pub mod canary;
pub mod circuit_breaker;
mod filter;
#[cfg(feature = "native")]
pub mod gateway;
#[cfg(feature = "native")]
pub mod istio;
mod json;
pub mod latency_histogram;
mod leaf;
#[cfg(any(feature = "native", feature = "schema"))]
mod module;
#[cfg(feature = "native")]
pub mod policy;
mod problem;
pub mod rate_limit;
mod reply;
mod request;
mod routing;
#[cfg(feature = "schema")]
mod schema;
pub mod suite;
#[cfg(feature = "native")]
mod warning;

pub use filter::{Filter, Mode, OnInvalidConfig, pass_at_first_load};
#[cfg(any(feature = "native", feature = "schema"))]
pub use module::Module;
pub use problem::{Errors, Problem};
pub use reply::{MAX_BODY_BYTES, Reply};
#[cfg(feature = "schema")]
pub use schema::json_schema;
#[cfg(feature = "native")]
pub use warning::{Severity, Warning};
