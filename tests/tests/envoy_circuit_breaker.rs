//! `dist/circuit-breaker.wasm` in a real Envoy: what only real threads, real failures, real memory and a real client can show.

#[path = "envoy_circuit_breaker/answers.rs"]
mod answers;
#[path = "envoy_circuit_breaker/config.rs"]
mod config;
#[path = "envoy_circuit_breaker/hostile.rs"]
mod hostile;
#[path = "envoy_circuit_breaker/limits.rs"]
mod limits;
#[path = "envoy_circuit_breaker/memory.rs"]
mod memory;
#[path = "envoy_circuit_breaker/outage.rs"]
mod outage;
#[path = "envoy_circuit_breaker/outcomes.rs"]
mod outcomes;
#[path = "envoy_circuit_breaker/service.rs"]
mod service;

use fairlead_tests::client::Request;
use fairlead_tests::configs::with;
use serde_json::{Value, json};

const FILTER: &str = "circuit-breaker";
/// What the plugin is called.
const PLUGIN: &str = "edge";
/// What the breaker is called.
const BREAKER: &str = "b";
/// How many calls it wants to have seen before it opens.
const MINIMUM: usize = 20;
/// How many probes it lets pass.
const PROBES: usize = 3;

/// A config with one breaker that opens at half of [`MINIMUM`] calls, with these fields of its own.
fn one(fields: Value) -> Value {
    let breaker = json!({
        "name": BREAKER,
        "minimum_requests": MINIMUM,
        "open": {"duration": "1h"},
        "half_open": {"probes": PROBES},
        "fallback": {"headers": {"x-breaker": "yes"}},
    });
    json!({"breakers": [with(breaker, fields)]})
}

fn get() -> Request {
    Request::get("/")
}
