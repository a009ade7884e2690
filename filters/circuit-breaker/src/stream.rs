//! One stream: which breakers apply and whether they let it pass, what its response says of them, what is given back.

mod answer;
mod send;

use crate::CircuitBreaker;
use crate::configure::{Breaker, Decides, Limit};
use crate::keep::Keeping;
use crate::metrics::Metric;
use crate::say::KeyName;
use crate::state::{Admitted, Spot, Subject};
use crate::taken::{All, Taken};
use answer::NO_TICKET;
use fairlead_breaker::classes::Outcome;
use fairlead_breaker::{Phase, Place, Ticket};
use fairlead_matching::{Key, Request};
use fairlead_stage::{Effects, Proxy, Timestamp, Verdict, View};
use std::cell::OnceCell;
use std::time::Duration;

/// Between the parts of a key in a log line.
const SEPARATOR: u8 = b'|';
/// The wait that a refusal states where none is known.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// What a stream remembers of its request.
#[derive(Default)]
pub struct Flight {
    /// The breakers that have let it pass and want to know what comes of it.
    pub(crate) taken: All,
    started: Timestamp,
    /// It is a gRPC call, whose outcome is in its trailers.
    grpc: bool,
    /// Its response has begun.
    answered: bool,
    /// How long that took, in nanoseconds, where it matters.
    took: u64,
    /// The status of its response.
    status: u16,
    /// A place for its response, if that is worth keeping.
    pub(crate) keeping: Option<Box<Keeping>>,
}

/// A request that is looked at when somebody asks about it: mostly nobody does.
struct Lazy<'v, V> {
    view: &'v V,
    request: OnceCell<Request<'v, V>>,
}

impl<'v, V: View> Lazy<'v, V> {
    const fn new(view: &'v V) -> Self {
        Self {
            view,
            request: OnceCell::new(),
        }
    }

    #[inline(never)]
    fn get(&self) -> &Request<'v, V> {
        self.request.get_or_init(|| Request::new(self.view))
    }
}

/// A breaker refuses, and for how long at least.
struct Refused {
    why: Metric,
    wait: Duration,
}

