//! What a completed call makes of a breaker.

use super::{Machine, Spot, Subject};
use crate::configure::Breaker;
use crate::metrics::{Metric, shown, transition_to};
use crate::say::say;
use crate::shared::Shared;
use fairlead_breaker::classes::Outcome;
use fairlead_breaker::{Call, Completion, Counts, Phase, Ticket, Transition};
use fairlead_stage::{Proxy, Timestamp, View};

impl Machine {
    /// Counts a call that has completed.
    #[inline(never)]
    pub(crate) fn complete(
        &self,
        of: Subject<'_>,
        (spot, ticket): (&Spot, &Ticket),
        call: Call,
        shared: &Shared,
        view: &impl View,
        proxy: &impl Proxy,
    ) {
        let breaker = of.breaker;
        let metrics = &breaker.metrics;
        let outcome = self.counts_as(call.outcome);
        if outcome == Outcome::Success && !call.slow && !ticket.probe && spot.outside {
            let known = self.passes_freely(spot.epoch);
            let known = known.or_else(|| self.glance(spot, proxy).map(|glance| glance.generation));
            if known.is_some_and(|generation| generation != ticket.generation) {
                return metrics.count(Metric::Late, proxy);
            }
            return self.tally(breaker, outcome, false, proxy);
        }
        if ticket.probe || (!spot.outside && outcome != Outcome::Ignored) {
            let done = self.settle(breaker, (spot, ticket), call, shared, view, proxy);
            let Some(done) = done else { return };
            self.settled(of, spot, &done, proxy);
            if done.late {
                return metrics.count(Metric::Late, proxy);
            }
            if ticket.probe {
                let counted = match outcome {
                    Outcome::Success => Metric::ProbeSuccess,
                    Outcome::Failure => Metric::ProbeFailure,
                    Outcome::Ignored => Metric::ProbeLost,
                };
                metrics.count(counted, proxy);
            }
            return self.tally(breaker, outcome, call.slow, proxy);
        }
        if outcome == Outcome::Ignored {
            return metrics.count(Metric::Ignored, proxy);
        }
        // What may trip it is worth a closer look.
        let spot = &Spot {
            epoch: metrics.read(Metric::Epoch, proxy),
            ..*spot
        };
        let known = match self.known(spot, proxy) {
            Some(known) => Some(known),
            None => self.look(spot, view.now(), proxy),
        };
        let Some(known) = known else {
            return self.tally(breaker, outcome, call.slow, proxy);
        };
        if known.generation != ticket.generation {
            return metrics.count(Metric::Late, proxy);
        }
        self.tally(breaker, outcome, call.slow, proxy);
        if let Some(counts) = self.window(breaker, spot, &known, view.now(), proxy) {
            self.weigh(of, (spot, ticket), (counts, call), shared, view.now(), proxy);
        }
    }

