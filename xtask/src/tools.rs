//! Finding what the tasks need, fetching it where that is possible, and saying how to get it where it is not.
//!
//! Everything fetched is pinned and lands in `.fairlead/`; nothing is installed into the machine, except compile targets,
//! which rustup keeps with the toolchain.

pub(crate) mod actionlint;
pub(crate) mod apt;
pub(crate) mod cargo_tool;
pub(crate) mod control_plane;
pub(crate) mod docker;
pub(crate) mod envoy;
pub(crate) mod go;
pub(crate) mod prometheus;
pub(crate) mod target;
pub(crate) mod valgrind;
pub(crate) mod wasm_opt;

use crate::process;
use std::fmt;

/// A tool that is not there and could not be fetched; the text says how to get it.
///
/// Tests that need it are skipped on a laptop. Every other error is one of this repository and fails everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing(pub(crate) String);

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Missing {}

/// Makes sure that node runs.
///
/// # Errors
/// It does not.
pub(crate) fn node() -> anyhow::Result<()> {
    if process::runs("node") {
        return Ok(());
    }
    Err(Missing("node is missing: install Node.js 20 or later from your system's packages".to_owned()).into())
}
