//! What a filter costs on a real Envoy: instructions, CPU time, latency, memory, start-up.
//!
//! One run measures [variants](variants::Variant) side by side, each a chain of filters behind a listener of its own:
//! no filter, filters that do nothing, the filters of this toolkit, what Envoy has itself. [`run`] does all of it by a
//! [`Plan`]; each part can be had alone:
//!
//! | | what | how | repeats to |
//! |---|---|---|---|
//! | [`instructions`] | instructions of the worker thread a request | callgrind | 0.3 % of a filter's cost |
//! | [`cpu`] | CPU time of the worker thread a request, at full load | `/proc`, interleaved rounds | 0.3 us |
//! | [`latency`] | p50 and p99 at a fixed rate of arrivals | open loop, interleaved rounds | some us; p99 tens |
//! | [`footprint`] | memory by workers, CPU time of the start | `/proc`, an Envoy for each variant | 1 MiB, a tenth |
//!
//! What it does not do: TLS, HTTP/2, bodies; anything but Linux. How cost grows with a configuration is another
//! question.

pub mod cpu;
pub mod footprint;
pub mod instructions;
pub mod latency;
pub mod machine;
pub mod scene;
pub mod variants;

mod plan;
mod results;
mod rounds;

pub use machine::{Cores, Memory};
pub use plan::{Plan, run};
pub use results::{Results, Row};
pub use rounds::Cost;
pub use scene::Answers;
