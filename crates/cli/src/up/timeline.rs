//! What has become of an upstream behind a breaker, as a table: since when, what clients saw, what the upstream saw, and the
//! state of the breaker.

use super::table::{self, Side};
use serde_json::{Value, json};
use std::time::Duration;

/// How many requests met which end, as clients see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// A good answer of the upstream.
    pub(super) good: u64,
    /// A bad answer of the upstream, or none.
    pub(super) failed: u64,
    /// A kept answer, of an age that it states.
    pub(super) stale: u64,
    /// Refused, and told when to come back.
    pub(super) refused: u64,
    /// Anything else.
    pub(super) other: u64,
}

impl Seen {
    pub(super) const fn total(&self) -> u64 {
        self.good
            .saturating_add(self.failed)
            .saturating_add(self.fallbacks())
            .saturating_add(self.other)
    }

    /// Answers that the breaker gave for the upstream.
    pub(super) const fn fallbacks(&self) -> u64 {
        self.stale.saturating_add(self.refused)
    }

    pub(super) const fn plus(self, more: Self) -> Self {
        Self {
            good: self.good.saturating_add(more.good),
            failed: self.failed.saturating_add(more.failed),
            stale: self.stale.saturating_add(more.stale),
            refused: self.refused.saturating_add(more.refused),
            other: self.other.saturating_add(more.other),
        }
    }
}

/// What has happened from one moment to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// When it began, since the start.
    pub(super) at: Duration,
    pub(super) what: String,
    pub(super) clients: Seen,
    /// Requests that the upstream has got, by its own count.
    pub(super) upstream: u64,
    /// The state of the breaker meanwhile.
    pub(super) state: String,
}

impl Row {
    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "at_ms": u64::try_from(self.at.as_millis()).unwrap_or(u64::MAX),
            "what": self.what,
            "clients": {
                "good": self.clients.good,
                "failed": self.clients.failed,
                "stale": self.clients.stale,
                "refused": self.clients.refused,
            },
            "upstream": self.upstream,
            "state": self.state,
        })
    }
}

/// The rows as a table; `clock` says how moments are written.
pub(super) fn lines(heading: &str, rows: &[Row], clock: fn(Duration) -> String) -> Vec<String> {
    const SIDES: [Side; 8] = [
        Side::Right,
        Side::Left,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Left,
    ];
    let heading = [
        "time", heading, "good", "failed", "stale", "refused", "upstream", "state",
    ];
    let row = |row: &Row| {
        let seen = row.clients;
        let counts = [seen.good, seen.failed, seen.stale, seen.refused, row.upstream];
        let mut cells = vec![clock(row.at), row.what.clone()];
        cells.extend(counts.map(|n| n.to_string()));
        cells.push(row.state.clone());
        cells
    };
    let all: Vec<Vec<String>> = std::iter::once(heading.map(str::to_owned).to_vec())
        .chain(rows.iter().map(row))
        .collect();
    table::lines(&SIDES, &all)
}

/// Seconds to a hundredth.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_the_same_to_people_and_to_programs() {
        let clients = Seen {
            good: 1,
            failed: 2,
            stale: 30,
            refused: 4,
            other: 0,
        };
        let row = Row {
            at: Duration::from_millis(1234),
            what: "open".into(),
            clients: clients.plus(Seen::default()),
            upstream: 3,
            state: "open".into(),
        };
        assert_eq!((clients.total(), clients.fallbacks()), (37, 34));
        assert_eq!(
            lines("reviews", std::slice::from_ref(&row), seconds),
            [
                "  time  reviews  good  failed  stale  refused  upstream  state",
                "1.23 s  open        1       2     30        4         3  open",
            ]
        );
        let expected = json!({
            "at_ms": 1234,
            "what": "open",
            "clients": {"good": 1, "failed": 2, "stale": 30, "refused": 4},
            "upstream": 3,
            "state": "open",
        });
        assert_eq!(row.json(), expected);
    }
}
