//! An in-process Envoy for proxy-wasm modules (ABI 0.2.0 and 0.2.1): virtual time, N workers, exact fuel.
//!
//! It runs the same `.wasm` files that Envoy loads and gives them what Envoy 1.40 gives them: the same callbacks in the
//! same order, the same status from each host call in each phase, the same VMs (a base, a canary, one on the main thread,
//! one a worker), shared data with the same compare-and-swap rules, the same fate after a trap. Where the ABI's text and
//! Envoy differ, Envoy wins.
//!
//! ```no_run
//! use std::time::Duration;
//! use fairlead_emulator::{Answer, CompiledModule, Emulator, Event, Plugin, Request, Response};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Compile once (0.1 s), use in any number of emulators.
//! let module = CompiledModule::compile(&std::fs::read("rate_limit.wasm")?)?;
//! let mut proxy = Emulator::builder()
//!     .workers(2)
//!     .seed(7)
//!     .plugin(Plugin::new("rate-limit", &module).configuration(r#"{"limits": []}"#))
//!     .build()?; // Err if the plugin refuses its configuration
//!
//! let first = proxy.request(Duration::ZERO, Request::get("/").header("x-api-key", "a"));
//! proxy.request(
//!     Duration::from_millis(5),
//!     Request::get("/slow").upstream(Response::new(200).after(Duration::from_secs(2))).abort_after(Duration::from_secs(1)),
//! );
//! proxy.schedule(Duration::from_secs(1), Event::ClockJump { nanoseconds: -3_000_000_000 });
//! let report = proxy.run();
//!
//! assert_eq!(report.statuses(), [200, 0]);
//! assert_eq!(report.outcome(first).map(|outcome| &outcome.from), Some(&Answer::Upstream));
//! assert_eq!(proxy.counter("requests_total"), Some(2));
//! # Ok(())
//! # }
//! ```
//!
//! # Two ways to drive it
//!
//! *Virtual time.* Requests and [`Event`]s are scheduled at points of virtual time; [`Emulator::run`] works them off in
//! order, one callback at a time; no clock but the virtual one is ever read. Ties keep the order of scheduling.
//!
//! *Seeded interleaving.* With [`Builder::interleave`] whatever is due for several workers at one instant runs side by
//! side, one OS thread a worker, and the seed decides at each host call that other workers can notice which worker goes
//! on. Same seed, same schedule ([`Emulator::trace_hash`]). A loop over a thousand seeds takes seconds:
//!
//! ```no_run
//! # use std::time::Duration;
//! # use fairlead_emulator::{CompiledModule, Emulator, Plugin, Request};
//! # fn check(module: &CompiledModule) -> Result<(), fairlead_emulator::StartError> {
//! for seed in 0..1000 {
//!     let plugin = Plugin::new("limit", module).configuration(r#"{"limit": 1}"#);
//!     let mut proxy = Emulator::builder().workers(3).interleave(seed).plugin(plugin).build()?;
//!     for worker in 0..3 {
//!         proxy.request(Duration::ZERO, Request::get("/").worker(worker));
//!     }
//!     let admitted = proxy.run().statuses().iter().filter(|status| **status == 200).count();
//!     assert_eq!(admitted, 1, "seed {seed}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it does not do
//!
//! Callouts (HTTP calls answer "bad argument", gRPC calls "parse failure", as a proxy without the cluster does), routing
//! (a request says which cluster and route it has), retries, TCP filters, upstream filters, ABI 0.1.0, CEL expressions and
//! the other foreign functions beyond those of properties and the route cache. It adds no headers of its own
//! (`x-request-id`, `date`, `server`, `x-envoy-*`). Pausing headers stops the whole message
//! (`allow_on_headers_stop_iteration: false`).
//!
//! # Cost
//!
//! A module compiles in 0.1 s for 100 KB, a VM starts in about 20 us, a stream of six callbacks takes under 10 us, a
//! switch of workers 5 to 10 us.

mod abi;
mod baton;
mod emulator;
mod event;
mod headers;
mod host;
mod hostcalls;
mod metrics;
mod module;
mod plugin;
mod property;
mod report;
mod rng;
mod shared;
mod stream;
mod vm;
mod worker;

pub use abi::Status;
pub use emulator::{Builder, Emulator, StartError};
pub use event::{Event, LocalReply, Request, RequestId, Response, Upstream};
pub use headers::Headers;
pub use host::Reloads;
pub use metrics::{Histogram, Metrics};
pub use module::{CompiledModule, ModuleError};
pub use plugin::{FailurePolicy, Plugin};
pub use report::{Answer, Fault, FaultKind, LogLevel, LogLine, Outcome, Report, Thread, Update};
pub use worker::VmInfo;
