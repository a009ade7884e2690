//! How the cost of filters grows with rules, keys, workers and headers, and how much traffic a proxy takes with them.
//!
//! A filter that is cheap with one rule and one key can be dear with a thousand. Each sweep changes one thing and keeps
//! the rest as it is in [`fairlead_overhead`]:
//!
//! | sweep | what grows | what is measured |
//! |---|---|---|
//! | [`Sweep::Rules`] | rules, of which one is about the request | instructions, CPU time |
//! | [`Sweep::Keys`] | keys with a bucket of their own | CPU time, memory |
//! | [`Sweep::Workers`] | worker threads, with one hot key | CPU time, memory |
//! | [`Sweep::Headers`] | headers of the request | instructions |
//! | [`Sweep::Throughput`] | nothing: as many requests as the machine takes | requests a second, share of no filter |
//!
//! [`run`] makes [`Results`]: measurements as a flat list that serialises, the [goals](Goal) that they must meet, tables,
//! and a page with plots.
//!
//! Everything is compared within one run and in turns, so a busy machine widens the intervals rather than shifting a
//! result. Absolute numbers are those of the machine. The whole run takes about fifteen minutes on two idle cores, the
//! quick one five.

mod bench;
mod goals;
mod headers;
mod keys;
mod policies;
mod proxy;
mod results;
mod rules;
mod sweep;
mod throughput;
mod workers;

pub use bench::{Plan, run};
pub use goals::Goal;
pub use results::{Measurement, Results};
pub use sweep::{Metric, Sweep};
