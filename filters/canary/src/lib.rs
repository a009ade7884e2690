//! Canary header routing: a [`Stage`] that decides which variant a request gets and says so in a request header, which
//! the proxy's own routes match.
//!
//! Why a request has its variant is told by [`fairlead_rollout::Reason`], in that order. A user is drawn by hashing a key
//! of the request, so that all proxies agree without talking and without state. What workers share is only what the guard
//! has counted, and the traces that are remembered on their way through.
//!
//! With the feature `module` this crate is `canary.wasm`. What its users read is in the README beside this folder.

mod catalogue;
mod configure;
mod decide;
mod guard;
mod metrics;
mod plain;
mod reply;
mod stream;
mod trace;

use configure::{Cookie, Force, Rules, Sticky, Variants};
use fairlead_config::canary::MAX_VARIANTS;
use fairlead_matching::RuleSet;
use fairlead_rollout::ranges::Range;
use fairlead_stage::{AttributeId, Effects, Needs, Proxy, Refusal, Stage, Timestamp, Verdict, View};
use guard::Watch;
use metrics::Metrics;
use plain::Plain;
use trace::Traces;

pub use catalogue::METRICS;
pub use stream::Flight;

/// The configured filter.
pub struct Canary {
    /// Whether decisions are carried out, or only counted.
    enforced: bool,
    /// What there is to decide, where that is no more than a draw.
    plain: Option<Plain>,
    /// The routing header, and all of its lines as an attribute.
    header: String,
    header_lines: AttributeId,
    /// Which requests the filter is about; `None`: all.
    matches: Option<RuleSet>,
    variants: Variants,
    /// The ranges of the variants, where they depend on neither the clock nor a guard.
    fixed: Option<[Range; MAX_VARIANTS]>,
    force: Force,
    rules: Rules,
    sticky: Sticky,
    cookie: Option<Cookie>,
    guard: Option<Watch>,
    /// The name of the release's member of baggage; `None`: none is written.
    baggage: Option<String>,
    traces: Option<Traces>,
    metrics: Metrics,
}

impl Canary {
    /// Compiles a checked config, and says what the filter will use.
    #[must_use]
    pub fn new(config: fairlead_config::canary::Canary) -> (Self, Needs) {
        configure::planned(config)
    }
}

impl Stage for Canary {
    type Flight = Flight;

    const NAME: &'static str = "canary";

    fn plan(config: &[u8]) -> Result<(Self, Needs), Refusal> {
        configure::plan(config)
    }

    fn on_request<'s>(
        &'s self,
        view: &impl View,
        proxy: &impl Proxy,
        effects: &mut Effects,
    ) -> (Verdict<'s>, Flight) {
        let flight = match &self.plain {
            Some(plain) => self.draw(plain, view, effects),
            None => self.decide(view, proxy, effects),
        };
        (Verdict::Continue, flight)
    }

    fn on_response<'s>(
        &'s self,
        flight: &mut Flight,
        view: &impl View,
        proxy: &impl Proxy,
        effects: &mut Effects,
    ) -> Verdict<'s> {
        flight.responded = true;
        self.answered(flight, view);
        self.set_cookie(flight, proxy, effects);
        Verdict::Continue
    }

    fn on_trailers(&self, flight: &mut Flight, view: &impl View, _proxy: &impl Proxy) {
        self.trailed(flight, view);
    }

    fn on_done(&self, flight: Option<Flight>, _view: &impl View, proxy: &impl Proxy) {
        if let Some(flight) = flight {
            self.account(&flight, proxy);
        }
    }

    fn on_tick(&self, now: Timestamp, proxy: &impl Proxy) {
        self.tick(now, proxy);
    }
}

#[cfg(feature = "module")]
fairlead_guest::module!(Canary);

#[cfg(test)]
mod tests;
