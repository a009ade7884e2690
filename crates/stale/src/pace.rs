//! How often one worker bothers to collect a response.
//!
//! To ask a cell whether it needs a refresh copies the whole entry out of the proxy's store, and to collect a body copies
//! that too. So each worker remembers, in its heap, when it last took a response to each cell, and lets the others pass.

use crate::{Place, Store};
use fairlead_stage::Timestamp;
use std::cell::Cell;

/// When this worker last took a response to each cell of a [`Store`]: 8 bytes a cell.
#[derive(Clone, Debug)]
pub struct Pace {
    taken: Box<[Cell<Timestamp>]>,
    refresh: u64,
}

impl Pace {
    /// That of a worker that has taken none.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        Self {
            taken: vec![Cell::default(); store.cells() as usize].into(),
            refresh: store.refresh_nanos(),
        }
    }

    /// Is it time to collect a response for this place? False for a place of no cell.
    #[must_use]
    pub fn is_due(&self, place: Place, now: Timestamp) -> bool {
        self.taken
            .get(place.cell as usize)
            .is_some_and(|taken| apart(taken.get(), now) >= self.refresh)
    }

    /// Notes that a response was taken to this place, whatever [`Store::keep`] made of it.
    pub fn note(&self, place: Place, now: Timestamp) {
        if let Some(taken) = self.taken.get(place.cell as usize) {
            taken.set(now);
        }
    }
}

/// Nanoseconds between two moments, in whichever order: after a clock was set back far, things are done anew.
pub(crate) const fn apart(one: Timestamp, other: Timestamp) -> u64 {
    one.as_unix_nanos().abs_diff(other.as_unix_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;
    use std::time::Duration;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_nanos((1_000_000 + seconds) * 1_000_000_000)
    }

    fn pace() -> Pace {
        // Refreshed every 10 s.
        Pace::new(&Store::new(
            NonZeroU32::new(2).unwrap(),
            100,
            Duration::from_secs(200),
        ))
    }

    #[test]
    fn a_response_is_collected_once_every_refresh_time_for_each_cell() {
        let (pace, first, second) = (pace(), Place { cell: 0, tag: 1 }, Place { cell: 1, tag: 2 });
        assert!(pace.is_due(first, at(0)));
        pace.note(first, at(0));
        assert!(!pace.is_due(first, at(9)) && pace.is_due(second, at(9)));
        assert!(pace.is_due(first, at(10)));
    }

    #[test]
    fn a_clock_set_back_does_not_stop_the_refresh() {
        let (pace, place) = (pace(), Place { cell: 0, tag: 1 });
        pace.note(place, at(1000));
        assert!(!pace.is_due(place, at(995)));
        assert!(pace.is_due(place, at(500)));
    }

    #[test]
    fn a_place_of_no_cell_is_never_due() {
        let (pace, place) = (pace(), Place { cell: 2, tag: 1 });
        pace.note(place, at(0));
        assert!(!pace.is_due(place, at(1000)));
    }
}
