//! The seam in memory: for tests of stages that run without a proxy.

use crate::{
    AttributeId, Cell, CellError, Cells, Effects, FamilyId, HeaderMap, Journal, Meter, MetricId, Needs, Step,
    Timestamp, View, line_separator,
};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A callback's surroundings, set up by hand.
#[derive(Clone, Debug, Default)]
pub struct MemoryView {
    now: Timestamp,
    steady: Option<Timestamp>,
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

    /// The same view at another time of the steady clock, which otherwise shows what the wall clock does.
    #[must_use]
    pub fn steadily(mut self, steady: Timestamp) -> Self {
        self.steady = Some(steady);
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

    fn steady(&self) -> Timestamp {
        self.steady.unwrap_or(self.now)
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

    fn apply(&self, edits: &mut Effects) {
        edits.settle();
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
    opened: RefCell<Vec<(FamilyId, u32, Option<String>)>>,
    recorded: RefCell<BTreeMap<MetricId, Vec<u64>>>,
}

/// Where the numbers of series of families begin: beyond those of declared metrics.
const FIRST_OPENED: u32 = 1 << 24;

impl MemoryMeter {
    /// What a metric stands at: the sum of a counter, the last value of a gauge, the number of values of a histogram.
    #[must_use]
    pub fn value(&self, metric: MetricId) -> u64 {
        self.values.borrow().get(&metric).copied().unwrap_or(0)
    }

    /// The value of the metric that `needs` declares under this name, rule and outcome; `None` if there is none.
    #[must_use]
    pub fn named(&self, needs: &Needs, name: &str, rule: Option<&str>, outcome: Option<&str>) -> Option<u64> {
        let index = needs.metrics().iter().position(|def| {
            def.name == name && def.rule.as_deref() == rule && def.outcome.as_deref() == outcome
        })?;
        Some(self.value(MetricId(u32::try_from(index).ok()?)))
    }

    /// What the series of the families of `needs` under this name and outcome stand at, by their rule. Only those that
    /// were opened.
    #[must_use]
    pub fn series(&self, needs: &Needs, name: &str, outcome: Option<&str>) -> BTreeMap<String, u64> {
        self.opened(needs, name, outcome, |metric| self.value(metric))
    }

    /// The values that the histograms of a family have recorded, in order, by their rule.
    #[must_use]
    pub fn recorded(&self, needs: &Needs, name: &str) -> BTreeMap<String, Vec<u64>> {
        let recorded = self.recorded.borrow();
        self.opened(needs, name, None, |metric| {
            recorded.get(&metric).cloned().unwrap_or_default()
        })
    }

    fn opened<T>(
        &self,
        needs: &Needs,
        name: &str,
        outcome: Option<&str>,
        tell: impl Fn(MetricId) -> T,
    ) -> BTreeMap<String, T> {
        let mut found = BTreeMap::new();
        for (position, (family, _, rule)) in self.opened.borrow().iter().enumerate() {
            let def = needs.families().get(family.index());
            if def.is_some_and(|def| def.name == name && def.outcome.as_deref() == outcome) {
                let offset = u32::try_from(position).unwrap_or(u32::MAX);
                let metric = MetricId(FIRST_OPENED.saturating_add(offset));
                found.insert(rule.clone().unwrap_or_default(), tell(metric));
            }
        }
        found
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

    fn record(&self, metric: MetricId, value: u64) {
        self.change(metric, |old| old.saturating_add(1));
        self.recorded.borrow_mut().entry(metric).or_default().push(value);
    }

    fn read(&self, metric: MetricId) -> Option<u64> {
        Some(self.value(metric))
    }

    fn open(&self, family: FamilyId, series: u32, rule: &mut dyn FnMut() -> Option<String>) -> MetricId {
        let mut opened = self.opened.borrow_mut();
        let known = opened
            .iter()
            .position(|(of, number, _)| (*of, *number) == (family, series));
        let position = known.unwrap_or_else(|| {
            opened.push((family, series, rule()));
            opened.len().saturating_sub(1)
        });
        MetricId(FIRST_OPENED.saturating_add(u32::try_from(position).unwrap_or(u32::MAX)))
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
