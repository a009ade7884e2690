//! The demo upstream: an HTTP/1.1 and HTTP/2 (h2c) server whose latency, status and faults each request can set.
//!
//! Demos and end-to-end tests need an upstream that fails on demand and counts exactly. [`Upstream::bind`] runs one
//! inside the process, on a thread with its own runtime, so that synchronous code can use it; the binary
//! `fairlead-upstream` is the same server alone.
//!
//! # What a request can ask for
//! Each setting is a query parameter (`?delay=50ms&status=503`) or a header with the prefix `x-upstream-`
//! (`x-upstream-delay: 50ms`); the query wins over the header, both win over what was set for all requests with
//! [`Upstream::set`] or `POST /_control?...`. [`Behavior`] lists them. Parameters of other names are left to the
//! caller; a wrong value is answered with 400 and says what is wrong.
//!
//! # Paths of its own
//! | path | answer |
//! |---|---|
//! | `/_health` | 200 at once, whatever is set |
//! | `GET /_control` | what is set for all requests, as a query string |
//! | `POST /_control?...` | replaces it; without parameters everything is normal again |
//! | `GET /_counts` | [`Counts`] as JSON |
//!
//! They are neither counted nor recorded. Every answer carries `x-version`.
//!
//! # Limits
//! No TLS. A reset closes an HTTP/1.1 connection without an answer, and resets only the stream in HTTP/2. One thread
//! serves everything: tens of thousands of requests a second, enough for a demo, not for a load test of the proxy.

mod behavior;
mod decide;
mod record;
mod reply;
mod server;

pub use behavior::{Behavior, BehaviorError, Percent};
pub use record::{Counts, RequestHead};
pub use server::Upstream;
