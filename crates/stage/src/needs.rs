//! What a configured stage will use, so that a front end can prepare for it once.

use crate::{CellGroup, Family, FamilyId, GroupId, HeaderMap, MetricDef, MetricId, MetricKind, Scope, Tick};
use std::borrow::Cow;

/// Why a config cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Every problem, a line each: path, value, fix.
    pub message: String,
    /// Whether the config asks, at first load, to serve without the filter rather than to be refused.
    pub pass_at_first_load: bool,
}

/// An attribute that a stage reads, by the number that [`Needs::attribute`] gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeId(u16);

impl AttributeId {
    /// The attribute as the whole of which its stage is a part numbers it ([`Needs::take_in`]).
    #[must_use]
    pub fn within(self, base: u16) -> Self {
        Self(self.0.saturating_add(base))
    }

    /// Position among the attributes of [`Needs`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What [`crate::Stage::on_done`] needs to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Done {
    /// Nothing: the stage does not account.
    #[default]
    Never,
    /// Nothing of what comes after the stage's other callbacks: a front end may run it as soon as the last of those has, and
    /// need not learn when the stream ends.
    Decided,
    /// That the stream has ended: the clock and attributes are readable, but those of headers. The cheapest hook of those that
    /// wait for the end.
    Ended,
    /// How the stream ended: response headers, trailers and attributes are readable.
    Outcome,
}

/// A header that a stage may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderNeed {
    /// Where.
    pub map: HeaderMap,
    /// Lower-case name.
    pub name: String,
    /// Whether most messages lack it: finding a header absent is much cheaper for a front end than reading it.
    pub rare: bool,
    /// Whether more than one part reads it ([`Needs::take_in`]), so that its value is worth keeping for the next one. A
    /// stage alone keeps what it needs itself.
    pub shared: bool,
}

/// The declared needs of a configured stage.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    headers: Vec<HeaderNeed>,
    attributes: Vec<Vec<String>>,
    groups: Vec<CellGroup>,
    metrics: Vec<MetricDef>,
    families: Vec<Family>,
    /// Whether [`crate::Cells::seed`] is used.
    pub seed: bool,
    /// Whether [`crate::Meter::read`] is used.
    pub reads_metrics: bool,
    /// Whether [`crate::Stage::on_request`] has anything to do.
    pub request: bool,
    /// Whether [`crate::Stage::on_response`] has anything to do.
    pub response: bool,
    /// Whether [`crate::Stage::on_body`] may have anything to do.
    pub body: bool,
    /// Whether [`crate::Stage::on_trailers`] has anything to do.
    pub trailers: bool,
    /// What [`crate::Stage::on_done`] needs.
    pub done: Done,
    /// How often [`crate::Stage::on_tick`] runs.
    pub tick: Tick,
    /// Whether the config asks, at first load, to serve without the filter rather than to be refused: for a front end that
    /// cannot give what these needs are ([`Refusal::pass_at_first_load`]). A whole asks for it if all of its parts do.
    pub passes: bool,
    /// What the operator is told of this config when it is taken up, besides what these needs say.
    pub remark: Option<String>,
    /// Whether [`crate::Stage::on_response`] also sees the replies that this stage makes.
    pub own_replies: bool,
    parts: Vec<Part>,
    /// What the parts need together.
    within: Total,
}

/// Ceilings of what stages take.
#[derive(Clone, Copy, Debug, Default)]
struct Total {
    cells: u64,
    bytes: u64,
    metrics: u32,
}

/// One of the stages that a stage is made of.
#[derive(Clone, Debug)]
pub struct Part {
    /// [`crate::Stage::NAME`] of it.
    pub name: &'static str,
    /// What it needs. Its cells and metrics are its own; headers, attributes and callbacks are those of the whole.
    pub needs: Needs,
}

impl Needs {
    /// Declares a header that the stage may read, by its lower-case name. Declaring it again changes nothing.
    pub fn header(&mut self, map: HeaderMap, name: &str) {
        self.declare(map, name, false);
    }

    /// Declares a header that most messages lack. If it is also declared as any other, that counts.
    pub fn rare_header(&mut self, map: HeaderMap, name: &str) {
        self.declare(map, name, true);
    }

