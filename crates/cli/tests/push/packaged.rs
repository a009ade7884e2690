//! A folder with two packaged modules, and the command in it.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder with two packaged modules.
pub(crate) struct Packaged {
    folder: TempDir,
}

impl Packaged {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let modules = folder.path().join("dist");
        std::fs::create_dir(&modules).unwrap();
        let module = |name: &str, more: &str| {
            let text = format!(r#"(module (func) (export "proxy_abi_version_0_2_1" (func 0)) {more})"#);
            std::fs::write(modules.join(name), wat::parse_str(text).unwrap()).unwrap();
        };
        module("first.wasm", r#"(export "proxy_on_response_body" (func 0))"#);
        module("first-lean.wasm", "");
        let packaged = Self { folder };
        packaged.package(&["--sbom", "none"]);
        packaged
    }

    pub(crate) fn package(&self, arguments: &[&str]) {
        let output = self.fairlead().arg("package").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
    }

    /// The command, with nobody's credentials.
    pub(crate) fn fairlead(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fairlead"));
        command.current_dir(self.path());
        command.env("DOCKER_CONFIG", self.path().join("docker"));
        command.env_remove("SOURCE_DATE_EPOCH");
        for proxy in [
            "http_proxy",
            "HTTP_PROXY",
            "https_proxy",
            "HTTPS_PROXY",
            "all_proxy",
            "ALL_PROXY",
        ] {
            command.env_remove(proxy);
        }
        command
    }

    pub(crate) fn push(&self, target: &str, arguments: &[&str]) -> Output {
        let mut command = self.fairlead();
        command.args(["push", target]).args(arguments).output().unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn record(&self) -> Value {
        let text = std::fs::read(self.path().join("dist/images.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// The image of a file.
    pub(crate) fn image(&self, file: &str) -> Value {
        let record = self.record();
        let images = record["images"].as_array().unwrap();
        images.iter().find(|image| image["file"] == file).unwrap().clone()
    }

    /// What the layout has of that digest.
    pub(crate) fn blob(&self, digest: &Value) -> Vec<u8> {
        let hex = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
        std::fs::read(self.path().join("dist/oci/blobs/sha256").join(hex)).unwrap()
    }

    pub(crate) fn docker_config(&self, config: &Value) {
        let folder = self.path().join("docker");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    }

    /// A program that is found before all others.
    pub(crate) fn program(&self, name: &str, script: &str) -> PathBuf {
        let folder = self.path().join("bin");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
        folder
    }
}

/// Everything that was printed.
pub(crate) fn words(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

pub(crate) fn succeeded(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", words(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What is attached to an image, by type, as the registry answers it.
pub(crate) fn types(index: &[u8]) -> Vec<String> {
    let index: Value = serde_json::from_slice(index).unwrap();
    let manifests = index["manifests"].as_array().unwrap();
    let mut types: Vec<String> = manifests
        .iter()
        .map(|it| it["artifactType"].as_str().unwrap().to_owned())
        .collect();
    types.sort();
    types
}
