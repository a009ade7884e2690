//! `fairlead convert` as its users run it. Whatever it makes goes through the reader that a proxy's filter has.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the functions between the tests may fail as tests do"
)]

#[path = "convert/destination_rule.rs"]
mod destination_rule;
#[path = "convert/opossum.rs"]
mod opossum;
#[path = "convert/resilience4j.rs"]
mod resilience4j;

use fairlead_config::circuit_breaker::Breaker;
use fairlead_config::policy::{Checked, parse_policy};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// `fairlead` with these arguments and this standard input.
fn fairlead(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fairlead"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// What a conversion said.
struct Converted {
    /// On standard output.
    yaml: String,
    /// The same as the filter reads it.
    breakers: Vec<Breaker>,
    /// On standard error, without the name of the file.
    notes: Vec<String>,
}

/// Converts, and checks that the policy means the same in YAML, in JSON and in the report.
fn convert(input: &str, args: &[&str]) -> Converted {
    let run = |more: &[&str]| {
        let output = fairlead(&[&["convert", "-"], args, more].concat(), input);
        let said = String::from_utf8(output.stdout).unwrap();
        let noted = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}{noted}");
        (said, noted)
    };
    let (yaml, noted) = run(&[]);
    let checked = fairlead(&["check", "-"], &yaml);
    assert!(
        checked.status.success(),
        "{yaml}{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    let (json, _) = run(&["--output", "json"]);
    let (report, silent) = run(&["--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["policy"], json);
    assert_eq!(silent, "");
    let prefix = "standard input";
    let notes: Vec<String> = noted
        .lines()
        .map(|line| {
            line.strip_prefix(prefix)
                .unwrap()
                .trim_start_matches([':', ' '])
                .to_owned()
        })
        .collect();
    let fates = ["became: ", "changed: ", "lost: ", "stays: "];
    let lines = notes
        .iter()
        .filter(|note| fates.iter().any(|fate| note.contains(fate)));
    assert_eq!(
        report["notes"].as_array().unwrap().len(),
        lines.count(),
        "{noted}"
    );
    let breakers = breakers(&json);
    Converted {
        yaml,
        breakers,
        notes,
    }
}

impl Converted {
    /// The policy without its comments.
    fn policy(&self) -> String {
        let bare = |line: &str| line.split("   # ").next().unwrap().to_owned();
        self.yaml
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .map(bare)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Asserts that there is exactly one note that begins so, and that it goes on with each of these.
    fn says(&self, begins: &str, parts: &[&str]) {
        let found: Vec<&String> = self
            .notes
            .iter()
            .filter(|note| note.starts_with(begins))
            .collect();
        assert_eq!(found.len(), 1, "{begins}: {:#?}", self.notes);
        for part in parts {
            assert!(found[0].contains(part), "{part} is not in {}", found[0]);
        }
    }
}

fn breakers(policy: &Value) -> Vec<Breaker> {
    let mut filters = parse_policy(policy).unwrap().filters;
    assert_eq!(filters.len(), 1);
    match filters.remove(0).checked {
        Checked::CircuitBreaker(config) => config.breakers,
        other => panic!("{other:?}"),
    }
}

/// Asserts that the input is refused, and why.
fn refused(input: &str, args: &[&str], messages: &[&str]) {
    let output = fairlead(&[&["convert", "-"], args].concat(), input);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(output.stdout.is_empty(), "{input}");
    let lines: Vec<&str> = said.lines().collect();
    let expected: Vec<String> = messages
        .iter()
        .map(|message| format!("standard input{message}"))
        .collect();
    assert_eq!(lines, expected);
}

/// One of the samples in examples/.
fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples/circuit-breaker/convert")
        .join(name)
}

#[test]
fn a_file_is_named_in_every_note_and_nothing_else_is_on_standard_output() {
    let file = sample("reviews.yaml");
    let file = file.to_str().unwrap();
    let output = fairlead(&["convert", file], "");
    assert_eq!(output.status.code(), Some(0));
    let notes = String::from_utf8(output.stderr).unwrap();
    assert!(
        notes.lines().all(|line| line.starts_with(&format!("{file}:"))),
        "{notes}"
    );
    assert!(
        notes.ends_with(": 2 breakers: 4 became, 3 changed, 2 lost, 8 stay\n"),
        "{notes}"
    );
    let policy = String::from_utf8(output.stdout).unwrap();
    assert!(policy.contains("\ncircuit_breaker:\n  breakers:\n"), "{policy}");
}

#[test]
fn what_is_none_of_these_is_refused_with_what_to_do() {
    refused(
        "rate_limit: {limits: []}",
        &[],
        &[
            ":1: is no DestinationRule, no options of opossum and no configuration of resilience4j: say what it is with --from",
        ],
    );
    refused(
        "",
        &[],
        &[
            ": is no DestinationRule, no options of opossum and no configuration of resilience4j: say what it is with --from",
        ],
    );
    refused(
        "timeout: 1\ntimeout: 2",
        &[],
        &[":2: timeout: is there twice: write it once"],
    );
    let output = fairlead(&["convert", "no-such-file.yaml"], "");
    assert_eq!(output.status.code(), Some(2));
    let output = fairlead(&["convert", "-", "--name", "a b"], "{}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_broken_document_is_refused_with_its_line() {
    let output = fairlead(&["convert", "-"], "timeout: 1\nresetTimeout: [1\n");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("standard input:3: cannot be read: "), "{said}");
}
