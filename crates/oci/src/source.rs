//! What the modules were built from, as far as the folder with their source says it.
//!
//! Only what can be read there is told: a commit only for a checkout without changes, the toolchain and wasm-opt as
//! they are pinned. Whether the modules were built there nobody can tell from their bytes but by building them again.

use std::path::{Path, PathBuf};
use std::process::Command;
use thiserror::Error;

/// The folder of the source, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    folder: PathBuf,
    /// The commit, in hexadecimal. None outside of a checkout, and with changes that are in no commit.
    pub revision: Option<String>,
    /// Whether there is a commit that is not told, because there are changes that are not in it.
    pub changed: bool,
    /// The Rust toolchain that is pinned: `1.95.0`.
    pub toolchain: Option<String>,
    /// The version of wasm-opt (binaryen) that is pinned.
    pub wasm_opt: Option<String>,
}

/// Why a revision is refused.
#[derive(Debug, Error)]
pub enum SourceError {
    /// It is no name of a commit.
    #[error(
        "`{0}` is no commit: give all 40 (or 64) hexadecimal digits, as `git rev-parse HEAD` prints them"
    )]
    Revision(String),
}

impl Source {
    /// Looks at a folder. `revision` is believed in place of what git says.
    ///
    /// # Errors
    /// `revision` is no commit.
    pub fn at(folder: &Path, revision: Option<String>) -> Result<Self, SourceError> {
        if let Some(revision) = revision.as_ref().filter(|revision| !is_commit(revision)) {
            return Err(SourceError::Revision(revision.clone()));
        }
        let mut source = Self {
            folder: folder.to_owned(),
            revision,
            changed: false,
            toolchain: None,
            wasm_opt: None,
        };
        if !source.is_checkout() {
            return Ok(source);
        }
        if source.revision.is_none() {
            let head = source.git(&["rev-parse", "HEAD"]);
            let head = head
                .map(|head| head.trim().to_owned())
                .filter(|head| is_commit(head));
            let changes = source.git(&["status", "--porcelain", "--untracked-files=normal"]);
            source.changed = head.is_some() && changes.is_none_or(|changes| !changes.trim().is_empty());
            source.revision = head.filter(|_| !source.changed);
        }
        source.toolchain = toolchain(&source.folder.join("rust-toolchain.toml"));
        source.wasm_opt = wasm_opt(&source.folder.join("xtask/tools/package.json"));
        Ok(source)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it is the source of Fairlead's modules. The commit of any other folder says nothing about them.
    #[must_use]
    pub fn is_checkout(&self) -> bool {
        self.folder.join("filters").is_dir() && self.folder.join("Cargo.lock").is_file()
    }

    /// What git says about the folder; nothing where it is no checkout or git is not there.
    fn git(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new("git")
            .arg("-C")
            .arg(&self.folder)
            .args(arguments)
            .output();
        let output = output.ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()
    }
}

fn is_commit(text: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    matches!(text.len(), 40 | 64) && text.bytes().all(is_hex)
}

fn toolchain(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let all: toml::Table = toml::from_str(&text).ok()?;
    let channel = all.get("toolchain")?.get("channel")?;
    channel.as_str().map(str::to_owned)
}

fn wasm_opt(file: &Path) -> Option<String> {
    let text = std::fs::read(file).ok()?;
    let all: serde_json::Value = serde_json::from_slice(&text).ok()?;
    let version = all.get("dependencies")?.get("binaryen")?;
    version.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests;
