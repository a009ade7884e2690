//! Requests a second through a proxy with two workers in front of an upstream, as many as the machine takes.
//!
//! Generator and upstream are threads of this process and share the cores with Envoy; they are cheap enough to leave it
//! most of them. The number that carries over to other machines is the share: requests a second with the filters over
//! those without, in the same round. Beside it stands the share by CPU time: what all involved spend on a request without
//! filters over what they spend with them. A machine that does nothing else gives the same for both; on a busy one the
//! second is the steadier.

use std::time::Duration;

use anyhow::{Context as _, Result};
use fairlead_load::Responder;
use fairlead_overhead::variants::{self, Variant};
use fairlead_report::Interval;
use indicatif::ProgressBar;

use crate::proxy::{Proxy, Runner, order};
use crate::{Measurement, Metric, Plan, Sweep};

const WORKERS: u32 = 2;
const CONNECTIONS: usize = 64;
/// Short turns: what else the machine does is then about the same for all of a round.
const TURN: Duration = Duration::from_millis(200);
const NAMES: [&str; 4] = [
    "chain-worker",
    "chain-proxy",
    "suite-worker-lean",
    "suite-proxy-lean",
];

pub(crate) fn measure(plan: &Plan, progress: &ProgressBar) -> Result<Vec<Measurement>> {
    let mut all: Vec<Variant> = variants::none().into_iter().take(1).collect();
    all.extend(plan.ours(&NAMES)?);
    let rounds = if plan.quick { 25 } else { 60 };
    progress.inc_length(rounds as u64);
    let upstream = Responder::start("ok").context("the upstream does not start")?;
    let proxy = Proxy::start(
        plan,
        &all.iter().collect::<Vec<_>>(),
        WORKERS,
        Some(upstream.address()),
    )?;
    let runner = |variant: &Variant| {
        let request = variants::request().into();
        Runner::new(&variant.title, proxy.address(variant)?, request, CONNECTIONS, 1)
    };
    let mut runners = all.iter().map(runner).collect::<Result<Vec<_>>>()?;
    for runner in &mut runners {
        runner.turn(TURN)?;
    }
    let mut rates = vec![Vec::new(); runners.len()];
    let mut costs = vec![Vec::new(); runners.len()];
    for round in 0..rounds {
        for index in order(round, runners.len()) {
            if let (Some(runner), Some(rates), Some(costs)) =
                (runners.get_mut(index), rates.get_mut(index), costs.get_mut(index))
            {
                let before = proxy.time_of_all()?;
                let (requests, rate) = runner.turn(TURN)?;
                rates.push(rate);
                costs.push((proxy.time_of_all()? - before) / requests as f64);
            }
        }
        progress.inc(1);
    }
    let ratios = |some: &[f64], others: &[f64]| -> Vec<f64> {
        some.iter().zip(others).map(|(one, other)| one / other).collect()
    };
    let none_rates = rates.first().cloned().unwrap_or_default();
    let none_costs = costs.first().cloned().unwrap_or_default();
    let mut measured = Vec::new();
    for (variant, (rates, costs)) in all.iter().zip(rates.iter().zip(&costs)) {
        for (metric, samples) in [
            (Metric::Requests, rates.clone()),
            (Metric::Share, ratios(rates, &none_rates)),
            (Metric::CpuShare, ratios(&none_costs, costs)),
        ] {
            measured.push(Measurement {
                sweep: Sweep::Throughput,
                id: variant.name.clone(),
                series: variant.title.clone(),
                metric,
                x: WORKERS.into(),
                value: Interval::bootstrap(&samples, 1).context("there was no round")?,
            });
        }
    }
    Ok(measured)
}