    /// What an outcome counts as, by the rules of the library that the breaker follows.
    fn counts_as(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Ignored if self.rules.policy().rules.ignored_succeed => Outcome::Success,
            outcome => outcome,
        }
    }

    /// Counts an outcome by the proxy's counters.
    fn tally(&self, breaker: &Breaker, outcome: Outcome, slow: bool, proxy: &impl Proxy) {
        let metrics = &breaker.metrics;
        let counted = match outcome {
            Outcome::Success => Metric::Success,
            Outcome::Failure => Metric::Failure,
            Outcome::Ignored => Metric::Ignored,
        };
        metrics.count(counted, proxy);
        if slow {
            metrics.count(Metric::Slow, proxy);
        }
        if self.outside.is_some() && metrics.has(Metric::Consecutive) {
            match outcome {
                Outcome::Success => metrics.set(Metric::Consecutive, 0, proxy),
                Outcome::Failure => metrics.adjust(Metric::Consecutive, 1, proxy),
                Outcome::Ignored => {}
            }
        }
    }

    /// Trips the breaker if what the proxy has counted says so.
    #[inline(never)]
    pub(super) fn weigh(
        &self,
        of: Subject<'_>,
        (spot, ticket): (&Spot, &Ticket),
        (counts, call): (Counts, Call),
        shared: &Shared,
        now: Timestamp,
        proxy: &impl Proxy,
    ) {
        let breaker = of.breaker;
        let metrics = &breaker.metrics;
        let consecutive = metrics.read(Metric::Consecutive, proxy).unwrap_or(0);
        let consecutive = u32::try_from(consecutive).unwrap_or(u32::MAX);
        if self.rules.judge(&counts, consecutive).is_none() {
            return;
        }
        let table = &self.records(spot).table;
        let done = shared
            .here(Self::totals(breaker, spot, proxy), now, proxy)
            .with(|moment| {
                proxy
                    .update(self.record(spot), |old, new| {
                        table.complete(
                            spot.place,
                            moment,
                            *ticket,
                            call,
                            Some((counts, consecutive)),
                            old,
                            new,
                        )
                    })
                    .ok()
            });
        if let Some(done) = done {
            self.settled(of, spot, &done, proxy);
        }
    }

    #[inline(never)]
    fn settle(
        &self,
        breaker: &Breaker,
        (spot, ticket): (&Spot, &Ticket),
        call: Call,
        shared: &Shared,
        view: &impl View,
        proxy: &impl Proxy,
    ) -> Option<Completion> {
        let table = &self.records(spot).table;
        let mut here = shared.here(Self::totals(breaker, spot, proxy), view.now(), proxy);
        // It is counted after this, and belongs to what was before.
        match call.outcome {
            Outcome::Success => here.totals.successes = here.totals.successes.saturating_add(1),
            Outcome::Failure => here.totals.failures = here.totals.failures.saturating_add(1),
            Outcome::Ignored => {}
        }
        here.totals.slow = here.totals.slow.saturating_add(u64::from(call.slow));
        here.with(|moment| {
            proxy
                .update(self.record(spot), |old, new| {
                    table.complete(spot.place, moment, *ticket, call, None, old, new)
                })
                .ok()
        })
    }

    fn settled(&self, of: Subject<'_>, spot: &Spot, done: &Completion, proxy: &impl Proxy) {
        // A late result above all: what this worker knew was not what is.
        if done.late || done.transition.is_some() {
            self.remember(spot, &done.known, proxy);
        }
        if done.forgot_open {
            count_open(of.breaker, -1, proxy);
        }
        if let Some(transition) = &done.transition {
            announce(of, transition, proxy);
        }
    }
}

/// Makes a transition known: to all workers, to who watches, and to the log. Only who has made it does this.
#[inline(never)]
pub(super) fn announce(of: Subject<'_>, transition: &Transition, proxy: &impl Proxy) {
    let breaker = of.breaker;
    let metrics = &breaker.metrics;
    metrics.adjust(Metric::Epoch, 1, proxy);
    metrics.count(transition_to(transition.to), proxy);
    metrics.set(Metric::Consecutive, 0, proxy);
    if breaker.key.is_none() {
        metrics.set(Metric::State, shown(transition.to), proxy);
    } else {
        let was_open = transition.from != Phase::Closed;
        let is_open = transition.to != Phase::Closed;
        count_open(breaker, i64::from(is_open) - i64::from(was_open), proxy);
    }
    say(breaker, &(of.name)(), transition, proxy);
}

/// Counts the breakers of keys that are not closed.
#[inline(never)]
fn count_open(breaker: &Breaker, by: i64, proxy: &impl Proxy) {
    let metrics = &breaker.metrics;
    if by != 0 {
        metrics.adjust(Metric::OpenKeys, by, proxy);
    }
    // Gauges wrap below zero.
    let open = metrics.read(Metric::OpenKeys, proxy);
    let any = open.is_some_and(|open| open.cast_signed() > 0);
    metrics.set(Metric::State, if any { 2 } else { 0 }, proxy);
}
