//! The last good response to a request, kept in bounded memory for when its upstream is not asked.
//!
//! This is a shared cache (RFC 9111) with one use: to answer while a circuit breaker is open. Nothing is ever answered from
//! it while the upstream is asked, so it knows no validation and no freshness but one: a response that forbids being
//! served stale is served within its own lifetime only. That anything else is served stale is the operator's wish, which
//! RFC 9111, 4.2.4 asks for ("configuration in accordance with an out-of-band contract").
//!
//! In the order in which a stream meets it:
//! - [`Request::qualifies`]: may a kept response answer this request, and may the response to it be kept;
//! - [`Store::locate`]: the cell for a request, [`Store::find`]: the response that is kept there;
//! - [`Pace`]: does this worker bother to collect this response;
//! - [`Store::keeping`]: judges the response's headers, one by one, and makes a [`Head`] of them;
//! - [`Store::body`]: collects its body, up to a bound;
//! - [`Store::keep`]: writes both into the cell, at most once every [`Store::refresh`].
//!
//! A cell holds one response, so two requests that meet in a cell share it: the later one gets it, once the other has had
//! it for the refresh time. That makes an entry one value of the proxy's store, with no index to keep in step.
//!
//! Every entry point takes `now`. Nothing here reads a clock, logs, does I/O or keeps a global, and no input panics:
//! neither traffic nor stored bytes nor a clock that jumps.
//!
//! Cost, natively: a request that is let pass costs one hash and one comparison of times, about 50 ns. The one that refreshes
//! its cell adds about 1 us for the judgement on a dozen headers, and copies headers and body twice.
//!
//! What this crate does not do: store cells, read headers from a proxy, decide when a kept response is served, revalidate,
//! keep several variants of a resource (but for content codings), answer `HEAD` or ranges, obey `stale-if-error` (RFC 5861:
//! the operator's `max_age` says how long).

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        reason = "a test that overflows fails, which is what it is for"
    )
)]

mod body;
mod entry;
pub mod fields;
mod head;
mod list;
mod pace;
mod request;
mod store;

pub use body::Body;
pub use entry::{Found, Headers};
pub use head::{Head, Keeping, MAX_HEADER_BYTES};
pub use pace::Pace;
pub use request::Request;
pub use store::{Kept, Place, Store};
