//! `fairlead render` as its users run it: the built binary on the example of the first page, and what it makes in a real Envoy.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "the functions between the tests may fail as tests do"
)]

#[path = "render/envoy.rs"]
mod envoy;
#[path = "render/page.rs"]
mod page;
#[path = "render/recorded.rs"]
mod recorded;
#[path = "render/refused.rs"]
mod refused;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A path in the repository.
fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// `fairlead` in an empty folder, in which there is no record of images, without an istioctl.
fn fairlead(args: &[&str], input: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_fairlead"))
        .args(args)
        .current_dir(folder.path())
        .env("PATH", "")
        .env_remove("FAIRLEAD_ISTIOCTL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn quickstart() -> String {
    std::fs::read_to_string(at("examples/quickstart/policy.yaml")).unwrap()
}

/// What is made of the example.
fn made(args: &[&str]) -> String {
    let output = fairlead(&[&["render", "--policy", "-"], args].concat(), &quickstart());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Compares with a file; with `UPDATE_GOLDEN` set it writes the file anew.
fn check_golden(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/render")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, text).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(
        text, golden,
        "{name} is not current: run this test with UPDATE_GOLDEN=1 in the environment, and review the difference"
    );
}

fn images() -> String {
    at("crates/cli/tests/render/images.json")
        .to_string_lossy()
        .into_owned()
}

#[test]
fn the_example_is_one_plugin_on_a_gateway() {
    check_golden(
        "suite-wasmplugin.yaml",
        &made(&["--target", "istio", "--images", &images()]),
    );
}

#[test]
fn a_plugin_for_each_filter_keeps_the_order() {
    let args = [
        "--target",
        "traffic-extension",
        "--as",
        "filters",
        "--attach",
        "sidecar-outbound",
        "--port",
        "8000",
    ];
    let more = [
        "--namespace",
        "demo",
        "--name",
        "reviews",
        "--tag",
        "0.1.0",
        "--registry",
        "images.example.com/acme",
    ];
    check_golden(
        "filters-trafficextension.yaml",
        &made(&[&args[..], &more].concat()),
    );
}

#[test]
fn envoy_gateway_has_one_object() {
    let args = [
        "--target",
        "envoy-gateway",
        "--target-ref",
        "gateway/eg",
        "--images",
        &images(),
    ];
    check_golden("suite-envoyextensionpolicy.yaml", &made(&args));
}

#[test]
fn a_bootstrap_is_all_that_envoy_needs() {
    let args = [
        "--target",
        "envoy",
        "--bootstrap",
        "--upstream",
        "app:8080,v2=app-v2:8080",
    ];
    check_golden("suite-bootstrap.yaml", &made(&args));
}

/// Every shape of every kind of Kubernetes object.
fn manifests() -> Vec<String> {
    let mut all = Vec::new();
    for shape in ["suite", "filters", "parts"] {
        for target in ["istio", "traffic-extension"] {
            all.push(made(&["--target", target, "--as", shape]));
        }
        all.push(made(&[
            "--target",
            "envoy-gateway",
            "--as",
            shape,
            "--target-ref",
            "httproute/api",
        ]));
    }
    all
}

#[test]
fn check_accepts_what_was_made_and_finds_every_filter() {
    for manifest in manifests() {
        let output = fairlead(&["check", "-"], &manifest);
        let found = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{manifest}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        for filter in ["latency_histogram", "rate_limit", "canary", "circuit_breaker"] {
            assert_eq!(found.matches(&format!(": {filter}: ok")).count(), 1, "{found}");
        }
    }
}

#[test]
fn simulate_plays_what_was_made_as_it_plays_the_policy() {
    let dist = at("dist");
    let missing = [
        "suite",
        "latency-histogram",
        "rate-limit",
        "canary",
        "circuit-breaker",
    ]
    .into_iter()
    .find(|module| !dist.join(format!("{module}.wasm")).is_file());
    if let Some(missing) = missing {
        assert!(
            std::env::var_os("CI").is_none_or(|value| value != "true"),
            "there is no dist/{missing}.wasm"
        );
        let _ = writeln!(
            std::io::stderr(),
            "skipped: simulate what was made (there is no dist/{missing}.wasm)"
        );
        return;
    }
    let traffic = at("examples/suite/traffic.jsonl");
    let play = |policy: &str| {
        let args = [
            "simulate",
            "--policy",
            "-",
            "--traffic",
            traffic.to_str().unwrap(),
            "--modules",
        ];
        let output = fairlead(&[&args[..], &[dist.to_str().unwrap()]].concat(), policy);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let said = String::from_utf8(output.stdout).unwrap();
        said.lines().next().unwrap().to_owned()
    };
    let expected = play(&quickstart());
    assert!(expected.contains("requests: "), "{expected}");
    // Each shape and each kind once: every run compiles its modules.
    for manifest in manifests().iter().step_by(4) {
        assert_eq!(play(manifest), expected);
    }
}
