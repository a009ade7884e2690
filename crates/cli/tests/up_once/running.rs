//! The demo that runs until it is asked to end.

use super::up;
use std::io::{BufRead, BufReader, Lines};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Enough for a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running demo.
struct Running {
    child: Child,
    /// Of the proxy and of its admin interface.
    addresses: Vec<SocketAddr>,
    /// Its standard output, which it would end without.
    lines: Lines<BufReader<ChildStdout>>,
}

fn running() -> Option<Running> {
    let mut child = up(&[])?.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = |line: &str| {
        let rest = line.split_once("http://")?.1;
        rest.split_whitespace().next()?.parse::<SocketAddr>().ok()
    };
    // Until the numbers of the first rule are more than nothing: the traffic runs.
    let mut addresses = Vec::new();
    for line in lines.by_ref().map(Result::unwrap) {
        if line.starts_with("proxy ") || line.starts_with("admin ") {
            addresses.extend(address(&line));
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["per-key", "enforce", "20/s", "burst", "20", admitted, ..] = words.as_slice()
            && *admitted != "0"
        {
            break;
        }
    }
    assert_eq!(addresses.len(), 2);
    Some(Running {
        child,
        addresses,
        lines,
    })
}

#[test]
fn who_watches_sees_breaker_and_guard_act_and_all_come_back() {
    let Some(Running {
        mut child, mut lines, ..
    }) = running()
    else {
        return;
    };
    let expected = [
        "the reviews answer 500 from now on",
        "the breaker opens",
        "the breaker closes",
        "v2 fails 50 % of its requests from now on",
        "v2: the guard takes it out",
        "v2: the hold is over",
    ];
    // The view repeats the last events and stretches, each with its time.
    let mut seen = 0;
    let deadline = Instant::now() + 2 * PATIENCE;
    while let Some(next) = expected.get(seen) {
        assert!(Instant::now() < deadline, "not seen: {next}");
        let line = lines.next().unwrap().unwrap();
        let event = line.split_once("  ").map_or("", |(_, event)| event);
        seen += usize::from(event.starts_with(next));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn wait_until_gone(addresses: &[SocketAddr]) {
    let deadline = Instant::now() + PATIENCE;
    while addresses
        .iter()
        .any(|address| TcpStream::connect(address).is_ok())
    {
        assert!(
            Instant::now() < deadline,
            "something still listens on one of {addresses:?}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn it_ends_cleanly_when_asked_to() {
    for signal in ["INT", "TERM"] {
        let Some(Running {
            mut child,
            addresses,
            lines: _lines,
        }) = running()
        else {
            return;
        };
        let asked = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status()
            .unwrap();
        assert!(asked.success());
        assert!(child.wait().unwrap().success(), "{signal}");
        wait_until_gone(&addresses);
    }
}

#[test]
fn nothing_outlives_it_even_if_it_is_killed() {
    let Some(Running {
        mut child,
        addresses,
        lines: _lines,
    }) = running()
    else {
        return;
    };
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    wait_until_gone(&addresses);
}
