//! The same for people: what each rule did, then what happened, then the first requests.

use super::answer::{by, from, would};
use super::breakers;
use super::metric::Metric;
use super::play::{End, Played};
use super::releases::Releases;
use crate::columns::{self, row};
use crate::percent;
use crate::policy_file::Placed;
use crate::time::seconds;
use fairlead_config::Filter;
use fairlead_config::policy::Checked;
use std::collections::BTreeMap;
use std::io::{Result, Write};

/// So many requests are listed.
const LISTED: usize = 40;

/// Collects while requests are played.
#[derive(Default)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    requests: u64,
    /// By status; 0: none.
    statuses: BTreeMap<u16, u64>,
    releases: Releases,
}

/// What a rule did, by outcome.
#[derive(Clone, Copy, Default)]
struct Rule {
    admitted: u64,
    denied: u64,
    would_deny: u64,
    undecided: u64,
}

impl Table {
    pub(super) fn new(releases: Releases) -> Self {
        Self {
            releases,
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, played: &Played) {
        let outcome = &played.outcome;
        self.requests = self.requests.saturating_add(1);
        let count = self.statuses.entry(outcome.status.unwrap_or(0)).or_default();
        *count = count.saturating_add(1);
        let exposure = self.releases.add(played);
        if self.rows.len() >= LISTED {
            return;
        }
        let decided = by(&outcome.from).map(str::to_owned);
        let decided = decided.or_else(|| would(outcome).map(|rule| would_refuse(&rule)));
        let mut cells = vec![
            seconds(outcome.start),
            played.id.clone(),
            outcome
                .status
                .map_or_else(|| "-".to_owned(), |status| status.to_string()),
            from(&outcome.from).to_owned(),
            decided.unwrap_or_default(),
        ];
        if self.releases.any() {
            cells.extend(exposure);
        }
        self.rows.push(cells);
    }

    pub(super) fn print(&self, end: &End, filters: &[Placed], out: &mut impl Write) -> Result<()> {
        let statuses: Vec<String> = self
            .statuses
            .iter()
            .map(|(status, count)| match status {
                0 => format!("{count} without a response"),
                status => format!("{count} got {status}"),
            })
            .collect();
        let summary = if statuses.is_empty() {
            String::new()
        } else {
            format!(": {}", statuses.join(", "))
        };
        writeln!(out, "{} requests{summary}\n", self.requests)?;
        let rules = rule_rows(end, filters);
        let limits = |placed: &Placed| placed.filter == Filter::RateLimit;
        if !rules.is_empty() || filters.iter().any(limits) {
            let titles = row(["rule", "requests", "admitted", "denied", "would deny", "share"]);
            let rows: Vec<Vec<String>> = [titles].into_iter().chain(rules).collect();
            columns::print(&rows, &[1, 2, 3, 4, 5], out)?;
            writeln!(out)?;
        }
        self.releases.print(self.requests, out)?;
        breakers::print(end, filters, out)?;
        events(end, out)?;
        self.list(out)
    }

    fn list(&self, out: &mut impl Write) -> Result<()> {
        if !self.rows.is_empty() {
            let mut titles = row(["at", "id", "status", "from", "by"]);
            if self.releases.any() {
                titles.extend(row(["variant", "reason"]));
            }
            let mut rows = vec![titles];
            rows.extend(self.rows.iter().cloned());
            columns::print(&rows, &[0], out)?;
        }
        let more = self.requests.saturating_sub(self.rows.len() as u64);
        if more > 0 {
            writeln!(out, "and {more} more; --output jsonl lists all")?;
        }
        Ok(())
    }
}

/// What stands under `by` for a request that only a rule in shadow mode would have refused.
fn would_refuse(rule: &str) -> String {
    if rule.starts_with(Filter::CircuitBreaker.name()) {
        format!("{rule} would reject")
    } else {
        format!("{rule} would deny")
    }
}

/// What happened besides requests.
fn events(end: &End, out: &mut impl Write) -> Result<()> {
    for update in &end.updates {
        let verdict = if update.accepted { "took" } else { "refused" };
        writeln!(
            out,
            "{}: {} {verdict} its new config\n",
            seconds(update.at),
            update.plugin
        )?;
    }
    for fault in &end.faults {
        writeln!(
            out,
            "{}: {} on {}: {}\n",
            seconds(fault.at),
            fault.plugin,
            fault.thread,
            fault.message
        )?;
    }
    Ok(())
}

/// The rules in the order of the policy, then those that only a later policy had.
fn rule_rows(end: &End, filters: &[Placed]) -> Vec<Vec<String>> {
    let mut rules: BTreeMap<String, Rule> = BTreeMap::new();
    for (stat, value) in &end.metrics.counters {
        let metric = Metric::of(stat);
        let (Some(name), Some(outcome)) = (metric.rule(), metric.label("cache")) else {
            continue;
        };
        let limits = metric.label("wasm_filter") == Some(Filter::RateLimit.name());
        if !limits || !metric.name.ends_with("_requests_total") {
            continue;
        }
        let rule = rules.entry(name).or_default();
        match outcome {
            "admitted" => rule.admitted = rule.admitted.saturating_add(*value),
            "denied" => rule.denied = rule.denied.saturating_add(*value),
            "would_deny" => rule.would_deny = rule.would_deny.saturating_add(*value),
            "undecided" => rule.undecided = rule.undecided.saturating_add(*value),
            _ => {}
        }
    }
    let mut rows = Vec::new();
    for placed in filters {
        let names: Vec<&str> = match &placed.checked {
            Checked::RateLimit(config) => config.limits.iter().map(|limit| limit.name.as_str()).collect(),
            _ => Vec::new(),
        };
        for name in names {
            let name = format!("{}/{name}", placed.filter.name());
            if let Some(rule) = rules.remove(&name) {
                rows.push(rule_row(&name, rule));
            }
        }
    }
    rows.extend(rules.iter().map(|(name, rule)| rule_row(name, *rule)));
    rows
}

fn rule_row(name: &str, rule: Rule) -> Vec<String> {
    let Rule {
        admitted,
        denied,
        would_deny,
        undecided,
    } = rule;
    let all = admitted
        .saturating_add(denied)
        .saturating_add(would_deny)
        .saturating_add(undecided);
    let refused = denied.saturating_add(would_deny);
    let share = percent::of(refused, all);
    let numbers = [all, admitted, denied, would_deny].map(|number| number.to_string());
    [name.to_owned()]
        .into_iter()
        .chain(numbers)
        .chain([share])
        .collect()
}
