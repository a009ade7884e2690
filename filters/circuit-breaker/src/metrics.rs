//! The metrics of the filter: what can be counted under the config, and no more.

use fairlead_breaker::{Counts, Phase};
use fairlead_config::circuit_breaker as config;
use fairlead_stage::{MetricDef, MetricId, MetricKind, Needs, Proxy};
use std::borrow::Cow;

/// One of the metrics of a breaker; the order is that of [`METRICS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    Success,
    Failure,
    Ignored,
    /// Belongs to an earlier generation.
    Late,
    Rejected,
    WouldReject,
    Slow,
    /// Refused because the breaker is open.
    WhileOpen,
    /// Refused because all permits of the half-open breaker are taken.
    WhileHalfOpen,
    /// Refused because the breaker has closed and its ramp does not admit everybody yet.
    WhileRamping,
    Throttled,
    /// Refused because too many are in flight.
    Bulkhead,
    /// Refused because the config says so.
    Forced,
    FallbackReply,
    FallbackStale,
    FallbackReroute,
    ProbeSuccess,
    ProbeFailure,
    ProbeLost,
    ToClosed,
    ToHalfOpen,
    ToOpen,
    /// 0 closed, 1 half-open, 2 open.
    State,
    /// Grows with each transition, so that workers notice.
    Epoch,
    Consecutive,
    /// Breakers of keys that are not closed.
    OpenKeys,
    /// Requests whose key found no room in the table.
    Overflow,
    RejectionPpm,
    StaleStored,
    StaleMissing,
}

/// When a metric can be anything but 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    Enforced,
    Shadow,
    Machine,
    Ramp,
    Throttle,
    Bulkhead,
    Forced,
    Consecutive,
    Keys,
    Stale,
    Reroute,
}

/// Names that end like a counter's are counters; the others are gauges.
const METRICS: [(&str, &str, When); 30] = [
    ("requests_total", "success", When::Always),
    ("requests_total", "failure", When::Always),
    ("requests_total", "ignored", When::Always),
    ("requests_total", "late", When::Machine),
    ("requests_total", "rejected", When::Enforced),
    ("requests_total", "would_reject", When::Shadow),
    ("slow_total", "", When::Always),
    ("rejected_total", "open", When::Machine),
    ("rejected_total", "half_open", When::Machine),
    ("rejected_total", "ramp", When::Ramp),
    ("rejected_total", "throttled", When::Throttle),
    ("rejected_total", "bulkhead", When::Bulkhead),
    ("rejected_total", "forced", When::Forced),
    ("fallbacks_total", "reply", When::Enforced),
    ("fallbacks_total", "stale", When::Stale),
    ("fallbacks_total", "reroute", When::Reroute),
    ("probes_total", "success", When::Machine),
    ("probes_total", "failure", When::Machine),
    ("probes_total", "lost", When::Machine),
    ("transitions_total", "closed", When::Machine),
    ("transitions_total", "half_open", When::Machine),
    ("transitions_total", "open", When::Machine),
    ("state", "", When::Always),
    ("epoch", "", When::Machine),
    ("consecutive_failures", "", When::Consecutive),
    ("open_keys", "", When::Keys),
    ("overflow_total", "", When::Keys),
    ("rejection_ppm", "", When::Throttle),
    ("stale_total", "stored", When::Stale),
    ("stale_total", "missing", When::Stale),
];

/// The metrics of one breaker.
pub(crate) struct Metrics([Option<MetricId>; METRICS.len()]);

