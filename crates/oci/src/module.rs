//! A module in a file: what it is called, and which callbacks it lacks.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use thiserror::Error;
use wasmparser::{Parser, Payload};

/// What the file of a lean build is called more than that of the full one.
const LEAN: &str = "-lean";
/// How the exports begin that the proxy calls.
const CALLBACK: &str = "proxy_on_";
/// How the export begins that says which interface to the proxy a module speaks.
const INTERFACE: &str = "proxy_abi_version_";

/// Which of the builds of a module (docs/adr/0015).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Build {
    /// With all callbacks.
    Full,
    /// Without those that many configs have no use for.
    Lean,
}

impl Build {
    /// `full` or `lean`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Lean => "lean",
        }
    }
}

/// A module that was read from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Which module: `rate-limit`.
    pub name: String,
    /// Which build of it, as the name of the file says.
    pub build: Build,
    /// The callbacks of the full build that it lacks, without their prefix and sorted: `response_headers`.
    pub left_out: Vec<String>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Why a file cannot be packaged.
#[derive(Debug, Error)]
pub enum ModuleError {
    /// It cannot be read.
    #[error("{path} cannot be read: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// Its name cannot be that of a repository.
    #[error(
        "{path} cannot be the name of an image: call it by lower-case letters, digits and single dashes, as in rate-limit.wasm"
    )]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// It is something else.
    #[error("{path} is no module for a proxy: {why}")]
    NotForAProxy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The full build of a lean one is not beside it.
    #[error(
        "{path} is a lean build, and what it lacks is told by {full}, which cannot be read: {cause} (build both: `cargo xtask build`)"
    )]
    NoFull {
        /// The lean build.
        path: PathBuf,
        /// Where the full one is looked for.
        full: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A lean build has what the file beside it lacks.
    #[error(
        "{path} calls itself a lean build of {full}, but has {callback}, which that has not: build both again"
    )]
    NotItsLean {
        /// The lean build.
        path: PathBuf,
        /// The file beside it.
        full: PathBuf,
        /// A callback that only the lean build has.
        callback: String,
    },
}

impl Module {
    /// Reads a module; for a lean build also the full one in the same folder, as what is left out is the difference of
    /// their exports: the module itself does not say it to the outside.
    ///
    /// # Errors
    /// A file cannot be read or is no module for a proxy, or its name cannot be that of an image.
    pub fn read(path: &Path) -> Result<Self, ModuleError> {
        let stem = path.file_name().and_then(|name| name.to_str());
        let stem = stem.and_then(|name| name.strip_suffix(".wasm"));
        let stem = stem
            .filter(|stem| is_repository(stem))
            .ok_or_else(|| ModuleError::Name {
                path: path.to_owned(),
            })?;
        let bytes = std::fs::read(path).map_err(|cause| ModuleError::Read {
            path: path.to_owned(),
            cause,
        })?;
        let own = callbacks(path, &bytes)?;
        let Some(name) = stem.strip_suffix(LEAN) else {
            return Ok(Self {
                name: stem.to_owned(),
                build: Build::Full,
                left_out: Vec::new(),
                bytes,
            });
        };
        let full = path.with_file_name(format!("{name}.wasm"));
        let all = std::fs::read(&full).map_err(|cause| ModuleError::NoFull {
            path: path.to_owned(),
            full: full.clone(),
            cause,
        })?;
        let all = callbacks(&full, &all)?;
        if let Some(callback) = own.difference(&all).next() {
            return Err(ModuleError::NotItsLean {
                path: path.to_owned(),
                full,
                callback: callback.clone(),
            });
        }
        Ok(Self {
            name: name.to_owned(),
            build: Build::Lean,
            left_out: all.difference(&own).cloned().collect(),
            bytes,
        })
    }

    /// The name of its file without `.wasm`, which is that of its image.
    #[must_use]
    pub fn stem(&self) -> String {
        match self.build {
            Build::Full => self.name.clone(),
            Build::Lean => format!("{}{LEAN}", self.name),
        }
    }
}

/// Whether a registry accepts it as the last part of a repository's name, whichever registry that is.
fn is_repository(stem: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    stem.split(['-', '_', '.']).all(is_word)
}

/// What the proxy calls in a module, without the prefix.
fn callbacks(path: &Path, bytes: &[u8]) -> Result<BTreeSet<String>, ModuleError> {
    let not = |why: String| ModuleError::NotForAProxy {
        path: path.to_owned(),
        why,
    };
    let mut callbacks = BTreeSet::new();
    let mut interface = false;
    for payload in Parser::new(0).parse_all(bytes) {
        let Payload::ExportSection(exports) = payload.map_err(|error| not(error.to_string()))? else {
            continue;
        };
        for export in exports {
            let name = export.map_err(|error| not(error.to_string()))?.name;
            interface |= name.starts_with(INTERFACE);
            callbacks.extend(name.strip_prefix(CALLBACK).map(str::to_owned));
        }
    }
    if !interface {
        return Err(not(format!("it exports no {INTERFACE}*")));
    }
    Ok(callbacks)
}

#[cfg(test)]
mod tests;
