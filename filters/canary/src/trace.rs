//! The decision of a trace, remembered on its way into the proxy and found again on its way out.
//!
//! An application that forwards `traceparent` but not the routing header still keeps its callers' variant: the inbound
//! side of its proxy notes the decision by trace id, the outbound side of the same proxy looks it up. Both sides are the
//! same plugin, on both listeners. The table is bounded; what is not in it is decided anew, and counted.

use fairlead_config::canary as config;
use fairlead_matching::Request;
use fairlead_rollout::Choice;
use fairlead_rollout::trace::{Slot, Stored, Table};
use fairlead_stage::{AttributeId, Cell, Cells, GroupId, HeaderMap, Needs, Scope, Step, View};

/// `xds.listener_direction` of a sidecar's listener for requests to its application. Envoy:
/// `envoy.config.core.v3.TrafficDirection`.
const INBOUND: u64 = 1;
/// The same for requests of its application.
const OUTBOUND: u64 = 2;

/// The table of traces.
pub(crate) struct Traces {
    table: Table,
    group: GroupId,
    direction: AttributeId,
    /// Of the release and its variants: traces are remembered by the position of their variant, and only for the release.
    fingerprint: [u8; 4],
}

/// What a stream has to do with the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Traced {
    /// Nothing: it has no trace, or goes through a gateway.
    #[default]
    No,
    /// It was looked up and found.
    Hit,
    /// It was looked up in vain.
    Miss,
    /// It was noted.
    Stored,
    /// It was noted in the place of one that was still fresh.
    Evicted,
}

impl Traces {
    #[inline(never)]
    pub(crate) fn new(trace: &config::TraceTable, config: &config::Canary, needs: &mut Needs) -> Self {
        let table = Table::new(trace.max_entries, trace.ttl);
        needs.seed = true;
        needs.header(HeaderMap::Request, "traceparent");
        let name = ["trace/", &table.sets().to_string()].concat();
        Self {
            group: needs.cells(name, Scope::Proxy, table.sets(), table.cell_bytes()),
            direction: needs.attribute(&["xds", "listener_direction"]),
            table,
            fingerprint: config::fingerprint(config).to_le_bytes(),
        }
    }

    fn goes(&self, way: u64, view: &impl View) -> bool {
        let direction = view.attribute(self.direction);
        let direction = direction.and_then(|bytes| <[u8; 8]>::try_from(bytes.as_ref()).ok());
        direction.map(u64::from_le_bytes) == Some(way)
    }

    fn slot<'v, V: View>(&self, request: &Request<'v, V>, cells: &impl Cells) -> Option<(Slot, Cell)> {
        let mut id = request.trace_id()?;
        id.extend_from_slice(&self.fingerprint);
        let slot = self.table.locate(cells.seed(), &id);
        let cell = Cell {
            group: self.group,
            index: slot.set,
        };
        Some((slot, cell))
    }

    /// On the way out: what was decided for the trace on its way in.
    #[inline(never)]
    pub(crate) fn find<'v, V: View>(
        &self,
        request: &Request<'v, V>,
        view: &V,
        cells: &impl Cells,
    ) -> (Option<Choice>, Traced) {
        if !self.goes(OUTBOUND, view) {
            return (None, Traced::No);
        }
        let Some((slot, cell)) = self.slot(request, cells) else {
            return (None, Traced::No);
        };
        let found = cells.update(cell, |old, _| Step::Keep(self.table.find(slot, view.now(), old)));
        match found.ok().flatten() {
            Some(u8::MAX) => (Some(Choice::Default), Traced::Hit),
            Some(index) => (Some(Choice::Variant(usize::from(index))), Traced::Hit),
            None => (None, Traced::Miss),
        }
    }

    /// On the way in: notes what was decided.
    #[inline(never)]
    pub(crate) fn store<'v, V: View>(
        &self,
        choice: Choice,
        request: &Request<'v, V>,
        view: &V,
        cells: &impl Cells,
    ) -> Traced {
        if !self.goes(INBOUND, view) {
            return Traced::No;
        }
        let Some((slot, cell)) = self.slot(request, cells) else {
            return Traced::No;
        };
        let variant = match choice {
            Choice::Default => u8::MAX,
            Choice::Variant(index) => u8::try_from(index).unwrap_or(u8::MAX),
        };
        let stored = cells.update(cell, |old, new| {
            self.table.store(slot, view.now(), variant, old, new)
        });
        match stored {
            Ok(Stored::Evicted) => Traced::Evicted,
            Ok(_) => Traced::Stored,
            // Not noted, which the faults of the store count; its requests on the way out will be misses.
            Err(_) => Traced::No,
        }
    }
}
