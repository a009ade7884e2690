//! The two ends of a stream: how it starts and how it ends.

use std::sync::Arc;

use super::Worker;
use super::chain::Direction;
use super::reply::Reply;
use super::run::{FilterRun, Item, Lane, Run, Target};
use crate::event::{LocalReply, Request, RequestId, Upstream};
use crate::headers::{Headers, Kind};
use crate::host::{Local, nanoseconds};
use crate::report::{Answer, Outcome};
use crate::stream::{Info, SharedStream, Stream, View};
use crate::vm::{Called, Context};

const DOWNSTREAM_TERMINATION: u64 = 1 << 14;

impl Worker {
    /// A request's headers arrive.
    pub(super) fn start(&mut self, id: RequestId, request: Request) {
        let start = self.host.now();
        let headers = request_headers(&request);
        let no_route = matches!(
            request.upstream,
            Upstream::LocalReply {
                reply: LocalReply::NoRoute,
                ..
            }
        );
        let routed = request.authority.is_some() && !no_route;
        let info = Info {
            start_wall: self.host.wall(),
            protocol: request.protocol.clone(),
            source: request.source.clone(),
            connection: self.host.next_connection(),
            route: routed.then(|| (request.cluster.clone(), request.route.clone())),

            ..Info::default()
        };
        let stream = SharedStream::new(Stream {
            request: headers.clone(),
            views: self.slots.iter().map(|_| View::default()).collect(),
            info,
            ..Stream::default()
        });
        let filters = (0..self.slots.len())
            .map(|index| self.filter(id, index, &stream))
            .collect();
        let run = Run {
            stream,
            filters,
            start,
            replied: false,
            decoding: false,
            prepared: None,
            answer: None,
            original: headers,
            upstream_request: None,
            upstream_body: Vec::new(),
            dispatched: None,
            sent: None,
            client_headers: Headers::new(),
            client_body: Vec::new(),
            client_trailers: Headers::new(),
            truncated: false,
            request: request.clone(),
        };
        self.runs.insert(id, run);
        if request.authority.is_none() {
            self.reply(id, Reply::envoy(400, "missing_host_header", ""));
        } else if let Some((status, details)) = &request.early_reply {
            self.reply(id, Reply::envoy(*status, details, ""));
        } else {
            self.receive(id, &request);
        }
        if let Some(after) = request.abort_after
            && self.runs.contains_key(&id)
        {
            self.host.push_after(after, self.thread, Local::Abort(id));
        }
    }

    fn filter(&mut self, id: RequestId, index: usize, stream: &SharedStream) -> FilterRun {
        let target = self.target(index);
        let mut context = 0;
        if let Target::Live { vm, root } = target
            && let Some(vm) = self.vms.get_mut(&vm)
        {
            let state = vm.state_mut();
            context = state.allocate_context();
            let version = state
                .contexts
                .get(&root)
                .and_then(|root| root.version.as_ref())
                .map(Arc::clone);
            let stream = Some((stream.clone(), id, index));
            state.contexts.insert(
                context,
                Context {
                    stream,
                    ..Context::new(root, version)
                },
            );
        }
        FilterRun {
            target,
            context,
            created: false,
            failed: false,
            decode: Lane::default(),
            encode: Lane::default(),
        }
    }

    /// HTTP/1 as Envoy's codec hands it on: an end of stream of its own after a body.
    fn receive(&mut self, id: RequestId, request: &Request) {
        let trailers = !request.trailers.is_empty();
        let body = !request.body.is_empty();
        self.feed(
            id,
            Direction::Decode,
            Item::Headers {
                end: !body && !trailers,
            },
        );
        for chunk in &request.body {
            if let Some(run) = self.runs.get(&id) {
                let info = &mut run.stream.lock().info;
                info.bytes_received = info.bytes_received.saturating_add(chunk.len() as u64);
            }
            self.feed(
                id,
                Direction::Decode,
                Item::Data {
                    bytes: chunk.clone(),
                    end: false,
                },
            );
        }
        if trailers {
            if let Some(run) = self.runs.get(&id) {
                run.stream.lock().request_trailers = Some(request.trailers.clone());
            }
            self.feed(id, Direction::Decode, Item::Trailers);
        } else if body {
            self.feed(
                id,
                Direction::Decode,
                Item::Data {
                    bytes: Vec::new(),
                    end: true,
                },
            );
        }
    }

    pub(super) fn create_context(&mut self, vm: u64, root: u32, context: u32) {
        if let Some(vm) = self.vms.get_mut(&vm) {
            let _status: Called<()> = vm.call(
                context,
                "proxy_on_context_create",
                |exports| exports.on_context_create.as_ref(),
                (context, root),
            );
        }
        self.after_call(vm);
    }

