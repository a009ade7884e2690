//! What was measured: as data, as a table, as a page with plots.

mod page;
mod table;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::footprint::Footprint;
use crate::instructions::Instructions;
use crate::latency::Latency;
use crate::machine::Cores;
use crate::plan::Plan;
use crate::rounds::Cost;
use crate::variants::Group;

/// Other programs may take this share of the machine before it is said that times suffer.
const BUSY: f64 = 0.05;

/// The results of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// What `envoy --version` says.
    pub envoy: String,
    /// The cores that times were measured on; absent if there was only one, and times then mean little.
    pub cores: Option<Cores>,
    /// The share of the machine's CPU time that other programs took while times were measured: of the CPU time or of
    /// the latency, whichever was worse.
    pub others: Option<f64>,
    /// How much was measured.
    pub plan: Plan,
    /// A row for each variant.
    pub rows: Vec<Row>,
}

/// What was measured of a variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Where it stands.
    pub group: Group,
    /// The row from which its cost counts.
    pub over: String,
    /// The status of its answers.
    pub status: u16,
    /// Bytes of its modules.
    pub module_bytes: u64,
    /// Instructions a request, answered by Envoy itself.
    pub instructions: Option<Instructions>,
    /// Instructions a request that goes to an upstream; of the variants without filters only, for the share.
    pub instructions_proxied: Option<Instructions>,
    /// Worker CPU time a request, answered by Envoy itself, in microseconds.
    pub cpu_us: Option<Cost>,
    /// Worker CPU time a request that goes to an upstream, in microseconds.
    pub cpu_us_proxied: Option<Cost>,
    /// Latency of requests that go to an upstream, in microseconds.
    pub latency_us: Option<Latency>,
    /// Memory and start.
    pub footprint: Option<Footprint>,
}

impl Results {
    /// The row of a variant.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// The instructions that a row adds, as a share of those of a request without filters: answered by Envoy itself, and
    /// proxied.
    pub fn instruction_shares(&self, row: &Row) -> Option<(f64, f64)> {
        let added = row.instructions?.added;
        let base = self.row(&row.over)?;
        Some((
            added / base.instructions?.total,
            added / base.instructions_proxied?.total,
        ))
    }

    /// What to know when reading the numbers, one sentence each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = vec![
            format!("Envoy {}.", self.envoy),
            "One GET with 11 headers. Bare: Envoy answers itself; proxied: an upstream on the same machine does. \
             All costs are over no filter; those marked * over no filter with a canary's route."
                .to_owned(),
        ];
        if self.plan.instructions.is_some() {
            notes.push(
                "Instructions: user space, worker thread, by callgrind; timers of plugins left out."
                    .to_owned(),
            );
        }
        if let Some(effort) = &self.plan.cpu {
            notes.push(format!(
                "CPU time: worker threads at full load, {} interleaved rounds, median and 95 % bootstrap interval.",
                effort.rounds
            ));
        }
        if let Some(effort) = &self.plan.latency {
            notes.push(format!(
                "Latency: proxied, {} requests a second at fixed times, over that of no filter.",
                effort.per_second
            ));
        }
        if self.cores.is_none() {
            notes.push(
                "There was one core only: proxy and load generator shared it, and times mean little."
                    .to_owned(),
            );
        }
        let timed = self.plan.cpu.is_some() || self.plan.latency.is_some();
        if let Some(others) = self.others.filter(|others| timed && *others > BUSY) {
            notes.push(format!(
                "Other programs took {:.0} % of the machine meanwhile: times are too long and uncertain; instructions hold.",
                others * 100.0
            ));
        }
        notes
    }
}

impl Row {
    /// The title, marked if it does not count from the first row.
    fn marked(&self) -> String {
        match self.over.as_str() {
            "none" => self.title.clone(),
            _ => format!("{} *", self.title),
        }
    }

    fn is_origin(&self) -> bool {
        self.group == Group::None && self.over == self.name
    }
}
