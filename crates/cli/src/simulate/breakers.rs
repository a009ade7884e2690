//! What circuit breakers did: each transition as the filter logged it, and what each breaker counted.

use super::metric::Metric;
use super::play::End;
use crate::columns::{self, row};
use crate::policy_file::Placed;
use crate::time::seconds;
use fairlead_config::policy::Checked;
use fairlead_config::{Filter, Module};
use fairlead_emulator::LogLine;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{Result, Write};
use std::time::Duration;

/// So many transitions are listed.
const LISTED: usize = 40;

/// A transition, as the filter logs it.
#[derive(Debug, Deserialize)]
struct Transition {
    breaker: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    key_hash: String,
    from: String,
    to: String,
    cause: String,
    calls: u64,
    failures: u64,
    slow: u64,
    open_for_ms: u64,
    #[serde(default)]
    mode: String,
}

impl Transition {
    /// The transition that a line of the log is about, if it is.
    fn of(line: &LogLine) -> Option<Self> {
        let object = line.message.find('{').and_then(|at| line.message.get(at..))?;
        serde_json::from_str(object).ok()
    }

    /// What a proxy knows by name, or a hash of what a client has sent.
    fn key(&self) -> &str {
        if self.key.is_empty() {
            &self.key_hash
        } else {
            &self.key
        }
    }

    fn cells(&self, at: Duration, keys: bool) -> Vec<String> {
        let shadow = if self.mode == "shadow" { " (shadow)" } else { "" };
        let mut cells = vec![seconds(at), format!("{}{shadow}", self.breaker)];
        if keys {
            cells.push(self.key().to_owned());
        }
        cells.push(format!("{} -> {}", self.from, self.to));
        cells.push(self.cause.clone());
        cells.extend([self.calls, self.failures, self.slow].map(|count| count.to_string()));
        let open_for = Duration::from_millis(self.open_for_ms);
        cells.push(if self.to == "open" {
            seconds(open_for)
        } else {
            String::new()
        });
        cells
    }
}

/// What a breaker counted.
#[derive(Default)]
struct Counts {
    /// Those that passed, and what came of them is known.
    passed: u64,
    failures: u64,
    rejected: u64,
    would_reject: u64,
    /// By kind, those that were.
    fallbacks: Vec<String>,
}

impl Counts {
    fn add(&mut self, metric: &Metric, value: u64) {
        let Some(outcome) = metric.label("cache") else {
            return;
        };
        if metric.name.ends_with("_fallbacks_total") && value > 0 {
            self.fallbacks.push(format!("{value} {outcome}"));
        }
        if !metric.name.ends_with("_requests_total") {
            return;
        }
        let count = match outcome {
            "rejected" => &mut self.rejected,
            "would_reject" => &mut self.would_reject,
            _ => &mut self.passed,
        };
        *count = count.saturating_add(value);
        if outcome == "failure" {
            self.failures = self.failures.saturating_add(value);
        }
    }

    fn row(self, name: String) -> Vec<String> {
        let requests = self
            .passed
            .saturating_add(self.rejected)
            .saturating_add(self.would_reject);
        let numbers = [requests, self.failures, self.rejected, self.would_reject];
        let mut cells = vec![name];
        cells.extend(numbers.map(|number| number.to_string()));
        cells.push(self.fallbacks.join(", "));
        cells
    }
}

/// Prints what each breaker counted, then the transitions; nothing where no filter breaks circuits.
pub(super) fn print(end: &End, filters: &[Placed], out: &mut impl Write) -> Result<()> {
    // A suite may get breakers from a later policy.
    let may_break =
        |placed: &&Placed| placed.filter == Filter::CircuitBreaker || placed.module == Module::Suite;
    let plugins: Vec<&str> = filters
        .iter()
        .filter(may_break)
        .map(|placed| placed.plugin.as_str())
        .collect();
    let counted = rows(end, filters);
    if counted.is_empty()
        && !filters
            .iter()
            .any(|placed| placed.filter == Filter::CircuitBreaker)
    {
        return Ok(());
    }
    let titles = row([
        "breaker",
        "requests",
        "failures",
        "rejected",
        "would reject",
        "fallbacks",
    ]);
    let rows: Vec<Vec<String>> = [titles].into_iter().chain(counted).collect();
    columns::print(&rows, &[1, 2, 3, 4], out)?;
    writeln!(out)?;
    let transitions: Vec<(Duration, Transition)> = end
        .logs
        .iter()
        .filter(|line| plugins.contains(&line.plugin.as_str()))
        .filter_map(|line| Some((line.at, Transition::of(line)?)))
        .collect();
    if transitions.is_empty() {
        return writeln!(out, "no transition\n");
    }
    let shown = transitions.get(..LISTED).unwrap_or(&transitions);
    let keys = shown.iter().any(|(_, transition)| !transition.key().is_empty());
    let mut titles = row(["at", "breaker"]);
    if keys {
        titles.extend(row(["key"]));
    }
    titles.extend(row([
        "transition",
        "cause",
        "calls",
        "failures",
        "slow",
        "open for",
    ]));
    let last = titles.len().saturating_sub(1);
    let rows: Vec<Vec<String>> = [titles]
        .into_iter()
        .chain(shown.iter().map(|(at, transition)| transition.cells(*at, keys)))
        .collect();
    let numbers: Vec<usize> = [0].into_iter().chain(last.saturating_sub(3)..=last).collect();
    columns::print(&rows, &numbers, out)?;
    let more = transitions.len().saturating_sub(shown.len());
    if more > 0 {
        writeln!(out, "and {more} more; the logs of --output jsonl have all")?;
    }
    writeln!(out)
}

/// The breakers in the order of the policy, then those that only a later policy had.
fn rows(end: &End, filters: &[Placed]) -> Vec<Vec<String>> {
    let mut breakers: BTreeMap<String, Counts> = BTreeMap::new();
    for (stat, value) in &end.metrics.counters {
        let metric = Metric::of(stat);
        if metric.label("wasm_filter") == Some(Filter::CircuitBreaker.name())
            && let Some(name) = metric.label("tag")
        {
            breakers.entry(name.to_owned()).or_default().add(&metric, *value);
        }
    }
    let mut rows = Vec::new();
    for placed in filters {
        let Checked::CircuitBreaker(config) = &placed.checked else {
            continue;
        };
        for breaker in &config.breakers {
            if let Some(counts) = breakers.remove(&breaker.name) {
                rows.push(counts.row(breaker.name.clone()));
            }
        }
    }
    rows.extend(breakers.into_iter().map(|(name, counts)| counts.row(name)));
    rows
}
