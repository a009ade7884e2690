//! The run as a whole.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use fairlead_overhead::instructions::Instructions;
use fairlead_overhead::variants::{self, Variant};
use fairlead_report::Interval;
use indicatif::ProgressBar;

use crate::goals;
use crate::{Measurement, Metric, Results, Sweep};
use crate::{headers, keys, rules, throughput, workers};

/// What is measured, with what.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The Envoy binary.
    pub envoy: PathBuf,
    /// The folder of the modules: `rate-limit.wasm` and so on. The suite is measured if it is there.
    pub modules: PathBuf,
    /// Fewer points and rounds.
    pub quick: bool,
    /// These sweeps only; all if empty.
    pub only: Vec<Sweep>,
}

/// Runs the sweeps of the plan. `progress` shows which; its length grows by what is planned.
///
/// # Errors
/// A module is missing, Envoy does not start, valgrind is missing (for instructions), or requests are not answered as
/// they should be, which would make a measurement one of something else.
pub fn run(plan: &Plan, progress: &ProgressBar) -> Result<Results> {
    let mut measurements = Vec::new();
    for sweep in Sweep::ALL {
        if !plan.only.is_empty() && !plan.only.contains(&sweep) {
            continue;
        }
        progress.set_message(sweep.name());
        let measured = match sweep {
            Sweep::Rules => rules::measure(plan, progress),
            Sweep::Keys => keys::measure(plan, progress),
            Sweep::Workers => workers::measure(plan, progress),
            Sweep::Headers => headers::measure(plan, progress),
            Sweep::Throughput => throughput::measure(plan, progress),
        };
        measurements.extend(measured.with_context(|| format!("the sweep of {} failed", sweep.name()))?);
    }
    Ok(Results {
        quick: plan.quick,
        goals: goals::of(&measurements),
        measurements,
    })
}

impl Plan {
    /// Rounds in which everything that is compared by time has a turn.
    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 15 } else { 40 }
    }

    /// The variants of this toolkit that have these names, as far as their modules are there.
    pub(crate) fn ours(&self, names: &[&str]) -> Result<Vec<Variant>> {
        let all = variants::ours(&self.modules)?;
        Ok(all
            .into_iter()
            .filter(|variant| names.contains(&variant.name.as_str()))
            .collect())
    }

    /// A module of this toolkit.
    pub(crate) fn module(&self, filter: &str) -> Result<PathBuf> {
        let path = std::path::absolute(self.modules.join(format!("{filter}.wasm")))?;
        std::fs::metadata(&path)
            .with_context(|| format!("no {}: run `cargo xtask build`", path.display()))?;
        Ok(path)
    }
}

/// A variant with its place in a sweep.
pub(crate) struct Placed {
    pub(crate) id: String,
    pub(crate) series: String,
    pub(crate) x: f64,
    pub(crate) variant: Variant,
}

/// The instructions that were found for placed variants, as measurements.
pub(crate) fn instructions(
    sweep: Sweep,
    placed: &[Placed],
    found: &BTreeMap<String, Instructions>,
) -> Vec<Measurement> {
    let of = |placed: &Placed| {
        let found = found.get(&placed.variant.name)?;
        Some(Measurement {
            sweep,
            id: placed.id.clone(),
            series: placed.series.clone(),
            metric: Metric::Instructions,
            x: placed.x,
            value: Interval {
                median: found.added,
                low: found.added - found.spread,
                high: found.added + found.spread,
            },
        })
    };
    placed.iter().filter_map(of).collect()
}
