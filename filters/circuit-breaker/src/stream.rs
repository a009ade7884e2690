//! One stream: which breakers apply and whether they let it pass, what its response says of them, what is given back.

mod answer;

use crate::CircuitBreaker;
use crate::configure::{Breaker, Decides};
use crate::keep::Keeping;
use crate::metrics::Metric;
use crate::reply::push_number;
use crate::say::KeyName;
use crate::state::{Admitted, Spot, Subject};
use answer::{IGNORED, NO_TICKET};
use fairlead_breaker::{Phase, Place, Ticket};
use fairlead_matching::Request;
use fairlead_stage::{Effects, HeaderMap, Proxy, Timestamp, Verdict, View};
use std::time::Duration;

/// What Envoy's router reads the timeout of a request from, in milliseconds.
const TIMEOUT: &str = "x-envoy-upstream-rq-timeout-ms";
/// Between the parts of a key in a log line.
const SEPARATOR: u8 = b'|';
/// The wait that a refusal states where none is known.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// What a stream remembers of its request.
#[derive(Default)]
pub struct Flight {
    /// The breakers that have let it pass and want to know what comes of it.
    pub(crate) taken: Vec<Taken>,
    started: Timestamp,
    /// It is a gRPC call, whose outcome is in its trailers.
    grpc: bool,
    /// Its response has begun.
    answered: bool,
    /// How long that took, where it matters.
    took: Duration,
    /// The status of its response.
    status: u16,
    /// A place for its response, if that is worth keeping.
    pub(crate) keeping: Option<Keeping>,
}

/// What a breaker has given to a request.
pub(crate) struct Taken {
    /// Index of the breaker.
    breaker: usize,
    /// What its outcome is to be told with; `None`: nobody asks, or it was told.
    ticket: Option<(Spot, Ticket)>,
    name: KeyName,
    /// It holds one of the places in flight: the hash of the key.
    in_flight: Option<Place>,
}

/// A breaker's answer.
enum Asked {
    /// The request has no key for it.
    NotConcerned,
    Passes(Option<(Spot, Ticket)>, KeyName, Option<Place>),
    Refuses(Metric, Duration),
}

