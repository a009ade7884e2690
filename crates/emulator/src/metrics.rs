//! Metrics: process-wide by name, as Envoy's stats are; each VM knows them by ids of its own.

use std::collections::BTreeMap;

use crate::abi::{MetricType, Status};

/// A histogram's recorded values. All values are kept: a run is short, and quantiles are exact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    values: Vec<u64>,
}

impl Histogram {
    /// How many values were recorded.
    #[must_use]
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// The sum of the values.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.values
            .iter()
            .fold(0, |sum, value| sum.saturating_add(*value))
    }

    /// The values in the order of recording.
    #[must_use]
    pub fn values(&self) -> &[u64] {
        &self.values
    }

    /// The smallest recorded value that at least `quantile` (0 to 1) of the values do not exceed; `None` if there are
    /// none.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<u64> {
        let mut sorted = self.values.clone();
        sorted.sort_unstable();
        let rank = (quantile.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied()
    }
}

/// All metrics at one moment, by name without Envoy's `wasmcustom.` prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Counters.
    pub counters: BTreeMap<String, u64>,
    /// Gauges. Negative values wrap, as in Envoy.
    pub gauges: BTreeMap<String, u64>,
    /// Histograms.
    pub histograms: BTreeMap<String, Histogram>,
}

impl Metrics {
    pub(crate) fn define(&mut self, kind: MetricType, name: &str) {
        match kind {
            MetricType::Counter => drop(self.counters.entry(name.to_owned()).or_default()),
            MetricType::Gauge => drop(self.gauges.entry(name.to_owned()).or_default()),
            MetricType::Histogram => drop(self.histograms.entry(name.to_owned()).or_default()),
        }
    }

    pub(crate) fn increment(&mut self, kind: MetricType, name: &str, by: i64) -> Status {
        match kind {
            MetricType::Counter if by > 0 => {
                let value = self.counters.entry(name.to_owned()).or_default();
                *value = value.wrapping_add(by.unsigned_abs());
                Status::Ok
            }
            MetricType::Gauge => {
                let value = self.gauges.entry(name.to_owned()).or_default();
                *value = value.wrapping_add_signed(by);
                Status::Ok
            }
            MetricType::Counter | MetricType::Histogram => Status::BadArgument,
        }
    }

    pub(crate) fn record(&mut self, kind: MetricType, name: &str, value: u64) {
        match kind {
            MetricType::Counter => {
                let counter = self.counters.entry(name.to_owned()).or_default();
                *counter = counter.wrapping_add(value);
            }
            MetricType::Gauge => {
                self.gauges.insert(name.to_owned(), value);
            }
            MetricType::Histogram => self
                .histograms
                .entry(name.to_owned())
                .or_default()
                .values
                .push(value),
        }
    }

    pub(crate) fn value(&self, kind: MetricType, name: &str) -> Option<u64> {
        match kind {
            MetricType::Counter => self.counters.get(name).copied(),
            MetricType::Gauge => self.gauges.get(name).copied(),
            MetricType::Histogram => None,
        }
    }
}

/// The metric ids of one VM: the low two bits are the type, each definition gets a new id even for a known name.
#[derive(Debug, Default)]
pub(crate) struct MetricIds {
    names: BTreeMap<u32, String>,
    next: [u32; 3],
}

impl MetricIds {
    pub(crate) fn define(&mut self, kind: MetricType, name: &str) -> u32 {
        let tag = kind as u32;
        let Some(last) = self.next.get_mut(tag as usize) else {
            return 0;
        };
        *last = last.wrapping_add(4);
        let id = *last | tag;
        self.names.insert(id, name.to_owned());
        id
    }

    pub(crate) fn find(&self, id: u32) -> Result<(MetricType, &str), Status> {
        let kind = MetricType::from_abi(id & 3);
        match (kind, self.names.get(&id)) {
            (Some(kind), Some(name)) => Ok((kind, name)),
            // Histograms and the unused tag are told apart before the lookup.
            (Some(MetricType::Histogram) | None, None) => Err(Status::BadArgument),
            (_, None) => Err(Status::NotFound),
            (None, Some(_)) => Err(Status::BadArgument),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_their_type_in_the_low_bits_and_are_never_reused() {
        let mut ids = MetricIds::default();
        assert_eq!(ids.define(MetricType::Counter, "a"), 4);
        assert_eq!(ids.define(MetricType::Gauge, "g"), 5);
        assert_eq!(ids.define(MetricType::Histogram, "h"), 6);
        assert_eq!(ids.define(MetricType::Counter, "a"), 8);
        assert_eq!(ids.find(8), Ok((MetricType::Counter, "a")));
        assert_eq!(ids.find(12), Err(Status::NotFound));
        assert_eq!(ids.find(10), Err(Status::BadArgument));
    }

    #[test]
    fn counters_only_grow_gauges_wrap_and_recording_on_a_counter_adds() {
        let mut metrics = Metrics::default();
        assert_eq!(
            metrics.increment(MetricType::Counter, "c", 0),
            Status::BadArgument
        );
        assert_eq!(metrics.increment(MetricType::Counter, "c", 5), Status::Ok);
        metrics.record(MetricType::Counter, "c", 3);
        assert_eq!(metrics.value(MetricType::Counter, "c"), Some(8));
        assert_eq!(metrics.increment(MetricType::Gauge, "g", -1), Status::Ok);
        assert_eq!(metrics.value(MetricType::Gauge, "g"), Some(u64::MAX));
        assert_eq!(
            metrics.increment(MetricType::Histogram, "h", 1),
            Status::BadArgument
        );
    }

    #[test]
    fn quantiles_are_recorded_values() {
        let histogram = Histogram {
            values: vec![30, 10, 20, 40],
        };
        assert_eq!((histogram.count(), histogram.sum()), (4, 100));
        assert_eq!(histogram.quantile(0.5), Some(20));
        assert_eq!(histogram.quantile(1.0), Some(40));
        assert_eq!(Histogram::default().quantile(0.5), None);
    }
}
