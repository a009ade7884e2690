//! What the end to end tests have in common: finding the modules that are tested, a real Envoy that runs one, an HTTP
//! client for bytes that no library would send, and the names under which filters count.
//!
//! `README.md` in this folder explains the tiers and how to run a single test.

pub mod client;
pub mod modules;
pub mod names;
pub mod proxy;
