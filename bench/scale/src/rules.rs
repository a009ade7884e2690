//! Cost against the number of rules: a gateway with a rule for each of its services.

use anyhow::{Context as _, Result};
use fairlead_overhead::{Answers, instructions};
use fairlead_overhead::variants::{self, Group, Variant};
use indicatif::ProgressBar;
use serde_json::Value;

use crate::bench::{self, Placed};
use crate::proxy::{self, Proxy, Runner};
use crate::{Measurement, Metric, Plan, Sweep, policies};

/// What grows: the series' id and title, the filter, its configuration of a size, the most rules it takes.
type Shape = (
    &'static str,
    &'static str,
    &'static str,
    fn(usize) -> Value,
    usize,
);

const SHAPES: [Shape; 4] = [
    (
        "limits-by-host",
        "rate-limit, limits by host",
        "rate-limit",
        policies::limits,
        1000,
    ),
    (
        "canary-rules-by-host",
        "canary, rules by host",
        "canary",
        policies::canary_rules,
        1000,
    ),
    (
        "breakers-by-host",
        "circuit-breaker, breakers by host",
        "circuit-breaker",
        policies::breakers,
        256,
    ),
    (
        NOT_INDEXED,
        "rate-limit, limits by a header's value",
        "rate-limit",
        policies::limits_by_header,
        1000,
    ),
];

/// The series that no index helps.
pub(crate) const NOT_INDEXED: &str = "limits-by-header";

const COUNTS: [usize; 4] = [1, 10, 100, 1000];

pub(crate) fn measure(plan: &Plan, progress: &ProgressBar) -> Result<Vec<Measurement>> {
    let placed = placed(plan)?;
    let variants: Vec<Variant> = placed.iter().map(|placed| placed.variant.clone()).collect();
    let found = instructions::measure(&plan.envoy, &variants, Answers::Direct, plan.windows(), progress)?;
    let mut measured = bench::instructions(Sweep::Rules, &placed, &found);
    measured.extend(cpu(plan, &placed)?);
    Ok(measured)
}

fn placed(plan: &Plan) -> Result<Vec<Placed>> {
    let mut placed = Vec::new();
    for (id, series, filter, config, most) in SHAPES {
        let module = plan.module(filter)?;
        for count in COUNTS.map(|count| count.min(most)) {
            let name = format!("{id}-{count}");
            let variant = Variant::new(name, series, Group::Filter);
            placed.push(Placed {
                id: id.to_owned(),
                series: series.to_owned(),
                x: count as f64,
                variant: variant.wasm("it", &module, config(count).to_string()),
            });
        }
    }
    Ok(placed)
}

fn cpu(plan: &Plan, placed: &[Placed]) -> Result<Vec<Measurement>> {
    let none = variants::none()
        .into_iter()
        .next()
        .context("there is no variant without filters")?;
    let all: Vec<&Variant> = std::iter::once(&none)
        .chain(placed.iter().map(|placed| &placed.variant))
        .collect();
    let proxy = Proxy::start(plan, &all, 1, None)?;
    let runner = |variant: &&Variant| {
        Runner::new(
            &variant.title,
            proxy.address(variant)?,
            variants::request().into(),
            16,
            1,
        )
    };
    let mut runners = all.iter().map(runner).collect::<Result<Vec<_>>>()?;
    let costs = proxy::cpu_over_first(plan, &proxy, &mut runners)?;
    let measurement = |(placed, value): (&Placed, _)| Measurement {
        sweep: Sweep::Rules,
        id: placed.id.clone(),
        series: placed.series.clone(),
        metric: Metric::Cpu,
        x: placed.x,
        value,
    };
    Ok(placed
        .iter()
        .zip(costs.into_iter().skip(1))
        .map(measurement)
        .collect())
}
