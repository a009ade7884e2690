//! The filter chain: parts of a message go through the filters one by one, forwards for requests, backwards for
//! responses (source: Envoy's `common/http/filter_manager.cc`).

use std::collections::VecDeque;

use super::Worker;
use super::reply::Reply;
use super::run::{Item, Lane, Stop, Target};
use crate::event::RequestId;
use crate::plugin::FailurePolicy;
use crate::vm::Called;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Decode,
    Encode,
}

/// What a filter says to a part of a message.
enum Said {
    Continue,
    /// Stop, and what the callback returned (0 when the host stops it).
    Stop(u32),
}

impl Worker {
    /// Sends a part of a message into the chain.
    pub(super) fn feed(&mut self, id: RequestId, direction: Direction, item: Item) {
        self.pump(id, direction, VecDeque::from([(0, item)]));
    }

    /// Lets a filter that holds a message go on.
    pub(super) fn resume(&mut self, id: RequestId, direction: Direction, filter: usize) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        let count = run.filters.len();
        let Some(state) = run.filters.get_mut(filter) else {
            return;
        };
        let lane = match direction {
            Direction::Decode => &mut state.decode,
            Direction::Encode => &mut state.encode,
        };
        let position = place(direction, filter, count);
        let next = position.saturating_add(1);
        let (stop, end) = (std::mem::take(&mut lane.stop), lane.end);
        let inbox = std::mem::take(&mut lane.inbox);
        let mut work = VecDeque::new();
        self.drop_body(id, direction, filter);
        match stop {
            Stop::No => return,
            Stop::All => {
                work.push_back((next, Item::Headers { end }));
                work.extend(inbox.into_iter().map(|item| (position, item)));
            }
            Stop::Body => {
                let bytes = self.take_body(id, direction, filter).unwrap_or_default();
                work.push_back((next, Item::Data { bytes, end }));
            }
            Stop::Trailers => {
                if let Some(bytes) = self.take_body(id, direction, filter) {
                    work.push_back((next, Item::Data { bytes, end: false }));
                }
                work.push_back((next, Item::Trailers));
            }
        }
        self.pump(id, direction, work);
    }

    fn pump(&mut self, id: RequestId, direction: Direction, mut work: VecDeque<(usize, Item)>) {
        while let Some((position, item)) = work.pop_front() {
            let Some(run) = self.runs.get_mut(&id) else { return };
            if direction == Direction::Decode && run.replied {
                return;
            }
            let count = run.filters.len();
            if position >= count {
                match direction {
                    Direction::Decode => self.route_on(id, item),
                    Direction::Encode => self.send_on(id, item),
                }
                continue;
            }
            let filter = place(direction, position, count);
            if let Some(lane) = self.lane(id, direction, filter)
                && lane.stop == Stop::All
            {
                lane.hold(item);
                continue;
            }
            self.set_decoding(id, direction == Direction::Decode);
            let passed = match item {
                Item::Headers { end } => self.headers(id, direction, filter, end),
                Item::Data { bytes, end } => self.data(id, direction, filter, bytes, end),
                Item::Trailers => self.trailers(id, direction, filter),
            };
            self.set_decoding(id, false);
            if let Some(reply) = self.runs.get_mut(&id).and_then(|run| run.prepared.take()) {
                let details = self
                    .runs
                    .get(&id)
                    .and_then(|run| run.stream.lock().info.details.clone());
                let details = details.unwrap_or_default();
                return self.reply(id, Reply { details, ..reply });
            }
            for item in passed.into_iter().rev() {
                work.push_front((position.saturating_add(1), item));
            }
        }
    }

    fn set_decoding(&mut self, id: RequestId, decoding: bool) {
        if let Some(run) = self.runs.get_mut(&id) {
            run.decoding = decoding;
        }
    }

    fn lane(&mut self, id: RequestId, direction: Direction, filter: usize) -> Option<&mut Lane> {
        let filter = self.runs.get_mut(&id)?.filters.get_mut(filter)?;
        Some(match direction {
            Direction::Decode => &mut filter.decode,
            Direction::Encode => &mut filter.encode,
        })
    }

    /// The VM and context that see this part; `None`: the filter lets it pass unseen.
    fn seer(&self, id: RequestId, direction: Direction, filter: usize) -> Option<(u64, u32)> {
        let filter = self.runs.get(&id)?.filters.get(filter)?;
        let silent = !filter.created || (direction == Direction::Encode && filter.failed);
        match filter.target {
            Target::Live { vm, .. } if !silent => Some((vm, filter.context)),
            _ => None,
        }
    }

    fn headers(&mut self, id: RequestId, direction: Direction, filter: usize, end: bool) -> Vec<Item> {
        if direction == Direction::Decode && !self.open_filter(id, filter) {
            return Vec::new();
        }
        let passed = vec![Item::Headers { end }];
        let Some((vm, context)) = self.seer(id, direction, filter) else {
            return passed;
        };
        let Some(run) = self.runs.get(&id) else {
            return Vec::new();
        };
        let count = {
            let mut stream = run.stream.lock();
            let count = match direction {
                Direction::Decode => stream.request.len(),
                Direction::Encode => stream.response.as_ref().map_or(0, crate::Headers::len),
            };
            if let Some(view) = stream.views.get_mut(filter) {
                view.end_of_stream = end;
                match direction {
                    Direction::Decode => view.request_headers = true,
                    Direction::Encode => view.response_headers = true,
                }
            }
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        let parameters = (context, count, u32::from(end));
        let called = self.vms.get_mut(&vm).map(|vm| match direction {
            Direction::Decode => vm.call(
                context,
                "proxy_on_request_headers",
                |e| e.on_request_headers.as_ref(),
                parameters,
            ),
            Direction::Encode => vm.call(
                context,
                "proxy_on_response_headers",
                |e| e.on_response_headers.as_ref(),
                parameters,
            ),
        });
        let said = self.conclude(id, direction, filter, called, |lane, _| {
            lane.stop = Stop::All;
            lane.end = end;
        });
        self.after_call(vm);
        if matches!(said, Said::Stop(_)) {
            return Vec::new();
        }
        self.with_view(id, filter, |view| match direction {
            Direction::Decode => view.request_headers = false,
            Direction::Encode => view.response_headers = false,
        });
        passed
    }

    fn data(
        &mut self,
        id: RequestId,
        direction: Direction,
        filter: usize,
        bytes: Vec<u8>,
        end: bool,
    ) -> Vec<Item> {
        let Some((vm, context)) = self.seer(id, direction, filter) else {
            return vec![Item::Data { bytes, end }];
        };
        let had_trailers = self.has_trailers(id, direction);
        self.drop_body(id, direction, filter);
        let size = self
            .with_view(id, filter, |view| {
                view.end_of_stream = end;
                let body = match direction {
                    Direction::Decode => &mut view.request_body,
                    Direction::Encode => &mut view.response_body,
                };
                // What is there is held from earlier chunks; the callback sees all of it.
                let body = body.get_or_insert_default();
                body.extend_from_slice(&bytes);
                u32::try_from(body.len()).unwrap_or(u32::MAX)
            })
            .unwrap_or(0);
        let parameters = (context, size, u32::from(end));
        let called = self.vms.get_mut(&vm).map(|vm| match direction {
            Direction::Decode => vm.call(
                context,
                "proxy_on_request_body",
                |e| e.on_request_body.as_ref(),
                parameters,
            ),
            Direction::Encode => vm.call(
                context,
                "proxy_on_response_body",
                |e| e.on_response_body.as_ref(),
                parameters,
            ),
        });
        if let Some(lane) = self.lane(id, direction, filter) {
            lane.stop = Stop::No;
        }
        let said = self.conclude(id, direction, filter, called, |lane, _| {
            lane.stop = Stop::Body;
            lane.end = end;
        });
        if let Said::Stop(action) = said
            && !(1..=2).contains(&action)
        {
            // "Stop without buffering": the filter goes on seeing the bytes, but nobody gets them.
            if let Some(lane) = self.lane(id, direction, filter) {
                lane.dropped = true;
            }
        }
        self.after_call(vm);
        if matches!(said, Said::Stop(_)) {
            return Vec::new();
        }
        let bytes = self.take_body(id, direction, filter).unwrap_or_default();
        if end && !had_trailers && self.has_trailers(id, direction) {
            return vec![Item::Data { bytes, end: false }, Item::Trailers];
        }
        vec![Item::Data { bytes, end }]
    }

    fn trailers(&mut self, id: RequestId, direction: Direction, filter: usize) -> Vec<Item> {
        let Some((vm, context)) = self.seer(id, direction, filter) else {
            return vec![Item::Trailers];
        };
        let Some(run) = self.runs.get(&id) else {
            return Vec::new();
        };
        let count = {
            let stream = run.stream.lock();
            let map = match direction {
                Direction::Decode => &stream.request_trailers,
                Direction::Encode => &stream.response_trailers,
            };
            u32::try_from(map.as_ref().map_or(0, crate::Headers::len)).unwrap_or(u32::MAX)
        };
        self.with_view(id, filter, |view| match direction {
            Direction::Decode => view.request_trailers = true,
            Direction::Encode => view.response_trailers = true,
        });
        let parameters = (context, count);
        let called = self.vms.get_mut(&vm).map(|vm| match direction {
            Direction::Decode => vm.call(
                context,
                "proxy_on_request_trailers",
                |e| e.on_request_trailers.as_ref(),
                parameters,
            ),
            Direction::Encode => vm.call(
                context,
                "proxy_on_response_trailers",
                |e| e.on_response_trailers.as_ref(),
                parameters,
            ),
        });
        let said = self.conclude(id, direction, filter, called, |lane, _| {
            lane.stop = Stop::Trailers
        });
        self.after_call(vm);
        if matches!(said, Said::Stop(_)) {
            return Vec::new();
        }
        self.with_view(id, filter, |view| match direction {
            Direction::Decode => view.request_trailers = false,
            Direction::Encode => view.response_trailers = false,
        });
        if let Some(lane) = self.lane(id, direction, filter) {
            lane.stop = Stop::No;
        }
        match self.take_body(id, direction, filter) {
            Some(bytes) => vec![Item::Data { bytes, end: false }, Item::Trailers],
            None => vec![Item::Trailers],
        }
    }

    /// Prepares a filter for its first callback; false if the stream ended there.
    fn open_filter(&mut self, id: RequestId, index: usize) -> bool {
        let Some(filter) = self.runs.get_mut(&id).and_then(|run| run.filters.get_mut(index)) else {
            return false;
        };
        let first = !std::mem::replace(&mut filter.created, true);
        let context = filter.context;
        match filter.target {
            Target::Skip => true,
            Target::Dead => {
                self.fail_stream(id, index);
                false
            }
            Target::Refused => {
                self.refuse(id);
                false
            }
            Target::Live { vm, root } => {
                if first {
                    self.create_context(vm, root, context);
                }
                self.runs.contains_key(&id)
            }
        }
    }

    /// Turns the result of a callback into what the chain does next; `hold` marks the lane of a filter that stops.
    fn conclude(
        &mut self,
        id: RequestId,
        direction: Direction,
        filter: usize,
        called: Option<Called<u32>>,
        hold: impl FnOnce(&mut Lane, u32),
    ) -> Said {
        let said = match called {
            Some(Called::Missing) => Said::Continue,
            Some(Called::Returned { value, stop }) => match (value, stop) {
                (0, false) => Said::Continue,
                (_, true) => Said::Stop(0),
                (value, false) => Said::Stop(value),
            },
            Some(Called::Failed) | None => {
                if self.policy(filter) == FailurePolicy::LegacyFailOpen {
                    Said::Continue
                } else {
                    self.fail_stream(id, filter);
                    Said::Stop(0)
                }
            }
        };
        if let Said::Stop(action) = said
            && let Some(lane) = self.lane(id, direction, filter)
        {
            hold(lane, action);
        }
        said
    }

    fn policy(&self, filter: usize) -> FailurePolicy {
        let version = self.slots.get(filter).and_then(|slot| slot.version.as_ref());
        version
            .map(|version| version.plugin.failure_policy)
            .unwrap_or_default()
    }

    fn has_trailers(&self, id: RequestId, direction: Direction) -> bool {
        self.runs.get(&id).is_some_and(|run| {
            let stream = run.stream.lock();
            match direction {
                Direction::Decode => stream.request_trailers.is_some(),
                Direction::Encode => stream.response_trailers.is_some(),
            }
        })
    }

    /// Forgets a body that a filter stopped without having it buffered.
    fn drop_body(&mut self, id: RequestId, direction: Direction, filter: usize) {
        let dropped = self
            .lane(id, direction, filter)
            .is_some_and(|lane| std::mem::take(&mut lane.dropped));
        if dropped {
            drop(self.take_body(id, direction, filter));
        }
    }

    fn take_body(&mut self, id: RequestId, direction: Direction, filter: usize) -> Option<Vec<u8>> {
        self.with_view(id, filter, |view| match direction {
            Direction::Decode => view.request_body.take(),
            Direction::Encode => view.response_body.take(),
        })
        .flatten()
    }

    fn with_view<T>(
        &self,
        id: RequestId,
        filter: usize,
        change: impl FnOnce(&mut crate::stream::View) -> T,
    ) -> Option<T> {
        self.runs
            .get(&id)?
            .stream
            .lock()
            .views
            .get_mut(filter)
            .map(change)
    }
}

/// The filter at a position of a direction, or the position of a filter: the two are each other's inverse.
fn place(direction: Direction, position: usize, count: usize) -> usize {
    match direction {
        Direction::Decode => position,
        Direction::Encode => count.saturating_sub(1).saturating_sub(position),
    }
}
