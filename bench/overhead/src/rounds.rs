//! Interleaved rounds: what makes times of a shared machine comparable.
//!
//! Each round is a fresh Envoy with all variants, measured one after the other in random order, the variants without
//! filters before and after the others. A variant's cost in a round is its value less the mean of the two of its
//! baseline, so that what drifts more slowly than a round drops out; what is left is resampled over the rounds.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use fairlead_envoy::Envoy;
use fairlead_load::Responder;
use fairlead_report::Interval;
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};

use crate::machine::{self, Cores};
use crate::scene::{self, Answers};
use crate::variants::Variant;

/// Order of measuring and resampling are the same each time.
const SEED: u64 = 0x5eed;

/// A value and what of it the filters add.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// The value itself.
    pub total: Interval,
    /// Over the baseline of the same round.
    pub added: Interval,
    /// The added part as a share of the baseline.
    pub share: Interval,
}

/// Samples of each variant in each round; the baselines have two.
pub(crate) struct Rounds<S>(Vec<BTreeMap<String, Vec<S>>>);

impl<S> Rounds<S> {
    /// Measures. `sample` is called for each variant when it is to be measured, on the load generator's core. One step
    /// of `progress` is one sample.
    pub(crate) fn run(
        envoy: &Path,
        variants: &[Variant],
        answers: Answers,
        rounds: usize,
        progress: &ProgressBar,
        sample: impl Fn(&Envoy, &Variant, SocketAddr) -> Result<S> + Sync,
    ) -> Result<Self>
    where
        S: Send,
    {
        let (baselines, others): (Vec<_>, Vec<_>) =
            variants.iter().partition(|variant| variant.is_baseline());
        progress.inc_length((rounds * (2 * baselines.len() + others.len())) as u64);
        let cores = Cores::find();
        let responder = match answers {
            Answers::Direct => None,
            Answers::Proxied => Some(on_core_of_load(cores, || {
                Responder::start("ok").context("the upstream does not start")
            })?),
        };
        let upstream = responder.as_ref().map(Responder::address);
        let mut random = fastrand::Rng::with_seed(SEED);
        let mut seen = Vec::new();
        for _ in 0..rounds {
            // It starts on all cores, as V8 compiles on several threads.
            let running = scene::start(envoy, variants, upstream, 1)?;
            if let Some(cores) = cores {
                machine::pin(running.pid(), cores.proxy)?;
            }
            let mut others = others.clone();
            random.shuffle(&mut others);
            let order = baselines.iter().chain(&others).chain(&baselines);
            seen.push(on_core_of_load(cores, || {
                let mut round: BTreeMap<String, Vec<S>> = BTreeMap::new();
                for variant in order {
                    progress.set_message(variant.name.clone());
                    let address = scene::address(&running, &variant.name)?;
                    let sample = sample(&running, variant, address)?;
                    round.entry(variant.name.clone()).or_default().push(sample);
                    progress.inc(1);
                }
                Ok(round)
            })?);
        }
        Ok(Self(seen))
    }

    /// The cost of a variant by one number of its samples.
    pub(crate) fn cost(&self, variant: &Variant, value: impl Fn(&S) -> f64) -> Option<Cost> {
        let mean = |round: &BTreeMap<String, Vec<S>>, name: &str| {
            let samples = round.get(name)?;
            Some(samples.iter().map(&value).sum::<f64>() / samples.len() as f64)
        };
        let pairs: Vec<(f64, f64)> = self
            .0
            .iter()
            .filter_map(|round| Some((mean(round, &variant.name)?, mean(round, variant.over.baseline())?)))
            .collect();
        let over =
            |of: fn(&(f64, f64)) -> f64| Interval::bootstrap(&pairs.iter().map(of).collect::<Vec<_>>(), SEED);
        Some(Cost {
            total: over(|(own, _)| *own)?,
            added: over(|(own, base)| own - base)?,
            share: over(|(own, base)| own / base - 1.0)?,
        })
    }
}

/// Runs `work` on the core of the load generator. On a thread of its own: the choice of a core stays with a thread, and
/// goes on to all that it starts.
fn on_core_of_load<T: Send>(cores: Option<Cores>, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let pinned = || {
        if let Some(cores) = cores {
            fairlead_load::pin(&[cores.load]).context("cannot choose a core")?;
        }
        work()
    };
    thread::scope(|scope| {
        let thread = scope.spawn(pinned);
        thread
            .join()
            .unwrap_or_else(|_| Err(anyhow!("the thread of the load generator ended in a panic")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variants::Group;

    #[test]
    fn a_cost_is_paired_with_the_baseline_of_its_own_round() {
        let round = |first: f64, own: f64, last: f64| {
            BTreeMap::from([
                ("none".to_owned(), vec![first, last]),
                ("a".to_owned(), vec![own]),
            ])
        };
        // The machine gets slower and slower; the filter costs 2 each time.
        let rounds = Rounds(vec![
            round(10.0, 13.0, 12.0),
            round(20.0, 23.0, 22.0),
            round(39.0, 42.0, 41.0),
        ]);
        let cost = rounds
            .cost(&Variant::new("a", "a", Group::Filter), |value| *value)
            .unwrap();
        assert_eq!(cost.added, Interval::exact(2.0));
        assert_eq!(
            (cost.total.median, cost.total.low, cost.total.high),
            (23.0, 13.0, 42.0)
        );
        assert_eq!(cost.share.median, 23.0 / 21.0 - 1.0);
        assert_eq!(
            rounds.cost(&Variant::new("b", "b", Group::Filter), |value| *value),
            None
        );
    }
}
