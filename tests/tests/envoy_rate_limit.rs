//! `dist/rate-limit.wasm` in a real Envoy: what only real threads, real memory and a real client can show.

#[path = "envoy_rate_limit/answers.rs"]
mod answers;
#[path = "envoy_rate_limit/config.rs"]
mod config;
#[path = "envoy_rate_limit/exactness.rs"]
mod exactness;
#[path = "envoy_rate_limit/hostile.rs"]
mod hostile;
#[path = "envoy_rate_limit/memory.rs"]
mod memory;

use fairlead_envoy::Envoy;
use fairlead_tests::client::Request;
use fairlead_tests::names;
use fairlead_tests::proxy::PATIENCE;
use serde_json::{Value, json};

/// What the plugin is called.
const PLUGIN: &str = "edge";

/// A config with one limit by API key.
fn per_key(rate: &str, burst: u32) -> Value {
    json!({"limits": [{"name": "per-key", "key": [{"header": "x-api-key"}], "rate": rate, "burst": burst}]})
}

fn with_key(key: impl AsRef<[u8]>) -> Request {
    Request::get("/").header("x-api-key", key)
}

/// How many requests plugin `edge` has admitted and denied by its limit `per-key`, once it has counted `sent`: it counts
/// a moment after the client has its answer.
fn counted(envoy: &Envoy, sent: u64) -> (u64, u64) {
    let name = |outcome| names::in_envoy(&names::requests(PLUGIN, "per-key", outcome));
    let count = |outcome| envoy.stat(&name(outcome)).unwrap();
    envoy
        .wait_for_stat(&name("admitted"), PATIENCE, |admitted| {
            admitted + count("denied") >= sent
        })
        .unwrap();
    (count("admitted"), count("denied"))
}

fn admitted(statuses: &[u16]) -> u64 {
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 429)),
        "{statuses:?}"
    );
    statuses.iter().filter(|status| **status == 200).count() as u64
}
