//! What the response says of the breakers that have let a request pass, and what is given back at its end.

use super::Flight;
use crate::CircuitBreaker;
use crate::configure::Decides;
use crate::state::Subject;
use crate::taken::{All, Taken};
use fairlead_breaker::classes::{LocalReplies, Outcome};
use fairlead_breaker::{Call, Ticket};
use fairlead_stage::{HeaderMap, Proxy, Timestamp, View};
use std::time::Duration;

impl CircuitBreaker {
    /// Sees the response headers.
    #[inline(never)]
    pub(crate) fn answered(&self, flight: &mut Flight, view: &impl View, proxy: &impl Proxy) {
        flight.answered = true;
        if flight.taken.is_empty() {
            return;
        }
        if self.times {
            flight.took = nanos_since(view, flight.started);
        }
        let status = view.status().unwrap_or(0);
        flight.status = status;
        let grpc_status = if view.ends() || flight.grpc {
            let status = view.header(HeaderMap::Response, "grpc-status");
            status.as_deref().and_then(number)
        } else {
            None
        };
        let mut flags = None;
        let mut first = None;
        let mut position = 0;
        while let Some(one) = flight.taken.at(position) {
            position = position.saturating_add(1);
            let Some(breaker) = self.breakers.get(one.breaker) else {
                continue;
            };
            let classes = &breaker.classes;
            // Whether a response was cut off is known at its end.
            let waits =
                !view.ends() && status < 400 && ((flight.grpc && grpc_status.is_none()) || classes.truncated);
            if waits {
                first = first.or(Some(Outcome::Success));
                continue;
            }
            let outcome = match classes.plainly(status) {
                Some(outcome) if grpc_status.is_none() => outcome,
                plainly => {
                    let flags = if plainly.is_none() {
                        *flags.get_or_insert_with(|| self.flags(view))
                    } else {
                        0
                    };
                    match grpc_status {
                        Some(code) if status == 200 => classes.grpc(code, flags),
                        _ => classes.response(status, flags),
                    }
                }
            };
            first = first.or(Some(outcome));
            self.told(one, outcome, flight.took, view, proxy);
        }
        if flight.keeping.is_some() {
            if first == Some(Outcome::Success) {
                self.keep_head(flight, view, proxy);
            } else {
                flight.keeping = None;
            }
        }
    }

    /// Sees the trailers, where gRPC says how it went.
    #[inline(never)]
    pub(crate) fn trailed(&self, flight: &mut Flight, view: &impl View, proxy: &impl Proxy) {
        let status = view.header(HeaderMap::ResponseTrailers, "grpc-status");
        let Some(code) = status.as_deref().and_then(number) else {
            return;
        };
        let mut position = 0;
        while let Some(one) = flight.taken.at(position) {
            position = position.saturating_add(1);
            if let Some(breaker) = self.breakers.get(one.breaker) {
                let outcome = breaker.classes.grpc(code, 0);
                self.told(one, outcome, flight.took, view, proxy);
            }
        }
    }

    /// A stream has ended: what has not been told is told now, and what was held is given back.
    pub(crate) fn ended(&self, mut flight: Flight, view: &impl View, proxy: &impl Proxy) {
        if flight.taken.is_told() {
            self.told_late(&mut flight, view, proxy);
        }
        if self.limits {
            self.leave(&mut flight, view, proxy);
        }
    }

    /// Tells those that wait what the end of a stream says.
    #[inline(never)]
    fn told_late(&self, flight: &mut Flight, view: &impl View, proxy: &impl Proxy) {
        let flags = self.flags(view);
        if self.times && !flight.answered {
            flight.took = nanos_since(view, flight.started);
        }
        let left = flags & CLIENT_LEFT != 0;
        let cut_off = !left && flags & CUT_OFF != 0;
        let mut position = 0;
        while let Some(one) = flight.taken.at(position) {
            position = position.saturating_add(1);
            if let Some(breaker) = self.breakers.get(one.breaker) {
                let classes = &breaker.classes;
                let outcome = match (flight.answered, flight.grpc) {
                    (true, false) => classes.response(flight.status, flags),
                    (_, _) if cut_off => classes.reset(),
                    // Whole, and without a word of gRPC's: something else has answered.
                    (true, true) if !left => classes.response(flight.status, 0),
                    (_, _) => classes.aborted(),
                };
                self.told(one, outcome, flight.took, view, proxy);
            }
        }
    }

