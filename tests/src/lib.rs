//! What the end to end tests have in common: finding the modules that are tested, an emulated proxy and a real Envoy
//! that run one, a real Prometheus that scrapes it, an HTTP client for bytes that no library would send, and the names
//! under which filters count.
//!
//! `README.md` in this folder explains the tiers and how to run a single test.

pub mod baseline;
pub mod canned;
pub mod catalogue;
pub mod client;
pub mod configs;
pub mod cost;
pub mod emulated;
pub mod exposition;
pub mod fuel;
pub mod hostile;
pub mod modules;
pub mod names;
pub mod prometheus;
pub mod proxy;
pub mod refusing;
pub mod slowed;
pub mod transitions;
