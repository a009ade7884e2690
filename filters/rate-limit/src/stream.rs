//! One stream: decide which limits apply and whether they admit, remember it, count it at the end.
//!
//! Mostly one limit applies, nothing is stated on the response, and all that is remembered is a number and a word.

use crate::RateLimit;
use crate::state::{Bucket, Found};
use fairlead_matching::Request;
use fairlead_quota::{Decision, Overflow, Rate, Receipt, fields};
use fairlead_stage::{CellError, Cells, Effects, Meter, Verdict, View};
use std::ops::ControlFlow;

/// What a stream remembers of its request.
#[derive(Default)]
pub struct Flight {
    /// The first limit that counts the request.
    first: Option<Decided>,
    further: Option<Box<Further>>,
}

/// What most streams have none of.
#[derive(Default)]
struct Further {
    /// The limits after the first that count the request.
    decided: Vec<Decided>,
    /// What the response states, if responses state limits.
    stated: Vec<Stated>,
}

/// One limit's answer, as it is counted.
#[derive(Clone, Copy)]
struct Decided {
    /// Index of the limit.
    limit: u32,
    answer: Answer,
}

/// What a limit says of a request.
#[derive(Clone, Copy)]
enum Answer {
    Admitted(Overflow),
    Refused(Overflow),
    /// Its bucket could not be reached.
    Undecided,
}

/// One limit's answer, as clients are told of it.
#[derive(Clone, Copy)]
pub(crate) struct Stated {
    /// Index of the limit.
    pub(crate) limit: u32,
    /// The rate that the key has.
    pub(crate) rate: Rate,
    pub(crate) decision: Decision,
}

/// The wait that a refusal states where none is known: another worker was always faster.
const SHORTEST_WAIT_SECONDS: u64 = 1;

/// The limit that refused a request, and what its bucket said.
pub(crate) struct Refused {
    pub(crate) limit: u32,
    /// When it is worth trying again; `None`: never.
    pub(crate) wait_seconds: Option<u64>,
    /// If responses state limits, and the bucket could be reached.
    pub(crate) stated: Option<Stated>,
}

/// A request, while limits are asked about it.
struct Asked<'l> {
    flight: Flight,
    /// What to take back if a limit refuses.
    spends: Vec<(Bucket<'l>, Receipt)>,
    refused: Option<Refused>,
}

impl Flight {
    fn push(&mut self, decided: Decided) {
        if self.first.is_none() {
            self.first = Some(decided);
        } else {
            self.further.get_or_insert_default().decided.push(decided);
        }
    }

    /// What the response states.
    pub(crate) fn stated(&self) -> &[Stated] {
        self.further.as_ref().map_or(&[], |further| &further.stated)
    }
}

impl RateLimit {
    /// Asks all limits that match, until one refuses.
    #[inline(never)]
    pub(crate) fn decide<'s>(
        &'s self,
        view: &impl View,
        cells: &impl Cells,
        effects: &mut Effects,
    ) -> (Verdict<'s>, Flight) {
        let request = Request::new(view);
        let mut asked = Asked {
            flight: Flight::default(),
            spends: Vec::new(),
            refused: None,
        };
        self.rules.each(&request, &mut |index| {
            self.ask(index, &request, view, cells, &mut asked)
        });
        let verdict = match asked.refused {
            Some(refused) => {
                take_back(&asked.spends, cells);
                self.replies.deny(&self.limits, &refused, effects)
            }
            None => Verdict::Continue,
        };
        (verdict, asked.flight)
    }

    /// Asks one limit.
    #[inline(never)]
    fn ask<'v, V: View>(
        &'v self,
        index: u32,
        request: &Request<'v, V>,
        view: &V,
        cells: &impl Cells,
        asked: &mut Asked<'v>,
    ) -> ControlFlow<()> {
        let Some(limit) = self.limits.get(index as usize) else {
            return ControlFlow::Continue(());
        };
        let bucket = match limit.bucket(request, || cells.seed()) {
            Found::NoKey => return ControlFlow::Continue(()),
            Found::Unlimited => {
                asked.flight.push(Decided {
                    limit: index,
                    answer: Answer::Admitted(Overflow::None),
                });
                return ControlFlow::Continue(());
            }
            Found::Bucket(bucket) => bucket,
        };
        let states = self.replies.states_limits();
        let (admits, answer, wait_seconds, stated) = match bucket.spend(cells, view.steady()) {
            Ok(spent) => {
                let admits = spent.admitted();
                let (answer, wait_seconds) = if admits {
                    (Answer::Admitted(spent.overflow), None)
                } else {
                    (
                        Answer::Refused(spent.overflow),
                        fields::retry_after_seconds(&spent.outcome),
                    )
                };
                if self.limits.len() > 1
                    && let Some(receipt) = bucket.receipt(&spent)
                {
                    asked.spends.push((bucket, receipt));
                }
                let stated = (limit.enforced && states).then(|| Stated {
                    limit: index,
                    rate: bucket.quota.rate(),
                    decision: spent.decision(bucket.quota),
                });
                (admits, answer, wait_seconds, stated)
            }
            // A bucket that other workers keep changing is closed, so that the limit holds; one that the proxy refuses to
            // store is open, so that a broken store does not take the service down.
            Err(error) => (
                error == CellError::Unavailable,
                Answer::Undecided,
                Some(SHORTEST_WAIT_SECONDS),
                None,
            ),
        };
        let decided = Decided { limit: index, answer };
        if let Some(stated) = stated {
            let further = asked.flight.further.get_or_insert_default();
            further.stated.push(stated);
        }
        if admits || !limit.enforced {
            asked.flight.push(decided);
            return ControlFlow::Continue(());
        }
        // Those before it take their units back: they have neither admitted nor refused the request.
        asked.flight.first = Some(decided);
        if let Some(further) = &mut asked.flight.further {
            further.decided.clear();
        }
        asked.refused = Some(Refused {
            limit: index,
            wait_seconds,
            stated,
        });
        ControlFlow::Break(())
    }

    /// Counts what the limits said.
    #[inline]
    pub(crate) fn account(&self, flight: &Flight, meter: &impl Meter) {
        if let Some(first) = flight.first {
            self.count(first, meter);
        }
        if let Some(further) = &flight.further {
            for decided in &further.decided {
                self.count(*decided, meter);
            }
        }
    }

    #[inline(never)]
    fn count(&self, decided: Decided, meter: &impl Meter) {
        let Some(limit) = self.limits.get(decided.limit as usize) else {
            return;
        };
        let metrics = &limit.metrics;
        let (outcome, overflow) = match decided.answer {
            Answer::Admitted(overflow) => (metrics.admitted, overflow),
            Answer::Refused(overflow) => (metrics.refused, overflow),
            Answer::Undecided => (metrics.undecided, Overflow::None),
        };
        meter.add(outcome, 1);
        let overflow = match overflow {
            Overflow::None => return,
            Overflow::Shared => metrics.overflow_shared,
            Overflow::Denied => metrics.overflow_denied,
            Overflow::EvictedLive => metrics.overflow_evicted,
        };
        meter.add(overflow, 1);
    }
}

/// Takes back what was spent before a refusal; the refusal itself has spent nothing.
#[cold]
#[inline(never)]
fn take_back(spends: &[(Bucket<'_>, Receipt)], cells: &impl Cells) {
    for (bucket, receipt) in spends {
        bucket.refund(cells, receipt);
    }
}