    /// A part of the response has passed all filters.
    pub(super) fn send_on(&mut self, id: RequestId, item: Item) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        let end = match item {
            Item::Headers { end } => {
                let mut headers = run.stream.lock().response.clone().unwrap_or_default();
                run.sent = headers
                    .text(":status")
                    .and_then(|status| status.parse().ok())
                    .or(Some(0));
                // The code that is logged is the one that goes out, whatever the upstream said.
                run.stream.lock().info.code = run.sent;
                headers.remove(":status");
                run.client_headers = headers;
                end
            }
            Item::Data { bytes, end } => {
                let mut stream = run.stream.lock();
                stream.info.bytes_sent = stream.info.bytes_sent.saturating_add(bytes.len() as u64);
                run.client_body.extend_from_slice(&bytes);
                end
            }
            Item::Trailers => {
                run.client_trailers = run.stream.lock().response_trailers.clone().unwrap_or_default();
                true
            }
        };
        if end {
            self.finish(id);
        }
    }

    /// The client goes away.
    pub(super) fn abort(&mut self, id: RequestId) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        {
            let mut stream = run.stream.lock();
            stream.info.flags |= DOWNSTREAM_TERMINATION;
            stream.info.details = Some("downstream_remote_disconnect".to_owned());
        }
        run.truncated = run.sent.is_some();
        run.answer = Some(Answer::Abort);
        self.finish(id);
    }

    /// Ends a stream: all filters log, then each is done and deleted. A stream that a filter never saw gets its context
    /// only now.
    pub(super) fn finish(&mut self, id: RequestId) {
        let Some(mut run) = self.runs.remove(&id) else {
            return;
        };
        let duration = self.host.now().saturating_sub(run.start);
        run.stream.lock().info.duration = Some(nanoseconds(duration));
        for (index, filter) in run.filters.iter_mut().enumerate() {
            let Target::Live { vm, root } = filter.target else {
                continue;
            };
            if !std::mem::replace(&mut filter.created, true) {
                self.create_context(vm, root, filter.context);
            }
            set_logging(&run.stream, index, true);
            if let Some(vm) = self.vms.get_mut(&vm) {
                let context = filter.context;
                let _status: Called<()> = vm.call(
                    context,
                    "proxy_on_log",
                    |exports| exports.on_log.as_ref(),
                    context,
                );
            }
            self.after_call(vm);
            set_logging(&run.stream, index, false);
        }
        for filter in &run.filters {
            let Target::Live { vm, .. } = filter.target else {
                continue;
            };
            let context = filter.context;
            if let Some(vm) = self.vms.get_mut(&vm) {
                let _status: Called<u32> = vm.call(
                    context,
                    "proxy_on_done",
                    |exports| exports.on_done.as_ref(),
                    context,
                );
            }
            self.after_call(vm);
            if let Some(vm) = self.vms.get_mut(&vm) {
                let _status: Called<()> = vm.call(
                    context,
                    "proxy_on_delete",
                    |exports| exports.on_delete.as_ref(),
                    context,
                );
                vm.state_mut().contexts.remove(&context);
            }
            self.after_call(vm);
        }
        let answer = run.answer.clone().unwrap_or(Answer::Open);
        let outcome = self.outcome(id, &run, answer);
        self.host.lock().outcomes.push(outcome);
        if self.needs_retiring(&run) {
            self.retire_unused();
        }
    }

    fn needs_retiring(&self, run: &Run) -> bool {
        run.filters.iter().any(|filter| match filter.target {
            Target::Live { vm, root } => !self.is_current(vm, root),
            Target::Skip | Target::Dead | Target::Refused => false,
        })
    }

    pub(super) fn outcome(&self, id: RequestId, run: &Run, answer: Answer) -> Outcome {
        let stream = run.stream.lock();
        Outcome {
            id,
            worker: self.index(),
            start: run.start,
            end: self.host.now(),
            status: run.sent,
            from: answer,
            details: stream.info.details.clone().unwrap_or_default(),
            flags: stream.info.flags,
            response_headers: run.client_headers.clone(),
            response_body: run.client_body.clone(),
            response_trailers: run.client_trailers.clone(),
            truncated: run.truncated,
            request: run.original.clone(),
            upstream_request: run.upstream_request.clone(),
            upstream_body: run.upstream_body.clone(),
            route_refreshes: stream.route_refreshes,
            fuel: stream.fuel,
            counted: stream.counted.clone(),
        }
    }
}

fn set_logging(stream: &SharedStream, filter: usize, logging: bool) {
    if let Some(view) = stream.lock().views.get_mut(filter) {
        view.logging = logging;
    }
}

/// The headers as the first filter sees them.
fn request_headers(request: &Request) -> Headers {
    let mut headers = Headers::of(Kind::Request);
    if let Some(authority) = &request.authority {
        headers.add(":authority", authority);
    }
    headers.add(":path", &request.path);
    headers.add(":method", &request.method);
    // A request without a host is refused before its scheme is set.
    if request.authority.is_some() {
        headers.add(":scheme", "http");
    }
    request
        .headers
        .iter()
        .for_each(|(name, value)| headers.add(name, value));
    headers
}
