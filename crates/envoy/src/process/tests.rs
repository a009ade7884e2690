//! How an Envoy's end is explained, and what only an Envoy that misbehaves shows; the rest is in `tests/`.

#![cfg(unix)]

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use super::child::exit_error;
use super::{Envoy, Options};
use crate::{Bootstrap, Error};

/// A shell script that takes Envoy's arguments; `$admin` is the file for the admin address.
fn script(body: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("envoy");
    let arguments = r#"while [ $# -gt 0 ]; do [ "$1" = --admin-address-path ] && admin=$2; shift; done"#;
    crate::script::write(&path, &format!("{arguments}\n{body}"));
    (folder, path)
}

fn options(binary: PathBuf) -> Options {
    Options::new(binary, Bootstrap::new("test")).ready_within(Duration::from_secs(60))
}

#[test]
fn an_envoy_that_ignores_sigterm_is_killed() {
    let (_folder, path) = script("trap '' TERM; echo 127.0.0.1:1 >$admin; exec sleep 600");
    let envoy = Envoy::spawn(options(path).stop_within(Duration::from_millis(50))).unwrap();
    assert!(envoy.is_running());
    assert_eq!(envoy.stop().unwrap().signal(), Some(9));
}

#[test]
fn an_envoy_that_never_gets_ready_is_given_up_and_ended() {
    let (folder, path) = script("echo $$ >${0%/*}/pid; echo 127.0.0.1:1 >$admin; exec sleep 600");
    let refused = Envoy::start(options(path).ready_within(Duration::from_millis(500))).unwrap_err();
    assert!(matches!(refused, Error::Deadline { .. }), "{refused}");
    if let Ok(pid) = fs::read_to_string(folder.path().join("pid")) {
        assert!(!PathBuf::from("/proc").join(pid.trim()).exists());
    }
}

#[test]
fn an_envoy_that_dies_later_is_reported_with_its_last_words() {
    let (_folder, path) = script("echo 127.0.0.1:1 >$admin; echo 'out of luck' >&2; exit 7");
    let refused = Envoy::start(options(path)).unwrap_err();
    assert_eq!(refused.to_string(), "Envoy ended (exit status: 7): out of luck");
}

fn explained(log: &[&str]) -> String {
    let log: Vec<String> = log.iter().map(|line| (*line).to_owned()).collect();
    exit_error(ExitStatus::default(), &log).to_string()
}

#[test]
fn the_last_words_are_the_reason() {
    let said = explained(&[
        "[2026-11-20 23:02:38.585][1][info][main] loading",
        "[2026-11-20 23:02:38.585][1][critical][main] error `no such  field:   'idd'` initializing config",
        "  b3.json'",
        "no such  field:   'idd'",
        "",
    ]);
    assert_eq!(
        said,
        "Envoy ended (exit status: 0): b3.json' no such  field:   'idd'"
    );
}

#[test]
fn without_last_words_the_end_of_the_log_is_the_reason() {
    assert_eq!(
        explained(&["[1] a", "[2] b"]),
        "Envoy ended (exit status: 0): [1] a / [2] b"
    );
    assert_eq!(explained(&[]), "Envoy ended (exit status: 0): it wrote nothing");
}

#[test]
fn a_port_that_was_taken_meanwhile_is_said_as_such() {
    let said = explained(&[
        "[1][error][config] listener 'main' failed to bind or apply socket options: cannot bind '127.0.0.1:47749': \
         Address already in use",
    ]);
    assert_eq!(said, "port 47749 is in use: choose another for that listener");
}
