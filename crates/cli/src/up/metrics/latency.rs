//! What a latency histogram shows: quantiles of its window, exact counts, objectives.

use std::collections::BTreeMap;

/// The numbers of one filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::up) struct Latency {
    /// The window, by label set.
    pub(in crate::up) window: BTreeMap<String, Window>,
    /// All requests since the start, by label set.
    pub(in crate::up) exact: BTreeMap<String, Exact>,
    /// Objectives, by name.
    pub(in crate::up) objectives: BTreeMap<String, Objective>,
}

/// What the gauges say of one label set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::up) struct Window {
    pub(in crate::up) requests: u64,
    /// Microseconds, by the quantile's name: `p50`.
    pub(in crate::up) micros: BTreeMap<String, u64>,
}

/// What exact buckets say of one label set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::up) struct Exact {
    pub(in crate::up) requests: u64,
    pub(in crate::up) micros: u64,
}

/// What is counted of an objective.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::up) struct Objective {
    pub(in crate::up) requests: u64,
    pub(in crate::up) good: u64,
}

impl Latency {
    /// What is counted of an objective; nothing if Envoy does not know it.
    pub(in crate::up) fn objective(&self, name: &str) -> Objective {
        self.objectives.get(name).copied().unwrap_or_default()
    }

    /// Enters a sample: the metric's name without its prefix, labels `tag` and `cache`, and the number.
    pub(super) fn note(&mut self, metric: &str, tag: &str, cache: Option<&str>, n: u64) {
        let tag = tag.to_owned();
        match (metric, cache) {
            ("window_requests", None) => self.window.entry(tag).or_default().requests = n,
            (_, Some(quantile)) if metric.ends_with("_quantile_microseconds") => {
                let window = self.window.entry(tag).or_default();
                window.micros.insert(quantile.to_owned(), n);
            }
            ("request_exact_microseconds_count", None) => self.exact.entry(tag).or_default().requests = n,
            ("request_exact_microseconds_sum", None) => self.exact.entry(tag).or_default().micros = n,
            ("slo_requests_total", None) => self.objectives.entry(tag).or_default().requests = n,
            ("slo_good_total", None) => self.objectives.entry(tag).or_default().good = n,
            _ => {}
        }
    }
}
