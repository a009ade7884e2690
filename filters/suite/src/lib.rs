//! The suite: all filters in one context of one module. A [`Stage`] that is made of up to four others.
//!
//! A request meets them in the order of the config, its response in the opposite one, as in a chain of four modules. What
//! they read of a request is read once for all of them, and what they ask for is applied together. A filter that the config
//! does not name costs nothing.
//!
//! With the feature `module` this crate is `suite.wasm`. What its users read is in the README beside this folder.

mod configure;
mod slot;

use fairlead_canary::Canary;
use fairlead_circuit_breaker::CircuitBreaker;
use fairlead_config::Filter;
use fairlead_latency_histogram::LatencyHistogram;
use fairlead_rate_limit::RateLimit;
use fairlead_stage::{Effects, Needs, Proxy, Refusal, Stage, Timestamp, Verdict, View};
use slot::{Behind, Slot};
use std::cell::RefCell;

/// How many places for flights are kept for streams to come.
const SPARE: usize = 256;

/// The configured filters.
#[derive(Default)]
pub struct Suite {
    /// Those that are asked about requests, in the order in which a request meets them.
    order: Vec<Filter>,
    latency_histogram: Slot<LatencyHistogram>,
    rate_limit: Slot<RateLimit>,
    canary: Slot<Canary>,
    circuit_breaker: Slot<CircuitBreaker>,
    behind: Behind,
    /// Places that no stream is in, for the next ones.
    #[allow(
        clippy::vec_box,
        reason = "the boxes themselves are handed out, so that a stream moves a pointer"
    )]
    spare: RefCell<Vec<Box<Flights>>>,
}

/// What the suite remembers of a stream: one pointer to move, to a place that is used again.
pub struct Flight {
    own: Box<Flights>,
    /// The filter that has answered the request, which is told nothing of its own answer.
    answered: Option<Filter>,
}

/// What each filter remembers of a stream that it has seen.
#[derive(Default)]
struct Flights {
    latency_histogram: Option<fairlead_latency_histogram::Flight>,
    rate_limit: Option<fairlead_rate_limit::Flight>,
    canary: Option<fairlead_canary::Flight>,
    circuit_breaker: Option<fairlead_circuit_breaker::Flight>,
}

impl Suite {
    /// An empty place for the flights of a stream.
    #[inline]
    fn place(&self) -> Box<Flights> {
        let spare = self.spare.try_borrow_mut().ok();
        spare.and_then(|mut spare| spare.pop()).unwrap_or_default()
    }

    /// Takes back a place that everything has been taken from.
    #[inline]
    fn give_back(&self, place: Box<Flights>) {
        if let Ok(mut spare) = self.spare.try_borrow_mut()
            && spare.len() < SPARE
        {
            spare.push(place);
        }
    }
}

/// Does the same with the slot of a filter, and the part of a flight that is its own.
macro_rules! with {
    ($suite:expr, $flight:expr, $filter:expr, |$slot:ident, $own:ident| $body:expr) => {
        match $filter {
            Filter::LatencyHistogram => {
                let ($slot, $own) = (&$suite.latency_histogram, &mut $flight.own.latency_histogram);
                $body
            }
            Filter::RateLimit => {
                let ($slot, $own) = (&$suite.rate_limit, &mut $flight.own.rate_limit);
                $body
            }
            Filter::Canary => {
                let ($slot, $own) = (&$suite.canary, &mut $flight.own.canary);
                $body
            }
            _ => {
                let ($slot, $own) = (&$suite.circuit_breaker, &mut $flight.own.circuit_breaker);
                $body
            }
        }
    };
}

impl Stage for Suite {
    type Flight = Flight;

    const NAME: &'static str = "suite";

    fn plan(config: &[u8]) -> Result<(Self, Needs), Refusal> {
        configure::plan(config)
    }

    fn on_request<'s>(
        &'s self,
        view: &impl View,
        proxy: &impl Proxy,
        effects: &mut Effects,
    ) -> (Verdict<'s>, Flight) {
        let mut flight = Flight {
            own: self.place(),
            answered: None,
        };
        for filter in &self.order {
            let verdict = with!(self, flight, filter, |slot, own| {
                slot.on_request(own, view, proxy, effects, &self.behind)
            });
            match verdict {
                Verdict::Continue => {}
                Verdict::Deny(reply) => {
                    flight.answered = Some(*filter);
                    return (Verdict::Deny(reply), flight);
                }
            }
        }
        (Verdict::Continue, flight)
    }

    fn on_response<'s>(
        &'s self,
        flight: &mut Flight,
        view: &impl View,
        proxy: &impl Proxy,
        effects: &mut Effects,
    ) -> Verdict<'s> {
        for filter in self.order.iter().rev() {
            if flight.answered == Some(*filter) {
                continue;
            }
            let verdict = with!(self, flight, filter, |slot, own| {
                slot.on_response(own.as_mut(), view, proxy, effects, &self.behind)
            });
            match verdict {
                Verdict::Continue => {}
                Verdict::Deny(reply) => return Verdict::Deny(reply),
            }
        }
        Verdict::Continue
    }

    fn wants_body(&self, flight: &Flight) -> bool {
        self.order.iter().any(|filter| match filter {
            Filter::LatencyHistogram => self
                .latency_histogram
                .wants_body(flight.own.latency_histogram.as_ref()),
            Filter::RateLimit => self.rate_limit.wants_body(flight.own.rate_limit.as_ref()),
            Filter::Canary => self.canary.wants_body(flight.own.canary.as_ref()),
            _ => self
                .circuit_breaker
                .wants_body(flight.own.circuit_breaker.as_ref()),
        })
    }

    fn on_body(&self, flight: &mut Flight, part: &[u8], view: &impl View, proxy: &impl Proxy) {
        for filter in self.order.iter().rev() {
            if flight.answered != Some(*filter) {
                with!(self, flight, filter, |slot, own| {
                    slot.on_body(own.as_mut(), part, view, proxy);
                });
            }
        }
    }

    fn on_trailers(&self, flight: &mut Flight, view: &impl View, proxy: &impl Proxy) {
        for filter in self.order.iter().rev() {
            if flight.answered != Some(*filter) {
                with!(self, flight, filter, |slot, own| {
                    slot.on_trailers(own.as_mut(), view, proxy);
                });
            }
        }
    }

    fn on_done(&self, flight: Option<Flight>, view: &impl View, proxy: &impl Proxy) {
        let Some(mut flight) = flight else { return };
        for filter in &self.order {
            with!(self, flight, filter, |slot, own| {
                slot.on_done(own, view, proxy);
            });
        }
        self.give_back(flight.own);
    }

    fn on_tick(&self, now: Timestamp, proxy: &impl Proxy) {
        self.latency_histogram.on_tick(now, proxy);
        self.rate_limit.on_tick(now, proxy);
        self.canary.on_tick(now, proxy);
        self.circuit_breaker.on_tick(now, proxy);
    }

    fn on_retire(&self, now: Timestamp, proxy: &impl Proxy) {
        self.latency_histogram.on_retire(now, proxy);
        self.rate_limit.on_retire(now, proxy);
        self.canary.on_retire(now, proxy);
        self.circuit_breaker.on_retire(now, proxy);
    }
}

#[cfg(feature = "module")]
fairlead_guest::module!(Suite);
