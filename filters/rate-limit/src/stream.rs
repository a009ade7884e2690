//! One stream: decide which limits apply and whether they admit, remember it, count it at the end.

use crate::RateLimit;
use crate::configure::Limit;
use crate::state::Bucket;
use fairlead_matching::Request;
use fairlead_quota::{Overflow, Spent};
use fairlead_stage::{CellError, Cells, Effects, Meter, Verdict, View};

/// What a stream remembers of its request.
#[derive(Default)]
pub struct Flight {
    /// The limits that have decided, in order. Those before a refusal have taken their units back.
    pub(crate) decided: Vec<Decided>,
    /// The last one refused, and is carried out.
    pub(crate) refused: bool,
}

/// One limit's answer.
pub(crate) struct Decided {
    /// Index of the limit.
    pub(crate) limit: usize,
    pub(crate) answer: Answer,
}

/// What a limit says of a request.
pub(crate) enum Answer {
    /// The key is unlimited.
    Unlimited,
    /// Its bucket has decided.
    Spent(Bucket, Spent),
    /// Its bucket could not be reached.
    Undecided(CellError),
}

impl Answer {
    /// A bucket that other workers keep changing is closed, so that the limit holds; one that the proxy refuses to
    /// store is open, so that a broken store does not take the service down.
    fn admits(&self) -> bool {
        match self {
            Self::Unlimited | Self::Undecided(CellError::Unavailable) => true,
            Self::Undecided(CellError::Contended) => false,
            Self::Spent(_, spent) => spent.decision.admitted(),
        }
    }
}

impl RateLimit {
    /// Asks all limits that match, until one refuses.
    #[inline(never)]
    pub(crate) fn decide(&self, view: &impl View, cells: &impl Cells) -> Flight {
        let request = Request::new(view);
        let mut found = Vec::new();
        self.rules.matching(&request, &mut found);
        let mut flight = Flight::default();
        let mut key = Vec::new();
        for index in found.into_iter().filter_map(|index| usize::try_from(index).ok()) {
            let Some(limit) = self.limits.get(index) else {
                continue;
            };
            key.clear();
            if limit
                .key
                .as_ref()
                .is_some_and(|parts| !parts.write(&request, &mut key))
            {
                continue;
            }
            let answer = ask(limit, &key, view, cells);
            let refused = limit.enforced && !answer.admits();
            flight.decided.push(Decided { limit: index, answer });
            if refused {
                flight.refused = true;
                take_back(&mut flight.decided, cells);
                break;
            }
        }
        flight
    }

    /// What follows for the request.
    #[inline(never)]
    pub(crate) fn verdict<'s>(&'s self, flight: &Flight, effects: &mut Effects) -> Verdict<'s> {
        match flight.decided.last() {
            Some(last) if flight.refused => self.replies.deny(&self.limits, last, effects),
            _ => Verdict::Continue,
        }
    }

    /// Counts what the limits said. A limit whose units were taken back has neither admitted nor refused the request.
    #[inline(never)]
    pub(crate) fn account(&self, flight: &Flight, meter: &impl Meter) {
        let counted = if flight.refused {
            flight.decided.len().saturating_sub(1)
        } else {
            0
        };
        for decided in flight.decided.iter().skip(counted) {
            let Some(limit) = self.limits.get(decided.limit) else {
                continue;
            };
            let metrics = &limit.metrics;
            if let Answer::Undecided(_) = decided.answer {
                meter.add(metrics.undecided, 1);
            } else {
                meter.add(
                    if decided.answer.admits() {
                        metrics.admitted
                    } else {
                        metrics.refused
                    },
                    1,
                );
            }
            if let Answer::Spent(_, spent) = &decided.answer {
                match spent.overflow {
                    Overflow::None => {}
                    Overflow::Shared => meter.add(metrics.overflow_shared, 1),
                    Overflow::Denied => meter.add(metrics.overflow_denied, 1),
                    Overflow::EvictedLive => meter.add(metrics.overflow_evicted, 1),
                }
            }
        }
    }
}

#[inline(never)]
fn ask(limit: &Limit, key: &[u8], view: &impl View, cells: &impl Cells) -> Answer {
    match Bucket::find(limit, key, cells) {
        None => Answer::Unlimited,
        Some(bucket) => match bucket.spend(cells, view.now()) {
            Ok(spent) => Answer::Spent(bucket, spent),
            Err(error) => Answer::Undecided(error),
        },
    }
}

/// Takes back what was spent before a refusal; the refusal itself has spent nothing.
#[inline(never)]
fn take_back(decided: &mut [Decided], cells: &impl Cells) {
    for one in decided {
        if let Answer::Spent(bucket, spent) = &one.answer
            && let Some(receipt) = &spent.receipt
        {
            bucket.refund(cells, receipt);
        }
    }
}
