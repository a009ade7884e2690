//! `--sign` with a cosign that writes down how it was called.

use super::{Manner, Packaged, Registry, words};
use std::path::Path;
use std::process::Output;

/// Pushes with this script as cosign, and nothing else in PATH.
fn push(packaged: &Packaged, registry: &Registry, cosign: Option<&str>, arguments: &[&str]) -> Output {
    let folder = match cosign {
        Some(script) => packaged.program("cosign", script),
        None => packaged.path().to_owned(),
    };
    let mut command = packaged.fairlead();
    command
        .args(["push", &format!("{}/a", registry.address), "--sign"])
        .args(arguments);
    command
        .env("PATH", folder)
        .env("CALLS", packaged.path().join("calls"));
    command.output().unwrap()
}

const WRITES: &str = r#"echo "$*" >> "$CALLS"; echo signed"#;

fn calls(packaged: &Packaged) -> Vec<String> {
    let text = std::fs::read_to_string(packaged.path().join("calls")).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn each_image_is_signed_by_its_digest() {
    let packaged = Packaged::new();
    let registry = Registry::start(Manner::default());
    std::fs::write(packaged.path().join("cosign.key"), "").unwrap();
    let arguments = ["--key", "cosign.key", "--json", "--", "--tlog-upload=false"];
    let output = push(&packaged, &registry, Some(WRITES), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    let expected: Vec<String> = (["first.wasm", "first-lean.wasm"].iter())
        .map(|file| {
            let image = packaged.image(file);
            let (reference, digest) = (
                image["reference"].as_str().unwrap(),
                image["digest"].as_str().unwrap(),
            );
            format!(
                "sign --yes --key cosign.key --allow-http-registry --tlog-upload=false {reference}@{digest}"
            )
        })
        .collect();
    assert_eq!(
        calls(&packaged),
        ["version".to_owned()]
            .into_iter()
            .chain(expected)
            .collect::<Vec<_>>()
    );
    // What cosign says does not come between what is read by programs.
    assert!(
        serde_json::from_slice::<serde_json::Value>(&output.stdout).is_ok(),
        "{}",
        words(&output)
    );
}

#[test]
fn without_cosign_nothing_is_pushed() {
    let packaged = Packaged::new();
    let registry = Registry::start(Manner::default());
    let output = push(&packaged, &registry, None, &[]);
    let said = words(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.trim().lines().count(), 1, "{said}");
    assert!(said.contains("cosign is not in PATH"), "{said}");
    assert_eq!(registry.manifests(), 0);
}

#[test]
fn a_signature_that_fails_names_what_is_pushed_without_one() {
    let packaged = Packaged::new();
    let registry = Registry::start(Manner::default());
    let output = push(&packaged, &registry, Some(r#"[ "$1" = version ]"#), &[]);
    let said = words(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is pushed and not signed"), "{said}");
    assert!(packaged.image("first.wasm")["reference"].is_string());
}

#[test]
fn a_key_in_an_argument_is_refused_and_not_repeated() {
    let packaged = Packaged::new();
    let registry = Registry::start(Manner::default());
    for key in ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "secret-key-itself"] {
        let output = push(&packaged, &registry, Some(WRITES), &["--key", key]);
        let said = words(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("neither a file nor the URI") && !said.contains(key),
            "{said}"
        );
    }
    assert!(!Path::new(&packaged.path().join("calls")).exists());
    assert_eq!(registry.manifests(), 0);
}
