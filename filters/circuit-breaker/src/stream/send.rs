//! Where a request goes that was decided on: to its upstream, to another one, or back with a reply.

use super::{Flight, Lazy};
use crate::CircuitBreaker;
use crate::configure::Breaker;
use crate::metrics::Metric;
use crate::reply::push_number;
use fairlead_stage::{Effects, HeaderMap, Proxy, Verdict, View};
use std::time::Duration;

/// What Envoy's router reads the timeout of a request from, in milliseconds.
const TIMEOUT: &str = "x-envoy-upstream-rq-timeout-ms";
impl CircuitBreaker {
    /// Answers a refused request.
    #[inline(never)]
    pub(super) fn refuse<'s, 'v, V: View>(
        &'s self,
        breaker: &'s Breaker,
        wait: Duration,
        request: &Lazy<'v, V>,
        proxy: &impl Proxy,
        effects: &mut Effects,
    ) -> Verdict<'s> {
        let view = request.view;
        if let Some(reroute) = &breaker.reroute {
            breaker.metrics.count(Metric::FallbackReroute, proxy);
            self.strip(view, effects);
            effects.set(HeaderMap::Request, &reroute.header, |out| {
                out.extend_from_slice(reroute.value.as_bytes());
            });
            return Verdict::Continue;
        }
        if let Some(keeper) = &breaker.stale {
            if let Some(kept) = keeper.serve(breaker, request.get(), view, proxy, effects) {
                breaker.metrics.count(Metric::FallbackStale, proxy);
                return kept;
            }
            breaker.metrics.count(Metric::StaleMissing, proxy);
        }
        breaker.metrics.count(Metric::FallbackReply, proxy);
        breaker.reply.verdict(wait, effects)
    }

    /// What a request that passes is sent on with.
    pub(super) fn let_pass<'v, V: View>(
        &'v self,
        flight: &mut Flight,
        request: &Lazy<'v, V>,
        proxy: &impl Proxy,
        effects: &mut Effects,
    ) {
        let view = request.view;
        if self.adds {
            self.add(flight, request, proxy, effects);
        }
        // A gRPC call has a message, and says that it understands trailers. Browsers say so, too, and then the type tells.
        if !view.ends() && flight.taken.is_told() {
            flight.grpc = view.header(HeaderMap::Request, "te").is_some() && request.get().is_grpc();
        }
        self.strip(view, effects);
    }

    /// The timeout of a request that passes, and a place for its response.
    #[inline(never)]
    fn add<'v, V: View>(
        &'v self,
        flight: &mut Flight,
        request: &Lazy<'v, V>,
        proxy: &impl Proxy,
        effects: &mut Effects,
    ) {
        let mut timeout: Option<u64> = None;
        let mut position = 0;
        while let Some(taken) = flight.taken.at(position) {
            position = position.saturating_add(1);
            let Some(breaker) = self.breakers.get(taken.breaker) else {
                continue;
            };
            timeout = match (timeout, breaker.timeout_ms) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
            if let Some(keeper) = &breaker.stale
                && flight.keeping.is_none()
            {
                flight.keeping = keeper.prepare(taken.breaker, request.get(), request.view, proxy);
            }
        }
        if let Some(timeout) = timeout {
            effects.set(HeaderMap::Request, TIMEOUT, |out| push_number(out, timeout));
        }
    }

    /// A client does not choose where the proxy sends what it refuses.
    fn strip(&self, view: &impl View, effects: &mut Effects) {
        for header in &self.reroutes {
            if view.header(HeaderMap::Request, header).is_some() {
                effects.remove(HeaderMap::Request, header);
            }
        }
    }
}
