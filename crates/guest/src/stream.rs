//! One HTTP stream: each callback is decode, decide, apply.

use crate::abi;
use crate::plugin::{Outcome, Plugin};
use crate::surroundings::HostProxy;
use crate::view::{HostView, Phase};
use fairlead_stage::{Done, Stage};
use std::rc::Rc;

/// What has happened to a stream so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Going on.
    Open,
    /// This filter has answered it; the proxy will call back for that answer too, which mostly is no news.
    Answered,
    /// It has been accounted for.
    Done,
}

/// One stream under one config.
pub(crate) struct Stream<S: Stage> {
    plugin: Rc<Plugin<S>>,
    flight: Option<S::Flight>,
    progress: Progress,
}

/// All there is of a stream of which nothing comes but its request headers: whether the request was answered.
#[inline(always)]
pub(crate) fn pass<S: Stage>(plugin: &Plugin<S>, ends: bool) -> bool {
    if !plugin.needs.request {
        return false;
    }
    let (view, proxy) = (plugin.view(Phase::Request, ends), plugin.proxy());
    let mut flight = None;
    let outcome = decide(plugin, &mut flight, &view, &proxy);
    if plugin.needs.done != Done::Never {
        plugin.stage.on_done(flight, &view, &proxy);
    }
    outcome == Outcome::Replied
}

/// Has the stage decide on a request. Once in a module: one of its two callers is in no build.
#[inline(never)]
fn decide<S: Stage>(
    plugin: &Plugin<S>,
    flight: &mut Option<S::Flight>,
    view: &HostView<'_>,
    proxy: &HostProxy<'_>,
) -> Outcome {
    plugin.run(|stage, effects| {
        let (verdict, own) = stage.on_request(view, proxy, effects);
        *flight = Some(own);
        verdict
    })
}

impl<S: Stage> Stream<S> {
    pub(crate) fn new(plugin: Rc<Plugin<S>>) -> Self {
        Self {
            plugin,
            flight: None,
            progress: Progress::Open,
        }
    }

    pub(crate) fn on_request(&mut self, ends: bool) -> bool {
        let plugin = &*self.plugin;
        if !plugin.needs.request {
            return false;
        }
        let (view, proxy) = (plugin.view(Phase::Request, ends), plugin.proxy());
        let outcome = decide(plugin, &mut self.flight, &view, &proxy);
        drop(view);
        self.answered(outcome)
    }

    pub(crate) fn on_response(&mut self, ends: bool) -> bool {
        let plugin = &*self.plugin;
        let (true, true, Some(flight)) = (plugin.needs.response, self.sees(), &mut self.flight) else {
            return false;
        };
        let (view, proxy) = (plugin.view(Phase::Response, ends), plugin.proxy());
        let outcome = plugin.run(|stage, effects| stage.on_response(flight, &view, &proxy, effects));
        drop(view);
        self.answered(outcome)
    }

    pub(crate) fn on_body(&mut self, size: usize, ends: bool) {
        if !self.plugin.needs.body {
            return;
        }
        let sees = self.sees();
        let plugin = &*self.plugin;
        if let (true, Some(flight)) = (sees, &mut self.flight)
            && plugin.stage.wants_body(flight)
        {
            let part = if size == 0 {
                Vec::new()
            } else {
                abi::response_body(size)
            };
            let view = plugin.view(Phase::Body, ends);
            plugin.stage.on_body(flight, &part, &view, &plugin.proxy());
        }
    }

    pub(crate) fn on_trailers(&mut self) {
        let sees = self.sees();
        let plugin = &*self.plugin;
        if let (true, true, Some(flight)) = (plugin.needs.trailers, sees, &mut self.flight) {
            let view = plugin.view(Phase::Trailers, true);
            plugin.stage.on_trailers(flight, &view, &plugin.proxy());
        }
    }

    pub(crate) fn on_log(&mut self) {
        if self.plugin.needs.done == Done::Outcome {
            self.finish(Phase::Log);
        }
    }

    /// The host deletes every stream anyway: a stage that needs no more than the end of a stream costs no callback of its
    /// own.
    pub(crate) fn on_delete(&mut self) {
        if self.plugin.needs.done != Done::Never {
            self.finish(Phase::Deleted);
        }
    }

    fn finish(&mut self, phase: Phase) {
        if self.progress != Progress::Done {
            self.progress = Progress::Done;
            let plugin = &*self.plugin;
            let (view, proxy) = (plugin.view(phase, true), plugin.proxy());
            plugin.stage.on_done(self.flight.take(), &view, &proxy);
        }
    }

    /// Whether the stage is told of the response.
    fn sees(&self) -> bool {
        match self.progress {
            Progress::Open => true,
            Progress::Answered => self.plugin.needs.own_replies,
            Progress::Done => false,
        }
    }

    fn answered(&mut self, outcome: Outcome) -> bool {
        if outcome == Outcome::Replied {
            self.progress = Progress::Answered;
        }
        outcome == Outcome::Replied
    }
}
