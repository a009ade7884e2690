use super::*;
use serde_json::{Value, json};

static NONE: BTreeMap<String, String> = BTreeMap::new();

fn module(build: Build) -> Module {
    Module {
        name: "rate-limit".into(),
        build,
        left_out: match build {
            Build::Full => Vec::new(),
            Build::Lean => vec!["response_body".into(), "response_headers".into()],
        },
        bytes: b"\0asm\x01\0\0\0".to_vec(),
    }
}

fn about(annotations: &BTreeMap<String, String>) -> About<'_> {
    About {
        version: "0.1.0",
        revision: Some("0123456789abcdef0123456789abcdef01234567"),
        url: "https://example.com/source",
        created: "1970-01-01T00:00:00Z",
        annotations,
    }
}

fn json_of(blob: &Blob) -> Value {
    serde_json::from_slice(&blob.bytes).unwrap()
}

#[test]
fn the_same_module_has_the_same_image_for_ever() {
    let image = Image::of(&module(Build::Full), &about(&NONE)).unwrap();
    // A change here moves the digest of every image: those who build a release again will no longer get what was published.
    let digests = [&image.layer, &image.config, &image.manifest].map(|blob| blob.digest.hex().to_owned());
    assert_eq!(
        digests,
        [
            "bfb314de45a86f3564e9ee495dcd2d73fb2b2d5672526d514ea4ad36125628c3",
            "69836bf50dc006d4c6c361188b9280cae5313cd54502100d6a9dcb4ef5317a95",
            "8c36531a0f3de86b0d7290178fb178c3d502be8a7384a3e2d2821d91b2fb057c",
        ]
    );
}

#[test]
fn an_image_has_the_form_that_agents_accept() {
    let image = Image::of(&module(Build::Full), &about(&NONE)).unwrap();
    let manifest = json_of(&image.manifest);
    assert_eq!(manifest["schemaVersion"], 2);
    assert_eq!(
        manifest["mediaType"],
        "application/vnd.oci.image.manifest.v1+json"
    );
    assert_eq!(
        manifest["config"]["mediaType"],
        "application/vnd.oci.image.config.v1+json"
    );
    assert_eq!(manifest["config"]["digest"], json!(image.config.digest));
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    assert_eq!(
        manifest["layers"][0]["mediaType"],
        "application/vnd.oci.image.layer.v1.tar+gzip"
    );
    assert_eq!(manifest["layers"][0]["digest"], json!(image.layer.digest));
    assert_eq!(manifest["layers"][0]["size"], image.layer.bytes.len());
    assert!(manifest.get("subject").is_none());
    let config = json_of(&image.config);
    assert_eq!(
        (&config["os"], &config["architecture"]),
        (&json!("linux"), &json!("amd64"))
    );
    let archive = layer::archive(&module(Build::Full).bytes).unwrap();
    assert_eq!(config["rootfs"]["diff_ids"], json!([Digest::of(&archive)]));
    assert_eq!(config["config"]["Labels"], manifest["annotations"]);
}

#[test]
fn an_image_says_what_it_is() {
    let annotations = |build| {
        let image = Image::of(&module(build), &about(&NONE)).unwrap();
        json_of(&image.manifest)["annotations"].clone()
    };
    let full = annotations(Build::Full);
    assert_eq!(full["org.opencontainers.image.title"], "Fairlead rate-limit");
    assert_eq!(full["org.opencontainers.image.version"], "0.1.0");
    assert_eq!(full["org.opencontainers.image.licenses"], "Apache-2.0");
    assert_eq!(
        full["org.opencontainers.image.source"],
        "https://example.com/source"
    );
    assert_eq!(
        full["org.opencontainers.image.revision"],
        "0123456789abcdef0123456789abcdef01234567"
    );
    assert_eq!(full["org.opencontainers.image.created"], "1970-01-01T00:00:00Z");
    assert_eq!(
        full["io.github.fairlead.wasm-sha256"],
        Digest::of(&module(Build::Full).bytes).hex()
    );
    assert!(full.get("io.github.fairlead.left-out").is_none());
    let lean = annotations(Build::Lean);
    assert_eq!(lean["io.github.fairlead.build"], "lean");
    assert_eq!(
        lean["io.github.fairlead.left-out"],
        "response_body,response_headers"
    );
    let description = lean["org.opencontainers.image.description"].as_str().unwrap();
    assert!(
        description.ends_with("without response_body, response_headers"),
        "{description}"
    );
}

#[test]
fn an_annotation_can_be_set_and_left_out() {
    let own = [
        ("org.opencontainers.image.vendor", "Acme"),
        ("org.opencontainers.image.title", ""),
    ];
    let own = own.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let image = Image::of(&module(Build::Full), &about(&own)).unwrap();
    let annotations = &json_of(&image.manifest)["annotations"];
    assert_eq!(annotations["org.opencontainers.image.vendor"], "Acme");
    assert!(annotations.get("org.opencontainers.image.title").is_none());
}

#[test]
fn without_a_commit_none_is_named() {
    let about = About {
        revision: None,
        ..about(&NONE)
    };
    let image = Image::of(&module(Build::Full), &about).unwrap();
    assert!(
        !String::from_utf8(image.manifest.bytes)
            .unwrap()
            .contains("image.revision")
    );
}
