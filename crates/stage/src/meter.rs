//! Counters, gauges and histograms: defined while a filter is configured, used by number on the request path.
//!
//! Where labels come from traffic, the series of a [`Family`] are defined as they are first seen; how many there can be is
//! declared with it.

use std::borrow::Cow;

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
/// Where they do come from traffic, it is one of a [`Family`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MetricDef {
    /// Name without prefix or labels, in Prometheus style with its unit: `requests_total`.
    pub name: &'static str,
    /// Kind.
    pub kind: MetricKind,
    /// The rule it is about: limit, breaker, route.
    pub rule: Option<String>,
    /// What became of what is counted: `admitted`, `denied`.
    pub outcome: Option<Cow<'static, str>>,
}

/// Time series that differ in their rule only. Each is defined when it is first counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Family {
    /// What [`MetricDef::name`] is.
    pub name: &'static str,
    /// Kind.
    pub kind: MetricKind,
    /// What [`MetricDef::outcome`] is.
    pub outcome: Option<Cow<'static, str>>,
    /// How many series there can be.
    pub series: u32,
}

/// A declared family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FamilyId(pub(crate) u16);

impl FamilyId {
    /// Position among the families of [`crate::Needs`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A defined metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MetricId(pub(crate) u32);

impl MetricId {
    /// The metric at a position: those of [`crate::Needs::metrics`], then the series of each of its families.
    #[must_use]
    pub const fn at(position: u32) -> Self {
        Self(position)
    }

    /// The position.
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
    /// One of a family's series, below [`Family::series`]. `rule` names it, and is asked only where it was not defined yet.
    fn open(&self, family: FamilyId, series: u32, rule: &mut dyn FnMut() -> Option<String>) -> MetricId;
}
