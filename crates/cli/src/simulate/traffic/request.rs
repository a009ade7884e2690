//! What a request line says about the request itself, the client and the upstream.

use super::Setting;
use super::fields::{self, Fields, Wrong};
use crate::document::{Entry, Kind, Node, quoted};
use fairlead_emulator::{Headers, LocalReply, Request, Response, Upstream};
use std::time::Duration;

const DEFAULT_AFTER: Duration = Duration::from_millis(1);
const STATUS: &str = "a status: write an integer from 200 to 599, or 101";
/// What gRPC requests are known by.
const GRPC: &[u8] = b"application/grpc";
/// A gRPC message without fields: not compressed, of length 0.
const EMPTY_MESSAGE: [u8; 5] = [0; 5];

/// Reads the fields of a request that become part of it; what cannot be read is left at its default.
pub(super) fn read(fields: &mut Fields<'_, '_>, setting: Setting<'_>) -> Request {
    let method = fields.read("method", "a method: write a name, as in GET", |value, _| {
        value.text().filter(|text| is_token(text))
    });
    let path = fields.read(
        "path",
        "a path: write it without blanks, as in /orders?page=2",
        |value, _| {
            value
                .text()
                .filter(|text| !text.is_empty() && text.bytes().all(|b| b > b' ' && b != 0x7f))
        },
    );
    let mut headers = fields.read("headers", HEADERS, headers).unwrap_or_default();
    let is_grpc = is_grpc(&headers);
    let default_method = if is_grpc { "POST" } else { "GET" };
    let mut request = Request::new(method.unwrap_or(default_method), path.unwrap_or("/"));
    if is_grpc {
        // As every client of gRPC sends it: with trailers welcome, and with a message.
        if headers.get("te").is_none() {
            headers.add("te", "trailers");
        }
        request = request.body(EMPTY_MESSAGE);
    }
    request = request.headers(headers);
    let name = |value: &Node| value.text().filter(|text| !text.is_empty()).map(str::to_owned);
    if let Some(authority) = fields.read(
        "authority",
        "a host: write it as text, as in api.example.com",
        |value, _| name(value),
    ) {
        request = request.authority(authority);
    }
    if let Some(source) = fields.read(
        "source",
        "an address: write address:port, as in 10.0.0.1:50000 or [2001:db8::1]:50000",
        |value, _| name(value).filter(|text| text.parse::<std::net::SocketAddr>().is_ok()),
    ) {
        request = request.source(source);
    }
    if let Some(cluster) = fields.read("cluster", "the name of a cluster: write text", |value, _| {
        name(value)
    }) {
        request = request.cluster(cluster);
    }
    if let Some(route) = fields.read("route", "the name of a route: write text", |value, _| name(value)) {
        request = request.route(route);
    }
    if let Some(worker) = fields.read("worker", "", |value, wrong| {
        fields::worker(value, setting.workers, wrong)
    }) {
        request = request.worker(worker);
    }
    if let Some(after) = fields.read("abort_after", "", fields::after_start) {
        request = request.abort_after(after);
    }
    if let Some(upstream) = upstream(fields) {
        request = request.upstream(upstream);
    }
    request
}

/// Whether it is what Envoy takes for gRPC: gRPC-Web is not.
fn is_grpc(headers: &Headers) -> bool {
    let kind = headers.get("content-type");
    let rest = kind.and_then(|kind| kind.strip_prefix(GRPC));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+')))
}

