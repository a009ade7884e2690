//! What `fairlead render` makes for Istio, as Istio's own tool and a real API server see it. Without a control plane the tests
//! skip themselves, unless `CI` is `true`.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "the functions between the tests may fail as tests do"
)]

use fairlead_tests::control_plane::{Cluster, Refused, program};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn istioctl() -> Option<PathBuf> {
    program("istioctl")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `fairlead render` of a policy with all filters.
fn render(policy: &str, args: &[&str], istioctl: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fairlead"));
    let command = command
        .args(["render", "--policy", policy])
        .args(args)
        .current_dir(root());
    command.env("FAIRLEAD_ISTIOCTL", istioctl).output().unwrap()
}

/// `istioctl validate -f -`: status, and what it says.
fn validate(istioctl: &Path, text: &str) -> (bool, String) {
    let mut command = Command::new(istioctl);
    let command = command.args(["validate", "-f", "-"]).stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

const PLACES: [&[&str]; 6] = [
    &[],
    &[
        "--attach",
        "sidecar-outbound",
        "--port",
        "8000,8001",
        "--selector",
        "app=web,tier=front",
        "--namespace",
        "demo",
    ],
    &[
        "--attach",
        "gateway",
        "--target-ref",
        "gateway/eg",
        "--fail-strategy",
        "open",
        "--pull-secret",
        "regcred",
    ],
    &[
        "--attach",
        "gateway",
        "--mode",
        "client",
        "--port",
        "443",
        "--fail-strategy",
        "close",
        "--phase",
        "AUTHN",
    ],
    &[
        "--attach",
        "waypoint",
        "--target-ref",
        "service/reviews,serviceentry/other",
        "--namespace",
        "demo",
    ],
    &[
        "--attach",
        "waypoint",
        "--target-ref",
        "gatewayclass/istio-waypoint",
        "--priority",
        "-5",
        "--phase",
        "UNSPECIFIED_PHASE",
    ],
];

/// What is made of the example in every shape, for every place: with the options that ask for it.
fn every_shape_at_every_place(istioctl: &Path) -> Vec<(String, String)> {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/render/images.json");
    let mut all = Vec::new();
    for target in ["istio", "traffic-extension"] {
        for (shape, pinned) in [("suite", true), ("filters", false), ("parts", true)] {
            for place in PLACES {
                let mut args = vec!["--target", target, "--as", shape];
                if pinned {
                    args.extend(["--images", images.to_str().unwrap()]);
                } else {
                    args.extend(["--tag", "0.1.0"]);
                }
                args.extend(place);
                let output = render("examples/quickstart/policy.yaml", &args, istioctl);
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{args:?}: {said}");
                all.push((args.join(" "), String::from_utf8(output.stdout).unwrap()));
            }
        }
    }
    all
}

#[test]
fn istioctl_accepts_every_shape_at_every_place() {
    let Some(istioctl) = istioctl() else {
        return;
    };
    for (args, text) in every_shape_at_every_place(&istioctl) {
        let (is_good, said) = validate(&istioctl, &text);
        assert!(
            is_good && !said.to_lowercase().contains("warning"),
            "{args}: {said}\n{text}"
        );
    }
}

/// Schemas and rules of the custom resources, which istioctl does not have.
#[test]
fn an_api_server_takes_every_shape_at_every_place() {
    let (Some(istioctl), Some(cluster)) = (istioctl(), Cluster::start()) else {
        return;
    };
    let all = every_shape_at_every_place(&istioctl);
    for (args, text) in &all {
        if let Err(Refused(why)) = cluster.dry_run(text) {
            panic!("{args}: {why}\n{text}");
        }
    }
    // Or the above would hold of anything.
    let (_, text) = all.first().unwrap();
    for (right, wrong) in [
        ("  phase: STATS", "  phase: SOON"),
        ("imagePullPolicy:", "imagePolicy:"),
    ] {
        assert!(text.contains(right), "{text}");
        assert!(cluster.dry_run(&text.replace(right, wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn a_check_asks_istioctl_both_questions() {
    let Some(istioctl) = istioctl() else {
        return;
    };
    for target in ["istio", "traffic-extension"] {
        for policy in [
            "examples/quickstart/policy.yaml",
            "examples/demo/policy.yaml",
            "examples/suite/policy.yaml",
        ] {
            let output = render(
                policy,
                &["--target", target, "--as", "filters", "--check", "--tag", "1"],
                &istioctl,
            );
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && !output.stdout.is_empty(), "{said}");
            for question in ["istioctl validate: ", "istioctl analyze: "] {
                assert!(said.lines().any(|line| line.starts_with(question)), "{said}");
            }
        }
    }
}

/// Or the tests above would hold of anything.
#[test]
fn istioctl_refuses_what_is_wrong() {
    let Some(istioctl) = istioctl() else {
        return;
    };
    let output = render(
        "examples/quickstart/policy.yaml",
        &["--target", "istio", "--tag", "1"],
        &istioctl,
    );
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(validate(&istioctl, &text).0);
    for (right, wrong) in [
        ("FAIL_RELOAD", "FAIL_SOON"),
        ("  phase:", "  faze:"),
        ("url: oci:", "url: ftp:"),
    ] {
        assert!(text.contains(right));
        let (is_good, said) = validate(&istioctl, &text.replace(right, wrong));
        assert!(!is_good, "{wrong}: {said}");
    }
}