impl Refused {
    const fn for_now(why: Metric) -> Self {
        Self {
            why,
            wait: SHORTEST_WAIT,
        }
    }
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
        let request = Lazy::new(view);
        let mut flight = Flight::default();
        let found = if self.everyone {
            None
        } else {
            Some(self.matching(&request))
        };
        let count = found.as_ref().map_or(self.breakers.len(), Vec::len);
        if self.times && count > 0 {
            flight.started = view.now();
        }
        for position in 0..count {
            let index = match &found {
                None => position,
                Some(found) => found.get(position).map_or(usize::MAX, |index| *index as usize),
            };
            let Some(breaker) = self.breakers.get(index) else {
                continue;
            };
            if let Err(refused) = self.ask((index, breaker), &request, &mut flight.taken, proxy) {
                breaker.metrics.refused(refused.why, proxy);
                if breaker.enforced {
                    self.give_back(&mut flight, view, proxy);
                    let verdict = self.refuse(breaker, refused.wait, &request, proxy, effects);
                    return (verdict, flight);
                }
            }
        }
        self.let_pass(&mut flight, &request, proxy, effects);
        (Verdict::Continue, flight)
    }

    #[inline(never)]
    fn matching<'v, V: View>(&'v self, request: &Lazy<'v, V>) -> Vec<u32> {
        let mut found = Vec::new();
        self.rules.matching(request.get(), &mut found);
        found
    }

    /// Asks one breaker: quickly, if it is that of a rule and lets all pass.
    #[inline(never)]
    fn ask<'v, V: View>(
        &'v self,
        (index, breaker): (usize, &'v Breaker),
        request: &Lazy<'v, V>,
        taken: &mut All,
        proxy: &impl Proxy,
    ) -> Result<(), Refused> {
        let mut epoch = None;
        if let (Decides::Machine(machine), None) = (&breaker.decides, &breaker.key) {
            epoch = breaker.metrics.read(Metric::Epoch, proxy);
            if breaker.bulkhead.is_none()
                && let Some(generation) = machine.passes_freely(epoch)
            {
                taken.push(Taken {
                    breaker: index,
                    spot: machine.spot(epoch),
                    ticket: Some(machine.ticket(generation, request.view)),
                    name: KeyName::None,
                    in_flight: None,
                });
                return Ok(());
            }
        }
        self.ask_further((index, breaker), epoch, request, taken, proxy)
    }

    /// Asks one breaker of which more has to be known. `epoch` was read for one without keys.
    #[inline(never)]
    fn ask_further<'v, V: View>(
        &'v self,
        (index, breaker): (usize, &'v Breaker),
        epoch: Option<u64>,
        request: &Lazy<'v, V>,
        taken: &mut All,
        proxy: &impl Proxy,
    ) -> Result<(), Refused> {
        let view = request.view;
        let (mut spot, mut seat) = (Spot::NONE, Place::ONLY);
        if let Some(parts) = &breaker.key {
            let Some(places) = places(breaker, parts, request, proxy) else {
                // The request has no key for it.
                return Ok(());
            };
            (spot, seat) = places;
        } else if let Decides::Machine(machine) = &breaker.decides {
            spot = machine.spot(epoch);
        }
        let ticket = self.admit(breaker, request, &spot, proxy)?;
        let named = ticket.is_some() && breaker.key.is_some();
        let mut asked = Taken {
            breaker: index,
            name: if named {
                key_name(breaker, request, &spot)
            } else {
                KeyName::None
            },
            spot,
            ticket,
            in_flight: None,
        };
        if let Some(limit) = &breaker.bulkhead {
            match self.occupy(breaker, limit, seat, view, proxy) {
                Ok(place) => asked.in_flight = place,
                Err(refused) => {
                    if let Decides::Machine(_) = &breaker.decides {
                        self.told(&mut asked, Outcome::Ignored, 0, view, proxy);
                    }
                    return Err(refused);
                }
            }
        }
        if asked.ticket.is_some() || asked.in_flight.is_some() {
            taken.push(asked);
        }
        Ok(())
    }

    /// What decides lets a request pass, or not.
    #[inline(never)]
    fn admit<'v, V: View>(
        &'v self,
        breaker: &'v Breaker,
        request: &Lazy<'v, V>,
        spot: &Spot,
        proxy: &impl Proxy,
    ) -> Result<Option<Ticket>, Refused> {
        let view = request.view;
        match &breaker.decides {
            Decides::Always => Ok(None),
            Decides::Never => Err(Refused::for_now(Metric::Forced)),
            Decides::Throttle(throttling) => {
                let rejection = throttling.rejection(breaker, view, proxy);
                if rejection > 0 && self.shared.draw(view.now(), proxy) % 1_000_000 < u64::from(rejection) {
                    return Err(Refused::for_now(Metric::Throttled));
                }
                Ok(Some(NO_TICKET))
            }
            Decides::Machine(machine) => {
                let name = || key_name(breaker, request, spot);
                let of = Subject { breaker, name: &name };
                match machine.admit(of, spot, &self.shared, view, proxy) {
                    Admitted::Pass(ticket) => Ok(ticket),
                    Admitted::Refused(phase, wait) => {
                        let why = match phase {
                            Phase::Open => Metric::WhileOpen,
                            Phase::HalfOpen => Metric::WhileHalfOpen,
                            Phase::Closed => Metric::WhileRamping,
                        };
                        Err(Refused { why, wait })
                    }
                }
            }
        }
    }

    /// Takes one of the places in flight; an error: there is none.
    #[inline(never)]
    fn occupy(
        &self,
        breaker: &Breaker,
        limit: &Limit,
        place: Place,
        view: &impl View,
        proxy: &impl Proxy,
    ) -> Result<Option<Place>, Refused> {
        let entered = self.shared.here(None, view.now(), proxy).with(|moment| {
            proxy.update(limit.cell(place), |old, new| {
                limit.ledger.acquire(place, moment, old, new)
            })
        });
        match entered {
            Ok(Some(true)) => Ok(Some(place)),
            Ok(Some(false)) if breaker.enforced => Err(Refused::for_now(Metric::Bulkhead)),
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
}

/// Where the breaker of a request's key is, and where its requests in flight are counted; `None`: the request has no key.
#[inline(never)]
fn places<'v, V: View>(
    breaker: &'v Breaker,
    parts: &'v Key,
    request: &Lazy<'v, V>,
    proxy: &impl Proxy,
) -> Option<(Spot, Place)> {
    let mut key = Vec::new();
    if !parts.write(request.get(), &mut key) {
        return None;
    }
    let spot = match &breaker.decides {
        Decides::Machine(machine) => machine.spot_of(breaker, &key, proxy),
        Decides::Always | Decides::Never | Decides::Throttle(_) => Spot::NONE,
    };
    let limit = breaker.bulkhead.as_ref();
    let seat = limit.map_or(Place::ONLY, |limit| limit.ledger.locate(proxy.seed(), &key));
    Some((spot, seat))
}

/// What log lines call the breaker of a key.
#[inline(never)]
fn key_name<'v, V: View>(breaker: &'v Breaker, request: &Lazy<'v, V>, spot: &Spot) -> KeyName {
    match &breaker.key {
        None => KeyName::None,
        Some(parts) if breaker.named_keys => {
            let mut text = Vec::new();
            parts.write_joined(request.get(), SEPARATOR, &mut text);
            KeyName::Text(text)
        }
        Some(_) => KeyName::Hash(spot.hash()),
    }
}
