//! What canaries did to all requests together: by variant and reason, and by step of a ramp.

use super::exposure::{Exposure, carried_out, exposures, only_counted};
use super::play::Played;
use super::schedule::{Moment, Schedule};
use crate::columns::{self, row};
use crate::percent;
use crate::phase::Phase;
use fairlead_config::canary::Canary;
use fairlead_rollout::{Reason, Standing};
use std::collections::BTreeMap;
use std::io::{Result, Write};

/// Collects while requests are played.
#[derive(Debug, Default)]
pub(super) struct Releases {
    schedule: Schedule,
    plugins: BTreeMap<usize, Counts>,
}

/// What one canary counted.
#[derive(Debug, Default)]
struct Counts {
    /// Requests that it was about.
    requests: u64,
    /// By variant and reason.
    exposures: BTreeMap<(String, String), u64>,
    /// By config and phase of its ramp.
    phases: BTreeMap<(usize, usize), InPhase>,
}

/// Requests that met a phase of a ramp.
#[derive(Debug)]
struct InPhase {
    standing: Standing,
    requests: u64,
    /// By variant.
    variants: BTreeMap<String, u64>,
}

impl Releases {
    pub(super) fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            plugins: BTreeMap::new(),
        }
    }

    /// Whether there is a canary in the chain.
    pub(super) fn any(&self) -> bool {
        self.schedule.len() > 0
    }

    /// Counts a request; gives its variant and reason as they are listed, empty if no canary was about it.
    pub(super) fn add(&mut self, played: &Played) -> [String; 2] {
        let all = exposures(&played.outcome);
        let mut by_plugin: BTreeMap<usize, Vec<&Exposure>> = BTreeMap::new();
        for exposure in &all {
            if let Some(plugin) = self.schedule.plugin(&exposure.plugin) {
                by_plugin.entry(plugin).or_default().push(exposure);
            }
        }
        let moment = (played.outcome.start, played.line);
        for (plugin, exposures) in by_plugin {
            self.count(plugin, moment, &exposures);
        }
        let shadow = only_counted(&all);
        match (carried_out(&all), shadow) {
            (Some(done), None) => [done.variant.clone(), done.reason.clone()],
            (None, Some(would)) => [would.variant.clone(), would.reason.clone()],
            (Some(done), Some(would)) => [
                done.variant.clone(),
                format!("{} ({}: {})", done.reason, would.reason, would.variant),
            ],
            (None, None) => Default::default(),
        }
    }

    fn count(&mut self, plugin: usize, moment: Moment, exposures: &[&Exposure]) {
        let config = self.schedule.in_force(plugin, moment);
        let standing = self.schedule.standing(plugin, config, moment);
        let counts = self.plugins.entry(plugin).or_default();
        one_more(&mut counts.requests);
        for exposure in exposures {
            let key = (exposure.variant.clone(), exposure.reason.clone());
            one_more(counts.exposures.entry(key).or_default());
        }
        let acted = exposures.iter().find(|exposure| exposure.would().is_none());
        if let (Some(standing), Some(exposure)) = (standing, acted.or(exposures.first())) {
            let order = match standing {
                Standing::Ahead => 0,
                Standing::Step(index) => index.saturating_add(1),
                Standing::Finished(_) => usize::MAX,
            };
            let phase = counts.phases.entry((config, order)).or_insert(InPhase {
                standing,
                requests: 0,
                variants: BTreeMap::new(),
            });
            one_more(&mut phase.requests);
            one_more(phase.variants.entry(exposure.variant.clone()).or_default());
        }
    }

    /// Prints what each canary did to `all` requests.
    pub(super) fn print(&self, all: u64, out: &mut impl Write) -> Result<()> {
        for plugin in 0..self.schedule.len() {
            let Some(counts) = self.plugins.get(&plugin) else {
                writeln!(out, "{}: no request\n", self.schedule.title(plugin))?;
                continue;
            };
            writeln!(
                out,
                "{}: {} of {all} requests\n",
                self.schedule.title(plugin),
                counts.requests
            )?;
            let names = names(self.schedule.canaries(plugin));
            columns::print(&exposure_rows(counts, &names), &[2, 3], out)?;
            writeln!(out)?;
            for (config, canary) in self.schedule.canaries(plugin).enumerate() {
                let rows = phase_rows(counts, config, canary);
                if let [titles, _, ..] = &rows[..] {
                    let numbers: Vec<usize> = (2..titles.len()).collect();
                    columns::print(&rows, &numbers, out)?;
                    writeln!(out)?;
                }
            }
        }
        Ok(())
    }
}

fn one_more(count: &mut u64) {
    *count = count.saturating_add(1);
}

/// The names of variants in the order of the configs, the default ones last.
fn names<'c>(canaries: impl Iterator<Item = &'c Canary> + Clone) -> Vec<&'c str> {
    let variants = canaries.clone().flat_map(|canary| &canary.variants);
    let mut names: Vec<&str> = Vec::new();
    for name in variants
        .map(|variant| variant.name.as_str())
        .chain(canaries.map(|canary| canary.default.name.as_str()))
    {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn exposure_rows(counts: &Counts, names: &[&str]) -> Vec<Vec<String>> {
    let order = |of: &(String, String)| {
        let (variant, reason) = of;
        let name = names
            .iter()
            .position(|name| name == variant)
            .unwrap_or(names.len());
        let is = |known: &Reason| known.name() == reason || known.would() == reason;
        (name, Reason::ALL.iter().position(is), reason.clone())
    };
    let mut sorted: Vec<_> = counts.exposures.iter().collect();
    sorted.sort_by_key(|(key, _)| order(key));
    let mut rows = vec![row(["variant", "reason", "requests", "share"])];
    for ((variant, reason), count) in sorted {
        let share = percent::of(*count, counts.requests);
        rows.push(vec![variant.clone(), reason.clone(), count.to_string(), share]);
    }
    rows
}

fn phase_rows(counts: &Counts, config: usize, canary: &Canary) -> Vec<Vec<String>> {
    let names = names([canary].into_iter());
    let mut header = row(["step", "begins", "weight", "requests"]);
    for name in &names {
        header.extend(row([name, "share"]));
    }
    let mut rows = vec![header];
    let Some(ramp) = &canary.ramp else { return rows };
    for ((_, _), met) in counts.phases.range((config, 0)..=(config, usize::MAX)) {
        let phase = Phase::of(ramp, met.standing);
        let mut cells = vec![
            phase.name(),
            phase.begins_at(),
            percent::weight(phase.weight),
            met.requests.to_string(),
        ];
        for name in &names {
            let count = met.variants.get(*name).copied().unwrap_or(0);
            cells.extend([count.to_string(), percent::of(count, met.requests)]);
        }
        rows.push(cells);
    }
    rows
}

#[cfg(test)]
mod tests;
