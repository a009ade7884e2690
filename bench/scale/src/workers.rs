//! CPU time a request and memory against the number of worker threads, with one key that all workers want.

use std::time::Duration;

use anyhow::{Context as _, Result};
use fairlead_load::Saturate;
use fairlead_overhead::variants::{self, Variant};
use fairlead_report::{Interval, median};
use indicatif::ProgressBar;

use crate::proxy::{self, Proxy, Runner};
use crate::{Measurement, Metric, Plan, Sweep};

/// Workers whose CPU time is measured: more than there are cores would measure the scheduler.
const BUSY: [u32; 2] = [1, 2];
/// Workers whose memory is measured.
const RESIDENT: [u32; 3] = [1, 2, 4];
/// What the memory of a further worker is measured with.
const NAMES: [&str; 6] = [
    "rate-limit-worker",
    "rate-limit-proxy",
    "chain-worker",
    "chain-proxy",
    "suite-worker",
    "suite-proxy",
];
const CONNECTIONS: usize = 32;

pub(crate) fn measure(plan: &Plan, progress: &ProgressBar) -> Result<Vec<Measurement>> {
    let mut all: Vec<Variant> = variants::none().into_iter().take(1).collect();
    all.extend(plan.ours(&NAMES)?);
    progress.inc_length((BUSY.len() + all.len() * RESIDENT.len()) as u64);
    let mut measured = Vec::new();
    let mut push = |metric, variant: &Variant, workers: u32, value| {
        measured.push(Measurement {
            sweep: Sweep::Workers,
            id: variant.name.clone(),
            series: variant.title.clone(),
            metric,
            x: workers.into(),
            value,
        });
    };
    for workers in BUSY {
        for (variant, cost) in all.iter().zip(cpu(plan, &all, workers)?).skip(1) {
            push(Metric::Cpu, variant, workers, cost);
        }
        progress.inc(1);
    }
    for variant in &all {
        for workers in RESIDENT {
            push(Metric::Memory, variant, workers, memory(plan, variant, workers)?);
            progress.inc(1);
        }
    }
    Ok(measured)
}

fn cpu(plan: &Plan, all: &[Variant], workers: u32) -> Result<Vec<Interval>> {
    let proxy = Proxy::start(plan, &all.iter().collect::<Vec<_>>(), workers, None)?;
    let runner = |variant: &Variant| {
        let request = variants::request().into();
        Runner::new(&variant.title, proxy.address(variant)?, request, CONNECTIONS, 1)
    };
    let mut runners = all.iter().map(runner).collect::<Result<Vec<_>>>()?;
    proxy::cpu_over_first(plan, &proxy, &mut runners)
}

/// Memory after some load that reaches all workers, of as many fresh processes as there are repetitions.
fn memory(plan: &Plan, variant: &Variant, workers: u32) -> Result<Interval> {
    let repetitions = if plan.quick { 1 } else { 3 };
    let one = |_| {
        let proxy = Proxy::start(plan, &[variant], workers, None)?;
        let load =
            Saturate::new(proxy.address(variant)?, variants::request()).connections(8 * workers as usize);
        load.run(Duration::from_millis(300))?;
        proxy.memory()
    };
    let all = (0..repetitions).map(one).collect::<Result<Vec<f64>>>()?;
    let least = all.iter().copied().fold(f64::INFINITY, f64::min);
    let most = all.iter().copied().fold(0.0, f64::max);
    Ok(Interval {
        median: median(&all).context("there was no repetition")?,
        low: least,
        high: most,
    })
}
