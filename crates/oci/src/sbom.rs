//! What a module is made of, as a software bill of materials.
//!
//! cargo is asked which crates are compiled into a filter's module, with the features that the module has: those of its
//! target and of no development or build step, without procedural macros, which run in the compiler. `cargo metadata`
//! alone cannot say that: it lists what any member of the workspace could want. Checksums are those of Cargo.lock. The
//! standard library is compiled with the module, so it is listed too.
//!
//! What it does not say: which code of a crate is really in the module. Most of some is dropped by the linker.

mod cyclonedx;
mod tree;

pub(crate) use cyclonedx::document;

use crate::source::Source;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use thiserror::Error;

/// What modules are compiled for.
const TARGET: &str = "wasm32-wasip1";

/// Why it cannot be told.
#[derive(Debug, Error)]
pub enum SbomError {
    /// The folder is not that of the filter's source.
    #[error(
        "{folder} has no source of {filter}, so what is in its module is not known: run in a checkout, or `--source` one, \
         or give a list with `--sbom DIR`, or none with `--sbom none`"
    )]
    NoSource {
        /// The folder.
        folder: PathBuf,
        /// The filter.
        filter: String,
    },
    /// cargo cannot be run, or says no.
    #[error("cargo cannot say what is in {filter}: {why}")]
    Cargo {
        /// The filter.
        filter: String,
        /// Its words.
        why: String,
    },
    /// Cargo.lock cannot be read.
    #[error("{path} cannot be read: {why}")]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A crate is not in Cargo.lock.
    #[error("{0} is not in Cargo.lock")]
    NotLocked(String),
}

/// A crate with its version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// What is known about a crate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) license: Option<String>,
    pub(crate) repository: Option<String>,
    /// SHA-256 of what was fetched; none for a crate of the workspace.
    pub(crate) checksum: Option<String>,
    pub(crate) uses: BTreeSet<Name>,
}

/// What is compiled into a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    /// The crate of the filter.
    pub(crate) root: Name,
    pub(crate) crates: BTreeMap<Name, About>,
    /// The version of the standard library.
    pub(crate) std: Option<String>,
}

impl Contents {
    /// Asks cargo what is in the module of a filter.
    pub(crate) fn of(filter: &str, source: &Source) -> Result<Self, SbomError> {
        let manifest = source.folder().join("filters").join(filter).join("Cargo.toml");
        if !source.is_checkout() || !manifest.is_file() {
            return Err(SbomError::NoSource {
                folder: source.folder().to_owned(),
                filter: filter.to_owned(),
            });
        }
        let failed = |why: String| SbomError::Cargo {
            filter: filter.to_owned(),
            why,
        };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let manifest = std::path::absolute(&manifest).map_err(|error| failed(error.to_string()))?;
        // In the folder of the source, whose toolchain is asked.
        let output = Command::new(cargo)
            .current_dir(source.folder())
            .args([
                "tree",
                "--locked",
                "--quiet",
                "--target",
                TARGET,
                "--features",
                "module",
            ])
            .args([
                "--edges",
                "normal,no-proc-macro",
                "--prefix",
                "depth",
                "--charset",
                "ascii",
            ])
            .args(["--format", tree::FORMAT, "--manifest-path"])
            .arg(manifest)
            .output()
            .map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            return Err(failed(words.lines().map(str::trim).collect::<Vec<_>>().join(" ")));
        }
        let mut contents = tree::read(&String::from_utf8_lossy(&output.stdout))
            .ok_or_else(|| failed("what it printed is no tree of crates".to_owned()))?;
        contents.std.clone_from(&source.toolchain);
        contents.check_against(&Lock::read(source)?)?;
        Ok(contents)
    }

    /// Adds the checksums.
    fn check_against(&mut self, lock: &Lock) -> Result<(), SbomError> {
        for (name, about) in &mut self.crates {
            let locked = (lock.package.iter()).find(|it| it.name == name.name && it.version == name.version);
            let locked =
                locked.ok_or_else(|| SbomError::NotLocked(format!("{} {}", name.name, name.version)))?;
            about.checksum.clone_from(&locked.checksum);
        }
        Ok(())
    }
}

/// Cargo.lock, as far as it is wanted.
#[derive(Debug, Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

impl Lock {
    fn read(source: &Source) -> Result<Self, SbomError> {
        let path = source.folder().join("Cargo.lock");
        let failed = |why: String| SbomError::Lock {
            path: path.clone(),
            why,
        };
        let text = std::fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
        toml::from_str(&text).map_err(|error| failed(error.to_string()))
    }
}

#[cfg(test)]
mod tests;
