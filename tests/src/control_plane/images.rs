//! A registry, and the images of the modules in it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::process::{Process, free_ports, get};
use super::program;
use crate::modules;
use crate::scenarios::command;

/// A registry on loopback that keeps everything in memory.
#[derive(Debug)]
pub struct Registry {
    _process: Process,
    crane: PathBuf,
    port: u16,
    folder: TempDir,
}

/// An image that a registry has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// `127.0.0.1:5000/fairlead/rate-limit`.
    pub repository: String,
    /// `sha256:...` of its manifest.
    pub digest: String,
}

impl Image {
    /// Repository and digest.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }

    /// What a WasmPlugin names it by.
    #[must_use]
    pub fn url(&self) -> String {
        format!("oci://{}", self.reference())
    }
}

impl Registry {
    /// Starts it. `None` as [`program`].
    ///
    /// # Panics
    /// If it does not start, with its log.
    #[must_use]
    pub fn start() -> Option<Self> {
        let crane = program("crane")?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [port] = free_ports();
        let mut serve = Command::new(&crane);
        serve.args(["registry", "serve", "--address", &format!("127.0.0.1:{port}")]);
        let mut process = Process::start("registry", folder.path(), &mut serve);
        process.until("it does not answer", || {
            get(port, "/v2/").filter(|answer| answer.status == 200)
        });
        Some(Self {
            _process: process,
            crane,
            port,
            folder,
        })
    }

    /// `127.0.0.1:<port>`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Packages and pushes shipped modules by the command, as users do; their images by name.
    ///
    /// # Panics
    /// If the command fails, or says something else than the registry.
    #[must_use]
    pub fn push_shipped(&self, names: &[&str]) -> BTreeMap<String, Image> {
        let modules = names
            .iter()
            .map(|name| modules::module(name).expect("it is built"));
        let [layout, record] = ["oci", "images.json"].map(|name| self.folder.path().join(name));
        let run = |command: &mut Command| {
            let output = command.output().expect("the command starts");
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        let mut package = Command::new(command());
        package
            .arg("package")
            .args(modules)
            .args(["--sbom", "none", "--out"])
            .arg(&layout);
        run(package.arg("--record").arg(&record));
        let mut push = Command::new(command());
        push.arg("push")
            .arg(format!("{}/fairlead", self.address()))
            .arg("--layout")
            .arg(&layout);
        run(push.arg("--record").arg(&record));
        let record: Value = serde_json::from_slice(&std::fs::read(record).expect("a record")).expect("JSON");
        let images = record["images"].as_array().expect("images").iter();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let images = images.map(|image| {
            let of = Image {
                repository: text(&image["reference"]),
                digest: text(&image["digest"]),
            };
            let name = text(&image["file"]);
            (name.trim_end_matches(".wasm").to_owned(), of)
        });
        images.collect()
    }

    /// Makes an image of any module with other programs than ours, with the layer that Istio's agent looks for, under a name and a tag.
    ///
    /// # Panics
    /// If a program fails.
    #[must_use]
    pub fn push(&self, name: &str, tag: &str, module: &[u8]) -> Image {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("plugin.wasm"), module).expect("a file");
        let layer = folder.join("layer.tar.gz");
        let packed = Command::new("tar")
            .args([
                "--sort=name",
                "--mtime=@0",
                "--owner=0",
                "--group=0",
                "--numeric-owner",
                "-C",
            ])
            .arg(&folder)
            .arg("-czf")
            .arg(&layer)
            .arg("plugin.wasm")
            .status();
        assert!(packed.is_ok_and(|status| status.success()), "tar packs a layer");
        let repository = format!("{}/fairlead/{name}", self.address());
        let output = Command::new(&self.crane)
            .args([
                "append",
                "--oci-empty-base",
                "-t",
                &format!("{repository}:{tag}"),
                "-f",
            ])
            .arg(&layer)
            .output()
            .expect("crane starts");
        let said = String::from_utf8_lossy(&output.stdout);
        let Some((_, digest)) = said.trim().rsplit_once('@') else {
            panic!("crane: {said}{}", String::from_utf8_lossy(&output.stderr));
        };
        Image {
            repository,
            digest: digest.to_owned(),
        }
    }
}
