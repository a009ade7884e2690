//! `fairlead package` as its users run it, on the modules in dist/ where those are built, and on small ones elsewhere.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the functions between the tests may fail as tests do"
)]

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// A folder whose dist/ has the built modules; none if they are not built.
fn built() -> Option<TempDir> {
    let dist = root().join("dist");
    if !dist.join("suite-lean.wasm").is_file() {
        let lack = "no dist/suite-lean.wasm: build it with `cargo xtask build`";
        assert!(
            std::env::var_os("CI").is_none_or(|value| value != "true"),
            "{lack}"
        );
        let _ = writeln!(std::io::stderr(), "skipped: images of the built modules ({lack})");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("dist")).unwrap();
    for entry in std::fs::read_dir(dist).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            std::fs::copy(&path, folder.path().join("dist").join(path.file_name().unwrap())).unwrap();
        }
    }
    Some(folder)
}

/// A folder whose dist/ has one small module.
fn small() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("dist")).unwrap();
    let wasm = wat::parse_str(r#"(module (func) (export "proxy_abi_version_0_2_1" (func 0)))"#).unwrap();
    std::fs::write(folder.path().join("dist/small.wasm"), wasm).unwrap();
    folder
}

fn fairlead(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fairlead"));
    command
        .current_dir(folder)
        .arg("package")
        .env_remove("SOURCE_DATE_EPOCH");
    command
}

fn package(folder: &Path, arguments: &[&str]) -> Output {
    fairlead(folder).args(arguments).output().unwrap()
}

