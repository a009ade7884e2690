//! What must hold, whatever the machine, and one number that says how fast it is at all.

use fairlead_report::Interval;
use serde::{Deserialize, Serialize};

use crate::rules::NOT_INDEXED;
use crate::{Measurement, Metric, Sweep};

#[cfg(test)]
mod tests;

/// 1,000 rules cost at most this many times as much as one.
const RULES: f64 = 1.3;
/// Memory that a further worker takes, in MiB.
const WORKER: f64 = 2.0;
/// Share of the requests that a proxy without filters takes, with all four.
const SHARE: f64 = 0.78;
/// Requests a second with all four, two workers, two cores.
const REQUESTS: f64 = 17_000.0;

/// A bound and what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// What is bounded.
    pub what: String,
    /// What was found.
    pub value: f64,
    /// The bound.
    pub limit: f64,
    /// Whether the bound is an upper one.
    pub at_most: bool,
}

impl Goal {
    /// Whether it holds. What is not a number does not.
    pub fn is_met(&self) -> bool {
        if self.at_most {
            self.value <= self.limit
        } else {
            self.value >= self.limit
        }
    }
}

/// The goals that these measurements say something about.
pub(crate) fn of(measurements: &[Measurement]) -> Vec<Goal> {
    let mut goals = Vec::new();
    for (series, points) in lines(measurements, Sweep::Rules, Metric::Instructions) {
        if let ([(_, first), .., (most, last)], false) = (points.as_slice(), series.id == NOT_INDEXED) {
            goals.push(Goal {
                what: format!("{}: {most} rules cost as much as one, times", series.series),
                // The worse ends: windows with timers of hundreds of rules in them must not make a bound hold.
                value: if first.low > 0.0 {
                    last.high / first.low
                } else {
                    f64::NAN
                },
                limit: RULES,
                at_most: true,
            });
        }
    }
    for (series, points) in lines(measurements, Sweep::Workers, Metric::Memory) {
        // Four plugins are four VMs in each worker; the suite is there to be one.
        if let ([(fewest, first), .., (most, last)], false) =
            (points.as_slice(), series.id.starts_with("chain-"))
        {
            goals.push(Goal {
                what: format!("{}: MiB for a further worker", series.series),
                value: (last.median - first.median) / (most - fewest),
                limit: WORKER,
                at_most: true,
            });
        }
    }
    for (metric, limit, what) in [
        (Metric::Share, SHARE, "share of the requests without a filter"),
        (Metric::Requests, REQUESTS, "requests a second"),
    ] {
        let all = lines(measurements, Sweep::Throughput, metric);
        let suite = all.iter().any(|(point, _)| point.id.starts_with("suite-"));
        let prefix = if suite { "suite-" } else { "chain-" };
        for (point, _) in all.iter().filter(|(point, _)| point.id.starts_with(prefix)) {
            goals.push(Goal {
                what: format!("{}: {what}", point.series),
                value: point.value.median,
                limit,
                at_most: false,
            });
        }
    }
    goals
}

/// A line: its first measurement, and place and value of all.
type Line<'a> = (&'a Measurement, Vec<(f64, Interval)>);

/// The lines of a sweep and a metric.
fn lines(measurements: &[Measurement], sweep: Sweep, metric: Metric) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for point in measurements
        .iter()
        .filter(|point| point.sweep == sweep && point.metric == metric)
    {
        let place = (point.x, point.value);
        match lines.iter_mut().find(|(first, _)| first.id == point.id) {
            Some((_, points)) => points.push(place),
            None => lines.push((point, vec![place])),
        }
    }
    lines
}
