//! Circuit breaking: a [`Stage`] that stops sending requests to what fails, and finds out when to begin again.
//!
//! Breakers apply in the order in which they are written; all that match must let a request pass. The truth about a breaker
//! is a record in a cell that all workers share, changed by compare-and-swap. Requests avoid it: a worker remembers what it
//! last knew, and a counter of transitions says whether that still holds (docs/adr/0011).
//!
//! With the feature `module` this crate is `circuit-breaker.wasm`. What its users read is in the README beside this folder.

mod catalogue;
mod configure;
mod keep;
mod metrics;
mod reply;
mod say;
mod shared;
mod state;
mod stream;
mod taken;
mod tick;

use configure::Breaker;
use fairlead_matching::RuleSet;
use fairlead_stage::{AttributeId, Effects, Needs, Proxy, Refusal, Stage, Timestamp, Verdict, View};

use shared::Shared;

pub use catalogue::METRICS;
pub use stream::Flight;

/// The configured filter.
pub struct CircuitBreaker {
    /// Rule `i` is about `breakers[i]`.
    rules: RuleSet,
    /// All rules match every request.
    everyone: bool,
    breakers: Vec<Breaker>,
    /// What breakers have in common.
    shared: Shared,
    /// Headers that lead to another route, which clients may not set.
    reroutes: Vec<String>,
    /// Envoy's `response.flags`.
    flags: AttributeId,
    /// Whether some breaker does anything about a request that passes.
    adds: bool,
    /// Whether some breaker bounds what is in flight.
    limits: bool,
    /// Whether the clock is read when a request begins.
    times: bool,
}

impl CircuitBreaker {
    /// Compiles a checked config, and says what the filter will use. `version` tells it from any other.
    #[must_use]
    pub fn new(config: fairlead_config::circuit_breaker::CircuitBreaker, version: u32) -> (Self, Needs) {
        configure::planned(config, version)
    }
}

impl Stage for CircuitBreaker {
    type Flight = Flight;

    const NAME: &'static str = "circuit_breaker";

    fn plan(config: &[u8]) -> Result<(Self, Needs), Refusal> {
        configure::plan(config)
    }

    fn on_request<'s>(
        &'s self,
        view: &impl View,
        proxy: &impl Proxy,
        effects: &mut Effects,
    ) -> (Verdict<'s>, Flight) {
        self.decide(view, proxy, effects)
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

    fn wants_body(&self, flight: &Flight) -> bool {
        flight.keeping.is_some()
    }

    fn on_body(&self, flight: &mut Flight, part: &[u8], view: &impl View, proxy: &impl Proxy) {
        self.keep_body(flight, part, view, proxy);
    }

    fn on_trailers(&self, flight: &mut Flight, view: &impl View, proxy: &impl Proxy) {
        self.trailed(flight, view, proxy);
    }

    fn on_done(&self, flight: Option<Flight>, view: &impl View, proxy: &impl Proxy) {
        if let Some(flight) = flight {
            self.ended(flight, view, proxy);
        }
    }

    fn on_tick(&self, now: Timestamp, proxy: &impl Proxy) {
        self.tick(now, proxy);
    }
}

#[cfg(feature = "module")]
fairlead_guest::module!(CircuitBreaker);

#[cfg(test)]
mod tests;
