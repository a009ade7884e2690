//! The attributes that `proxy_get_property` knows: those of Envoy that filters read, with Envoy's availability by phase
//! and Envoy's encodings (integers, times and durations eight bytes little endian, booleans one byte, strings raw).
//!
//! Absent: CEL expressions, dynamic metadata, TLS attributes, listener and cluster metadata.

use crate::abi::{Status, encode_pairs};
use crate::headers::Headers;
use crate::host::Version;
use crate::stream::Stream;

/// The address that the emulated upstream has, and its port.
const UPSTREAM: (&str, i64) = ("127.0.0.1:18080", 18_080);
/// The address that the emulated listener has, and its port.
const LISTENER: (&str, i64) = ("127.0.0.1:10000", 10_000);

/// Who asks.
pub(crate) struct Asker<'a> {
    pub(crate) stream: Option<(&'a Stream, usize)>,
    pub(crate) version: Option<&'a Version>,
    pub(crate) node_id: &'a str,
}

enum Value {
    Bytes(Vec<u8>),
    Int(i64),
    Bool(bool),
    /// A thing that has parts but cannot be encoded itself.
    Opaque,
}

/// Looks a path up: segments separated by one zero byte each.
pub(crate) fn get(asker: &Asker<'_>, path: &[u8]) -> Result<Vec<u8>, Status> {
    if path.is_empty() {
        return Err(Status::SerializationFailure);
    }
    let mut segments: Vec<&[u8]> = path.split(|byte| *byte == 0).collect();
    // A zero byte at the end closes the last segment and opens none.
    if segments.len() > 1 && segments.last() == Some(&&b""[..]) {
        segments.pop();
    }
    match find(asker, &segments).ok_or(Status::NotFound)? {
        Value::Bytes(bytes) => Ok(bytes),
        Value::Int(value) => Ok(value.to_le_bytes().to_vec()),
        Value::Bool(value) => Ok(vec![u8::from(value)]),
        Value::Opaque => Err(Status::SerializationFailure),
    }
}

fn find(asker: &Asker<'_>, path: &[&[u8]]) -> Option<Value> {
    let (first, rest) = path.split_first()?;
    match (*first, asker.stream) {
        (b"plugin_name", _) if rest.is_empty() => Some(text(&asker.version?.plugin.name)),
        (b"plugin_root_id", _) if rest.is_empty() => Some(text(&asker.version?.plugin.root_id)),
        (b"plugin_vm_id", _) if rest.is_empty() => Some(text(&asker.version?.plugin.vm_id)),
        (b"xds", stream) => xds(asker, stream.map(|(stream, _)| stream), rest),
        (b"request", Some((stream, filter))) => request(stream, filter, rest),
        (b"response", Some((stream, filter))) => response(stream, filter, rest),
        (b"upstream", Some((stream, _))) => upstream(stream, rest),
        (b"source", Some((stream, _))) => address(&stream.info.source, port_of(&stream.info.source), rest),
        (b"destination", Some(_)) => address(LISTENER.0, Some(LISTENER.1), rest),
        (b"connection", Some((stream, _))) => match rest {
            [] => Some(Value::Opaque),
            [b"id"] => Some(int(stream.info.connection)),
            [b"mtls"] => Some(Value::Bool(false)),
            _ => None,
        },
        (b"connection_id", Some((stream, _))) if rest.is_empty() => Some(int(stream.info.connection)),
        (b"filter_state", Some((stream, _))) => match rest {
            [] => Some(Value::Opaque),
            [key] => stream.info.filter_state.get(*key).cloned().map(Value::Bytes),
            _ => None,
        },
        (key, Some((stream, _))) if rest.is_empty() => stream
            .info
            .filter_state
            .get(&[b"wasm.", key].concat())
            .cloned()
            .map(Value::Bytes),
        _ => None,
    }
}

fn xds(asker: &Asker<'_>, stream: Option<&Stream>, rest: &[&[u8]]) -> Option<Value> {
    match (rest, stream) {
        ([], _) => Some(Value::Opaque),
        ([b"node", b"id"], _) => Some(text(asker.node_id)),
        ([b"node", b"cluster"], _) => Some(text("emulator")),
        ([b"cluster_name"], Some(stream)) => stream.info.route.as_ref().map(|(cluster, _)| text(cluster)),
        ([b"route_name"], Some(stream)) => stream.info.route.as_ref().map(|(_, route)| text(route)),
        ([b"virtual_host_name"], Some(_)) => Some(text("emulator")),
        ([b"filter_chain_name"], Some(_)) => Some(text("")),
        ([b"listener_direction"], Some(_)) => Some(Value::Int(0)),
        _ => None,
    }
}

