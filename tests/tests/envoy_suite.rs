//! `dist/suite.wasm` in a real Envoy: that it does there what the chain of the four modules does, and how configs are taken up.

#[path = "envoy_suite/chain.rs"]
mod chain;
#[path = "envoy_suite/config.rs"]
mod config;

const SUITE: &str = "suite";
