//! Counters of what goes wrong between a decision and the host: lost races, updates given up, calls refused.

use crate::{abi, metrics};
use fairlead_stage::{MetricDef, MetricKind};
use std::borrow::Cow;

/// The fault counters of a plugin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    lost_race: Option<u32>,
    gave_up: Option<u32>,
    host_error: Option<u32>,
}

impl Faults {
    /// Defines the counters with the host.
    pub(crate) fn define(filter: &str, plugin: &str) -> Self {
        let counter = |outcome| {
            let def = MetricDef {
                name: "faults_total",
                kind: MetricKind::Counter,
                rule: None,
                outcome: Some(Cow::Borrowed(outcome)),
            };
            metrics::define(filter, plugin, &def)
        };
        Self {
            lost_race: counter("cas_retry"),
            gave_up: counter("cas_exhausted"),
            host_error: counter("host_error"),
        }
    }

    #[cfg(test)]
    pub(crate) const fn none() -> Self {
        Self {
            lost_race: None,
            gave_up: None,
            host_error: None,
        }
    }

    /// Another worker changed a cell first; the step is run again.
    pub(crate) fn lost_race(&self) {
        count(self.lost_race);
    }

    /// All attempts on a cell were lost.
    pub(crate) fn gave_up(&self) {
        count(self.gave_up);
    }

    /// The host refused a call that it should have taken.
    pub(crate) fn host_error(&self) {
        count(self.host_error);
    }
}

fn count(id: Option<u32>) {
    if let Some(id) = id {
        let _ = abi::increment_metric(id, 1);
    }
}
