//! CPU time that a request costs on a worker thread, at full load.
//!
//! One worker on one core, the load generator on another, 32 connections. CPU time is what the scheduler has counted
//! for the worker threads, user and system, in nanoseconds; requests are the answers counted by the load generator, which
//! has none under way at either end. It resolves about 0.3 us in eight rounds on a quiet machine: below that,
//! [`instructions`](crate::instructions) say more.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use fairlead_load::{Saturate, Serial};
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};

use crate::machine;
use crate::rounds::{Cost, Rounds};
use crate::scene::{self, Answers};
use crate::variants::{self, Variant};

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effort {
    /// Rounds; each is a fresh Envoy.
    pub rounds: usize,
    /// Time under load, for each variant in each round.
    pub each: Duration,
}

/// Measures microseconds of worker CPU time a request, by variant.
///
/// # Errors
/// Envoy does not start, a variant does not answer as it should, or `/proc` is not Linux's.
pub fn measure(
    envoy: &Path,
    variants: &[Variant],
    answers: Answers,
    effort: Effort,
    progress: &ProgressBar,
) -> Result<BTreeMap<String, Cost>> {
    let request = variants::request();
    let rounds = Rounds::run(
        envoy,
        variants,
        answers,
        effort.rounds,
        progress,
        |running, variant, address| {
            // The first answers of some differ: a breaker that opens, a bucket that runs empty.
            scene::ask(variant, &mut Serial::connect(address)?, &request, 20)?;
            let mut load = Saturate::new(address, request.clone()).connect()?;
            load.run(effort.each / 5)?;
            let before = machine::worker_time(running.pid())?;
            let seen = load.run(effort.each)?;
            let spent = machine::worker_time(running.pid())?.saturating_sub(before);
            ensure!(
                seen.errors == 0 && seen.requests > 0 && seen.status(variant.status) == seen.requests,
                "{}: {} requests without an answer, answers {:?}; expected {} only",
                variant.name,
                seen.errors,
                seen.by_status,
                variant.status
            );
            Ok(spent.as_secs_f64() * 1e6 / seen.requests as f64)
        },
    )?;
    variants
        .iter()
        .map(|variant| {
            let cost = rounds
                .cost(variant, |sample| *sample)
                .with_context(|| format!("{} has no baseline", variant.name))?;
            Ok((variant.name.clone(), cost))
        })
        .collect()
}
