//! `dist/latency-histogram.wasm` in a real Envoy, read as a user reads it: its metrics, and what a real Prometheus makes of
//! them, beside what client, upstream and Envoy themselves have measured.

#[path = "envoy_latency_histogram/access_log.rs"]
mod access_log;
#[path = "envoy_latency_histogram/config.rs"]
mod config;
#[path = "envoy_latency_histogram/counts.rs"]
mod counts;
#[path = "envoy_latency_histogram/excluded.rs"]
mod excluded;
#[path = "envoy_latency_histogram/histograms.rs"]
mod histograms;
#[path = "envoy_latency_histogram/labels.rs"]
mod labels;
#[path = "envoy_latency_histogram/load.rs"]
mod load;
#[path = "envoy_latency_histogram/prometheus.rs"]
mod prometheus;
#[path = "envoy_latency_histogram/quantiles.rs"]
mod quantiles;
#[path = "envoy_latency_histogram/series.rs"]
mod series;
#[path = "envoy_latency_histogram/service.rs"]
mod service;
#[path = "envoy_latency_histogram/stock.rs"]
mod stock;

const FILTER: &str = "latency-histogram";
/// What the plugin is called.
const PLUGIN: &str = "edge";
