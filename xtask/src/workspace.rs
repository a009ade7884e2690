//! The workspace as `cargo metadata` tells it.

use crate::process;
use anyhow::Context as _;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The packages of this repository.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    /// Folder of the root Cargo.toml.
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
    /// All members.
    pub(crate) packages: Vec<Package>,
}

/// A package.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Package {
    /// Its name in Cargo.toml.
    pub(crate) name: String,
    /// Its Cargo.toml.
    pub(crate) manifest_path: PathBuf,
    /// What it depends on, all kinds.
    #[serde(default)]
    pub(crate) dependencies: Vec<Dependency>,
    /// Its features, by name.
    #[serde(default)]
    pub(crate) features: BTreeMap<String, Vec<String>>,
    /// What cargo builds of it.
    #[serde(default)]
    pub(crate) targets: Vec<Target>,
    /// `[package.metadata]`.
    #[serde(default)]
    pub(crate) metadata: serde_json::Value,
}

/// Something that cargo builds: a library, a program, a test binary.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Target {
    /// Its name.
    pub(crate) name: String,
    /// `lib`, `bin`, `test`, ...
    pub(crate) kind: Vec<String>,
}

/// A dependency as declared, not as resolved.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dependency {
    /// Package name.
    pub(crate) name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    /// Only with a feature.
    #[serde(default)]
    pub(crate) optional: bool,
}

impl Workspace {
    /// Asks cargo about the workspace of the current directory.
    ///
    /// # Errors
    /// cargo refuses the manifests; its message is passed on.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let json =
            process::output(process::cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
        serde_json::from_slice(&json).context("cargo metadata printed what this task cannot read")
    }

    /// Folder of fetched tools and caches, never committed.
    pub(crate) fn cache(&self) -> PathBuf {
        self.root.join(".fairlead")
    }

    /// Folder of the built .wasm modules.
    pub(crate) fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// The packages under filters/, by folder name.
    pub(crate) fn filters(&self) -> impl Iterator<Item = (String, &Package)> {
        self.packages.iter().filter_map(|package| {
            let folder = self.folder(package);
            Some((folder.strip_prefix("filters").ok()?.to_str()?.to_owned(), package))
        })
    }

    /// Folder of a member, relative to the root.
    pub(crate) fn folder<'p>(&self, package: &'p Package) -> &'p Path {
        let folder = package.manifest_path.parent().unwrap_or(&package.manifest_path);
        folder.strip_prefix(&self.root).unwrap_or(folder)
    }
}
