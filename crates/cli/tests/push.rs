//! `fairlead push` as its users run it, against a registry in this process that can misbehave. `istio_push.rs` asks a real one.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the functions between the tests may fail as tests do"
)]

#[path = "push/credentials.rs"]
mod credentials;
#[path = "push/failures.rs"]
mod failures;
#[path = "push/packaged.rs"]
mod packaged;
#[path = "push/registry.rs"]
mod registry;
#[path = "push/signatures.rs"]
mod signatures;
#[path = "push/tls.rs"]
mod tls;

use packaged::{Packaged, succeeded, types, words};
use registry::{Manner, Registry};
use serde_json::{Value, json};
use std::process::Output;

#[test]
fn what_arrives_is_what_was_packaged() {
    let packaged = Packaged::new();
    let registry = Registry::start(Manner::default());
    let printed = succeeded(&packaged.push(&format!("{}/acme/fairlead", registry.address), &[]));
    for file in ["first.wasm", "first-lean.wasm"] {
        let image = packaged.image(file);
        let repository = format!("acme/fairlead/{}", file.strip_suffix(".wasm").unwrap());
        let manifest = registry.manifest(&repository, "0.1.0").unwrap();
        assert_eq!(manifest, packaged.blob(&image["digest"]));
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        for part in [&manifest["config"], &manifest["layers"][0]] {
            let digest = part["digest"].as_str().unwrap();
            assert_eq!(registry.blob(digest).unwrap(), packaged.blob(&part["digest"]));
        }
        let reference = format!("{}/{repository}", registry.address);
        assert_eq!(image["reference"], reference);
        let pinned = format!("{reference}@{}", image["digest"].as_str().unwrap());
        assert!(printed.contains(&pinned), "{printed}");
    }
}

#[test]
fn json_says_where_each_image_is() {
    let packaged = Packaged::new();
    let registry = Registry::start(Manner::default());
    let arguments = ["--json", "--tag", "edge", "--only", "first"];
    let printed = succeeded(&packaged.push(&format!("{}/a", registry.address), &arguments));
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let image = packaged.image("first.wasm");
    assert_eq!(printed["tag"], "edge");
    assert_eq!(printed["images"].as_array().unwrap().len(), 1);
    let one = &printed["images"][0];
    assert_eq!(one["digest"], image["digest"]);
    assert_eq!(one["reference"], image["reference"]);
    assert_eq!(one["tagged"], format!("{}/a/first:edge", registry.address));
    assert_eq!(one["attached"], json!(["application/vnd.in-toto+json"]));
    assert_eq!(packaged.image("first-lean.wasm")["reference"], Value::Null);
    assert!(registry.manifest("a/first-lean", "edge").is_none());
}

#[test]
fn what_is_attached_is_found_where_the_registry_lists_nothing() {
    let packaged = Packaged::new();
    let registry = Registry::start(Manner::default());
    let image = packaged.image("first.wasm");
    let tag = image["digest"].as_str().unwrap().replace(':', "-");
    // Somebody else's signature, which stays.
    let other = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": format!("sha256:{}", "0".repeat(64)), "size": 1,
         "artifactType": "application/vnd.example.signature"}]});
    registry.put("a/first", &tag, &other);
    let target = format!("{}/a", registry.address);
    for _ in 0..2 {
        succeeded(&packaged.push(&target, &[]));
        let index = registry.manifest("a/first", &tag).unwrap();
        assert_eq!(
            types(&index),
            [
                "application/vnd.example.signature",
                "application/vnd.in-toto+json"
            ]
        );
        let index: Value = serde_json::from_slice(&index).unwrap();
        assert_eq!(index["manifests"][0], other["manifests"][0]);
        let attached = index["manifests"][1]["digest"].as_str().unwrap();
        let manifest: Value =
            serde_json::from_slice(&registry.manifest("a/first", attached).unwrap()).unwrap();
        assert_eq!(manifest["subject"]["digest"], image["digest"]);
        assert!(
            registry
                .blob(manifest["layers"][0]["digest"].as_str().unwrap())
                .is_some()
        );
    }
}

#[test]
fn a_registry_that_lists_by_itself_gets_no_second_list() {
    let packaged = Packaged::new();
    let registry = Registry::start(Manner {
        lists: true,
        ..Manner::default()
    });
    succeeded(&packaged.push(&format!("{}/a", registry.address), &[]));
    // Two images by tag, what is attached to each by digest, and nothing else.
    assert_eq!(registry.manifests(), 4);
}

#[test]
fn a_registry_that_is_busy_is_asked_again() {
    let packaged = Packaged::new();
    let registry = Registry::start(Manner {
        busy_at_first: true,
        lists: true,
        ..Manner::default()
    });
    succeeded(&packaged.push(&format!("{}/a", registry.address), &[]));
    // Whether a blob is there, where to put one, putting it; a manifest and what a tag is of; what is attached.
    assert_eq!(registry.asked(), 6);
    assert_eq!(registry.manifests(), 4);
}

#[test]
fn a_registry_that_does_not_say_where_it_puts_things_is_good_enough() {
    let packaged = Packaged::new();
    let registry = Registry::start(Manner {
        says_nowhere: true,
        ..Manner::default()
    });
    succeeded(&packaged.push(&format!("{}/a", registry.address), &[]));
}

#[test]
fn what_is_there_is_not_sent_again_and_a_moved_tag_is_told() {
    let packaged = Packaged::new();
    let registry = Registry::start(Manner::default());
    let target = format!("{}/a", registry.address);
    let sent = |output: &Output| {
        let printed: Value = serde_json::from_str(&succeeded(output)).unwrap();
        let images = printed["images"].as_array().unwrap();
        let sent: u64 = images.iter().map(|image| image["sent"].as_u64().unwrap()).sum();
        (sent, images[0]["moved_from"].clone())
    };
    let (first, before) = sent(&packaged.push(&target, &["--json"]));
    assert_eq!(before, Value::Null);
    let (again, before) = sent(&packaged.push(&target, &["--json"]));
    assert!(again < first, "{again} of {first}");
    assert_eq!(before, Value::Null);
    let old = packaged.image("first.wasm")["digest"].clone();
    packaged.package(&["--sbom", "none", "--annotation", "org.example.build=2"]);
    assert_ne!(packaged.image("first.wasm")["digest"], old);
    let output = packaged.push(&target, &["--json"]);
    assert_eq!(sent(&output).1, old);
}

#[test]
fn where_an_image_went_is_known_until_it_changes() {
    let packaged = Packaged::new();
    let registry = Registry::start(Manner::default());
    succeeded(&packaged.push(&format!("{}/a", registry.address), &[]));
    let reference = packaged.image("first.wasm")["reference"].clone();
    packaged.package(&["--sbom", "none"]);
    assert_eq!(packaged.image("first.wasm")["reference"], reference);
    packaged.package(&["--sbom", "none", "--revision", &"0".repeat(40)]);
    assert_eq!(packaged.image("first.wasm")["reference"], Value::Null);
}
