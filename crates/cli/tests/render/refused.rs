//! What cannot be made: with which words, and with nothing on standard output.

use super::{at, fairlead, made, quickstart};
use std::process::Command;

/// The lines on standard error of what cannot be made, with nothing on standard output.
fn refused(args: &[&str], policy: &str) -> String {
    let output = fairlead(&[&["render", "--policy", "-"], args].concat(), policy);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn everything_that_cannot_work_is_said_at_once() {
    let args = [
        "--target",
        "istio",
        "--attach",
        "sidecar-inbound",
        "--target-ref",
        "service/a",
        "--port",
        "0",
        "--name",
        "A",
    ];
    let said = refused(
        &[&args[..], &["--images", "none.json", "--service", "none.yaml"]].concat(),
        &quickstart(),
    );
    for option in [
        "--attach",
        "--target-ref",
        "--port",
        "--name",
        "--images",
        "--service",
    ] {
        let count = said
            .lines()
            .filter(|line| line.starts_with(&format!("{option}: ")))
            .count();
        assert_eq!(count, 1, "{option}: {said}");
    }
    assert_eq!(said.lines().count(), 6, "{said}");
}

#[test]
fn a_policy_is_checked_as_check_does() {
    let policy = "rate_limit:\n  limits:\n  - {name: a, rate: 5}\n  mode: on\n";
    let said = refused(&["--target", "istio"], policy);
    let checked = fairlead(&["check", "-"], policy);
    assert_eq!(said, String::from_utf8(checked.stderr).unwrap());
    assert_eq!(said.lines().count(), 2, "{said}");
}

#[test]
fn what_was_made_is_no_policy() {
    let manifest = made(&["--target", "istio"]);
    assert!(refused(&["--target", "istio"], &manifest).contains("is a Kubernetes object: write a policy"));
    assert!(refused(&["--target", "istio"], "").contains("is empty"));
}

#[test]
fn a_service_tells_the_ports_apart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("service.yaml");
    let service =
        "kind: Service\nmetadata: {name: api}\nspec:\n  ports:\n  - {port: 8000, targetPort: 8080}\n";
    std::fs::write(&file, service).unwrap();
    let file = file.to_str().unwrap();
    let outbound = [
        "--target",
        "istio",
        "--attach",
        "sidecar-outbound",
        "--service",
        file,
    ];
    assert!(made(&outbound).contains("    - number: 8000\n"));
    let said = refused(&[&outbound[..], &["--port", "8080"]].concat(), &quickstart());
    assert!(
        said.starts_with("--port: 8080 is what the application listens on"),
        "{said}"
    );
}

#[test]
fn a_check_that_nobody_can_make_fails() {
    let said = refused(&["--target", "istio", "--check"], &quickstart());
    assert!(
        said.lines()
            .last()
            .unwrap()
            .starts_with("--check: there is no istioctl in PATH"),
        "{said}"
    );
    let said = refused(&["--target", "envoy", "--check"], &quickstart());
    assert!(
        said.starts_with("--check: asks istioctl, which knows Istio's objects only"),
        "{said}"
    );
}

#[cfg(unix)]
#[test]
fn nothing_is_printed_that_istioctl_refuses() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("istioctl");
    let run = |script: &str| {
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let policy = at("examples/quickstart/policy.yaml");
        let args = ["render", "--target", "istio", "--check", "--policy"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_fairlead"));
        let command = command.args(args).arg(policy).env("FAIRLEAD_ISTIOCTL", &program);
        command.current_dir(folder.path()).output().unwrap()
    };
    let good = run("cat >/dev/null; echo fine");
    assert!(good.status.success() && !good.stdout.is_empty());
    for bad in [
        "cat >/dev/null; echo no; test \"$1\" != validate",
        "cat >/dev/null; test \"$1\" != analyze",
    ] {
        let output = run(bad);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{bad}");
    }
}
