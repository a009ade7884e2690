//! Rate limiting: a [`Stage`] that decides on each request which limits apply, and refuses it if one is used up.
//!
//! Limits apply in the order in which they are written. A request must pass all that match it; if one refuses, those
//! before it take their units back, so that a refused request costs nothing. State is kept in the cells of
//! [`fairlead_quota::Table`], eight keys a cell, per worker or exactly over all workers of the proxy.
//!
//! With the feature `module` this crate is `rate-limit.wasm`. What its users read is in the README beside this folder.

mod catalogue;
mod configure;
mod reply;
mod state;
mod stream;

use configure::Limit;
use fairlead_matching::RuleSet;
use fairlead_stage::{Effects, Needs, Proxy, Refusal, Stage, Verdict, View};
use reply::Replies;

pub use catalogue::METRICS;
pub use stream::Flight;

/// The configured filter.
pub struct RateLimit {
    /// Rule `i` is about `limits[i]`.
    rules: RuleSet,
    limits: Vec<Limit>,
    replies: Replies,
}

impl RateLimit {
    /// Compiles a checked config, and says what the filter will use.
    #[must_use]
    pub fn new(config: &fairlead_config::rate_limit::RateLimit) -> (Self, Needs) {
        configure::planned(config)
    }
}

impl Stage for RateLimit {
    type Flight = Flight;

    const NAME: &'static str = "rate_limit";

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
        _view: &impl View,
        _proxy: &impl Proxy,
        effects: &mut Effects,
    ) -> Verdict<'s> {
        self.replies.state_limits(&self.limits, flight, effects);
        Verdict::Continue
    }

    fn on_done(&self, flight: Option<Flight>, _view: &impl View, proxy: &impl Proxy) {
        if let Some(flight) = flight {
            self.account(&flight, proxy);
        }
    }
}

#[cfg(feature = "module")]
fairlead_guest::module!(RateLimit);

#[cfg(test)]
mod tests;
