//! What a scrape of a real Envoy has of the filters, and what a real Prometheus makes of it. The patterns for labels are
//! Istio's own, and no others.

#[path = "envoy_prometheus/catalogue.rs"]
mod catalogue;
#[path = "envoy_prometheus/counts.rs"]
mod counts;

use std::path::PathBuf;
use std::time::Duration;

use fairlead_envoy::{Envoy, Wasm};
use fairlead_tests::modules;
use fairlead_tests::prometheus::{Prometheus, Scrape};
use fairlead_tests::proxy::Lab;

/// What the plugin is called.
const PLUGIN: &str = "edge";

/// Envoy's turn, and Prometheus.
fn enter() -> Option<(Lab, PathBuf)> {
    Some((Lab::enter("rate-limit")?, Prometheus::locate()?))
}

/// A scrape of an Envoy, as often as is sensible in a test.
fn scrape(envoy: &Envoy) -> Scrape {
    Scrape::of("envoy", envoy.admin_address()).every(Duration::from_millis(500))
}

/// A plugin of any module; `None` if that is not built.
fn plugin(module: &str, name: &str, config: &serde_json::Value) -> Option<Wasm> {
    Some(Wasm::new(name, modules::module(module)?).configuration(config.to_string()))
}
