//! What goes wrong, and what is said then.

use super::{Manner, Packaged, Registry, words};
use serde_json::Value;
use std::net::TcpListener;
use std::process::Output;

fn failed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", words(output));
    let said = words(output);
    assert!(said.contains("fairlead: "), "{said}");
    said
}

#[test]
fn a_registry_that_is_not_there_is_named_with_what_to_check() {
    let packaged = Packaged::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let said = failed(&packaged.push(&format!("{free}/a"), &[]));
    assert!(said.contains(&format!("{free} does not answer")), "{said}");
    assert!(said.contains("check the name and the port"), "{said}");
    assert_eq!(packaged.image("first.wasm")["reference"], Value::Null);
}

#[test]
fn a_registry_that_keeps_something_else_is_not_believed() {
    let packaged = Packaged::new();
    let registry = Registry::start(Manner {
        rewrites: true,
        ..Manner::default()
    });
    let said = failed(&packaged.push(&format!("{}/a", registry.address), &[]));
    let image = packaged.image("first.wasm");
    assert!(said.contains("do not deploy it"), "{said}");
    assert!(said.contains(image["digest"].as_str().unwrap()), "{said}");
    assert_eq!(image["reference"], Value::Null);
}

#[test]
fn what_arrived_before_a_failure_is_recorded() {
    let packaged = Packaged::new();
    let registry = Registry::start(Manner {
        denies: Some("lean"),
        ..Manner::default()
    });
    let said = failed(&packaged.push(&format!("{}/a", registry.address), &[]));
    assert!(said.contains("first-lean:0.1.0"), "{said}");
    assert!(said.contains("docker login"), "{said}");
    let reference = format!("{}/a/first", registry.address);
    assert_eq!(packaged.image("first.wasm")["reference"], reference);
    assert_eq!(packaged.image("first-lean.wasm")["reference"], Value::Null);
}

#[test]
fn without_a_packaged_image_the_command_that_makes_one_is_named() {
    let packaged = Packaged::new();
    std::fs::remove_file(packaged.path().join("dist/images.json")).unwrap();
    let said = failed(&packaged.push("localhost/a", &[]));
    assert!(said.contains("fairlead package"), "{said}");
}

#[test]
fn a_layout_that_was_changed_is_not_pushed() {
    let packaged = Packaged::new();
    let registry = Registry::start(Manner::default());
    let digest = packaged.image("first.wasm")["digest"].clone();
    let hex = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
    std::fs::write(packaged.path().join("dist/oci/blobs/sha256").join(hex), "{}").unwrap();
    let said = failed(&packaged.push(&format!("{}/a", registry.address), &[]));
    assert!(
        said.contains("the layout is incomplete") && said.contains("fairlead package"),
        "{said}"
    );
    assert_eq!(registry.manifests(), 0);
}

#[test]
fn a_place_or_an_image_that_is_none_is_refused_before_anything_is_sent() {
    let packaged = Packaged::new();
    for (arguments, expected) in [
        (["acme/fairlead", "--tag", "1"], "as in ghcr.io/acme/fairlead"),
        (["https://ghcr.io/acme", "--tag", "1"], "without a scheme"),
        (["localhost/acme", "--tag", "a b"], "is no tag"),
        (
            ["localhost/acme", "--only", "second"],
            "there are first, first-lean",
        ),
    ] {
        let said = failed(&packaged.push(arguments[0], &arguments[1..]));
        assert!(said.contains(expected), "{said}");
    }
}