impl CircuitBreaker {
    /// Asks all breakers that match, until one refuses.
    #[inline(never)]
    pub(crate) fn decide<'s>(
        &'s self,
        view: &impl View,
        proxy: &impl Proxy,
        effects: &mut Effects,
    ) -> (Verdict<'s>, Flight) {
        let request = Request::new(view);
        let mut found = Vec::new();
        self.rules.matching(&request, &mut found);
        let mut flight = Flight::default();
        if self.times && !found.is_empty() {
            flight.started = view.now();
        }
        for index in found.into_iter().filter_map(|index| usize::try_from(index).ok()) {
            let Some(breaker) = self.breakers.get(index) else {
                continue;
            };
            match self.ask(breaker, &request, view, proxy) {
                Asked::NotConcerned => {}
                Asked::Passes(None, _, None) => {}
                Asked::Passes(ticket, name, in_flight) => {
                    // Mostly it is the only one.
                    flight.taken.reserve_exact(1);
                    flight.taken.push(Taken {
                        breaker: index,
                        ticket,
                        name,
                        in_flight,
                    });
                }
                Asked::Refuses(why, wait) => {
                    breaker.metrics.refused(why, proxy);
                    if breaker.enforced {
                        self.give_back(&mut flight, view, proxy);
                        let verdict = self.refuse(breaker, wait, &request, view, proxy, effects);
                        return (verdict, flight);
                    }
                }
            }
        }
        self.let_pass(&mut flight, &request, view, proxy, effects);
        (Verdict::Continue, flight)
    }

    #[inline(never)]
    fn ask<'v, V: View>(
        &'v self,
        breaker: &'v Breaker,
        request: &Request<'v, V>,
        view: &V,
        proxy: &impl Proxy,
    ) -> Asked {
        let mut key = Vec::new();
        if let Some(parts) = &breaker.key
            && !parts.write(request, &mut key)
        {
            return Asked::NotConcerned;
        }
        let mut spot = Spot::NONE;
        if let Decides::Machine(machine) = &breaker.decides {
            spot = machine.spot(breaker, &key, proxy);
        }
        let name = || key_name(breaker, request, spot);
        let of = Subject { breaker, name: &name };
        let ticket;
        match &breaker.decides {
            Decides::Always => ticket = None,
            Decides::Never => return Asked::Refuses(Metric::Forced, SHORTEST_WAIT),
            Decides::Throttle(throttling) => {
                let rejection = throttling.rejection(breaker, view, proxy);
                if rejection > 0 && self.shared.draw(view.now(), proxy) % 1_000_000 < u64::from(rejection) {
                    return Asked::Refuses(Metric::Throttled, SHORTEST_WAIT);
                }
                ticket = Some((Spot::NONE, NO_TICKET));
            }
            Decides::Machine(machine) => match machine.admit(of, spot, &self.shared, view, proxy) {
                Admitted::Pass(taken) => ticket = taken,
                Admitted::Refused(phase, wait) => {
                    let why = match phase {
                        Phase::Open => Metric::WhileOpen,
                        Phase::HalfOpen => Metric::WhileHalfOpen,
                        Phase::Closed => Metric::WhileRamping,
                    };
                    return Asked::Refuses(why, wait);
                }
            },
        }
        let in_flight = match self.occupy(breaker, &key, view, proxy) {
            Ok(place) => place,
            Err(()) => {
                if let (Decides::Machine(machine), Some(ticket)) = (&breaker.decides, ticket) {
                    machine.complete(of, ticket, IGNORED, &self.shared, view, proxy);
                }
                return Asked::Refuses(Metric::Bulkhead, SHORTEST_WAIT);
            }
        };
        let name = if ticket.is_some() && breaker.key.is_some() {
            name()
        } else {
            KeyName::None
        };
        Asked::Passes(ticket, name, in_flight)
    }

    /// Takes one of the places in flight; an error: there is none.
    #[inline(never)]
    fn occupy(
        &self,
        breaker: &Breaker,
        key: &[u8],
        view: &impl View,
        proxy: &impl Proxy,
    ) -> Result<Option<Place>, ()> {
        let Some(limit) = &breaker.bulkhead else {
            return Ok(None);
        };
        let place = limit.ledger.locate(proxy.seed(), key);
        let entered = self.shared.here(None, view.now(), proxy).with(|moment| {
            proxy.update(limit.cell(place), |old, new| {
                limit.ledger.acquire(place, moment, old, new)
            })
        });
        match entered {
            Ok(Some(true)) => Ok(Some(place)),
            Ok(Some(false)) if breaker.enforced => Err(()),
            // In shadow it is counted and passes; a store that cannot be reached limits nothing.
            Ok(Some(false)) => {
                breaker.metrics.refused(Metric::Bulkhead, proxy);
                Ok(None)
            }
            Ok(None) => {
                breaker.metrics.count(Metric::Overflow, proxy);
                Ok(None)
            }
            Err(_) => Ok(None),
        }
    }

    /// Answers a refused request.
    #[inline(never)]
    fn refuse<'s, 'v, V: View>(
        &'s self,
        breaker: &'s Breaker,
        wait: Duration,
        request: &Request<'v, V>,
        view: &V,
        proxy: &impl Proxy,
        effects: &mut Effects,
    ) -> Verdict<'s> {
        if let Some(reroute) = &breaker.reroute {
            breaker.metrics.count(Metric::FallbackReroute, proxy);
            self.strip(view, effects);
            effects.set(HeaderMap::Request, &reroute.header, |out| {
                out.extend_from_slice(reroute.value.as_bytes());
            });
            return Verdict::Continue;
        }
        if let Some(keeper) = &breaker.stale {
            if let Some(kept) = keeper.serve(breaker, request, view, proxy, effects) {
                breaker.metrics.count(Metric::FallbackStale, proxy);
                return kept;
            }
            breaker.metrics.count(Metric::StaleMissing, proxy);
        }
        breaker.metrics.count(Metric::FallbackReply, proxy);
        breaker.reply.verdict(wait, effects)
    }

    /// What a request that passes is sent on with.
    #[inline(never)]
    fn let_pass<'v, V: View>(
        &'v self,
        flight: &mut Flight,
        request: &Request<'v, V>,
        view: &V,
        proxy: &impl Proxy,
        effects: &mut Effects,
    ) {
        let mut timeout: Option<u64> = None;
        for taken in &flight.taken {
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
                flight.keeping = keeper.prepare(taken.breaker, request, view, proxy);
            }
        }
        if let Some(timeout) = timeout {
            effects.set(HeaderMap::Request, TIMEOUT, |out| push_number(out, timeout));
        }
        if flight.taken.iter().any(|taken| taken.ticket.is_some()) {
            // A gRPC call has a message, and says that it understands trailers.
            // Browsers say so, too, and then the type tells.
            flight.grpc =
                !view.ends() && view.header(HeaderMap::Request, "te").is_some() && request.is_grpc();
        }
        self.strip(view, effects);
    }

    /// A client does not choose where the proxy sends what it refuses.
    #[inline(never)]
    fn strip(&self, view: &impl View, effects: &mut Effects) {
        for header in &self.reroutes {
            if view.header(HeaderMap::Request, header).is_some() {
                effects.remove(HeaderMap::Request, header);
            }
        }
    }
}

/// What log lines call the breaker of a key.
#[inline(never)]
fn key_name<'v, V: View>(breaker: &'v Breaker, request: &Request<'v, V>, spot: Spot) -> KeyName {
    match &breaker.key {
        None => KeyName::None,
        Some(parts) if breaker.named_keys => {
            let mut text = Vec::new();
            parts.write_joined(request, SEPARATOR, &mut text);
            KeyName::Text(text)
        }
        Some(_) => KeyName::Hash(spot.hash()),
    }
}