impl Metrics {
    #[inline(never)]
    pub(crate) fn declare(breaker: &config::Breaker, enforced: bool, needs: &mut Needs) -> Self {
        let happens = |when| match when {
            When::Always => true,
            When::Enforced => enforced,
            When::Shadow => !enforced,
            When::Machine => breaker.throttle.is_none() && breaker.force.is_none(),
            When::Ramp => !breaker.policy.recovery_ramp.is_zero(),
            When::Throttle => breaker.throttle.is_some(),
            When::Bulkhead => breaker.max_in_flight.is_some(),
            When::Forced => breaker.force.is_some(),
            When::Consecutive => breaker.policy.trip.consecutive_failures.is_some(),
            When::Keys => !matches!(breaker.per, config::Per::Rule),
            When::Stale => breaker.fallback.stale.is_some(),
            When::Reroute => breaker.fallback.reroute.is_some(),
        };
        Self(METRICS.map(|(name, outcome, when)| {
            let counts = name.ends_with("_total");
            happens(when).then(|| {
                needs.metric(MetricDef {
                    name,
                    kind: if counts {
                        MetricKind::Counter
                    } else {
                        MetricKind::Gauge
                    },
                    rule: Some(breaker.name.clone()),
                    outcome: Some(outcome)
                        .filter(|outcome| !outcome.is_empty())
                        .map(Cow::Borrowed),
                })
            })
        }))
    }

    fn id(&self, metric: Metric) -> Option<MetricId> {
        self.0.get(metric as usize).copied().flatten()
    }

    /// Counts one.
    #[inline(never)]
    pub(crate) fn count(&self, metric: Metric, proxy: &impl Proxy) {
        if let Some(id) = self.id(metric) {
            proxy.add(id, 1);
        }
    }

    /// Moves a gauge.
    #[inline(never)]
    pub(crate) fn adjust(&self, metric: Metric, by: i64, proxy: &impl Proxy) {
        if let Some(id) = self.id(metric) {
            proxy.adjust(id, by);
        }
    }

    /// Sets a gauge.
    #[inline(never)]
    pub(crate) fn set(&self, metric: Metric, value: u64, proxy: &impl Proxy) {
        if let Some(id) = self.id(metric) {
            proxy.set(id, value);
        }
    }

    /// Whether there is such a metric.
    pub(crate) fn has(&self, metric: Metric) -> bool {
        self.id(metric).is_some()
    }

    /// What a metric stands at; `None` where there is none, or metrics cannot be read back.
    #[inline(never)]
    pub(crate) fn read(&self, metric: Metric, proxy: &impl Proxy) -> Option<u64> {
        proxy.read(self.id(metric)?)
    }

    /// Counts a request that is refused, or would be.
    #[inline(never)]
    pub(crate) fn refused(&self, why: Metric, proxy: &impl Proxy) {
        self.count(Metric::Rejected, proxy);
        self.count(Metric::WouldReject, proxy);
        self.count(why, proxy);
    }

    /// What all workers have counted so far; `None` where counts cannot be read back.
    #[inline(never)]
    pub(crate) fn totals(&self, proxy: &impl Proxy) -> Option<Counts> {
        Some(Counts {
            successes: self.read(Metric::Success, proxy)?,
            failures: self.read(Metric::Failure, proxy)?,
            slow: self.read(Metric::Slow, proxy)?,
        })
    }
}

/// What counts a transition.
pub(crate) const fn transition_to(phase: Phase) -> Metric {
    match phase {
        Phase::Closed => Metric::ToClosed,
        Phase::HalfOpen => Metric::ToHalfOpen,
        Phase::Open => Metric::ToOpen,
    }
}

/// How a phase is shown: 0 closed, 1 half-open, 2 open.
pub(crate) const fn shown(phase: Phase) -> u64 {
    match phase {
        Phase::Closed => 0,
        Phase::HalfOpen => 1,
        Phase::Open => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_has_its_line_in_the_table() {
        let lines = [
            (Metric::Success, "requests_total", "success"),
            (Metric::WouldReject, "requests_total", "would_reject"),
            (Metric::Slow, "slow_total", ""),
            (Metric::Forced, "rejected_total", "forced"),
            (Metric::FallbackReroute, "fallbacks_total", "reroute"),
            (Metric::ProbeLost, "probes_total", "lost"),
            (Metric::ToOpen, "transitions_total", "open"),
            (Metric::State, "state", ""),
            (Metric::OpenKeys, "open_keys", ""),
            (Metric::Overflow, "overflow_total", ""),
            (Metric::StaleMissing, "stale_total", "missing"),
        ];
        for (metric, name, outcome) in lines {
            let (known, of, _) = METRICS[metric as usize];
            assert_eq!((known, of), (name, outcome), "{metric:?}");
        }
    }
}
