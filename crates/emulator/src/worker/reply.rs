//! Local replies: by a filter, by Envoy itself, and what becomes of a response that has begun already.

use super::Worker;
use super::chain::Direction;
use super::run::Item;
use crate::event::RequestId;
use crate::headers::{Headers, Kind};
use crate::report::Answer;
use crate::vm::GuestReply;

/// Response flag "no filter config found".
const NO_FILTER_CONFIG: u64 = 1 << 21;

/// A reply that did not come from an upstream.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) answer: Answer,
    pub(super) status: u16,
    pub(super) details: String,
    pub(super) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    pub(super) grpc_status: Option<u32>,
}

impl Reply {
    /// A reply by Envoy itself.
    pub(super) fn envoy(status: u16, details: &str, body: &str) -> Self {
        Self {
            answer: Answer::Envoy {
                details: details.to_owned(),
            },
            status,
            details: details.to_owned(),
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
            grpc_status: None,
        }
    }
}

impl Worker {
    /// `send_local_response`, once its callback has returned.
    pub(super) fn guest_reply(&mut self, id: RequestId, filter: usize, reply: GuestReply) {
        let plugin = self.slots.get(filter).and_then(|slot| slot.version.as_ref());
        let plugin = plugin
            .map(|version| version.plugin.name.clone())
            .unwrap_or_default();
        // Log lines are split at blanks, so Envoy has none in details.
        let details: String = String::from_utf8_lossy(&reply.details)
            .chars()
            .map(|letter| if letter.is_ascii_whitespace() { '_' } else { letter })
            .collect();
        self.reply(
            id,
            Reply {
                answer: Answer::Filter {
                    plugin,
                    details: details.clone(),
                },
                status: u16::try_from(reply.status).unwrap_or(u16::MAX),
                details,
                headers: reply.headers,
                body: reply.body,
                grpc_status: u32::try_from(reply.grpc_status)
                    .ok()
                    .filter(|status| *status <= 16),
            },
        );
    }

    /// The VM of a filter is dead: 503, once a stream.
    pub(super) fn fail_stream(&mut self, id: RequestId, filter: usize) {
        let Some(state) = self.runs.get_mut(&id).and_then(|run| run.filters.get_mut(filter)) else {
            return;
        };
        if !std::mem::replace(&mut state.failed, true) {
            self.reply(id, Reply::envoy(503, "wasm_fail_stream", ""));
        }
    }

    /// The plugin never had a configuration.
    pub(super) fn refuse(&mut self, id: RequestId) {
        if let Some(run) = self.runs.get(&id) {
            run.stream.lock().info.flags |= NO_FILTER_CONFIG;
        }
        self.reply(id, Reply::envoy(500, "", ""));
    }

    /// Gives a local reply: through the chain if no response has begun, directly to the client if one has begun but
    /// nothing was sent, else by cutting the stream.
    pub(super) fn reply(&mut self, id: RequestId, reply: Reply) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        if run.decoding {
            // The reply goes out after the callback. If there are several, the first counts, but with the last's details.
            run.stream.lock().info.details = Some(reply.details.clone());
            run.prepared.get_or_insert(reply);
            return;
        }
        let head = run.request.method.eq_ignore_ascii_case(b"HEAD");
        let begun = run.stream.lock().response.is_some();
        run.replied = true;
        run.stream.lock().info.details = Some(reply.details.clone());
        if run.sent.is_some() {
            self.cut(id);
            return;
        }
        run.answer = Some(reply.answer.clone());
        let (headers, body) = render(&reply, &run.stream.lock().request);
        let body = if head { Vec::new() } else { body };
        {
            let mut stream = run.stream.lock();
            stream.info.code = headers.text(":status").and_then(|status| status.parse().ok());
            let replaced = stream.response.replace(headers);
            stream.replaced = stream.replaced.take().or(replaced);
        }
        let end = body.is_empty();
        if begun {
            run.client_body.clear();
            self.send_on(id, Item::Headers { end });
            if !end {
                self.send_on(
                    id,
                    Item::Data {
                        bytes: body,
                        end: true,
                    },
                );
            }
        } else {
            self.feed(id, Direction::Encode, Item::Headers { end });
            if !end {
                self.feed(
                    id,
                    Direction::Encode,
                    Item::Data {
                        bytes: body,
                        end: true,
                    },
                );
            }
        }
    }

    /// `close_stream`.
    pub(super) fn reset(&mut self, id: RequestId, details: &str) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        run.replied = true;
        run.truncated = run.sent.is_some();
        run.answer = Some(Answer::Envoy {
            details: details.to_owned(),
        });
        self.finish(id);
    }

    /// The client has the headers already: all that is left is to end the stream.
    pub(super) fn cut(&mut self, id: RequestId) {
        if let Some(run) = self.runs.get_mut(&id) {
            run.truncated = true;
        }
        self.finish(id);
    }
}

/// The headers and the body of a local reply (source: Envoy's `Utility::prepareLocalReply`).
fn render(reply: &Reply, request: &Headers) -> (Headers, Vec<u8>) {
    let mut headers = Headers::of(Kind::Response);
    let grpc = request
        .get("content-type")
        .is_some_and(|kind| kind.starts_with(b"application/grpc"));
    if grpc {
        headers.add(":status", "200");
        headers.add("content-type", "application/grpc");
        let status = reply.grpc_status.unwrap_or_else(|| grpc_status(reply.status));
        headers.add("grpc-status", status.to_string());
        if !reply.body.is_empty() {
            headers.add("grpc-message", percent_encode(&reply.body));
        }
    } else {
        headers.add(":status", reply.status.to_string());
    }
    for (name, value) in &reply.headers {
        headers.add(name, value);
    }
    if grpc {
        return (headers, Vec::new());
    }
    if !reply.body.is_empty() {
        headers.set("content-length", reply.body.len().to_string());
        if headers.get("content-type").is_none() {
            headers.set("content-type", "text/plain");
        }
    }
    (headers, reply.body.clone())
}

/// Source: Envoy's `Grpc::Utility::httpToGrpcStatus`.
pub(crate) fn grpc_status(status: u16) -> u32 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

/// gRPC's encoding of messages: everything outside of printable ASCII, and the percent sign.
fn percent_encode(text: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(text.len());
    for byte in text {
        if (b' '..=b'~').contains(byte) && *byte != b'%' {
            encoded.push(*byte);
        } else {
            encoded.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    encoded
}
