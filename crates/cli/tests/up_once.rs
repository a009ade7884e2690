//! `fairlead up` as its users run it: the built binary, the built module, a real Envoy. Without an Envoy or without
//! dist/rate-limit.wasm the tests skip themselves, unless `CI` is `true`.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "the functions between the tests may fail as tests do"
)]

use serde_json::Value;
use std::io::{BufRead, BufReader, Lines, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Enough for a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// `fairlead up` on free ports, or `None` to skip.
fn up(more: &[&str]) -> Option<Command> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let envoy: PathBuf = match fairlead_envoy::Locator::from_env(root.join(".fairlead")).locate_for_test() {
        Ok(found) => found?.path,
        Err(error) => panic!("{error}"),
    };
    let modules = root.join("dist");
    if !modules.join("rate-limit.wasm").is_file() {
        assert!(
            std::env::var_os("CI").is_none_or(|value| value != "true"),
            "there is no dist/rate-limit.wasm: build it with `cargo xtask build`"
        );
        let _ = writeln!(
            std::io::stderr(),
            "skipped: fairlead up (there is no dist/rate-limit.wasm)"
        );
        return None;
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_fairlead"));
    command
        .args(["up", "--port", "0", "--admin-port", "0", "--modules"])
        .arg(modules)
        .args(more)
        .env("FAIRLEAD_ENVOY", envoy)
        .stdin(Stdio::null());
    Some(command)
}

#[test]
fn every_promise_of_the_demo_holds() {
    let Some(mut command) = up(&["--once", "--json"]) else {
        return;
    };
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["ok"], true);
    assert_eq!(report["checks"].as_array().unwrap().len(), 15);
    let rules = report["rules"].as_array().unwrap();
    let of = |name: &str, count: &str| {
        rules.iter().find(|rule| rule["rule"] == name).unwrap()[count]
            .as_u64()
            .unwrap()
    };
    assert!(of("per-key", "admitted") > 100 && of("per-key", "denied") > 100);
    assert!(of("anonymous", "denied") > 0);
    assert!(of("search-trial", "would_deny") > 0);
    assert_eq!(of("search-trial", "denied"), 0);
}

#[test]
fn a_filter_that_does_nothing_is_found_out() {
    const IDLE: &str = r#"(module
        (memory (export "memory") 1)
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (i32.const 0))
        (func (export "proxy_on_context_create") (param i32 i32))
        (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
        (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1)))"#;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("rate-limit.wasm"),
        wat::parse_str(IDLE).unwrap(),
    )
    .unwrap();
    let Some(mut command) = up(&["--once", "--modules", folder.path().to_str().unwrap()]) else {
        return;
    };
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let failed: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("FAILED  "))
        .collect();
    for promise in [
        "a hammered key gets its quota",
        "a forged first X-Forwarded-For entry is no new client",
        "and counts those it would have refused",
        "metrics of per-key are what clients saw",
        "every refusal is a 429",
        "every admitted request is told its limits",
    ] {
        assert!(
            failed.iter().any(|line| line.starts_with(promise)),
            "{promise} is not in\n{said}"
        );
        assert!(said.lines().last().unwrap().contains(promise), "{said}");
    }
}

#[test]
fn a_policy_of_ones_own_is_checked_for_what_holds_for_any() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    let text = "rate_limit: {limits: [{name: all, rate: 1/h, burst: 1}], deny: {status: 503}}\n";
    std::fs::write(&policy, text).unwrap();
    let Some(mut command) = up(&["--once", "--json", "--policy", policy.to_str().unwrap()]) else {
        return;
    };
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let seen = |check: usize| report["checks"][check]["seen"].as_str().unwrap().to_owned();
    assert_eq!(
        (seen(0), seen(1)),
        ("v1 503 503".to_owned(), "503 503".to_owned())
    );
}

#[test]
fn a_wrong_policy_ends_with_2_and_names_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    std::fs::write(&policy, "rate_limit:\n  limits:\n  - {name: a, rate: fast}\n").unwrap();
    let Some(mut command) = up(&["--policy", policy.to_str().unwrap()]) else {
        return;
    };
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(
        errors.contains("policy.yaml:3: rate_limit.limits[0].rate"),
        "{errors}"
    );
}

#[test]
fn a_port_in_use_is_said_with_the_option_that_changes_it() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    for option in ["--upstream-v1-port", "--upstream-v2-port"] {
        let Some(mut command) = up(&[option, &port]) else {
            return;
        };
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        let expected = format!("port {port} is in use: choose another with {option}");
        assert!(
            output.status.code() == Some(1) && errors.contains(&expected),
            "{errors}"
        );
    }
}

/// A running demo.
struct Running {
    child: Child,
    /// Of the proxy and of its admin interface.
    addresses: Vec<SocketAddr>,
    /// Its standard output, which it would end without.
    _lines: Lines<BufReader<ChildStdout>>,
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
        _lines: lines,
    })
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
            _lines,
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
        _lines,
    }) = running()
    else {
        return;
    };
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    wait_until_gone(&addresses);
}