fn succeeded(output: &Output) -> String {
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Every file of a layout.
fn layout(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for part in ["", "blobs/sha256"] {
        for entry in std::fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Documents of a layout by media type.
fn documents(folder: &Path, kind: &str) -> Vec<Value> {
    let files = layout(folder);
    let read = |digest: &Value| -> Value {
        serde_json::from_slice(&files[digest.as_str().unwrap().strip_prefix("sha256:").unwrap()]).unwrap()
    };
    let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
    (index["manifests"].as_array().unwrap().iter())
        .filter(|listed| listed["artifactType"] == kind)
        .map(|listed| read(&read(&listed["digest"])["layers"][0]["digest"]))
        .collect()
}

#[test]
fn two_folders_give_the_same_bytes_whatever_is_different_about_them() {
    let (Some(one), Some(two)) = (built(), built()) else {
        return;
    };
    let source = root().display().to_string();
    let revision = "0".repeat(40);
    let arguments = ["--source", &source, "--revision", &revision];
    succeeded(&package(one.path(), &arguments));
    // In another order, at another time, for nobody else's eyes, and in a folder with another name.
    let mut modules: Vec<PathBuf> = (std::fs::read_dir(two.path().join("dist")).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    modules.sort();
    modules.reverse();
    for module in &modules {
        let file = std::fs::File::options().write(true).open(module).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    }
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "umask 077; exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_fairlead"),
        "package",
    ]);
    command
        .current_dir(two.path())
        .env_remove("SOURCE_DATE_EPOCH")
        .env("TZ", "Asia/Tokyo");
    command
        .args(&modules)
        .args(["--out", "somewhere/else", "--record", "record.json"])
        .args(arguments);
    succeeded(&command.output().unwrap());
    let (first, second) = (
        layout(&one.path().join("dist/oci")),
        layout(&two.path().join("somewhere/else")),
    );
    assert_eq!(
        first.keys().collect::<Vec<_>>(),
        second.keys().collect::<Vec<_>>()
    );
    assert!(first == second);
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap();
    assert_eq!(
        read(one.path().join("dist/images.json")),
        read(two.path().join("record.json"))
    );
}

#[test]
fn the_record_says_what_each_build_of_ours_leaves_out() {
    let Some(folder) = built() else { return };
    let printed = succeeded(&package(folder.path(), &["--sbom", "none", "--json"]));
    let record: Value = serde_json::from_str(&printed).unwrap();
    let kept = std::fs::read(folder.path().join("dist/images.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&kept).unwrap(), record);
    assert_eq!(
        (&record["format"], &record["version"]),
        (&json!(1), &json!(env!("CARGO_PKG_VERSION")))
    );
    // Of a folder that is no checkout.
    assert_eq!(record["revision"], Value::Null);
    let left_out: BTreeMap<&str, &Value> = (record["images"].as_array().unwrap().iter())
        .map(|image| (image["file"].as_str().unwrap(), &image["left_out"]))
        .collect();
    let (nothing, body) = (json!([]), json!(["response_body"]));
    let expected = BTreeMap::from([
        (
            "canary-lean.wasm",
            json!(["delete", "response_headers", "response_trailers"]),
        ),
        ("canary.wasm", nothing.clone()),
        ("circuit-breaker-lean.wasm", body.clone()),
        ("circuit-breaker.wasm", nothing.clone()),
        ("latency-histogram.wasm", nothing.clone()),
        ("rate-limit-lean.wasm", json!(["delete", "response_headers"])),
        ("rate-limit.wasm", nothing.clone()),
        ("suite-lean.wasm", body),
        ("suite.wasm", nothing),
    ]);
    assert_eq!(left_out.len(), expected.len());
    for (file, expected) in &expected {
        assert_eq!(left_out[file], expected, "{file}");
    }
}

#[test]
fn each_image_of_ours_has_a_list_of_what_is_in_it_and_a_statement_of_how_it_was_made() {
    let Some(folder) = built() else { return };
    let source = root().display().to_string();
    let printed = succeeded(&package(
        folder.path(),
        &["--source", &source, "--documents", "documents", "--json"],
    ));
    let record: Value = serde_json::from_str(&printed).unwrap();
    let out = folder.path().join("dist/oci");
    let boms = documents(&out, "application/vnd.cyclonedx+json");
    let statements = documents(&out, "application/vnd.in-toto+json");
    let images = record["images"].as_array().unwrap();
    assert_eq!((boms.len(), statements.len()), (images.len(), images.len()));
    for (image, (bom, statement)) in images.iter().zip(boms.iter().zip(&statements)) {
        assert_eq!(bom["metadata"]["component"]["name"], image["file"]);
        assert_eq!(
            bom["metadata"]["component"]["hashes"][0]["content"],
            image["wasm_sha256"]
        );
        let crates: Vec<&str> = (bom["components"].as_array().unwrap().iter())
            .map(|component| component["name"].as_str().unwrap())
            .collect();
        let filter = format!("fairlead-{}", image["module"].as_str().unwrap());
        assert!(
            crates.contains(&filter.as_str()) && crates.contains(&"proxy-wasm"),
            "{crates:?}"
        );
        assert!(
            !crates.contains(&"wasmtime") && !crates.contains(&"serde_derive"),
            "{crates:?}"
        );
        let digest = image["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        assert_eq!(statement["subject"][0]["digest"]["sha256"], digest);
        assert_eq!(statement["subject"][1]["digest"]["sha256"], image["wasm_sha256"]);
        let stem = image["file"].as_str().unwrap().strip_suffix(".wasm").unwrap();
        let kept = std::fs::read(folder.path().join(format!("documents/{stem}.cdx.json"))).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&kept).unwrap(), *bom);
        // Nothing of this machine is told to the world.
        assert!(!format!("{bom}{statement}").contains(&source));
    }
}

#[test]
fn an_image_is_of_the_time_that_is_said() {
    let folder = small();
    let image = |epoch: &str| {
        let mut command = fairlead(folder.path());
        let output = command
            .args(["--sbom", "none"])
            .env("SOURCE_DATE_EPOCH", epoch)
            .output()
            .unwrap();
        succeeded(&output);
        let files = layout(&folder.path().join("dist/oci"));
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        let digest = index["manifests"][0]["digest"].as_str().unwrap().to_owned();
        serde_json::from_slice::<Value>(&files[digest.strip_prefix("sha256:").unwrap()]).unwrap()
    };
    let created = |epoch| image(epoch)["annotations"]["org.opencontainers.image.created"].clone();
    assert_eq!(created("0"), "1970-01-01T00:00:00Z");
    assert_eq!(created("1700000000"), "2023-11-14T22:13:20Z");
    // The layer holds the module alone.
    assert_eq!(image("0")["layers"], image("1700000000")["layers"]);
    let mut command = fairlead(folder.path());
    let output = command
        .args(["--sbom", "none"])
        .env("SOURCE_DATE_EPOCH", "yesterday")
        .output()
        .unwrap();
    assert!(refused(&output).contains("not seconds since 1970"));
}

#[test]
fn the_table_shows_what_there_is_and_where() {
    let folder = small();
    let printed = succeeded(&package(folder.path(), &["--sbom", "none"]));
    let record: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("dist/images.json")).unwrap()).unwrap();
    let digest = record["images"][0]["digest"].as_str().unwrap();
    assert!(printed.contains("small") && printed.contains(digest), "{printed}");
    assert!(
        printed.contains("layout in dist/oci, record in dist/images.json"),
        "{printed}"
    );
}

#[test]
fn what_cannot_be_packaged_says_what_to_do() {
    let empty = tempfile::tempdir().unwrap();
    let said = refused(&package(empty.path(), &[]));
    assert!(
        said.contains("no module in dist") && said.contains("cargo xtask build"),
        "{said}"
    );
    let folder = small();
    for (arguments, expected) in [
        (&[][..], "--sbom none"),
        (&["--sbom", "none", "--revision", "main"], "git rev-parse HEAD"),
        (
            &["--sbom", "none", "dist/missing.wasm"],
            "dist/missing.wasm cannot be read",
        ),
        (&["--sbom", "none", "--out", "dist"], "is no OCI image layout"),
        (
            &["--sbom", "elsewhere"],
            "small.cdx.json is no CycloneDX document",
        ),
    ] {
        let said = refused(&package(folder.path(), arguments));
        assert!(said.contains(expected), "{arguments:?}: {said}");
        // Once is enough.
        assert!(said.matches("os error").count() <= 1, "{said}");
        assert_eq!(said.matches(expected).count(), 1, "{said}");
    }
    assert!(!folder.path().join("dist/images.json").exists());
    assert!(folder.path().join("dist/small.wasm").is_file());
}
