//! Rates from the last looks.

use crate::up::metrics::Tallies;
use std::time::{Duration, Instant};

/// Rates are means over at least this long: shorter ones jump.
const WINDOW: Duration = Duration::from_secs(2);

/// The last looks, as far back as rates need them.
#[derive(Debug, Default)]
pub(super) struct Window(Vec<(Instant, Tallies)>);

impl Window {
    pub(super) fn push(&mut self, now: Instant, tallies: Tallies) {
        self.0.push((now, tallies));
        // The oldest look is the last one that lies at least a window back.
        let old = |look: &(Instant, Tallies)| now.saturating_duration_since(look.0) >= WINDOW;
        while self.0.get(1).is_some_and(old) {
            self.0.remove(0);
        }
    }

    /// The last look.
    pub(super) fn last(&self) -> Option<&Tallies> {
        self.0.last().map(|(_, tallies)| tallies)
    }

    /// Total and rate a second of some count.
    pub(super) fn measure(&self, count: impl Fn(&Tallies) -> u64) -> (u64, f64) {
        let (Some((then, before)), Some((now, after))) = (self.0.first(), self.0.last()) else {
            return (0, 0.0);
        };
        let total = count(after);
        let seconds = now.saturating_duration_since(*then).as_secs_f64();
        let more = u32::try_from(total.saturating_sub(count(before))).unwrap_or(u32::MAX);
        (
            total,
            if seconds > 0.0 {
                f64::from(more) / seconds
            } else {
                0.0
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_means_over_the_last_two_seconds() {
        let start = Instant::now();
        let mut window = Window::default();
        assert_eq!(window.measure(|_| 7), (0, 0.0));
        // Ten a second from the first second on; the number of looks stands for the count.
        for look in 0..=10_u64 {
            window.push(
                start + Duration::from_millis(look * 500),
                Tallies::admitted("p", "r", look * 5),
            );
        }
        assert_eq!(
            window.measure(|tallies| tallies.of("p", "r").admitted),
            (50, 10.0)
        );
        assert_eq!(window.0.len(), 5);
        window.push(start + Duration::from_secs(60), Tallies::admitted("p", "r", 50));
        assert_eq!(window.0.len(), 2);
    }
}
