//! The metrics of the filter besides those that belong to a phase, an objective or a label.

use crate::request::Reason;
use fairlead_config::latency_histogram::{Phase, Unit};
use fairlead_stage::{Meter, MetricId, Needs};

/// The declared metrics.
pub(crate) struct Metrics {
    /// By [`Reason`]; `None` for one that the config does not exclude.
    excluded: [Option<MetricId>; Reason::ALL.len()],
}

impl Metrics {
    pub(crate) fn declare(excludes: impl Fn(Reason) -> bool, needs: &mut Needs) -> Self {
        Self {
            excluded: Reason::ALL.map(|reason| {
                excludes(reason).then(|| needs.counter("excluded_total", None, Some(reason.name())))
            }),
        }
    }

    pub(crate) fn excluded(&self, reason: Reason, meter: &impl Meter) {
        if let Some(metric) = self.excluded.get(reason as usize).copied().flatten() {
            meter.add(metric, 1);
        }
    }
}

/// The names of what is measured of a phase.
pub(crate) struct Names {
    pub(crate) millis: &'static str,
    pub(crate) micros: &'static str,
    pub(crate) bucket: &'static str,
    pub(crate) sum: &'static str,
    pub(crate) count: &'static str,
    pub(crate) quantile: &'static str,
}

impl Names {
    pub(crate) const fn of(phase: Phase) -> &'static Self {
        match phase {
            Phase::Total => &REQUEST,
            Phase::Upstream => &UPSTREAM,
            Phase::FirstByte => &FIRST_BYTE,
        }
    }

    pub(crate) const fn duration(&self, unit: Unit) -> &'static str {
        match unit {
            Unit::Millis => self.millis,
            Unit::Micros => self.micros,
        }
    }
}

static REQUEST: Names = Names {
    millis: "request_duration_milliseconds",
    micros: "request_duration_microseconds",
    bucket: "request_exact_microseconds_bucket",
    sum: "request_exact_microseconds_sum",
    count: "request_exact_microseconds_count",
    quantile: "request_quantile_microseconds",
};
static UPSTREAM: Names = Names {
    millis: "upstream_duration_milliseconds",
    micros: "upstream_duration_microseconds",
    bucket: "upstream_exact_microseconds_bucket",
    sum: "upstream_exact_microseconds_sum",
    count: "upstream_exact_microseconds_count",
    quantile: "upstream_quantile_microseconds",
};
static FIRST_BYTE: Names = Names {
    millis: "first_byte_duration_milliseconds",
    micros: "first_byte_duration_microseconds",
    bucket: "first_byte_exact_microseconds_bucket",
    sum: "first_byte_exact_microseconds_sum",
    count: "first_byte_exact_microseconds_count",
    quantile: "first_byte_quantile_microseconds",
};
