//! Whether a request passes.

use super::{Admitted, Machine, Spot, Subject, complete::announce};
use crate::configure::Breaker;
use crate::metrics::Metric;
use crate::shared::Shared;
use fairlead_breaker::{Admission, Known, Pass, Phase, Ticket};
use fairlead_stage::{Proxy, Timestamp, View};

impl Machine {
    /// Whether a request passes.
    pub(crate) fn admit(
        &self,
        of: Subject<'_>,
        spot: &Spot,
        shared: &Shared,
        view: &impl View,
        proxy: &impl Proxy,
    ) -> Admitted {
        match self.glance(spot, proxy) {
            Some(glance) if Some(glance.epoch) == spot.epoch => {
                if glance.passes_freely {
                    if of.breaker.key.is_none() {
                        self.freely.epoch.set(spot.epoch);
                        self.freely.generation.set(glance.generation);
                    }
                    return Admitted::Pass(Some(self.ticket(glance.generation, view)));
                }
                let known = glance.open.map(|(since, until)| Known {
                    phase: Phase::Open,
                    since,
                    until,
                    ..Known::default()
                });
                match known.and_then(|known| self.rules.admit_known(&known, view.now(), 0)) {
                    Some(Pass::Refused { retry_after }) => Admitted::Refused(Phase::Open, retry_after),
                    _ => self.decide(of, spot, shared, view, proxy),
                }
            }
            _ => self.decide(of, spot, shared, view, proxy),
        }
    }

    #[inline(never)]
    fn decide(
        &self,
        of: Subject<'_>,
        spot: &Spot,
        shared: &Shared,
        view: &impl View,
        proxy: &impl Proxy,
    ) -> Admitted {
        let breaker = of.breaker;
        let known = self.known(spot, proxy);
        if let Some(known) = &known {
            // Only a ramp leaves anything to chance.
            let entropy = match known.phase {
                Phase::Closed => shared.draw(view.now(), proxy),
                Phase::Open | Phase::HalfOpen => 0,
            };
            match self.rules.admit_known(known, view.now(), entropy) {
                Some(Pass::Refused { retry_after }) => return Admitted::Refused(known.phase, retry_after),
                Some(Pass::Free) => {
                    return Admitted::Pass(Some(self.ticket(known.generation, view)));
                }
                Some(Pass::Probe) | None => {}
            }
        }
        let asked = self.ask(breaker, spot, shared, view, proxy);
        match asked {
            // The store cannot be reached: a broken store does not take the service down.
            None => Admitted::Pass(None),
            Some(None) => {
                breaker.metrics.count(Metric::Overflow, proxy);
                Admitted::Pass(None)
            }
            Some(Some(admission)) => {
                self.remember(spot, &admission.known, proxy);
                if let Some(transition) = &admission.transition {
                    announce(of, transition, proxy);
                }
                let mut ticket = self.ticket(admission.known.generation, view);
                match admission.pass {
                    Pass::Refused { retry_after } => Admitted::Refused(admission.known.phase, retry_after),
                    Pass::Free => Admitted::Pass(Some(ticket)),
                    Pass::Probe => {
                        ticket.probe = true;
                        Admitted::Pass(Some(ticket))
                    }
                }
            }
        }
    }

    pub(crate) fn ticket(&self, generation: u32, view: &impl View) -> Ticket {
        Ticket {
            generation,
            probe: false,
            started: if self.times {
                view.now()
            } else {
                Timestamp::default()
            },
        }
    }

    #[inline(never)]
    fn ask(
        &self,
        breaker: &Breaker,
        spot: &Spot,
        shared: &Shared,
        view: &impl View,
        proxy: &impl Proxy,
    ) -> Option<Option<Admission>> {
        let table = &self.records(spot).table;
        // Before anything is counted, so that all workers know where counts began.
        if let Some(known) = self.look(spot, view.now(), proxy) {
            let _ = self.window(breaker, spot, &known, view.now(), proxy);
        }
        shared
            .here(Self::totals(breaker, spot, proxy), view.now(), proxy)
            .with(|moment| {
                let cell = self.record(spot);
                proxy
                    .update(cell, |old, new| table.admit(spot.place, moment, old, new))
                    .ok()
            })
    }
}
