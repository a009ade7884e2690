//! What has become of the reviews while the demo runs, in stretches of one state of their breaker.
//!
//! Numbers are looked at every now and then, and what has happened between two looks has no order. Where a breaker has opened,
//! calls count for the time before, and refusals for the time after; where it has closed it is the other way round.

use crate::up::metrics::{Counted, State};
use crate::up::timeline::{Row, Seen};
use std::time::Duration;

/// How many stretches are shown.
const SHOWN: usize = 4;

/// The last stretches.
#[derive(Debug, Default)]
pub(super) struct History {
    rows: Vec<Row>,
    last: Counted,
    /// Requests that the upstream had got at the last look.
    upstream: u64,
}

impl History {
    /// The last stretches, oldest first.
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Enters what a look has shown.
    pub(super) fn look(&mut self, at: Duration, now: Counted, upstream: u64) {
        let Some(state) = now.state else { return };
        let before = std::mem::replace(&mut self.last, now);
        let calls = Seen {
            good: now.succeeded.saturating_sub(before.succeeded),
            failed: failed(&now).saturating_sub(failed(&before)),
            ..Seen::default()
        };
        let fallbacks = Seen {
            stale: now.stale.saturating_sub(before.stale),
            refused: now.replies.saturating_sub(before.replies),
            ..Seen::default()
        };
        let arrived = upstream.saturating_sub(self.upstream);
        self.upstream = upstream;
        let what = what(state, &before, &now);
        let is_new = self.rows.is_empty() || what.is_some();
        if is_new {
            match (before.state, state) {
                (Some(State::Closed), State::Open) => self.add(calls, arrived),
                (Some(_), State::Closed) => self.add(fallbacks, 0),
                _ => {}
            }
            self.rows.push(Row {
                at,
                what: what.unwrap_or("all is well").to_owned(),
                clients: Seen::default(),
                upstream: 0,
                state: state.name().to_owned(),
            });
            match (before.state, state) {
                (Some(State::Closed), State::Open) => self.add(fallbacks, 0),
                (Some(_), State::Closed) => self.add(calls, arrived),
                _ => self.add(calls.plus(fallbacks), arrived),
            }
        } else {
            self.add(calls.plus(fallbacks), arrived);
        }
        if self.rows.len() > SHOWN {
            self.rows.remove(0);
        }
    }

    /// Adds to the last stretch.
    fn add(&mut self, clients: Seen, upstream: u64) {
        if let Some(row) = self.rows.last_mut() {
            row.clients = row.clients.plus(clients);
            row.upstream = row.upstream.saturating_add(upstream);
        }
    }
}

fn failed(counted: &Counted) -> u64 {
    counted.failed.saturating_add(counted.late)
}

/// What has happened from one look to the next; `None`: nothing.
fn what(state: State, before: &Counted, now: &Counted) -> Option<&'static str> {
    if now.transitions() == before.transitions() {
        return None;
    }
    Some(match state {
        State::Open if now.half_opened > before.half_opened || before.state == Some(State::HalfOpen) => {
            "its probes fail"
        }
        State::Open => "the breaker opens",
        State::HalfOpen => "it sends probes",
        State::Closed => "the breaker closes",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_transition_begins_a_stretch_and_calls_belong_to_where_they_can() {
        let mut history = History::default();
        let mut counted = Counted::default();
        history.look(Duration::ZERO, counted, 0);
        assert!(history.rows().is_empty(), "nothing is known yet");
        counted.state = Some(State::Closed);
        counted.succeeded = 10;
        history.look(Duration::from_secs(1), counted, 10);
        // It fails and opens between two looks.
        counted.failed = 20;
        counted.stale = 5;
        counted.opened = 1;
        counted.state = Some(State::Open);
        history.look(Duration::from_secs(2), counted, 30);
        counted.stale = 9;
        history.look(Duration::from_secs(3), counted, 30);
        // Three probes fail between two looks.
        counted.half_opened = 1;
        counted.opened = 2;
        counted.failed = 21;
        counted.late = 2;
        history.look(Duration::from_secs(4), counted, 33);
        // The next ones succeed.
        counted.half_opened = 2;
        counted.closed = 1;
        counted.replies = 4;
        counted.succeeded = 15;
        counted.state = Some(State::Closed);
        history.look(Duration::from_secs(5), counted, 38);
        let shown: Vec<_> = history
            .rows()
            .iter()
            .map(|row| {
                let seen = row.clients;
                (
                    row.at.as_secs(),
                    row.what.as_str(),
                    [seen.good, seen.failed, seen.stale, seen.refused, row.upstream],
                )
            })
            .collect();
        let expected = [
            (1, "all is well", [10, 20, 0, 0, 30]),
            (2, "the breaker opens", [0, 0, 9, 0, 0]),
            (4, "its probes fail", [0, 3, 0, 4, 3]),
            (5, "the breaker closes", [5, 0, 0, 0, 5]),
        ];
        assert_eq!(shown, expected);
        for _ in 0..20 {
            counted.opened += 1;
            history.look(Duration::from_secs(6), counted, 38);
        }
        assert_eq!(history.rows().len(), SHOWN);
    }
}
