//! What a proxy lends to a stage.

use crate::{Cell, CellError, Cells, FamilyId, Journal, Meter, MetricId, Step};

/// What outlives a callback: state, counts and the log.
pub trait Proxy: Cells + Meter + Journal {
    /// What is lent to one of the stages that a stage is made of, by its position in [`crate::Needs::parts`]. Each has state,
    /// counts and log lines of its own, under its own name, as if it stood alone.
    fn part(&self, position: usize) -> impl Proxy;
}

/// A [`Proxy`] put together from its three traits. Stages that a stage is made of share it.
#[derive(Debug)]
pub struct Parts<'p, C, M, J> {
    /// State.
    pub cells: &'p C,
    /// Counts.
    pub meter: &'p M,
    /// The log.
    pub journal: &'p J,
}

impl<C: Cells, M: Meter, J: Journal> Proxy for Parts<'_, C, M, J> {
    fn part(&self, _position: usize) -> impl Proxy {
        Parts {
            cells: self.cells,
            meter: self.meter,
            journal: self.journal,
        }
    }
}

impl<C: Cells, M, J> Cells for Parts<'_, C, M, J> {
    fn seed(&self) -> [u64; 2] {
        self.cells.seed()
    }

    fn update<T>(
        &self,
        cell: Cell,
        step: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> Step<T>,
    ) -> Result<T, CellError> {
        self.cells.update(cell, step)
    }
}

impl<C, M: Meter, J> Meter for Parts<'_, C, M, J> {
    fn add(&self, metric: MetricId, n: u64) {
        self.meter.add(metric, n);
    }

    fn set(&self, metric: MetricId, value: u64) {
        self.meter.set(metric, value);
    }

    fn adjust(&self, metric: MetricId, by: i64) {
        self.meter.adjust(metric, by);
    }

    fn record(&self, metric: MetricId, value: u64) {
        self.meter.record(metric, value);
    }

    fn read(&self, metric: MetricId) -> Option<u64> {
        self.meter.read(metric)
    }

    fn open(&self, family: FamilyId, series: u32, rule: &mut dyn FnMut() -> Option<String>) -> MetricId {
        self.meter.open(family, series, rule)
    }
}

impl<C, M, J: Journal> Journal for Parts<'_, C, M, J> {
    fn warn(&self, line: &str) {
        self.journal.warn(line);
    }

    fn info(&self, line: &str) {
        self.journal.info(line);
    }
}
