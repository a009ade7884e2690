//! The record of what was packaged, and of where it was pushed to: `dist/images.json`.
//!
//! `fairlead package` writes it, `fairlead push` adds where each image went, and `fairlead render` reads from it what to
//! put into a manifest:
//!
//! ```json
//! {"format": 1, "version": "0.1.0", "revision": null, "images": [{
//!   "module": "rate-limit", "build": "lean", "file": "rate-limit-lean.wasm", "wasm_sha256": "..", "bytes": 180141,
//!   "digest": "sha256:..", "left_out": ["response_headers"], "reference": "registry.example.com/fairlead/rate-limit-lean"}]}
//! ```
//!
//! A record without `reference` is one of images that are on this machine only.

use crate::{Build, Digest};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The form of the file. A reader refuses another.
const FORMAT: u32 = 1;

/// What was packaged together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    format: u32,
    /// The version of Fairlead that the modules are of: `0.1.0`.
    pub version: String,
    /// The commit that they were built from, in hexadecimal, as far as it is known.
    pub revision: Option<String>,
    /// In the order of their files' names.
    pub images: Vec<Image>,
}

/// An image of one module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Which module: `rate-limit`, `suite`.
    pub module: String,
    /// Which build of it.
    pub build: Build,
    /// The file that it was packaged from, without its folder: `rate-limit-lean.wasm`.
    pub file: String,
    /// SHA-256 of that file, in hexadecimal: what `sha256` of a WasmPlugin is for `https://`, and not for `oci://`.
    pub wasm_sha256: String,
    /// Bytes of that file.
    pub bytes: u64,
    /// Digest of the image's manifest: what `sha256` of a WasmPlugin is for `oci://`, and what follows `@` in a reference.
    pub digest: Digest,
    /// Callbacks of the full build that this one lacks: `response_headers`, `response_body`, `response_trailers`, and
    /// `delete`, the end of a request. A config that needs one of them is refused by the module (docs/adr/0015).
    pub left_out: Vec<String>,
    /// The repository that it was pushed to, without tag and digest: `registry.example.com/fairlead/rate-limit`.
    pub reference: Option<String>,
}

/// Why a record cannot be used.
#[derive(Debug, Error)]
pub enum RecordError {
    /// It cannot be read or written.
    #[error("{path} cannot be {done}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        done: &'static str,
        /// Why.
        cause: std::io::Error,
    },
    /// It is something else.
    #[error("{path} is no record of images: {cause} (write it again: `fairlead package`)")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where it begins to be something else.
        cause: serde_json::Error,
    },
    /// It has another form than this version reads.
    #[error(
        "{path} has format {format}, and this version reads {FORMAT}: write it again, `fairlead package`"
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// The format that it says it has.
        format: u32,
    },
}

impl Record {
    /// A record of these images.
    #[must_use]
    pub fn new(version: String, revision: Option<String>, images: Vec<Image>) -> Self {
        Self {
            format: FORMAT,
            version,
            revision,
            images,
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// The file cannot be read, is something else, or of another format.
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        let text = std::fs::read(path).map_err(|cause| RecordError::Io {
            path: path.to_owned(),
            done: "read",
            cause,
        })?;
        let malformed = |cause| RecordError::Malformed {
            path: path.to_owned(),
            cause,
        };
        // The format first: what follows it may be named otherwise in another.
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let Head { format } = serde_json::from_slice(&text).map_err(malformed)?;
        if format != FORMAT {
            return Err(RecordError::Format {
                path: path.to_owned(),
                format,
            });
        }
        serde_json::from_slice(&text).map_err(malformed)
    }

    /// Writes it, so that nobody ever reads half of it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), RecordError> {
        let written = || {
            let mut text = serde_json::to_vec_pretty(self)?;
            text.push(b'\n');
            crate::layout::replace(path, &text)
        };
        written().map_err(|cause| RecordError::Io {
            path: path.to_owned(),
            done: "written",
            cause,
        })
    }

    /// The image of a build of a module.
    #[must_use]
    pub fn find(&self, module: &str, build: Build) -> Option<&Image> {
        (self.images.iter()).find(|image| image.module == module && image.build == build)
    }

    /// Takes over where images went from an earlier record, for those that have not changed since.
    pub(crate) fn keep_references(&mut self, earlier: &Self) {
        for image in &mut self.images {
            let same = (earlier.images.iter()).find(|it| it.digest == image.digest && it.file == image.file);
            if let Some(same) = same {
                image.reference.clone_from(&same.reference);
            }
        }
    }
}

impl Image {
    /// The name of its repository in a registry: that of its file.
    #[must_use]
    pub fn stem(&self) -> &str {
        self.file.strip_suffix(".wasm").unwrap_or(&self.file)
    }

    /// What to put into a manifest, `registry.example.com/fairlead/rate-limit@sha256:..`; none before it was pushed.
    #[must_use]
    pub fn pinned(&self) -> Option<String> {
        let reference = self.reference.as_ref()?;
        Some(format!("{reference}@{}", self.digest))
    }
}

#[cfg(test)]
mod tests;
