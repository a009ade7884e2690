//! What the host lends to a stage: state, counts and log lines under its own name, and under theirs to the stages that it is
//! made of.

use crate::cells::HostCells;
use crate::faults::Faults;
use crate::journal::ProxyLog;
use crate::metrics::HostMeter;
use fairlead_stage::{Cell, CellError, Cells, FamilyId, Journal, Meter, MetricId, Needs, Proxy, Step};

/// Everything that one stage has of its own in the host.
pub(crate) struct Surroundings {
    cells: HostCells,
    meter: HostMeter,
    journal: ProxyLog,
    parts: Vec<Surroundings>,
}

impl Surroundings {
    /// Binds what a stage needs. `plugin` is what the proxy calls the plugin.
    #[inline(never)]
    pub(crate) fn new(filter: &'static str, plugin: &str, needs: &Needs, faults: Faults) -> Self {
        let parts = needs.parts().iter();
        Self {
            cells: HostCells::new(&key_prefix(filter, plugin), needs, faults),
            meter: HostMeter::new(filter, plugin, needs),
            journal: ProxyLog::new(filter, plugin),
            parts: parts
                .map(|part| Self::new(part.name, plugin, &part.needs, Faults::define(part.name, plugin)))
                .collect(),
        }
    }

    pub(crate) const fn proxy(&self) -> HostProxy<'_> {
        HostProxy(self)
    }
}

/// Begins every shared key of a filter in a plugin.
pub(crate) fn key_prefix(filter: &str, plugin: &str) -> Vec<u8> {
    ["fairlead/1/", filter, "/", plugin, "/"].concat().into_bytes()
}

/// [`Surroundings`] while a callback runs.
#[derive(Clone, Copy)]
pub(crate) struct HostProxy<'p>(&'p Surroundings);

impl Proxy for HostProxy<'_> {
    fn part(&self, position: usize) -> impl Proxy {
        Self(self.0.parts.get(position).unwrap_or(self.0))
    }
}

impl Cells for HostProxy<'_> {
    fn seed(&self) -> [u64; 2] {
        self.0.cells.seed()
    }

    fn update<T>(
        &self,
        cell: Cell,
        step: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> Step<T>,
    ) -> Result<T, CellError> {
        self.0.cells.update(cell, step)
    }
}

impl Meter for HostProxy<'_> {
    fn add(&self, metric: MetricId, n: u64) {
        self.0.meter.add(metric, n);
    }

    fn set(&self, metric: MetricId, value: u64) {
        self.0.meter.set(metric, value);
    }

    fn adjust(&self, metric: MetricId, by: i64) {
        self.0.meter.adjust(metric, by);
    }

    fn record(&self, metric: MetricId, value: u64) {
        self.0.meter.record(metric, value);
    }

    fn read(&self, metric: MetricId) -> Option<u64> {
        self.0.meter.read(metric)
    }

    fn open(&self, family: FamilyId, series: u32, rule: &mut dyn FnMut() -> Option<String>) -> MetricId {
        self.0.meter.open(family, series, rule)
    }
}

impl Journal for HostProxy<'_> {
    fn warn(&self, line: &str) {
        self.0.journal.warn(line);
    }

    fn info(&self, line: &str) {
        self.0.journal.info(line);
    }
}
