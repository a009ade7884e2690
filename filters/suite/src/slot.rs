//! The place of one stage in the suite: what it is called for, and what it is shown.

use fairlead_stage::{Effects, Needs, Proxy, Stage, Tick, Timestamp, Verdict, View, Within};
use std::cell::Cell;

/// A stage, or nothing.
pub(crate) struct Slot<S>(Option<Placed<S>>);

impl<S> Default for Slot<S> {
    fn default() -> Self {
        Self(None)
    }
}

struct Placed<S> {
    stage: S,
    /// Its position among the parts of the suite's needs.
    part: usize,
    /// By how much its attributes are numbered higher in the suite.
    attributes: u16,
    /// Whether it reads attributes that earlier edits of the request may change.
    reads_request: bool,
    response: bool,
    body: bool,
    trailers: bool,
    /// It is ticked every so many ticks of the suite; 0: never.
    every: u32,
    /// Ticks until then.
    left: Cell<u32>,
}

/// Attributes that tell of connections, the response or the proxy: no edit of a request changes them.
const APART: [&str; 6] = [
    "connection",
    "destination",
    "node",
    "response",
    "source",
    "upstream",
];

impl<S: Stage> Slot<S> {
    /// Takes a stage in, as the next part of the suite. Says whether it wants to be asked about requests.
    #[inline(never)]
    pub(crate) fn fill(&mut self, stage: S, needs: Needs, suite: &mut Needs) -> bool {
        let asked = needs.request;
        let path_is_apart = |path: &Vec<String>| path.first().is_some_and(|it| APART.contains(&it.as_str()));
        self.0 = Some(Placed {
            stage,
            part: suite.parts().len(),
            reads_request: !needs.attributes().iter().all(path_is_apart),
            response: needs.response,
            body: needs.body,
            trailers: needs.trailers,
            every: 0,
            left: Cell::new(0),
            attributes: suite.take_in(S::NAME, needs),
        });
        asked
    }

    /// Settles how often the stage is ticked, once it is known how often the suite is.
    #[inline(never)]
    pub(crate) fn follow(&mut self, suite: &Needs) {
        let Some(placed) = &mut self.0 else { return };
        let own: Tick = suite.parts().get(placed.part).and_then(|part| part.needs.tick);
        let (Some(own), Some(tick)) = (own, suite.tick) else {
            return;
        };
        let ratio = own.as_nanos().checked_div(tick.as_nanos());
        placed.every = ratio.map_or(1, |ratio| u32::try_from(ratio).unwrap_or(u32::MAX).max(1));
    }

    #[inline(never)]
    pub(crate) fn on_request<'s>(
        &'s self,
        flight: &mut Option<S::Flight>,
        view: &impl View,
        proxy: &impl Proxy,
        effects: &mut Effects,
        behind: &Cell<Effects>,
    ) -> Verdict<'s> {
        let Some(placed) = &self.0 else {
            return Verdict::Continue;
        };
        let proxy = proxy.part(placed.part);
        if effects.is_empty() {
            let view = Within::new(view, placed.attributes, None);
            let (verdict, own) = placed.stage.on_request(&view, &proxy, effects);
            *flight = Some(own);
            return verdict;
        }
        if placed.reads_request {
            view.apply(effects);
        }
        let mut later = behind.take();
        later.clear();
        let (verdict, own) = {
            let view = Within::new(view, placed.attributes, Some(effects));
            placed.stage.on_request(&view, &proxy, &mut later)
        };
        *flight = Some(own);
        effects.append(&mut later);
        behind.set(later);
        verdict
    }

    #[inline(never)]
    pub(crate) fn on_response<'s>(
        &'s self,
        flight: Option<&mut S::Flight>,
        view: &impl View,
        proxy: &impl Proxy,
        effects: &mut Effects,
        behind: &Cell<Effects>,
    ) -> Verdict<'s> {
        let (Some(placed), Some(flight)) = (&self.0, flight) else {
            return Verdict::Continue;
        };
        if !placed.response {
            return Verdict::Continue;
        }
        let proxy = proxy.part(placed.part);
        let mut later = behind.take();
        later.clear();
        let verdict = {
            let view = Within::new(view, placed.attributes, Some(effects));
            placed.stage.on_response(flight, &view, &proxy, &mut later)
        };
        effects.append(&mut later);
        behind.set(later);
        verdict
    }

    pub(crate) fn wants_body(&self, flight: Option<&S::Flight>) -> bool {
        match (&self.0, flight) {
            (Some(placed), Some(flight)) => placed.body && placed.stage.wants_body(flight),
            _ => false,
        }
    }

    pub(crate) fn on_body(
        &self,
        flight: Option<&mut S::Flight>,
        part: &[u8],
        view: &impl View,
        proxy: &impl Proxy,
    ) {
        if let (Some(placed), Some(flight)) = (&self.0, flight)
            && placed.body
            && placed.stage.wants_body(flight)
        {
            let view = Within::new(view, placed.attributes, None);
            placed
                .stage
                .on_body(flight, part, &view, &proxy.part(placed.part));
        }
    }

    pub(crate) fn on_trailers(&self, flight: Option<&mut S::Flight>, view: &impl View, proxy: &impl Proxy) {
        if let (Some(placed), Some(flight)) = (&self.0, flight)
            && placed.trailers
        {
            let view = Within::new(view, placed.attributes, None);
            placed.stage.on_trailers(flight, &view, &proxy.part(placed.part));
        }
    }

    pub(crate) fn on_done(&self, flight: Option<S::Flight>, view: &impl View, proxy: &impl Proxy) {
        if let (Some(placed), Some(flight)) = (&self.0, flight) {
            let view = Within::new(view, placed.attributes, None);
            placed
                .stage
                .on_done(Some(flight), &view, &proxy.part(placed.part));
        }
    }

    pub(crate) fn on_tick(&self, now: Timestamp, proxy: &impl Proxy) {
        let Some(placed) = self.0.as_ref().filter(|placed| placed.every > 0) else {
            return;
        };
        let left = placed.left.get();
        placed.left.set(if left == 0 {
            placed.every.saturating_sub(1)
        } else {
            left.saturating_sub(1)
        });
        if left == 0 {
            placed.stage.on_tick(now, &proxy.part(placed.part));
        }
    }

    pub(crate) fn on_retire(&self, now: Timestamp, proxy: &impl Proxy) {
        if let Some(placed) = &self.0 {
            placed.stage.on_retire(now, &proxy.part(placed.part));
        }
    }
}
