//! Latency that a filter adds while requests arrive at a fixed rate.
//!
//! The rate is one that the proxy takes easily, so what shows is the filter, not a queue. Latency counts from when a
//! request was due, so that a proxy that stalls cannot hide it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use fairlead_load::{Rate, Serial};
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};

use crate::rounds::{Cost, Rounds};
use crate::scene::{self, Answers};
use crate::variants::{self, Variant};

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effort {
    /// Rounds; each is a fresh Envoy.
    pub rounds: usize,
    /// Time under load, for each variant in each round.
    pub each: Duration,
    /// Arrivals a second.
    pub per_second: f64,
}

/// Latency in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// The median request.
    pub p50: Cost,
    /// The slowest but one in a hundred.
    pub p99: Cost,
}

/// Measures latency by variant.
///
/// # Errors
/// Envoy does not start, or a variant does not answer as it should.
pub fn measure(
    envoy: &Path,
    variants: &[Variant],
    answers: Answers,
    effort: Effort,
    progress: &ProgressBar,
) -> Result<BTreeMap<String, Latency>> {
    let request = variants::request();
    let rounds = Rounds::run(
        envoy,
        variants,
        answers,
        effort.rounds,
        progress,
        |_, variant, address| {
            scene::ask(variant, &mut Serial::connect(address)?, &request, 20)?;
            let rate = Rate::new(address, request.clone(), effort.per_second).connections(8);
            // So that no connection is new and no cache cold.
            rate.run(effort.each / 5)?;
            let seen = rate.run(effort.each)?;
            ensure!(
                seen.errors == 0 && seen.unanswered == 0,
                "{}: {} requests without an answer at {} a second",
                variant.name,
                seen.errors + seen.unanswered,
                effort.per_second
            );
            let micros = |q| seen.quantile(q).as_secs_f64() * 1e6;
            Ok((micros(0.5), micros(0.99)))
        },
    )?;
    let latency = |variant: &Variant| {
        Some(Latency {
            p50: rounds.cost(variant, |sample| sample.0)?,
            p99: rounds.cost(variant, |sample| sample.1)?,
        })
    };
    variants
        .iter()
        .map(|variant| {
            let found = latency(variant).with_context(|| format!("{} has no baseline", variant.name))?;
            Ok((variant.name.clone(), found))
        })
        .collect()
}
