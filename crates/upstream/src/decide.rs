//! From a behavior to an answer; no I/O.

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, TRAILER};
use hyper::{HeaderMap, Response, StatusCode, Version};
use serde_json::Value;

use crate::behavior::Behavior;
use crate::record::RequestHead;
use crate::reply::{Content, Reply};

/// Every answer names the version in this header.
const VERSION: HeaderName = HeaderName::from_static("x-version");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// A request that is being answered.
pub(crate) struct Asked<'a> {
    pub(crate) head: &'a RequestHead,
    pub(crate) protocol: Version,
    pub(crate) body_bytes: u64,
    /// Whether it belongs to the failing share.
    pub(crate) fails: bool,
}

/// The status of the answer.
pub(crate) fn status(behavior: &Behavior, fails: bool) -> StatusCode {
    if fails {
        return behavior.fail_status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    }
    behavior.status.unwrap_or(StatusCode::OK)
}

/// A short text, as for errors and the upstream's own paths.
pub(crate) fn plain(name: &HeaderValue, status: StatusCode, text: String) -> Response<Reply> {
    typed(name, status, "text/plain", Reply::text(text))
}

pub(crate) fn json(name: &HeaderValue, value: &Value) -> Response<Reply> {
    typed(
        name,
        StatusCode::OK,
        "application/json",
        Reply::text(format!("{value}\n")),
    )
}

fn typed(
    name: &HeaderValue,
    status: StatusCode,
    content_type: &'static str,
    reply: Reply,
) -> Response<Reply> {
    let mut response = Response::new(reply);
    *response.status_mut() = status;
    response.headers_mut().insert(VERSION, name.clone());
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The answer that the behavior describes.
pub(crate) fn answer(name: &HeaderValue, behavior: &Behavior, asked: &Asked<'_>) -> Response<Reply> {
    let status = status(behavior, asked.fails);
    let grpc = behavior.grpc_status.filter(|_| !asked.fails);
    let (content, content_type) = content(name, behavior, asked, status);
    let mut reply = Reply::new(content);
    if let Some(pieces) = behavior.chunks {
        reply = reply.in_pieces(pieces, behavior.chunk_delay.unwrap_or_default());
    }
    if let Some(code) = grpc {
        reply = reply.with_trailers(grpc_trailers(code, behavior.grpc_message.as_ref()));
    }
    let mut response = typed(name, status, content_type, reply);
    if grpc.is_some() && asked.protocol < Version::HTTP_2 {
        // HTTP/1.1 sends only the trailers that were announced.
        response
            .headers_mut()
            .insert(TRAILER, HeaderValue::from_static("grpc-status, grpc-message"));
    }
    for (header, value) in &behavior.headers {
        response.headers_mut().insert(header.clone(), value.clone());
    }
    response
}

fn content(
    name: &HeaderValue,
    behavior: &Behavior,
    asked: &Asked<'_>,
    status: StatusCode,
) -> (Content, &'static str) {
    if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        return (Content::Filler(0), "text/plain");
    }
    if behavior.echo == Some(true) {
        let mut echo = asked.head.to_json();
        if let Value::Object(fields) = &mut echo {
            fields.insert("body_bytes".into(), asked.body_bytes.into());
        }
        return (Content::Text(format!("{echo}\n").into()), "application/json");
    }
    if behavior.grpc_status.is_some() && !asked.fails {
        return (Content::Filler(behavior.bytes.unwrap_or(0)), "application/grpc");
    }
    if let Some(bytes) = behavior.bytes {
        return (Content::Filler(bytes), "text/plain");
    }
    let name = String::from_utf8_lossy(name.as_bytes());
    let text = match status {
        StatusCode::OK => format!("hello from {name}\n"),
        other => format!("{name} answers {}\n", other.as_u16()),
    };
    (Content::Text(text.into()), "text/plain")
}

fn grpc_trailers(code: u8, message: Option<&HeaderValue>) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert(GRPC_STATUS, HeaderValue::from(u16::from(code)));
    if let Some(message) = message {
        trailers.insert(GRPC_MESSAGE, message.clone());
    }
    trailers
}
