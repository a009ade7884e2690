//! Instructions that a request costs on a worker thread: Envoy under valgrind's callgrind.
//!
//! Time on a shared machine says little below half a microsecond; instructions repeat to some tenths of a percent,
//! whatever else runs, and go with CPU time (r = 0.989 over 60 filters). So they are what a test can hold a filter to.
//!
//! **How.** All variants are listeners of a few Envoys. One window is a known number of requests, one after the
//! other on one connection; callgrind says before and after it what each thread has executed, and the thread with the
//! most is the worker. Windows of all variants are interleaved. Timers of plugins (once a second, all at about the same
//! time; a breaker's takes 30,000) fall into a part of the windows and only ever add, so the lowest windows are those
//! without: it is measured until a variant's three lowest agree, or three times as long, and their mean counts. That
//! less the same of its baseline in the same Envoy is its cost: of a request, not of the time that passes.
//!
//! **How well.** Runs agree to 150 instructions or 0.5 % of a filter's cost, whichever is more, also beside a compiler;
//! scripts with a garbage collector (Lua) to some percent.
//!
//! **What it does not see**: the kernel, caches, other threads, what a plugin does on its timer.
//!
//! **Cost**: 7 s for an Envoy to start, then 0.15 s a window; 31 variants take a minute.

mod callgrind;
mod groups;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};
use fairlead_load::{Prepared, Responder, Serial};
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};

use callgrind::Counted;
pub use callgrind::Valgrind;

use crate::scene::{self, Answers};
use crate::variants::{self, Variant};

/// How far the lowest windows may be apart, as a share of the lowest.
const AGREEMENT: f64 = 0.0015;
/// How many times the windows asked for are measured at most.
const ROUNDS: usize = 3;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows {
    /// Requests of each variant before the first window.
    pub warm_up: usize,
    /// Requests a window.
    pub requests: usize,
    /// Windows a variant, at least 3; up to three times as many until the lowest agree.
    pub windows: usize,
}

impl Default for Windows {
    /// Nine windows of 50 requests: a window takes a tenth of a second, so that few have a timer in them.
    fn default() -> Self {
        Self {
            warm_up: 100,
            requests: 50,
            windows: 9,
        }
    }
}

/// What a request costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instructions {
    /// All instructions of the worker thread.
    pub total: f64,
    /// Those that the filters add: the total less that of the baseline in the same Envoy.
    pub added: f64,
    /// How far the windows that count are apart, or those of the baseline if that is more.
    pub spread: f64,
}

/// Measures the variants, and the baselines that they count from, on the Envoy at `envoy`. One step of `progress` is one
/// round of windows of one Envoy.
///
/// # Errors
/// valgrind is missing, Envoy does not start, or a variant does not answer as it should.
pub fn measure(
    envoy: &Path,
    variants: &[Variant],
    answers: Answers,
    windows: Windows,
    progress: &ProgressBar,
) -> Result<BTreeMap<String, Instructions>> {
    measure_with(envoy, variants, &variants::request(), answers, windows, progress)
}

/// [`measure`] with another request than the one of the benchmark.
///
/// # Errors
/// As [`measure`].
pub fn measure_with(
    envoy: &Path,
    variants: &[Variant],
    request: &Prepared,
    answers: Answers,
    windows: Windows,
    progress: &ProgressBar,
) -> Result<BTreeMap<String, Instructions>> {
    let upstream = match answers {
        Answers::Direct => None,
        Answers::Proxied => Some(Responder::start("ok").context("the upstream does not start")?),
    };
    let upstream = upstream.as_ref().map(Responder::address);
    let valgrind = Valgrind::find()?;
    let groups = groups::split(variants);
    progress.inc_length((groups.len() * windows.windows) as u64);
    let mut found = BTreeMap::new();
    // One after the other: side by side their windows take longer, and more timers fall into them.
    for group in groups {
        found.extend(one_envoy(
            &valgrind, envoy, &group, request, upstream, windows, progress,
        )?);
    }
    Ok(found)
}

fn one_envoy(
    valgrind: &Valgrind,
    envoy: &Path,
    variants: &[Variant],
    request: &Prepared,
    upstream: Option<SocketAddr>,
    windows: Windows,
    progress: &ProgressBar,
) -> Result<BTreeMap<String, Instructions>> {
    let mut counted = Counted::start(valgrind, envoy, variants, upstream)?;
    let mut lines = Vec::new();
    for variant in variants {
        let address = scene::address(counted.envoy(), &variant.name)?;
        lines.push((variant, Serial::connect(address)?, Vec::new()));
    }
    counted.instrument()?;
    for (variant, serial, _) in &mut lines {
        scene::ask(variant, serial, request, windows.warm_up)?;
    }
    let mut round = 0;
    while round < windows.windows * ROUNDS {
        let mut before = counted.threads()?;
        for (variant, serial, seen) in &mut lines {
            if round >= windows.windows && Lowest::of(seen).is_some_and(Lowest::agree) {
                continue;
            }
            scene::ask(variant, serial, request, windows.requests)?;
            let after = counted.threads()?;
            let worker = after
                .iter()
                .map(|(thread, now)| now - before.get(thread).copied().unwrap_or(0));
            seen.push(worker.max().unwrap_or(0) as f64 / windows.requests as f64);
            before = after;
        }
        round += 1;
        progress.inc(u64::from(round <= windows.windows));
    }
    let totals: BTreeMap<&str, Lowest> = lines
        .iter()
        .filter_map(|(variant, _, seen)| Some((variant.name.as_str(), Lowest::of(seen)?)))
        .collect();
    let cost = |variant: &Variant| {
        let own = totals.get(variant.name.as_str())?;
        let base = totals.get(variant.over.baseline())?;
        let cost = Instructions {
            total: own.mean,
            added: own.mean - base.mean,
            spread: own.spread.max(base.spread),
        };
        Some((variant.name.clone(), cost))
    };
    variants
        .iter()
        .map(|variant| cost(variant).with_context(|| format!("{} has no baseline", variant.name)))
        .collect()
}

/// The three lowest windows.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Lowest {
    mean: f64,
    spread: f64,
}

impl Lowest {
    fn of(seen: &[f64]) -> Option<Self> {
        let mut sorted = seen.to_vec();
        sorted.sort_by(f64::total_cmp);
        match sorted.as_slice() {
            [low, middle, high, ..] => Some(Self {
                mean: (low + middle + high) / 3.0,
                spread: high - low,
            }),
            _ => None,
        }
    }

    fn agree(self) -> bool {
        self.spread <= self.mean * AGREEMENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_with_timers_in_them_do_not_count() {
        let timers = [
            105_200.0, 104_010.0, 106_900.0, 103_990.0, 105_300.0, 105_210.0, 104_090.0,
        ];
        let lowest = Lowest::of(&timers).unwrap();
        assert_eq!((lowest.mean, lowest.spread), (104_030.0, 100.0));
        assert!(lowest.agree());
    }

    #[test]
    fn while_less_than_three_are_free_of_timers_the_lowest_do_not_agree() {
        assert_eq!(Lowest::of(&[104_000.0, 104_010.0]), None);
        assert!(
            !Lowest::of(&[105_200.0, 104_010.0, 106_900.0, 103_990.0])
                .unwrap()
                .agree()
        );
    }
}