    fn declare(&mut self, map: HeaderMap, name: &str, rare: bool) {
        let known = self
            .headers
            .iter_mut()
            .find(|need| need.map == map && need.name == name);
        match known {
            Some(need) => need.rare &= rare,
            None => self.headers.push(HeaderNeed {
                map,
                name: name.to_owned(),
                rare,
                shared: false,
            }),
        }
    }

    /// Declares an attribute by its path: `["source", "address"]`. The same path yields the same id.
    pub fn attribute<S: AsRef<str>>(&mut self, path: &[S]) -> AttributeId {
        let path: Vec<String> = path.iter().map(|s| s.as_ref().to_owned()).collect();
        let index = self
            .attributes
            .iter()
            .position(|known| *known == path)
            .unwrap_or_else(|| {
                self.attributes.push(path);
                self.attributes.len().saturating_sub(1)
            });
        AttributeId(u16::try_from(index).unwrap_or(u16::MAX))
    }

    /// Takes a stage in as a part: from here on, what it reads is read by the whole, what the whole is called for includes
    /// what the part is. Returns by how much the part's attributes are numbered higher in the whole.
    pub fn take_in(&mut self, name: &'static str, part: Self) -> u16 {
        for need in &part.headers {
            let is_same = |known: &&mut HeaderNeed| known.map == need.map && known.name == need.name;
            if let Some(known) = self.headers.iter_mut().find(is_same) {
                known.shared = true;
            }
            self.declare(need.map, &need.name, need.rare);
        }
        let base = u16::try_from(self.attributes.len()).unwrap_or(u16::MAX);
        self.attributes.extend(part.attributes.iter().cloned());
        self.passes = part.passes && (self.passes || self.parts.is_empty());
        self.request |= part.request;
        self.response |= part.response;
        self.body |= part.body;
        self.trailers |= part.trailers;
        self.done = self.done.max(part.done);
        self.tick = match (self.tick, part.tick) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.within = Total {
            cells: self.within.cells.saturating_add(part.cell_count()),
            bytes: self.within.bytes.saturating_add(part.cell_memory_bytes()),
            metrics: self.within.metrics.saturating_add(part.metric_limit()),
        };
        self.parts.push(Part { name, needs: part });
        base
    }

    /// Declares a group of cells.
    pub fn cells(&mut self, name: impl Into<String>, scope: Scope, cells: u32, cell_bytes: u32) -> GroupId {
        let id = GroupId(u16::try_from(self.groups.len()).unwrap_or(u16::MAX));
        self.groups.push(CellGroup {
            name: name.into(),
            scope,
            cells: cells.max(1),
            cell_bytes,
        });
        id
    }

    /// Declares a counter.
    pub fn counter(
        &mut self,
        name: &'static str,
        rule: Option<&str>,
        outcome: Option<&'static str>,
    ) -> MetricId {
        self.metric(MetricDef {
            name,
            kind: MetricKind::Counter,
            rule: rule.map(str::to_owned),
            outcome: outcome.map(Cow::Borrowed),
        })
    }

    /// Declares a gauge.
    pub fn gauge(&mut self, name: &'static str, rule: Option<&str>) -> MetricId {
        self.metric(MetricDef {
            name,
            kind: MetricKind::Gauge,
            rule: rule.map(str::to_owned),
            outcome: None,
        })
    }

    /// Declares a metric. Declaring one again yields another id for the same series.
    pub fn metric(&mut self, def: MetricDef) -> MetricId {
        let id = MetricId(u32::try_from(self.metrics.len()).unwrap_or(u32::MAX));
        self.metrics.push(def);
        id
    }

    /// Declares a family of metrics.
    pub fn family(&mut self, family: Family) -> FamilyId {
        let id = FamilyId(u16::try_from(self.families.len()).unwrap_or(u16::MAX));
        self.families.push(family);
        id
    }

    /// The declared headers.
    #[must_use]
    pub fn headers(&self) -> &[HeaderNeed] {
        &self.headers
    }

    /// The paths of the declared attributes.
    #[must_use]
    pub fn attributes(&self) -> &[Vec<String>] {
        &self.attributes
    }

    /// The declared groups of cells.
    #[must_use]
    pub fn groups(&self) -> &[CellGroup] {
        &self.groups
    }

    /// The declared metrics.
    #[must_use]
    pub fn metrics(&self) -> &[MetricDef] {
        &self.metrics
    }