fn request(stream: &Stream, filter: usize, rest: &[&[u8]]) -> Option<Value> {
    let info = &stream.info;
    let view = stream.views.get(filter)?;
    let headers = (view.logging || view.request_headers).then_some(&stream.request);
    let header = |name: &str| headers.and_then(|headers| headers.get(name)).map(bytes);
    match rest {
        [] => Some(Value::Opaque),
        [b"time"] => Some(int(info.start_wall)),
        [b"duration"] => info.duration.map(int),
        [b"protocol"] => Some(text(&info.protocol)),
        [b"size"] => Some(int(content_length(headers).unwrap_or(info.bytes_received))),
        [b"total_size"] => {
            let head = headers.map_or(0, Headers::byte_size) as u64;
            Some(int(info.bytes_received.saturating_add(head)))
        }
        [b"path"] => header(":path"),
        [b"url_path"] => {
            let path = headers?.get(":path")?;
            Some(bytes(path.split(|byte| *byte == b'?').next().unwrap_or_default()))
        }
        [b"query"] => {
            let path = headers?.get(":path")?;
            let query = path
                .iter()
                .position(|byte| *byte == b'?')
                .and_then(|at| path.get(at.saturating_add(1)..));
            let query = query.unwrap_or_default();
            Some(bytes(
                query.split(|byte| *byte == b'#').next().unwrap_or_default(),
            ))
        }
        [b"host"] => header(":authority"),
        [b"scheme"] => header(":scheme"),
        [b"method"] => header(":method"),
        [b"referer"] => header("referer"),
        [b"id"] => header("x-request-id"),
        [b"useragent"] => header("user-agent"),
        [b"headers"] => Some(map(headers)),
        [b"headers", name] => headers
            .and_then(|headers| headers.joined(&name.to_ascii_lowercase()))
            .map(Value::Bytes),
        _ => None,
    }
}

/// A whole map: each name once, its values joined. (Envoy's order is that of a hash map.)
fn map(headers: Option<&Headers>) -> Value {
    let mut names: Vec<&[u8]> = headers
        .iter()
        .flat_map(|headers| headers.iter())
        .map(|(name, _)| name)
        .collect();
    names.sort_unstable();
    names.dedup();
    let values: Vec<Vec<u8>> = names
        .iter()
        .map(|name| {
            headers
                .and_then(|headers| headers.joined(name))
                .unwrap_or_default()
        })
        .collect();
    Value::Bytes(encode_pairs(
        names.iter().copied().zip(values.iter().map(Vec::as_slice)),
    ))
}

fn response(stream: &Stream, filter: usize, rest: &[&[u8]]) -> Option<Value> {
    let info = &stream.info;
    let view = stream.views.get(filter)?;
    // What the filter still holds comes before what is logged.
    let held = stream.replaced.as_ref().filter(|_| view.response_headers);
    let headers = held
        .or(stream.response.as_ref())
        .filter(|_| view.logging || view.response_headers);
    let trailers = stream
        .response_trailers
        .as_ref()
        .filter(|_| view.logging || view.response_trailers);
    match rest {
        [] => Some(Value::Opaque),
        [b"code"] => info.code.map(|code| Value::Int(i64::from(code))),
        [b"code_details"] => info.details.as_deref().map(text),
        [b"flags"] => Some(int(info.flags)),
        [b"size"] => Some(int(info.bytes_sent)),
        [b"total_size"] => {
            let head = headers.map_or(0, Headers::byte_size) as u64;
            let tail = trailers.map_or(0, Headers::byte_size) as u64;
            Some(int(info.bytes_sent.saturating_add(head).saturating_add(tail)))
        }
        [b"grpc_status"] => grpc_status(headers, trailers, info.code),
        [b"backend_latency"] => info.backend_latency.map(int),
        [b"headers"] => Some(map(headers)),
        [b"headers", name] => headers
            .and_then(|headers| headers.joined(&name.to_ascii_lowercase()))
            .map(Value::Bytes),
        [b"trailers"] => Some(map(trailers)),
        [b"trailers", name] => trailers
            .and_then(|map| map.joined(&name.to_ascii_lowercase()))
            .map(Value::Bytes),
        _ => None,
    }
}

/// From trailers, else headers, else what gRPC makes of the HTTP status (source: Envoy's `httpToGrpcStatus`).
fn grpc_status(headers: Option<&Headers>, trailers: Option<&Headers>, code: Option<u16>) -> Option<Value> {
    for map in [trailers, headers].into_iter().flatten() {
        if let Some(status) = map.text("grpc-status").and_then(|status| status.parse().ok()) {
            return Some(Value::Int(status));
        }
    }
    let status = match code? {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    };
    Some(Value::Int(status))
}

fn upstream(stream: &Stream, rest: &[&[u8]]) -> Option<Value> {
    let connected = stream.info.upstream;
    match rest {
        [] => Some(Value::Opaque),
        [b"address"] => connected.then(|| text(UPSTREAM.0)),
        [b"port"] => connected.then_some(Value::Int(UPSTREAM.1)),
        [b"request_attempt_count"] => Some(Value::Int(i64::from(connected))),
        _ => None,
    }
}

fn address(address: &str, port: Option<i64>, rest: &[&[u8]]) -> Option<Value> {
    match rest {
        [] => Some(Value::Opaque),
        [b"address"] => Some(text(address)),
        [b"port"] => port.map(Value::Int),
        _ => None,
    }
}

fn port_of(address: &str) -> Option<i64> {
    address.rsplit_once(':').and_then(|(_, port)| port.parse().ok())
}

fn content_length(headers: Option<&Headers>) -> Option<u64> {
    headers?.text("content-length")?.parse().ok()
}

fn text(value: &str) -> Value {
    Value::Bytes(value.as_bytes().to_vec())
}

fn bytes(value: &[u8]) -> Value {
    Value::Bytes(value.to_vec())
}

fn int(value: u64) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}
