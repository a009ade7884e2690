//! The numbers of circuit breakers as a table; totals, or with rates.

use super::tables::{heading, lines, rated};
use super::window::Window;
use crate::up::breaker::Breaker;
use crate::up::metrics::{Counted, State, Tallies};

/// The columns of words; numbers follow.
const WORDS: &[&str] = &["breaker", "mode", "state"];

/// The table of all breakers, with rates.
pub(super) fn live_breakers(breakers: &[Breaker], window: &Window) -> Vec<String> {
    let names = [
        "opened", "good", "/s", "failed", "/s", "refused", "/s", "stale", "/s",
    ];
    let mut rows = vec![heading(WORDS, &names)];
    let empty = Tallies::default();
    let now = window.last().unwrap_or(&empty);
    for breaker in breakers {
        let mut row = standing(breaker, &now.breaker(breaker));
        let counts: [fn(Counted) -> u64; 4] = [
            |counted| counted.succeeded,
            |counted| counted.failed.saturating_add(counted.late),
            |counted| counted.rejected.saturating_sub(counted.stale),
            |counted| counted.stale,
        ];
        for count in counts {
            row.extend(rated(window.measure(|tallies| count(tallies.breaker(breaker)))));
        }
        rows.push(row);
    }
    lines(&rows, WORDS.len())
}

/// The same, totals only.
pub(in crate::up) fn breakers(breakers: &[Breaker], tallies: &Tallies) -> Vec<String> {
    let names = [
        "opened",
        "good",
        "failed",
        "late",
        "refused",
        "stale",
        "would refuse",
    ];
    let mut rows = vec![heading(WORDS, &names)];
    for breaker in breakers {
        let counted = tallies.breaker(breaker);
        let mut row = standing(breaker, &counted);
        let counts = [
            counted.succeeded,
            counted.failed,
            counted.late,
            counted.rejected.saturating_sub(counted.stale),
            counted.stale,
            counted.would_reject,
        ];
        row.extend(counts.map(|n| n.to_string()));
        rows.push(row);
    }
    lines(&rows, WORDS.len())
}

/// Name, mode, state, and how often it has opened.
fn standing(breaker: &Breaker, counted: &Counted) -> Vec<String> {
    vec![
        breaker.name().to_owned(),
        breaker.mode.to_owned(),
        counted.state.map_or("-", State::name).to_owned(),
        counted.opened.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::up::policy::Policy;
    use std::time::{Duration, Instant};

    fn tallies(stale: u64) -> Tallies {
        Tallies::parse(&format!(
            r#"
fairlead_circuit_breaker_requests_total{{cache="success",component="circuit-breaker",tag="reviews"}} 12
fairlead_circuit_breaker_requests_total{{cache="failure",component="circuit-breaker",tag="reviews"}} 20
fairlead_circuit_breaker_requests_total{{cache="late",component="circuit-breaker",tag="reviews"}} 3
fairlead_circuit_breaker_requests_total{{cache="rejected",component="circuit-breaker",tag="reviews"}} {}
fairlead_circuit_breaker_fallbacks_total{{cache="stale",component="circuit-breaker",tag="reviews"}} {stale}
fairlead_circuit_breaker_transitions_total{{cache="open",component="circuit-breaker",tag="reviews"}} 2
fairlead_circuit_breaker_state{{component="circuit-breaker",tag="reviews"}} 1
"#,
            stale + 15
        ))
    }

    #[test]
    fn each_breaker_has_its_state_and_what_became_of_requests() {
        let demo = Policy::demo().unwrap().breakers;
        let expected = [
            "breaker  mode     state      opened  good  failed  late  refused  stale  would refuse",
            "reviews  enforce  half-open       2    12      20     3       15     25             0",
        ];
        assert_eq!(breakers(&demo, &tallies(25)), expected);
        let mut window = Window::default();
        let start = Instant::now();
        window.push(start, tallies(25));
        window.push(start + Duration::from_secs(2), tallies(35));
        let expected = [
            "breaker  mode     state      opened  good   /s  failed   /s  refused   /s  stale   /s",
            "reviews  enforce  half-open       2    12  0.0      23  0.0       15  0.0     35  5.0",
        ];
        assert_eq!(live_breakers(&demo, &window), expected);
    }

    #[test]
    fn before_anything_is_counted_there_is_no_state() {
        let demo = Policy::demo().unwrap().breakers;
        let lines = breakers(&demo, &Tallies::default());
        assert!(lines[1].starts_with("reviews  enforce  -"), "{lines:?}");
    }
}
