//! The place of one stage in the suite: what it is called for, and what it is shown.

use fairlead_stage::{Effects, Needs, Proxy, Stage, Tick, Timestamp, Verdict, View, Within};
use std::cell::{Cell, RefCell};

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
        // As alone, it is first ticked when its own time has passed.
        placed.left.set(placed.every.saturating_sub(1));
    }

    /// Asks the stage, shown the edits of those before it, and keeps what it remembers of the stream.
    pub(crate) fn on_request<'s>(
        &'s self,
        flight: &mut Option<S::Flight>,
        view: &impl View,
        proxy: &impl Proxy,
        effects: &mut Effects,
        behind: &Behind,
    ) -> Verdict<'s> {
        let Some(placed) = &self.0 else {
            return Verdict::Continue;
        };
        if placed.reads_request && !effects.is_empty() {
            view.apply(effects);
        }
        let proxy = proxy.part(placed.part);
        behind.collect(effects, |shown, effects| {
            let view = Within::new(view, placed.attributes, shown);
            let (verdict, own) = placed.stage.on_request(&view, &proxy, effects);
            // It was empty, which the compiler does not know: nothing is to be dropped.
            std::mem::forget(flight.replace(own));
            verdict
        })
    }

    pub(crate) fn on_response<'s>(
        &'s self,
        flight: Option<&mut S::Flight>,
        view: &impl View,
        proxy: &impl Proxy,
        effects: &mut Effects,
        behind: &Behind,
    ) -> Verdict<'s> {
        let (Some(placed), Some(flight)) = (&self.0, flight) else {
            return Verdict::Continue;
        };
        if !placed.response {
            return Verdict::Continue;
        }
        let proxy = proxy.part(placed.part);
        behind.collect(effects, |shown, effects| {
            let view = Within::new(view, placed.attributes, shown);
            placed.stage.on_response(flight, &view, &proxy, effects)
        })
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

    /// Accounts for a stream that the stage has seen, and leaves its place empty.
    pub(crate) fn on_done(&self, flight: &mut Option<S::Flight>, view: &impl View, proxy: &impl Proxy) {
        if let Some(placed) = &self.0
            && flight.is_some()
        {
            let view = Within::new(view, placed.attributes, None);
            placed
                .stage
                .on_done(flight.take(), &view, &proxy.part(placed.part));
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

/// Where a stage collects its edits while those of the stages before it are shown to it.
#[derive(Default)]
pub(crate) struct Behind(RefCell<Effects>);

impl Behind {
    /// Runs a stage with what the others have asked for so far, if they have, and adds what it asks for.
    #[inline]
    fn collect<'s>(
        &self,
        effects: &mut Effects,
        run: impl FnOnce(Option<&Effects>, &mut Effects) -> Verdict<'s>,
    ) -> Verdict<'s> {
        let mut later = None;
        let (shown, own) = if effects.is_empty() {
            (None, &mut *effects)
        } else {
            // Nobody else has it: a stage runs no other.
            let Ok(free) = self.0.try_borrow_mut() else {
                return Verdict::Continue;
            };
            let own = &mut **later.insert(free);
            (Some(&*effects), own)
        };
        let verdict = run(shown, own);
        if let Some(mut later) = later
            && !later.is_empty()
        {
            effects.append(&mut later);
        }
        verdict
    }
}
