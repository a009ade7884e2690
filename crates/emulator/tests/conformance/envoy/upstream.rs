//! The upstream: an HTTP/1 server that does what the step in the path says.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::scenario::{Scenario, Step, Up};

/// An HTTP/1 server that does what the step in the path says; it lives as long as the test process.
pub(super) fn serve(scenario: &Scenario) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let steps = scenario.steps.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let steps = steps.clone();
            std::thread::spawn(move || connection(stream, &steps));
        }
    });
    address
}

fn connection(mut stream: TcpStream, steps: &[Step]) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = message_end(&buffer) {
                break end;
            }
            let mut chunk = [0; 4096];
            let count = stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
            buffer.extend(&chunk[..count]);
        };
        let message: Vec<u8> = buffer.drain(..end).collect();
        let text = String::from_utf8_lossy(&message).into_owned();
        let path = text.split(' ').nth(1)?.to_owned();
        let index: usize = path.split('/').nth(2)?.split('?').next()?.parse().ok()?;
        let head = text.starts_with("HEAD");
        match &steps.get(index)?.up {
            Up::Answer {
                status,
                headers,
                body,
                trailers,
            } => {
                let mut response = format!("HTTP/1.1 {status} x\r\n");
                for (name, value) in headers {
                    write!(response, "{name}: {value}\r\n").ok()?;
                }
                let length = if *status == 204 || head {
                    ""
                } else {
                    "content-length: 0\r\n"
                };
                if body.is_empty() && trailers.is_empty() {
                    write!(response, "{length}\r\n").ok()?;
                    stream.write_all(response.as_bytes()).ok()?;
                    continue;
                }
                response.push_str("transfer-encoding: chunked\r\n\r\n");
                if head {
                    stream.write_all(response.as_bytes()).ok()?;
                    continue;
                }
                for (number, chunk) in body.iter().enumerate() {
                    if number > 0 {
                        // The chunks are to arrive apart.
                        stream.write_all(response.as_bytes()).ok()?;
                        response.clear();
                        std::thread::sleep(Duration::from_millis(30));
                    }
                    write!(response, "{:x}\r\n{chunk}\r\n", chunk.len()).ok()?;
                }
                response.push_str("0\r\n");
                for (name, value) in trailers {
                    write!(response, "{name}: {value}\r\n").ok()?;
                }
                response.push_str("\r\n");
                stream.write_all(response.as_bytes()).ok()?;
            }
            Up::Close => return None,
            Up::Never | Up::NoRoute | Up::Unreachable | Up::Timeout => {
                drop(stream.read(&mut [0; 1]));
                return None;
            }
        }
    }
}

/// The length of the first complete message.
fn message_end(buffer: &[u8]) -> Option<usize> {
    let find = |from: usize, what: &[u8]| {
        buffer
            .get(from..)?
            .windows(what.len())
            .position(|window| window == what)
            .map(|at| from + at + what.len())
    };
    let head = find(0, b"\r\n\r\n")?;
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    if !text.contains("transfer-encoding: chunked") {
        return Some(head);
    }
    let last = if buffer.get(head..head + 3) == Some(b"0\r\n") {
        head
    } else {
        find(head, b"\r\n0\r\n")? - 3
    };
    if buffer.get(last..last + 5) == Some(b"0\r\n\r\n") {
        Some(last + 5)
    } else {
        find(last, b"\r\n\r\n")
    }
}
