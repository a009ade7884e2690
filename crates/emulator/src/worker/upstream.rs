//! What the upstream does with a request, as far as Envoy's router would report it.

use super::Worker;
use super::chain::Direction;
use super::reply::Reply;
use super::run::Item;
use crate::event::{LocalReply, RequestId, Upstream};
use crate::headers::{Headers, Kind};
use crate::host::{Local, nanoseconds};
use crate::report::Answer;

const TIMEOUT: u64 = 1 << 2;
const CONNECTION_FAILURE: u64 = 1 << 5;
const CONNECTION_TERMINATION: u64 = 1 << 6;
const OVERFLOW: u64 = 1 << 7;
const NO_ROUTE: u64 = 1 << 8;

const NO_UPSTREAM: &str = "upstream connect error or disconnect/reset before headers. reset reason: ";

impl Worker {
    /// A part of the request has passed all filters.
    pub(super) fn route_on(&mut self, id: RequestId, item: Item) {
        let now = self.host.now();
        let Some(run) = self.runs.get_mut(&id) else { return };
        let end = match item {
            Item::Headers { end } => {
                run.upstream_request = Some(run.stream.lock().request.clone());
                run.stream.lock().info.upstream = true;
                if let Upstream::LocalReply { reply, .. } = &run.request.upstream
                    && matches!(reply, LocalReply::NoRoute | LocalReply::Overflow)
                {
                    let reply = *reply;
                    run.stream.lock().info.upstream = false;
                    return self.local_reply(id, reply);
                }
                end
            }
            Item::Data { bytes, end } => {
                run.upstream_body.extend_from_slice(&bytes);
                end
            }
            Item::Trailers => true,
        };
        if !end {
            return;
        }
        run.dispatched = Some(now);
        let after = match &run.request.upstream {
            Upstream::Response(response) => response.after,
            Upstream::Reset { after } | Upstream::LocalReply { after, .. } => *after,
            Upstream::Never => return,
        };
        self.host.push_after(after, self.thread, Local::Upstream(id));
    }

    fn local_reply(&mut self, id: RequestId, reply: LocalReply) {
        let refused = |why: &str| format!("upstream_reset_before_response_started{{{why}}}");
        let (flag, reply) = match reply {
            LocalReply::NoRoute => (NO_ROUTE, Reply::envoy(404, "route_not_found", "")),
            LocalReply::Timeout => (
                TIMEOUT,
                Reply::envoy(504, "response_timeout", "upstream request timeout"),
            ),
            LocalReply::ConnectionFailure => {
                let body = format!("{NO_UPSTREAM}remote connection failure");
                let why = "remote_connection_failure|delayed_connect_error:_Connection_refused";
                (CONNECTION_FAILURE, Reply::envoy(503, &refused(why), &body))
            }
            LocalReply::Overflow => {
                let body = format!("{NO_UPSTREAM}overflow");
                let mut reply = Reply::envoy(503, &refused("overflow"), &body);
                reply
                    .headers
                    .push((b"x-envoy-overloaded".to_vec(), b"true".to_vec()));
                (OVERFLOW, reply)
            }
        };
        if let Some(run) = self.runs.get(&id) {
            run.stream.lock().info.flags |= flag;
        }
        self.reply(id, reply);
    }

    /// The upstream does what it was to do.
    pub(super) fn upstream(&mut self, id: RequestId) {
        let now = self.host.now();
        let Some(run) = self.runs.get_mut(&id).filter(|run| !run.replied) else {
            return;
        };
        let response = match &run.request.upstream {
            Upstream::Response(response) => response.clone(),
            Upstream::LocalReply { reply, .. } => {
                let reply = *reply;
                return self.local_reply(id, reply);
            }
            Upstream::Reset { .. } => {
                run.stream.lock().info.flags |= CONNECTION_TERMINATION;
                let details = "upstream_reset_before_response_started{connection_termination}";
                return self.reply(
                    id,
                    Reply::envoy(503, details, &format!("{NO_UPSTREAM}connection termination")),
                );
            }
            Upstream::Never => return,
        };
        let head = run.request.method.eq_ignore_ascii_case(b"HEAD");
        run.answer = Some(Answer::Upstream);
        {
            let mut stream = run.stream.lock();
            stream.info.code = Some(response.status);
            stream.info.details = Some("via_upstream".to_owned());

            let mut headers = Headers::of(Kind::Response);
            headers.add(":status", response.status.to_string());
            response
                .headers
                .iter()
                .for_each(|(name, value)| headers.add(name, value));
            stream.response = Some(headers);
        }
        let body = !head && !response.body.is_empty();
        let trailers = !head && !response.trailers.is_empty();
        let latency = run.dispatched.map(|sent| nanoseconds(now.saturating_sub(sent)));
        let stream = run.stream.clone();
        // Known from the last byte on.
        let complete = || stream.lock().info.backend_latency = latency;
        if !body && !trailers {
            complete();
        }
        self.feed(
            id,
            Direction::Encode,
            Item::Headers {
                end: !body && !trailers,
            },
        );
        if body {
            for chunk in response.body {
                self.feed(
                    id,
                    Direction::Encode,
                    Item::Data {
                        bytes: chunk,
                        end: false,
                    },
                );
            }
        }
        complete();
        if trailers {
            if let Some(run) = self.runs.get(&id) {
                run.stream.lock().response_trailers = Some(response.trailers);
            }
            self.feed(id, Direction::Encode, Item::Trailers);
        } else if body {
            self.feed(
                id,
                Direction::Encode,
                Item::Data {
                    bytes: Vec::new(),
                    end: true,
                },
            );
        }
    }
}
