//! One HTTP stream: each callback is decode, decide, apply.

use crate::abi;
use crate::plugin::{Outcome, Plugin};
use crate::view::Phase;
use fairlead_stage::{Done, Stage};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
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

/// The context of one stream under one config.
pub(crate) struct Stream<S: Stage> {
    plugin: Rc<Plugin<S>>,
    flight: Option<S::Flight>,
    progress: Progress,
}

impl<S: Stage> Stream<S> {
    pub(crate) fn new(plugin: Rc<Plugin<S>>) -> Self {
        Self {
            plugin,
            flight: None,
            progress: Progress::Open,
        }
    }

    fn finish(&mut self, phase: Phase) {
        if self.progress != Progress::Done {
            self.progress = Progress::Done;
            let plugin = &*self.plugin;
            plugin
                .stage
                .on_done(self.flight.take(), &plugin.view(phase, true), &plugin.proxy());
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

    fn answered(&mut self, outcome: Outcome) -> Action {
        if outcome == Outcome::Replied {
            self.progress = Progress::Answered;
        }
        outcome.into()
    }
}

impl<S: Stage> Context for Stream<S> {}

impl<S: Stage> HttpContext for Stream<S> {
    fn on_http_request_headers(&mut self, _headers: usize, end_of_stream: bool) -> Action {
        let plugin = Rc::clone(&self.plugin);
        if !plugin.needs.request {
            return Action::Continue;
        }
        let view = plugin.view(Phase::Request, end_of_stream);
        let proxy = plugin.proxy();
        let (outcome, flight) = plugin.run(|stage, effects| stage.on_request(&view, &proxy, effects));
        self.flight = Some(flight);
        self.answered(outcome)
    }

    fn on_http_response_headers(&mut self, _headers: usize, end_of_stream: bool) -> Action {
        let plugin = Rc::clone(&self.plugin);
        let (true, true, Some(flight)) = (plugin.needs.response, self.sees(), self.flight.as_mut()) else {
            return Action::Continue;
        };
        let view = plugin.view(Phase::Response, end_of_stream);
        let proxy = plugin.proxy();
        let (outcome, ()) =
            plugin.run(|stage, effects| (stage.on_response(flight, &view, &proxy, effects), ()));
        self.answered(outcome)
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if let (true, true, Some(flight)) = (self.plugin.needs.body, self.sees(), self.flight.as_mut())
            && self.plugin.stage.wants_body(flight)
        {
            let view = self.plugin.view(Phase::Body, end_of_stream);
            let part = if size == 0 {
                Vec::new()
            } else {
                abi::response_body(size)
            };
            self.plugin
                .stage
                .on_body(flight, &part, &view, &self.plugin.proxy());
        }
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _trailers: usize) -> Action {
        if let (true, true, Some(flight)) = (self.plugin.needs.trailers, self.sees(), self.flight.as_mut()) {
            let view = self.plugin.view(Phase::Trailers, true);
            self.plugin.stage.on_trailers(flight, &view, &self.plugin.proxy());
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        if self.plugin.needs.done == Done::Outcome {
            self.finish(Phase::Log);
        }
    }
}

/// A context is dropped in `proxy_on_delete`, which the host calls for every stream anyway: a stage that needs no more
/// than the end of a stream costs no callback of its own.
impl<S: Stage> Drop for Stream<S> {
    fn drop(&mut self) {
        if self.plugin.needs.done != Done::Never {
            self.finish(Phase::Deleted);
        }
    }
}

/// The context of a stream while no usable config was ever loaded and the config asks to pass.
pub(crate) struct Passed;

impl Context for Passed {}
impl HttpContext for Passed {}