fn upstream(fields: &mut Fields<'_, '_>) -> Option<Upstream> {
    const WHAT: &str = "what an upstream does: write an object, as in {\"status\": 200, \"after\": \"20ms\"}";
    let mut fields = fields.object("upstream", WHAT)?;
    let is_true = |value: &Node, _: Wrong<'_>| (value.kind == Kind::Bool(true)).then_some(());
    const TRUE: &str = "true: write true, or leave the field out";
    if fields.get("never").is_some() {
        fields.known(&["never"], "an upstream that never answers");
        return fields.read("never", TRUE, is_true).map(|()| Upstream::Never);
    }
    let after = fields
        .read("after", "", fields::after_start)
        .unwrap_or(DEFAULT_AFTER);
    if fields.get("reset").is_some() {
        fields.known(&["reset", "after"], "an upstream that resets");
        return fields
            .read("reset", TRUE, is_true)
            .map(|()| Upstream::Reset { after });
    }
    if fields.get("local_reply").is_some() {
        fields.known(&["local_reply", "after"], "a reply by the proxy itself");
        let flag = "a reply of the proxy itself: write UF, UT, NR or UO";
        let reply = fields.read("local_reply", flag, |value, _| {
            value.text().and_then(LocalReply::from_flag)
        });
        return reply.map(|reply| Upstream::LocalReply { reply, after });
    }
    let known = ["status", "after", "headers", "trailers", "body"];
    fields.known(
        &known,
        "an upstream (reset, local_reply and never stand without a status)",
    );
    let status = fields.read("status", STATUS, |value, _| {
        fields::integer(value)
            .and_then(|status| u16::try_from(status).ok())
            .filter(|status| *status == 101 || (200..=599).contains(status))
    });
    let mut response = Response::new(status.unwrap_or(200)).after(after);
    response.headers = fields.read("headers", HEADERS, headers).unwrap_or_default();
    response.trailers = fields.read("trailers", HEADERS, headers).unwrap_or_default();
    if let Some(body) = fields.read("body", "", |value, wrong| fields::bytes(value, "", wrong))
        && !body.is_empty()
    {
        response = response.body(body);
    }
    Some(Upstream::Response(response))
}

const HEADERS: &str =
    "headers: write a map, or a list of pairs as in [[\"accept\", \"a\"], [\"accept\", \"b\"]]";

/// A map, or a list of pairs where names repeat or their order matters.
fn headers(value: &Node, wrong: Wrong<'_>) -> Option<Headers> {
    let mut headers = Headers::new();
    let before = wrong.len();
    match &value.kind {
        Kind::Object(entries) => {
            for (index, Entry { key, value, .. }) in entries.iter().enumerate() {
                let path = crate::document::join("", key);
                let path = if path.starts_with('[') {
                    path
                } else {
                    format!(".{path}")
                };
                if entries
                    .iter()
                    .take(index)
                    .any(|earlier| earlier.key.eq_ignore_ascii_case(key))
                {
                    let fix = "is there twice: write all headers as a list of pairs [name, value]";
                    wrong.push((path, fix.to_owned()));
                } else {
                    add(&mut headers, key, value, &path, wrong);
                }
            }
        }
        Kind::List(pairs) => {
            for (index, pair) in pairs.iter().enumerate() {
                let path = format!("[{index}]");
                match &pair.kind {
                    Kind::List(parts) => match &parts[..] {
                        [
                            Node {
                                kind: Kind::Text(name),
                                ..
                            },
                            value,
                        ] => {
                            add(&mut headers, name, value, &path, wrong);
                        }
                        _ => wrong.push((path, "a list is not a pair: write [name, value]".to_owned())),
                    },
                    _ => wrong.push((
                        path,
                        format!("{} is not a pair: write [name, value]", pair.excerpt()),
                    )),
                }
            }
        }
        _ => return None,
    }
    (wrong.len() == before).then_some(headers)
}

fn add(headers: &mut Headers, name: &str, value: &Node, path: &str, wrong: Wrong<'_>) {
    if let Some(field) = match name {
        ":authority" | "host" | "Host" => Some("authority"),
        ":path" => Some("path"),
        ":method" => Some("method"),
        ":status" => Some("status"),
        _ => None,
    } {
        return wrong.push((
            path.to_owned(),
            format!("is not a header here: write it in the field {field}"),
        ));
    }
    if !is_token(name) {
        let message = format!(
            "{} is not a header name: write letters, digits and -",
            quoted(name)
        );
        return wrong.push((path.to_owned(), message));
    }
    let Some(bytes) = fields::bytes(value, path, wrong) else {
        return;
    };
    if bytes.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
        let message = format!("{} is not a header value: write one line", value.excerpt());
        return wrong.push((path.to_owned(), message));
    }
    headers.add(name, bytes);
}

/// A token of RFC 9110.
fn is_token(text: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(known)
}
