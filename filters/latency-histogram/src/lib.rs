//! Latency histograms: a [`Stage`] that measures requests and changes nothing about them.
//!
//! Time is taken by the proxy's steady clock, so that nothing done to the wall clock shows in it. What the labels of a
//! request say is one number, below a bound that follows from the config; series are defined when they are first counted
//! (docs/adr/0012).
//!
//! With the feature `module` this crate is `latency-histogram.wasm`. What its users read is in the README beside this folder.

mod access_log;
mod catalogue;
mod configure;
mod count;
mod labels;
mod metrics;
mod request;
mod tick;

use access_log::AccessLog;
use configure::{Exclude, Measures, Quantiles, Size, Slo};
use fairlead_matching::RuleSet;
use fairlead_stage::{AttributeId, Effects, Needs, Proxy, Refusal, Stage, Timestamp, Verdict, View};
use labels::Labels;
use metrics::Metrics;

pub use catalogue::METRICS;
pub use request::Flight;

/// The configured filter.
pub struct LatencyHistogram {
    /// Which requests it measures; `None`: all.
    matches: Option<RuleSet>,
    exclude: Exclude,
    labels: Labels,
    /// What is measured of a phase, for each phase that the config names.
    measures: Vec<Measures>,
    /// `response.backend_latency`, where the upstream's time is measured.
    upstream: Option<AttributeId>,
    /// Whether there is anything of what follows.
    counts_more: bool,
    sizes: Vec<Size>,
    slos: Vec<Slo>,
    quantiles: Option<Quantiles>,
    log: Option<AccessLog>,
    /// Whether anything but the time is asked of a request.
    asks_request: bool,
    /// Whether anything but the time and the status is remembered of a request.
    asks_more: bool,
    /// What a response is asked for.
    wants_status: bool,
    wants_grpc_status: bool,
    wants_first_byte: bool,
    metrics: Metrics,
}

impl LatencyHistogram {
    /// Compiles a checked config, and says what the filter will use.
    #[must_use]
    pub fn new(config: &fairlead_config::latency_histogram::LatencyHistogram) -> (Self, Needs) {
        configure::planned(config)
    }
}

impl Stage for LatencyHistogram {
    type Flight = Flight;

    const NAME: &'static str = "latency_histogram";

    fn plan(config: &[u8]) -> Result<(Self, Needs), Refusal> {
        configure::plan(config)
    }

    fn on_request<'s>(
        &'s self,
        view: &impl View,
        proxy: &impl Proxy,
        _effects: &mut Effects,
    ) -> (Verdict<'s>, Flight) {
        (Verdict::Continue, self.begin(view, proxy))
    }

    fn on_response<'s>(
        &'s self,
        flight: &mut Flight,
        view: &impl View,
        proxy: &impl Proxy,
        _effects: &mut Effects,
    ) -> Verdict<'s> {
        self.answered(flight, view, proxy);
        Verdict::Continue
    }

    fn on_trailers(&self, flight: &mut Flight, view: &impl View, _proxy: &impl Proxy) {
        self.trailed(flight, view);
    }

    fn on_done(&self, flight: Option<Flight>, view: &impl View, proxy: &impl Proxy) {
        if let Some(flight) = flight {
            self.ended(flight, view, proxy);
        }
    }

    fn on_tick(&self, now: Timestamp, proxy: &impl Proxy) {
        self.tick(now, proxy);
    }

    fn on_retire(&self, now: Timestamp, proxy: &impl Proxy) {
        self.tick(now, proxy);
    }
}

#[cfg(feature = "module")]
fairlead_guest::module!(LatencyHistogram);

#[cfg(test)]
mod tests;
