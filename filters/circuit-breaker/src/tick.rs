//! What happens without a request: workers show that they live, remember where buckets begin, and show the state.

use crate::CircuitBreaker;
use crate::configure::{BEAT, Breaker, Decides, Limit, Throttling};
use crate::metrics::Metric;
use fairlead_breaker::classes::Outcome;
use fairlead_breaker::{Counts, Place, throttle};
use fairlead_stage::{Cell, GroupId, Proxy, Step, Timestamp, View};

impl CircuitBreaker {
    #[inline(never)]
    pub(crate) fn tick(&self, now: Timestamp, proxy: &impl Proxy) {
        let beats = self.shared.is_time(now, BEAT, proxy);
        if beats {
            self.shared.beat(proxy);
        }
        for breaker in &self.breakers {
            match &breaker.decides {
                Decides::Always => breaker.metrics.set(Metric::State, 0, proxy),
                Decides::Never => breaker.metrics.set(Metric::State, 2, proxy),
                Decides::Throttle(throttling) => throttling.tick(breaker, now, proxy),
                Decides::Machine(machine) if breaker.key.is_none() => {
                    machine.tick(breaker, &self.shared, now, beats, proxy);
                }
                Decides::Machine(_) => {}
            }
        }
    }
}

impl Limit {
    pub(crate) const fn cell(&self, place: Place) -> Cell {
        Cell {
            group: self.group,
            index: place.set,
        }
    }
}

const fn only(group: GroupId) -> Cell {
    Cell { group, index: 0 }
}

impl Throttling {
    /// The share of requests that this worker refuses, in parts per million.
    pub(crate) fn rejection(&self, breaker: &Breaker, view: &impl View, proxy: &impl Proxy) -> u32 {
        let read = proxy.update(only(self.rejection), |old, _| {
            Step::Keep(
                old.and_then(|bytes| bytes.try_into().ok())
                    .map(u32::from_le_bytes),
            )
        });
        match read {
            Ok(Some(share)) => share,
            Ok(None) => {
                // Before anything is counted, so that all workers know where counts began.
                self.tick(breaker, view.now(), proxy);
                0
            }
            Err(_) => 0,
        }
    }

    /// Counts a call, and thinks again after a failure.
    #[inline(never)]
    pub(crate) fn count(&self, breaker: &Breaker, outcome: Outcome, view: &impl View, proxy: &impl Proxy) {
        let metrics = &breaker.metrics;
        match outcome {
            Outcome::Ignored => metrics.count(Metric::Ignored, proxy),
            Outcome::Success => metrics.count(Metric::Success, proxy),
            Outcome::Failure => {
                metrics.count(Metric::Failure, proxy);
                self.think(breaker, view.now(), proxy);
            }
        }
    }

    fn tick(&self, breaker: &Breaker, now: Timestamp, proxy: &impl Proxy) {
        let Some(totals) = breaker.metrics.totals(proxy) else {
            return;
        };
        let _ = proxy.update(only(self.group), |old, new| {
            self.snapshots.note(now, Timestamp::default(), &totals, old, new)
        });
        self.think(breaker, now, proxy);
    }

    #[inline(never)]
    fn think(&self, breaker: &Breaker, now: Timestamp, proxy: &impl Proxy) {
        let Some(totals) = breaker.metrics.totals(proxy) else {
            return;
        };
        let counts = proxy.update(only(self.group), |old, _| {
            let since = Timestamp::default();
            Step::Keep(
                self.snapshots
                    .window(now, since, &Counts::default(), &totals, old),
            )
        });
        let share = counts.map_or(0, |counts| throttle::rejection(&self.throttle, &counts).ppm());
        let _ = proxy.update(only(self.rejection), |_, new| {
            new.extend_from_slice(&share.to_le_bytes());
            Step::Write(())
        });
        breaker.metrics.set(Metric::RejectionPpm, u64::from(share), proxy);
    }
}