    /// The declared families.
    #[must_use]
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// The stages that this one is made of, in the order in which they were taken in.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// How many metrics there can be: those declared, all series of all families, and those of the parts.
    #[must_use]
    pub fn metric_limit(&self) -> u32 {
        let series = self.families.iter().map(|family| family.series);
        let declared = u32::try_from(self.metrics.len()).unwrap_or(u32::MAX);
        series.fold(declared.saturating_add(self.within.metrics), u32::saturating_add)
    }

    /// How many cells are declared, with those of the parts.
    #[must_use]
    pub fn cell_count(&self) -> u64 {
        let cells = self.groups.iter().map(|group| u64::from(group.cells));
        cells.fold(self.within.cells, u64::saturating_add)
    }

    /// The ceiling of the memory that the declared cells can take, in bytes, for one holder of each, with those of the parts.
    #[must_use]
    pub fn cell_memory_bytes(&self) -> u64 {
        self.groups
            .iter()
            .map(|g| u64::from(g.cells).saturating_mul(u64::from(g.cell_bytes)))
            .fold(self.within.bytes, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn declaring_twice_is_declaring_once() {
        let mut needs = Needs::default();
        needs.header(HeaderMap::Request, "x-user");
        needs.header(HeaderMap::Request, "x-user");
        needs.header(HeaderMap::Response, "x-user");
        assert_eq!(needs.headers().len(), 2);
        needs.rare_header(HeaderMap::Request, "x-user");
        needs.rare_header(HeaderMap::Request, "x-forced");
        assert_eq!(
            needs.headers().iter().map(|need| need.rare).collect::<Vec<_>>(),
            [false, false, true]
        );
        let first = needs.attribute(&["source", "address"]);
        assert_eq!(needs.attribute(&["source", "address"]), first);
        assert_ne!(needs.attribute(&["xds", "route_name"]), first);
        let first = needs.counter("requests_total", Some("a"), None);
        assert_ne!(needs.counter("requests_total", Some("b"), None), first);
    }

    #[test]
    fn the_memory_ceiling_is_cells_times_bytes() {
        let mut needs = Needs::default();
        needs.cells("a", Scope::Proxy, 512, 145);
        needs.cells("b", Scope::Worker, 0, 10);
        assert_eq!(needs.cell_memory_bytes(), 512 * 145 + 10);
    }

    #[test]
    fn a_whole_passes_if_all_of_its_parts_do() {
        let passes = |parts: &[bool]| {
            let mut whole = Needs::default();
            for passes in parts {
                let part = Needs {
                    passes: *passes,
                    ..Needs::default()
                };
                whole.take_in("part", part);
            }
            whole.passes
        };
        assert!(passes(&[true]) && passes(&[true, true]));
        for parts in [&[][..], &[false], &[true, false], &[false, true]] {
            assert!(!passes(parts), "{parts:?}");
        }
    }

    #[test]
    fn what_parts_need_is_needed_by_the_whole_and_stays_theirs() {
        let part = |header: &str, cells, tick| {
            let mut needs = Needs::default();
            needs.header(HeaderMap::Request, header);
            needs.attribute(&["source", "address"]);
            needs.cells("state", Scope::Proxy, cells, 10);
            needs.counter("requests_total", None, None);
            needs.tick = Some(std::time::Duration::from_millis(tick));
            needs
        };
        let mut whole = Needs::default();
        assert_eq!(whole.take_in("one", part("x-a", 3, 500)), 0);
        assert_eq!(whole.take_in("other", part("x-a", 4, 50)), 1);
        assert_eq!(whole.headers().len(), 1);
        assert!(whole.headers()[0].shared && !whole.parts()[0].needs.headers()[0].shared);
        assert_eq!(whole.attributes().len(), 2);
        assert_eq!(whole.tick, Some(std::time::Duration::from_millis(50)));
        assert_eq!(
            (
                whole.cell_count(),
                whole.cell_memory_bytes(),
                whole.metric_limit()
            ),
            (7, 70, 2)
        );
        assert_eq!((whole.groups().len(), whole.metrics().len()), (0, 0));
        let names: Vec<_> = whole.parts().iter().map(|part| part.name).collect();
        assert_eq!(names, ["one", "other"]);
        assert_eq!(whole.parts()[1].needs.cell_memory_bytes(), 40);
    }
}
