//! A load generator for HTTP/1.1 on loopback: as fast as answers come, or at a fixed arrival rate.
//!
//! A benchmark of a proxy on one machine shares its cores with the generator, so what the generator costs is what the
//! proxy cannot use. Here a request is bytes that were prepared once, one `write`, one `read` and a look at the head of
//! the answer: no async runtime, no allocation, no copy of the body.
//!
//! - [`Request`], [`Requests`]: what is sent, the same each time or numbered by key;
//! - [`Serial`]: one request at a time on one connection, for measuring windows of a known number of requests;
//! - [`Saturate`], [`Closed`]: a closed loop; each connection sends its next request when the last one is answered;
//! - [`Rate`]: an open loop; requests have fixed times of arrival, and latency counts from them;
//! - [`Responder`]: an upstream that costs as little as an upstream can;
//! - [`pin`]: keeps the calling thread, and threads it starts, on given cores.
//!
//! ```no_run
//! use std::time::Duration;
//! use fairlead_load::{Rate, Request, Saturate};
//!
//! let address = ([127, 0, 0, 1], 10000).into();
//! let request = Request::get("/").header("x-user-id", "alice-42").build();
//! let most = Saturate::new(address, request.clone()).connections(32).run(Duration::from_secs(1))?;
//! println!("{:.0} requests a second", most.per_second());
//!
//! let latencies = Rate::new(address, request, 1000.0).run(Duration::from_secs(5))?;
//! println!("p99 {:?}", latencies.quantile(0.99));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! What it does not do: no TLS, no HTTP/2, no name resolution, no pipelining, no request bodies beyond what a caller
//! writes into the bytes. Answers are parsed as far as it takes to know where they end: status, framing, whether the
//! connection stays.

mod affinity;
mod answer;
mod closed;
mod connection;
mod open;
mod request;
mod responder;
mod serial;
#[cfg(test)]
mod tests;
mod timer;

pub use affinity::pin;
pub use answer::{Answer, Malformed};
pub use closed::{Closed, Saturate, Throughput};
pub use open::{Latencies, Rate};
pub use request::{NoPlace, Prepared, Request, Requests};
pub use responder::Responder;
pub use serial::Serial;
