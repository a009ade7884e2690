use super::*;
use crate::module::{Build, Module};
use crate::{Digest, sbom};
use serde_json::{Value, json};
use std::path::Path;

/// The source that this crate is part of.
fn source() -> Source {
    Source::at(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), None).unwrap()
}

fn name(name: &str, version: &str) -> Name {
    Name {
        name: name.into(),
        version: version.into(),
    }
}

fn module(name: &str) -> Module {
    Module {
        name: name.into(),
        build: Build::Full,
        left_out: Vec::new(),
        bytes: b"\0asm\x01\0\0\0".to_vec(),
    }
}

fn document_of(contents: &Contents, module: &Module) -> Value {
    serde_json::from_slice(&sbom::document(contents, module, "0.1.0").unwrap()).unwrap()
}

const TREE: &str = "0own v0.1.0 (/a b/own)\tApache-2.0\thttps://example.com/own\n\
    1left v1.0.0\tMIT/Apache-2.0\thttps://example.com/left\n\
    2deep v2.0.0+x\t\t\n\
    1right v1.1.0\tMIT\thttps://example.com/right\n\
    2left v1.0.0\tMIT/Apache-2.0\thttps://example.com/left (*)\n\
    1deep v2.0.0+x\t\t\n";

#[test]
fn a_tree_is_read_with_who_uses_whom() {
    let contents = tree::read(TREE).unwrap();
    assert_eq!(contents.root, name("own", "0.1.0"));
    let uses = |of: &Name| {
        contents.crates[of]
            .uses
            .iter()
            .map(|it| it.name.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(uses(&contents.root), ["deep", "left", "right"]);
    assert_eq!(uses(&name("left", "1.0.0")), ["deep"]);
    assert_eq!(uses(&name("right", "1.1.0")), ["left"]);
    let left = &contents.crates[&name("left", "1.0.0")];
    assert_eq!(left.license.as_deref(), Some("MIT OR Apache-2.0"));
    assert_eq!(left.repository.as_deref(), Some("https://example.com/left"));
    let deep = &contents.crates[&name("deep", "2.0.0+x")];
    assert_eq!((&deep.license, &deep.repository), (&None, &None));
}

#[test]
fn what_is_no_tree_is_not_taken_for_one() {
    for text in [
        "",
        "own v0.1.0",
        "0own",
        "0own 0.1.0",
        "1own v0.1.0",
        "0own v0.1.0\n2deep v1.0.0",
        "é",
    ] {
        assert_eq!(tree::read(text), None, "{text}");
    }
}

#[test]
fn a_document_lists_each_crate_with_where_it_is_from() {
    let mut contents = tree::read(TREE).unwrap();
    contents.crates.get_mut(&name("left", "1.0.0")).unwrap().checksum = Some("ab".repeat(32));
    contents
        .crates
        .get_mut(&name("deep", "2.0.0+x"))
        .unwrap()
        .checksum = Some("cd".repeat(32));
    contents.std = Some("1.95.0".into());
    let bom = document_of(&contents, &module("own"));
    assert_eq!(
        (&bom["bomFormat"], &bom["specVersion"]),
        (&json!("CycloneDX"), &json!("1.6"))
    );
    let component = &bom["metadata"]["component"];
    assert_eq!(
        (&component["name"], &component["version"]),
        (&json!("own.wasm"), &json!("0.1.0"))
    );
    assert_eq!(
        component["hashes"][0]["content"],
        Digest::of(&module("own").bytes).hex()
    );
    let components = bom["components"].as_array().unwrap();
    let purls: Vec<&str> = components.iter().map(|it| it["purl"].as_str().unwrap()).collect();
    assert_eq!(
        purls,
        [
            "pkg:cargo/deep@2.0.0%2Bx",
            "pkg:cargo/left@1.0.0",
            "pkg:cargo/own@0.1.0?vcs_url=git%2Bhttps://example.com/own",
            "pkg:cargo/right@1.1.0?vcs_url=git%2Bhttps://example.com/right",
            "pkg:github/rust-lang/rust@1.95.0",
        ]
    );
    assert_eq!(
        components[1]["hashes"],
        json!([{"alg": "SHA-256", "content": "ab".repeat(32)}])
    );
    assert_eq!(
        components[1]["licenses"],
        json!([{"expression": "MIT OR Apache-2.0"}])
    );
    assert!(components[0].get("licenses").is_none());
    let whole = (bom["dependencies"].as_array().unwrap().iter()).find(|it| it["ref"] == "own.wasm@0.1.0");
    assert_eq!(
        whole.unwrap()["dependsOn"],
        json!(["own@0.1.0", "rust-std@1.95.0"])
    );
    assert!(!bom.to_string().contains("/a b/"), "{bom}");
}

#[test]
fn a_serial_number_follows_from_the_content() {
    let contents = tree::read(TREE).unwrap();
    let serial = |name: &str| document_of(&contents, &module(name))["serialNumber"].clone();
    assert_eq!(serial("own"), serial("own"));
    assert_ne!(serial("own"), serial("other"));
    let text = serial("own").as_str().unwrap().to_owned();
    let parts: Vec<usize> = (text.strip_prefix("urn:uuid:").unwrap().split('-'))
        .map(|part| part.trim_matches(|c: char| c.is_ascii_hexdigit()).len() + part.len())
        .collect();
    assert_eq!(parts, [8, 4, 4, 4, 12]);
}

#[test]
fn a_module_holds_what_cargo_lock_says_and_nothing_of_the_build() {
    let contents = Contents::of("rate-limit", &source()).unwrap();
    let lock = Lock::read(&source()).unwrap();
    for (name, about) in &contents.crates {
        let locked = (lock.package.iter()).find(|it| it.name == name.name && it.version == name.version);
        assert_eq!(about.checksum, locked.unwrap().checksum, "{name:?}");
        assert_eq!(
            about.checksum.is_none(),
            name.name.starts_with("fairlead-"),
            "{name:?}"
        );
        assert!(about.license.is_some(), "{name:?}");
    }
    let has = |name: &str| contents.crates.keys().any(|it| it.name == name);
    for inside in [
        "fairlead-guest",
        "fairlead-quota",
        "governor",
        "proxy-wasm",
        "serde_json",
        "talc",
    ] {
        assert!(has(inside), "{inside}");
    }
    // Of the compiler, of tests, of another target, of other members.
    for outside in [
        "serde_derive",
        "syn",
        "proptest",
        "libc",
        "wasmtime",
        "clap",
        "fairlead-emulator",
    ] {
        assert!(!has(outside), "{outside}");
    }
    let toolchain = std::fs::read_to_string(source().folder().join("rust-toolchain.toml")).unwrap();
    assert!(toolchain.contains(contents.std.as_deref().unwrap()));
}

#[test]
fn a_filter_without_source_says_what_else_there_is() {
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = Source::at(elsewhere.path(), None).unwrap();
    for (filter, source) in [("rate-limit", &elsewhere), ("not-there", &source())] {
        let refused = Contents::of(filter, source).unwrap_err().to_string();
        assert!(
            refused.contains("--sbom none") && refused.contains(filter),
            "{refused}"
        );
    }
}
