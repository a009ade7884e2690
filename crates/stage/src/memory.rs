//! The seam in memory: for tests of stages that run without a proxy.

use crate::{
    AttributeId, Cell, CellError, Cells, HeaderMap, Journal, Meter, MetricId, Needs, Step, Timestamp, View,
    line_separator,
};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A callback's surroundings, set up by hand.
#[derive(Clone, Debug, Default)]
pub struct MemoryView {
    now: Timestamp,
    headers: Vec<(HeaderMap, String, Vec<u8>)>,
    attributes: BTreeMap<usize, Vec<u8>>,
    ends: bool,
}

impl MemoryView {
    /// A view at `now` with no headers.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            ..Self::default()
        }
    }

    /// A GET request for `authority` and `path`, at the epoch.
    #[must_use]
    pub fn get(authority: &str, path: &str) -> Self {
        Self::default()
            .with(":method", "GET")
            .with(":authority", authority)
            .with(":path", path)
    }

    /// The same view with one more request header.
    #[must_use]
    pub fn with(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.with_header(HeaderMap::Request, name, value)
    }

    /// The same view with one more header in `map`.
    #[must_use]
    pub fn with_header(mut self, map: HeaderMap, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((map, name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// The same view with an attribute, which `needs` must declare, or nothing changes.
    #[must_use]
    pub fn with_attribute(mut self, needs: &Needs, path: &[&str], value: impl AsRef<[u8]>) -> Self {
        if let Some(index) = needs.attributes().iter().position(|known| known == path) {
            self.attributes.insert(index, value.as_ref().to_vec());
        }
        self
    }

    /// The same view of a message that ends here.
    #[must_use]
    pub const fn ended(mut self) -> Self {
        self.ends = true;
        self
    }

    /// The same view at another time.
    #[must_use]
    pub fn when(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }
}

impl View for MemoryView {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn header(&self, map: HeaderMap, name: &str) -> Option<Cow<'_, [u8]>> {
        let mut values = self
            .headers
            .iter()
            .filter(|(m, n, _)| *m == map && n == name)
            .map(|(_, _, value)| value.as_slice());
        let first = values.next()?;
        let Some(separator) = line_separator(name) else {
            return Some(Cow::Borrowed(first));
        };
        let rest: Vec<&[u8]> = values.collect();
        if rest.is_empty() {
            return Some(Cow::Borrowed(first));
        }
        Some(Cow::Owned([&[first], &rest[..]].concat().join(separator)))
    }

    fn each_header(&self, map: HeaderMap, show: &mut dyn FnMut(&[u8], &[u8])) {
        for (_, name, value) in self.headers.iter().filter(|(m, _, _)| *m == map) {
            show(name.as_bytes(), value);
        }
    }

    fn ends(&self) -> bool {
        self.ends
    }

    fn attribute(&self, id: AttributeId) -> Option<Cow<'_, [u8]>> {
        self.attributes
            .get(&id.index())
            .map(|v| Cow::Borrowed(v.as_slice()))
    }
}

/// Cells in a map. Exact, as there is one thread.
#[derive(Debug, Default)]
pub struct MemoryCells {
    cells: RefCell<BTreeMap<Cell, Vec<u8>>>,
}

impl MemoryCells {
    /// How many cells were ever written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.borrow().len()
    }

    /// Whether none was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.borrow().is_empty()
    }
}

impl Cells for MemoryCells {
    fn seed(&self) -> [u64; 2] {
        [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210]
    }

    fn update<T>(
        &self,
        cell: Cell,
        mut step: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> Step<T>,
    ) -> Result<T, CellError> {
        let mut cells = self.cells.borrow_mut();
        let mut new = Vec::new();
        match step(cells.get(&cell).map(Vec::as_slice), &mut new) {
            Step::Keep(answer) => Ok(answer),
            Step::Write(answer) => {
                cells.insert(cell, new);
                Ok(answer)
            }
        }
    }
}

/// Cells of a store that answers every update with this error.
#[derive(Clone, Copy, Debug)]
pub struct BrokenCells(pub CellError);

impl Cells for BrokenCells {
    fn seed(&self) -> [u64; 2] {
        [0, 0]
    }

    fn update<T>(
        &self,
        _cell: Cell,
        _step: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> Step<T>,
    ) -> Result<T, CellError> {
        Err(self.0)
    }
}

/// Counts in a map, by metric.
#[derive(Debug, Default)]
pub struct MemoryMeter {
    values: RefCell<BTreeMap<MetricId, u64>>,
}

impl MemoryMeter {
    /// What a metric stands at: the sum of a counter, the last value of a gauge, the number of values of a histogram.
    #[must_use]
    pub fn value(&self, metric: MetricId) -> u64 {
        self.values.borrow().get(&metric).copied().unwrap_or(0)
    }

    /// The value of the metric that `needs` declares under this name, rule and outcome; `None` if there is none.
    #[must_use]
    pub fn named(&self, needs: &Needs, name: &str, rule: Option<&str>, outcome: Option<&str>) -> Option<u64> {
        let index = needs
            .metrics()
            .iter()
            .position(|def| def.name == name && def.rule.as_deref() == rule && def.outcome == outcome)?;
        Some(self.value(MetricId(u16::try_from(index).ok()?)))
    }

    fn change(&self, metric: MetricId, change: impl FnOnce(u64) -> u64) {
        let mut values = self.values.borrow_mut();
        let value = values.entry(metric).or_default();
        *value = change(*value);
    }
}

impl Meter for MemoryMeter {
    fn add(&self, metric: MetricId, n: u64) {
        self.change(metric, |old| old.saturating_add(n));
    }

    fn set(&self, metric: MetricId, value: u64) {
        self.change(metric, |_| value);
    }

    fn adjust(&self, metric: MetricId, by: i64) {
        self.change(metric, |old| old.saturating_add_signed(by));
    }

    fn record(&self, metric: MetricId, _value: u64) {
        self.change(metric, |old| old.saturating_add(1));
    }

    fn read(&self, metric: MetricId) -> Option<u64> {
        Some(self.value(metric))
    }
}

/// Lines in a list.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    lines: RefCell<Vec<String>>,
}

impl MemoryJournal {
    /// The lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }
}

impl Journal for MemoryJournal {
    fn warn(&self, line: &str) {
        self.lines.borrow_mut().push(line.to_owned());
    }

    fn info(&self, line: &str) {
        self.lines.borrow_mut().push(line.to_owned());
    }
}
