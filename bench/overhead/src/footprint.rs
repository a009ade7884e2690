//! What a filter costs a proxy that is only there: memory by number of workers, and the start.
//!
//! Memory and the start are those of modules rather than of their configurations, so that of variants with the same modules the
//! first is measured. Each has an Envoy of its own. The start is from the exec to the moment when the workers accept connections
//! (found by asking every 5 ms); it is mostly V8 compiling the module. Memory is read after a short load on all
//! workers, since what no request has touched is not resident yet.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use fairlead_load::Saturate;
use fairlead_report::median;
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};

use crate::machine::{self, Memory};
use crate::scene;
use crate::variants::{self, Variant};

/// Connections a worker, so that the kernel gives each worker some.
const CONNECTIONS: usize = 16;

/// How much is measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effort {
    /// Numbers of workers.
    pub workers: Vec<u32>,
    /// Starts for each of them; of memory the median counts.
    pub starts: usize,
    /// Time under load before memory is read.
    pub load: Duration,
}

/// What a start costs, with one worker (or the first number of workers there is).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// CPU time of all threads until Envoy was ready, ms.
    pub cpu_ms: f64,
    /// Time until then, ms.
    pub wall_ms: f64,
}

/// Memory and start of a variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Footprint {
    /// By number of workers.
    pub memory: BTreeMap<u32, Memory>,
    /// The start.
    pub start: Start,
}

/// Measures memory and start by variant. One step of `progress` is one start.
///
/// # Errors
/// Envoy does not start, or `/proc` is not Linux's.
pub fn measure(
    envoy: &Path,
    variants: &[Variant],
    effort: &Effort,
    progress: &ProgressBar,
) -> Result<BTreeMap<String, Footprint>> {
    let chosen = of_each_set_of_modules(variants);
    progress.inc_length((chosen.len() * effort.workers.len() * effort.starts) as u64);
    chosen
        .into_iter()
        .map(|variant| {
            progress.set_message(variant.name.clone());
            let found = one(envoy, variant, effort, progress);
            Ok((variant.name.clone(), found.with_context(|| variant.name.clone())?))
        })
        .collect()
}

/// The first variant with each set of modules, and all without any.
fn of_each_set_of_modules(variants: &[Variant]) -> Vec<&Variant> {
    let mut seen = BTreeSet::new();
    let chosen = variants
        .iter()
        .filter(|variant| variant.modules.is_empty() || seen.insert(&variant.modules));
    chosen.collect()
}

fn one(envoy: &Path, variant: &Variant, effort: &Effort, progress: &ProgressBar) -> Result<Footprint> {
    let mut memory = BTreeMap::new();
    let mut starts = Vec::new();
    for workers in &effort.workers {
        let mut seen = Vec::new();
        for _ in 0..effort.starts {
            let begin = Instant::now();
            let running = scene::start(envoy, std::slice::from_ref(variant), None, *workers)?;
            let wall = begin.elapsed();
            let cpu = machine::process_time(running.pid())?;
            starts.push((
                *workers,
                Start {
                    cpu_ms: cpu.as_secs_f64() * 1e3,
                    wall_ms: wall.as_secs_f64() * 1e3,
                },
            ));
            let address = scene::address(&running, &variant.name)?;
            Saturate::new(address, variants::request())
                .connections(CONNECTIONS * *workers as usize)
                .run(effort.load)?;
            seen.push(machine::memory(running.pid())?);
            progress.inc(1);
        }
        let middle = |field: fn(&Memory) -> u64| {
            let values: Vec<f64> = seen.iter().map(|memory| field(memory) as f64).collect();
            median(&values).map_or(0, |kib| kib as u64)
        };
        memory.insert(
            *workers,
            Memory {
                rss_kib: middle(|memory| memory.rss_kib),
                private_dirty_kib: middle(|memory| memory.private_dirty_kib),
            },
        );
    }
    let first = effort.workers.first().copied();
    let middle = |field: fn(&Start) -> f64| {
        let of_first = starts.iter().filter(|(workers, _)| Some(*workers) == first);
        median(&of_first.map(|(_, start)| field(start)).collect::<Vec<_>>())
    };
    let start = || {
        Some(Start {
            cpu_ms: middle(|start| start.cpu_ms)?,
            wall_ms: middle(|start| start.wall_ms)?,
        })
    };
    Ok(Footprint {
        memory,
        start: start().context("no start was asked for")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variants::Group;

    #[test]
    fn of_variants_with_the_same_modules_the_first_is_measured() {
        let with = |name: &str, modules: &str| {
            let new = Variant::new(name, name, Group::Filter);
            modules
                .split_whitespace()
                .fold(new, |variant, module| variant.wasm(module, Path::new(module), ""))
        };
        let all = [
            with("none", ""),
            with("a", "x"),
            with("b", "x"),
            with("native", ""),
            with("c", "x y"),
        ];
        let chosen: Vec<&str> = of_each_set_of_modules(&all)
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        assert_eq!(chosen, ["none", "a", "native", "c"]);
    }
}
