//! Counters, gauges and histograms: defined while a filter is configured, used by number on the request path.

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Is set.
    Gauge,
    /// Records values.
    Histogram,
}

/// One time series, with its labels. Proxies never free a metric, so label values come from the config, not from traffic.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MetricDef {
    /// Name without prefix or labels, in Prometheus style with its unit: `requests_total`.
    pub name: &'static str,
    /// Kind.
    pub kind: MetricKind,
    /// The rule it is about: limit, breaker, route.
    pub rule: Option<String>,
    /// What became of what is counted: `admitted`, `denied`.
    pub outcome: Option<&'static str>,
}

/// A defined metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MetricId(pub(crate) u16);

impl MetricId {
    /// Position among the metrics of [`crate::Needs`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where counts go. Nothing here can fail: a proxy that refuses a metric loses that count, not the request.
///
/// Metrics belong to the whole proxy: what one worker has added, all can read at once, for a tenth of what a shared cell
/// costs.
pub trait Meter {
    /// Adds to a counter; 0 is no call.
    fn add(&self, metric: MetricId, n: u64);
    /// Sets a gauge.
    fn set(&self, metric: MetricId, value: u64);
    /// Moves a gauge up or down, atomically.
    fn adjust(&self, metric: MetricId, by: i64);
    /// Records a value in a histogram.
    fn record(&self, metric: MetricId, value: u64);
    /// What a counter or gauge stands at, over all workers; `None` where the proxy does not keep its metrics so that they
    /// can be read back. That does not change while a config lives. [`crate::Needs::reads_metrics`] must ask for it.
    fn read(&self, metric: MetricId) -> Option<u64>;
}
