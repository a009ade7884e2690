use super::*;
use crate::manifest::Manifest;
use crate::module::Build;

static NONE: BTreeMap<String, String> = BTreeMap::new();

/// Modules in a folder of their own, written in that order.
fn modules(names: &[&str]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = names.iter().map(|name| {
        let lean = if name.ends_with("-lean.wasm") {
            ""
        } else {
            r#"(export "proxy_on_response_body" (func 0))"#
        };
        let text = format!(r#"(module (func) (export "proxy_abi_version_0_2_1" (func 0)) {lean})"#);
        let path = folder.path().join(name);
        std::fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
        path
    });
    let paths = paths.collect();
    (folder, paths)
}

fn nothing() -> Source {
    Source::at(Path::new("not-there"), None).unwrap()
}

fn request<'a>(modules: &'a [PathBuf], out: &'a Path, source: &'a Source) -> Request<'a> {
    Request {
        modules,
        out,
        source,
        url: "https://example.com/source",
        version: "0.1.0",
        created: 0,
        annotations: &NONE,
        sbom: &SbomFrom::Nowhere,
        documents: None,
        earlier: None,
    }
}

/// Every file of a layout.
fn bytes(out: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in [out.to_owned(), out.join("blobs/sha256")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                found.insert(
                    path.strip_prefix(out).unwrap().to_owned(),
                    std::fs::read(&path).unwrap(),
                );
            }
        }
    }
    found
}

#[test]
fn the_same_modules_give_the_same_bytes_wherever_and_in_whatever_order() {
    let (one, mut paths) = modules(&["a.wasm", "a-lean.wasm", "b.wasm"]);
    let (two, mut others) = modules(&["b.wasm", "a-lean.wasm", "a.wasm"]);
    paths.sort();
    others.sort_by(|left, right| right.cmp(left));
    let source = nothing();
    let first = package(&request(&paths, &one.path().join("oci"), &source)).unwrap();
    for path in &others {
        // Neither when a file was written nor who may read it counts.
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000))
            .unwrap();
        let mut permissions = file.metadata().unwrap().permissions();
        permissions.set_readonly(true);
        file.set_permissions(permissions).unwrap();
    }
    let second = package(&request(&others, &two.path().join("oci"), &source)).unwrap();
    assert_eq!(first.record, second.record);
    assert_eq!(bytes(&one.path().join("oci")), bytes(&two.path().join("oci")));
}

#[test]
fn what_an_image_says_is_in_its_digest() {
    let (folder, paths) = modules(&["a.wasm"]);
    let out = folder.path().join("oci");
    let source = nothing();
    let digest = |request: &Request<'_>| package(request).unwrap().record.images[0].digest.clone();
    let plain = digest(&request(&paths, &out, &source));
    let dated = Request {
        created: 1_700_000_000,
        ..request(&paths, &out, &source)
    };
    let later = Request {
        version: "0.1.1",
        ..request(&paths, &out, &source)
    };
    let known = Source::at(Path::new("not-there"), Some("0".repeat(40))).unwrap();
    let built = request(&paths, &out, &known);
    let all = [plain.clone(), digest(&dated), digest(&later), digest(&built)];
    let different: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(different.len(), 4);
    assert_eq!(digest(&request(&paths, &out, &source)), plain);
}

