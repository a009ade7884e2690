//! What the end to end tests have in common: finding the modules that are tested, an emulated proxy and a real Envoy
//! that run one, a real Prometheus that scrapes it, a mesh without a cluster, an HTTP client for bytes that no library would send, and the names
//! under which filters count.
//!
//! `README.md` in this folder explains the tiers and how to run a single test.

pub mod baseline;
pub mod canned;
pub mod catalogue;
pub mod client;
pub mod configs;
pub mod control_plane;
pub mod cost;
pub mod docker;
pub mod emulated;
pub mod exposition;
pub mod fuel;
pub mod hostile;
pub mod modules;
pub mod names;
pub mod prometheus;
pub mod proxy;
pub mod refusing;
pub mod scenarios;
pub mod slowed;
pub mod transitions;
pub mod versions;
