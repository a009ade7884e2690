//! Cost against the number of rules: a gateway with a rule for each of its services.

use anyhow::{Context as _, Result};
use fairlead_overhead::Answers;
use fairlead_overhead::instructions::{self, Windows};
use fairlead_overhead::variants::{self, Group, Variant};
use indicatif::ProgressBar;
use serde_json::Value;

use crate::bench::{self, Placed};
use crate::proxy::{self, Proxy, Runner};
use crate::{Measurement, Metric, Plan, Sweep, policies};

/// What grows.
struct Shape {
    id: &'static str,
    series: &'static str,
    filter: &'static str,
    /// Its configuration of a size.
    config: fn(usize) -> Value,
    /// The most rules that it takes.
    most: usize,
    /// Whether each size needs an Envoy of its own: every breaker works once a second, and the timers of hundreds would
    /// fall into the windows of all others.
    alone: bool,
}

const SHAPES: [Shape; 4] = [
    Shape {
        id: "limits-by-host",
        series: "rate-limit, limits by host",
        filter: "rate-limit",
        config: policies::limits,
        most: 1000,
        alone: false,
    },
    Shape {
        id: "canary-rules-by-host",
        series: "canary, rules by host",
        filter: "canary",
        config: policies::canary_rules,
        most: 1000,
        alone: false,
    },
    Shape {
        id: "breakers-by-host",
        series: "circuit-breaker, breakers by host",
        filter: "circuit-breaker",
        config: policies::breakers,
        most: 256,
        alone: true,
    },
    Shape {
        id: NOT_INDEXED,
        series: "rate-limit, limits by a header's value",
        filter: "rate-limit",
        config: policies::limits_by_header,
        most: 1000,
        alone: false,
    },
];

/// The series that no index helps.
pub(crate) const NOT_INDEXED: &str = "limits-by-header";

/// Requests a window for those that need an Envoy of their own: short windows, so that enough fall between timers.
const BETWEEN_TIMERS: usize = 15;

const COUNTS: [usize; 4] = [1, 10, 100, 1000];
/// Those of the quick run.
const QUICK: [usize; 2] = [1, 1000];

pub(crate) fn measure(plan: &Plan, progress: &ProgressBar) -> Result<Vec<Measurement>> {
    let placed = placed(plan)?;
    let mut measured = cpu(plan, &placed)?;
    for envoy in placed.chunk_by(|one, next| one.id == next.id && !alone(&one.id)) {
        let variants: Vec<Variant> = envoy.iter().map(|placed| placed.variant.clone()).collect();
        let mut windows = Windows::default();
        if envoy.iter().any(|placed| alone(&placed.id)) {
            windows.requests = BETWEEN_TIMERS;
        }
        let found = instructions::measure(&plan.envoy, &variants, Answers::Direct, windows, progress)?;
        measured.extend(bench::instructions(Sweep::Rules, envoy, &found));
    }
    Ok(measured)
}

fn alone(id: &str) -> bool {
    SHAPES.iter().any(|shape| shape.id == id && shape.alone)
}

fn placed(plan: &Plan) -> Result<Vec<Placed>> {
    let counts: &[usize] = if plan.quick { &QUICK } else { &COUNTS };
    let mut placed = Vec::new();
    for shape in SHAPES {
        let module = plan.module(shape.filter)?;
        for count in counts.iter().map(|count| *count.min(&shape.most)) {
            let variant = Variant::new(format!("{}-{count}", shape.id), shape.series, Group::Filter);
            placed.push(Placed {
                id: shape.id.to_owned(),
                series: shape.series.to_owned(),
                x: count as f64,
                variant: variant.wasm("it", &module, (shape.config)(count).to_string()),
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