    /// Tells a breaker what came of a request, once.
    #[inline(never)]
    pub(super) fn told(
        &self,
        taken: &mut Taken,
        outcome: Outcome,
        took: u64,
        view: &impl View,
        proxy: &impl Proxy,
    ) {
        let (Some(breaker), Some(ticket)) = (self.breakers.get(taken.breaker), taken.ticket.take()) else {
            return;
        };
        match &breaker.decides {
            Decides::Always | Decides::Never => {}
            Decides::Throttle(throttling) => throttling.count(breaker, outcome, view, proxy),
            Decides::Machine(machine) => {
                let slow = machine.is_timed
                    && outcome != Outcome::Ignored
                    && machine.rules.is_slow(Duration::from_nanos(took));
                let call = Call { outcome, slow };
                let of = Subject {
                    breaker,
                    name: &|| taken.name.clone(),
                };
                machine.complete(of, (&taken.spot, &ticket), call, &self.shared, view, proxy);
            }
        }
    }

    /// The request goes no further: who let it pass hears nothing more of it.
    #[inline(never)]
    pub(super) fn give_back(&self, flight: &mut Flight, view: &impl View, proxy: &impl Proxy) {
        let mut position = 0;
        while let Some(one) = flight.taken.at(position) {
            position = position.saturating_add(1);
            if one.ticket.is_some_and(|ticket| ticket.probe) {
                self.told(one, Outcome::Ignored, 0, view, proxy);
            }
        }
        self.leave(flight, view, proxy);
        flight.taken = All::default();
    }

    /// Gives places in flight back.
    #[inline(never)]
    fn leave(&self, flight: &mut Flight, view: &impl View, proxy: &impl Proxy) {
        let mut position = 0;
        while let Some(one) = flight.taken.at(position) {
            position = position.saturating_add(1);
            let breaker = self.breakers.get(one.breaker);
            let limit = breaker.and_then(|breaker| breaker.bulkhead.as_ref());
            if let (Some(limit), Some(place)) = (limit, one.in_flight) {
                self.shared.here(None, view.now(), proxy).with(|moment| {
                    let _ = proxy.update(limit.cell(place), |old, new| {
                        limit.ledger.release(place, moment, old, new)
                    });
                });
            }
        }
    }

    #[inline(never)]
    fn flags(&self, view: &impl View) -> u64 {
        let flags = view.attribute(self.flags);
        let flags = flags.and_then(|bytes| <[u8; 8]>::try_from(bytes.as_ref()).ok());
        flags.map_or(0, u64::from_le_bytes)
    }
}

/// Flags of a stream whose client went away.
const CLIENT_LEFT: u64 = LocalReplies::DC | LocalReplies::DR;
/// Flags of a stream whose upstream went away.
const CUT_OFF: u64 = LocalReplies::LR
    | LocalReplies::UR
    | LocalReplies::UC
    | LocalReplies::UPE
    | LocalReplies::UF
    | LocalReplies::UT;

/// Where nothing tells generations apart.
pub(super) const NO_TICKET: Ticket = Ticket {
    generation: 0,
    probe: false,
    started: Timestamp::from_unix_nanos(0),
};

fn nanos_since(view: &impl View, earlier: Timestamp) -> u64 {
    view.now().as_unix_nanos().saturating_sub(earlier.as_unix_nanos())
}

/// A decimal number of at most five digits.
fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 5 {
        return None;
    }
    let mut number: u32 = 0;
    for byte in text {
        let digit = u32::from(*byte).wrapping_sub(u32::from(b'0'));
        if digit > 9 {
            return None;
        }
        number = number.wrapping_mul(10).wrapping_add(digit);
    }
    Some(number)
}
