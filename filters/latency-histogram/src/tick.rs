//! What a worker hands on every tick: its exact buckets to the proxy's counters, its part of the windows to all workers; and
//! the gauges.

use crate::LatencyHistogram;
use crate::configure::{Exact, Quantiles};
use crate::labels::Labels;
use fairlead_stage::{Cell, Cells, GroupId, Proxy, Step, Timestamp};

impl LatencyHistogram {
    #[inline(never)]
    pub(crate) fn tick(&self, now: Timestamp, proxy: &impl Proxy) {
        for exact in self
            .measures
            .iter()
            .filter_map(|measures| measures.exact.as_ref())
        {
            exact.hand_on(&self.labels, proxy);
        }
        if let Some(quantiles) = &self.quantiles {
            quantiles.merge(now, proxy);
            quantiles.show(now, &self.labels, proxy);
        }
        for slo in &self.slos {
            let (objective, ppm) = slo.objective;
            proxy.set(objective, ppm);
            proxy.set(slo.threshold, slo.threshold_micros);
        }
    }
}

/// Takes what a worker's own cell holds; empty if nothing.
fn take(group: GroupId, index: u32, cells: &impl Cells, taken: &mut Vec<u8>) {
    taken.clear();
    let _ = cells.update(Cell { group, index }, |old, _| match old {
        Some(bytes) if !bytes.is_empty() => {
            taken.extend_from_slice(bytes);
            Step::Write(())
        }
        _ => Step::Keep(()),
    });
}

impl Exact {
    /// Adds what this worker has counted to the counters of the proxy.
    #[inline(never)]
    fn hand_on(&self, labels: &Labels, proxy: &impl Proxy) {
        let mut taken = Vec::new();
        for series in 0..self.series {
            take(self.pending, series, proxy, &mut taken);
            if taken.is_empty() {
                continue;
            }
            let mut text = || labels.text(|_| true, series, proxy);
            // All bounds at once, also those that nothing is below: the quantile of a bucket needs the bound before it.
            for family in &self.buckets {
                proxy.open(*family, series, &mut text);
            }
            let mut add = |family, n| {
                let metric = proxy.open(family, series, &mut text);
                proxy.add(metric, n);
            };
            let drained = self.bounds.drain(&taken, |position, more| {
                if let Some(family) = self.buckets.get(position) {
                    add(*family, more);
                }
            });
            add(self.sum, drained.sum);
            add(self.count, drained.count);
        }
    }
}

impl Quantiles {
    /// Adds what this worker has counted to the windows of all.
    #[inline(never)]
    fn merge(&self, now: Timestamp, proxy: &impl Proxy) {
        let mut taken = Vec::new();
        for index in 0..self.groups {
            take(self.pending, index, proxy, &mut taken);
            if taken.is_empty() {
                continue;
            }
            let shared = Cell {
                group: self.shared,
                index,
            };
            let merged = proxy.update(shared, |old, new| self.windows.merge(old, &taken, now, new));
            if merged.is_err() {
                // Nothing was recorded in between: a worker does one thing at a time.
                let own = Cell {
                    group: self.pending,
                    index,
                };
                let _ = proxy.update(own, |_, new| {
                    new.extend_from_slice(&taken);
                    Step::Write(())
                });
            }
        }
    }

    /// Sets the gauges of all groups that were ever counted, by whichever worker.
    #[inline(never)]
    fn show(&self, now: Timestamp, labels: &Labels, proxy: &impl Proxy) {
        for group in 0..self.groups {
            let shared = Cell {
                group: self.shared,
                index: group,
            };
            let read = proxy.update(shared, |old, new| {
                let Some(bytes) = old else {
                    return Step::Keep(None);
                };
                // What lies ahead, as the clock was set back, must not come again when the clock gets there.
                match self.windows.merge(old, &[], now, new) {
                    Step::Keep(()) => Step::Keep(Some(self.windows.read(Some(bytes), now))),
                    Step::Write(()) => Step::Write(Some(self.windows.read(Some(new), now))),
                }
            });
            let Ok(Some(histogram)) = read else { continue };
            let mut text = || labels.text(|label| self.by.contains(&label), group, proxy);
            let requests = proxy.open(self.requests, group, &mut text);
            proxy.set(requests, histogram.count());
            for (share, family) in &self.of {
                let gauge = proxy.open(*family, group, &mut text);
                proxy.set(gauge, histogram.quantile(*share).unwrap_or(0));
            }
        }
    }
}
