//! The demo whose breaker leaks: a request reaches the reviews while it is open.

use super::{failed, up};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Enough for a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the reviews on this port answer; `None`: nothing.
fn ask(port: u16, target: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let request = format!("GET {target} HTTP/1.1\r\nhost: reviews\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Sends one request past the proxy as soon as the reviews were told to hold what comes, which is while the breaker is open.
fn leak(child: &mut Child, port: u16) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() && Instant::now() < deadline {
        if ask(port, "/_control").is_some_and(|answer| answer.contains("hold=1")) {
            let answer = ask(port, "/reviews/1?hold=0&reset=0").unwrap_or_default();
            return answer.starts_with("HTTP/1.1 200 ");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

#[test]
fn a_request_that_gets_past_an_open_breaker_is_found_out() {
    // Somebody else may take a port before the demo does.
    for _ in 0..3 {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        let Some(mut command) = up(&["--once", "--upstream-reviews-port", &port.to_string()]) else {
            return;
        };
        drop(free);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let leaked = leak(&mut child, port);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        if errors.contains("is in use") {
            continue;
        }
        assert!(leaked, "{said}{errors}");
        assert_eq!(output.status.code(), Some(1), "{said}");
        let failed = failed(&said);
        assert_eq!(failed.len(), 1, "{said}");
        assert!(failed[0].starts_with("while it is open, nothing reaches the reviews"));
        return;
    }
    panic!("no free port");
}
