//! `cargo xtask up`: from a clean clone to the running demo in one command.

use crate::console::Console;
use crate::workspace::Workspace;
use crate::{modules, process, tools};
use anyhow::Context as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Builds the filters and `fairlead`, finds Envoy, and becomes `fairlead up` with `args`.
///
/// # Errors
/// Something is missing or does not build. On success this does not return.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> anyhow::Result<bool> {
    let console = Console::new(true);
    modules::build(workspace, &[], &console)?;
    let envoy = tools::envoy::ensure(workspace, None, &console)?;
    console.step("build fairlead");
    process::check(
        process::cargo().args(["build", "--release", "--package", "fairlead"]),
        &console,
    )?;
    console.finish();
    let mut fairlead = Command::new(workspace.target.join("release/fairlead"));
    fairlead
        .arg("up")
        .arg("--modules")
        .arg(workspace.dist())
        .args(args)
        .env(tools::envoy::VARIABLE, envoy);
    Err(fairlead.exec()).with_context(|| format!("cannot start {}", process::show(&fairlead)))
}
