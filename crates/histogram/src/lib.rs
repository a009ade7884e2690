//! Latency histograms without a clock, a store or a host: what took how long, counted so that all workers add up exactly.
//!
//! - [`Scale`]: which bucket a value belongs to: base-2 exponential buckets, as OpenTelemetry and Prometheus' native
//!   histograms have them;
//! - [`Histogram`]: counts by bucket, quantiles, merging without loss;
//! - [`Windows`]: histograms over a sliding window, in cells that all workers share;
//! - [`buckets`]: cumulative counters under bounds that the operator chose;
//! - [`slo`]: what is good, and how fast an error budget is spent;
//! - [`labels`]: the values of a label, of which there are at most so many;
//! - [`native`]: the form in which Prometheus takes a histogram.
//!
//! Values are whole numbers; a latency is in microseconds wherever a unit matters. No input panics: neither traffic nor
//! stored bytes nor a clock that jumps.
//!
//! What this crate does not do: measure time, store cells, define metrics.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        reason = "a test that overflows fails, which is what it is for"
    )
)]

pub mod buckets;
mod histogram;
pub mod labels;
pub mod native;
mod scale;
pub mod slo;
mod windows;

pub use buckets::Bounds;
pub use histogram::Histogram;
pub use scale::Scale;
pub use windows::Windows;

#[cfg(test)]
mod tests;