#[test]
fn a_layout_lists_images_by_name_and_what_is_attached_to_them() {
    let (folder, paths) = modules(&["a.wasm", "a-lean.wasm"]);
    let out = folder.path().join("oci");
    let sboms = folder.path().join("sboms");
    std::fs::create_dir(&sboms).unwrap();
    for stem in ["a", "a-lean"] {
        let text = format!(r#"{{"bomFormat": "CycloneDX", "of": "{stem}"}}"#);
        std::fs::write(sboms.join(format!("{stem}.cdx.json")), text).unwrap();
    }
    let source = nothing();
    let bare = package(&request(&paths, &out, &source)).unwrap();
    let made = package(&Request {
        sbom: &SbomFrom::Folder(sboms),
        documents: Some(&folder.path().join("documents")),
        ..request(&paths, &out, &source)
    });
    let made = made.unwrap();
    // What is attached does not change what it is attached to.
    assert_eq!(made.record, bare.record);
    assert_eq!((bare.attached, made.attached), (2, 4));
    let layout = Layout::open(&out).unwrap();
    let mut attached = Vec::new();
    for listed in layout.manifests() {
        let (bytes, manifest): (Vec<u8>, Manifest) = layout.manifest(&listed.digest).unwrap();
        assert_eq!(listed.size, bytes.len() as u64);
        for part in manifest.layers.iter().chain([&manifest.config]) {
            assert_eq!(layout.blob(&part.digest).unwrap().len() as u64, part.size);
        }
        match manifest.subject {
            Some(subject) => {
                let image = made
                    .record
                    .images
                    .iter()
                    .find(|image| image.digest == subject.digest)
                    .unwrap();
                assert_eq!(listed.artifact_type, manifest.artifact_type);
                assert_eq!(manifest.config.media_type, "application/vnd.oci.empty.v1+json");
                attached.push((image.stem().to_owned(), manifest.artifact_type.unwrap()));
            }
            None => assert!(["a", "a-lean"].contains(&listed.annotations[NAME].as_str())),
        }
    }
    let types = ["application/vnd.cyclonedx+json", "application/vnd.in-toto+json"];
    let expected: Vec<(String, String)> = (["a", "a-lean"].iter())
        .flat_map(|stem| types.map(|kind| ((*stem).to_owned(), kind.to_owned())))
        .collect();
    assert_eq!(attached, expected);
    let names: std::collections::BTreeSet<_> = (std::fs::read_dir(folder.path().join("documents")).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let files = [
        "a-lean.cdx.json",
        "a-lean.intoto.json",
        "a.cdx.json",
        "a.intoto.json",
    ];
    assert_eq!(names.into_iter().collect::<Vec<_>>(), files);
}

#[test]
fn the_record_says_what_a_lean_build_leaves_out() {
    let (folder, paths) = modules(&["a.wasm", "a-lean.wasm"]);
    let made = package(&request(&paths, &folder.path().join("oci"), &nothing())).unwrap();
    let images = &made.record.images;
    assert_eq!(
        images.iter().map(|it| it.file.as_str()).collect::<Vec<_>>(),
        ["a.wasm", "a-lean.wasm"]
    );
    assert_eq!((images[0].build, images[1].build), (Build::Full, Build::Lean));
    assert_eq!(
        (&images[0].left_out, &images[1].left_out),
        (&vec![], &vec!["response_body".to_owned()])
    );
    let wasm = std::fs::read(&paths[1]).unwrap();
    assert_eq!(images[1].wasm_sha256, Digest::of(&wasm).hex());
    assert_eq!(images[1].bytes, wasm.len() as u64);
}

#[test]
fn a_statement_says_what_is_known_and_no_more() {
    let statement = |source: &Source| {
        let (folder, paths) = modules(&["a.wasm"]);
        let documents = folder.path().join("documents");
        let made = package(&Request {
            documents: Some(&documents),
            ..request(&paths, &folder.path().join("oci"), source)
        });
        let digest = made.unwrap().record.images[0].digest.clone();
        let text = std::fs::read(documents.join("a.intoto.json")).unwrap();
        (
            serde_json::from_slice::<serde_json::Value>(&text).unwrap(),
            digest,
        )
    };
    let (bare, digest) = statement(&nothing());
    assert_eq!(bare["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(bare["predicateType"], "https://slsa.dev/provenance/v1");
    assert_eq!(bare["subject"][0]["digest"]["sha256"], digest.hex());
    let definition = &bare["predicate"]["buildDefinition"];
    assert_eq!(definition["resolvedDependencies"], serde_json::json!([]));
    assert!(definition["internalParameters"].get("rust").is_none());
    assert!(bare["predicate"]["runDetails"].get("metadata").is_none());
    let mut known = nothing();
    known.revision = Some("0".repeat(40));
    known.toolchain = Some("1.95.0".into());
    known.wasm_opt = Some("132.0.0".into());
    let definition = &statement(&known).0["predicate"]["buildDefinition"];
    assert_eq!(
        definition["resolvedDependencies"][0]["digest"]["gitCommit"],
        "0".repeat(40)
    );
    assert_eq!(
        definition["resolvedDependencies"][0]["uri"],
        "git+https://example.com/source"
    );
    assert_eq!(definition["internalParameters"]["rust"], "1.95.0");
    assert_eq!(definition["internalParameters"]["wasm-opt"], "132.0.0");
}

#[test]
fn what_cannot_be_packaged_leaves_what_was_there() {
    let (folder, paths) = modules(&["a.wasm"]);
    let out = folder.path().join("oci");
    let source = nothing();
    package(&request(&paths, &out, &source)).unwrap();
    let before = bytes(&out);
    let refused = |request: &Request<'_>| package(request).unwrap_err().to_string();
    assert!(refused(&request(&[], &out, &source)).contains("no module"));
    let twice = [paths[0].clone(), paths[0].clone()];
    assert!(refused(&request(&twice, &out, &source)).contains("two modules are called a"));
    let late = Request {
        created: u64::MAX,
        ..request(&paths, &out, &source)
    };
    assert!(refused(&late).contains("no time"));
    let unknown = Request {
        sbom: &SbomFrom::Source,
        ..request(&paths, &out, &source)
    };
    assert!(refused(&unknown).contains("--sbom none"));
    std::fs::write(folder.path().join("a.cdx.json"), r#"{"bomFormat": "SPDX"}"#).unwrap();
    let other = Request {
        sbom: &SbomFrom::Folder(folder.path().to_owned()),
        ..request(&paths, &out, &source)
    };
    assert!(refused(&other).contains("is no CycloneDX document"));
    assert_eq!(bytes(&out), before);
}
