//! The client: one connection a request, read until it ends.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::DEADLINE;
use crate::scenario::{Seen, Step};

/// Sends a step's request and reads what comes back until the connection ends.
pub(super) fn client(
    listener: SocketAddr,
    step: &Step,
    index: usize,
    request_is_seen: impl FnOnce(),
) -> Seen {
    let mut stream = TcpStream::connect(listener).expect("Envoy listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
    let mut request = format!("{} {} HTTP/1.1\r\n", step.method, step.path(index)).into_bytes();
    let host = step
        .host
        .iter()
        .map(|host| ("host".to_owned(), host.clone().into_bytes()));
    for (name, value) in host.chain(step.sent_headers()) {
        request.extend([name.as_bytes(), b": ", &value, b"\r\n"].concat());
    }
    request.extend(b"connection: close\r\n\r\n");
    if step.body.is_some() || !step.trailers.is_empty() {
        if let Some(body) = &step.body {
            request.extend(format!("{:x}\r\n{body}\r\n", body.len()).into_bytes());
        }
        request.extend(b"0\r\n");
        for (name, value) in &step.trailers {
            request.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        request.extend(b"\r\n");
    }
    stream.write_all(&request).expect("the request is sent");
    if step.abort {
        request_is_seen();
        return Seen {
            status: 0,
            headers: Vec::new(),
            body: String::new(),
            truncated: false,
        };
    }
    let mut response = Vec::new();
    drop(stream.read_to_end(&mut response));
    parse(&response, step.method == "HEAD")
}

/// Headers that Envoy adds after the filters, or that belong to the connection.
const HOP: &[&str] = &["date", "server", "connection", "transfer-encoding", "trailer"];

fn parse(response: &[u8], is_head: bool) -> Seen {
    let text = String::from_utf8_lossy(response).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok());
    let mut headers: Vec<(String, String)> = lines
        .filter_map(|line| {
            line.split_once(": ")
                .or_else(|| line.strip_suffix(':').map(|name| (name, "")))
        })
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let chunked = headers
        .iter()
        .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    headers.retain(|(name, _)| !HOP.contains(&name.as_str()));
    let promised = headers.iter().find(|(name, _)| name == "content-length");
    let promised = promised
        .and_then(|(_, length)| length.parse::<usize>().ok())
        .filter(|_| !is_head);
    let (body, truncated) = if chunked && !is_head {
        unchunk(body)
    } else {
        (
            body.to_owned(),
            promised.is_some_and(|promised| body.len() < promised),
        )
    };
    Seen {
        status: status.unwrap_or(0),
        headers,
        body,
        truncated,
    }
}

fn unchunk(mut text: &str) -> (String, bool) {
    let mut body = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let Ok(size) = usize::from_str_radix(size, 16) else {
            break;
        };
        if size == 0 {
            return (body, false);
        }
        body.push_str(rest.get(..size).unwrap_or(rest));
        text = rest.get(size + 2..).unwrap_or("");
    }
    (body, true)
}
