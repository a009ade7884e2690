//! `cargo xtask bench`: from a clean clone to what the filters cost, in one command.

use crate::console::Console;
use crate::tiers::NATIVE;
use crate::workspace::Workspace;
use crate::{modules, process, tools};
use anyhow::Context as _;
use clap::ValueEnum;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// Each filter, the four together, and what Envoy has itself, side by side.
    Overhead,
    /// How cost grows, and how much traffic a proxy takes.
    Scale,
}

impl What {
    const fn name(self) -> &'static str {
        match self {
            Self::Overhead => "overhead",
            Self::Scale => "scale",
        }
    }
}

/// Builds the filters and `fairlead`, finds Envoy and valgrind, and becomes `fairlead bench` with `args`.
///
/// # Errors
/// Something is missing or does not build. On success this does not return.
pub(crate) fn run(workspace: &Workspace, what: What, args: &[String]) -> anyhow::Result<bool> {
    let console = Console::new(true);
    tools::valgrind::ensure(&console)?;
    modules::build(workspace, &[], &console)?;
    let envoy = tools::envoy::ensure(workspace, None, &console)?;
    console.step("build fairlead");
    let mut build = process::cargo();
    // The same selection as that of the tests, so that cargo need not build shared dependencies with other features.
    build.args(["build", "--release", "--bin", "fairlead"]);
    build.args(NATIVE.iter().flat_map(|package| ["--package", package]));
    process::check(&mut build, &console)?;
    console.finish();
    let mut fairlead = Command::new(workspace.target.join("release/fairlead"));
    fairlead
        .args(["bench", what.name(), "--modules"])
        .arg(workspace.dist())
        .args(args)
        .env(tools::envoy::VARIABLE, envoy);
    Err(fairlead.exec()).with_context(|| format!("cannot start {}", process::show(&fairlead)))
}
