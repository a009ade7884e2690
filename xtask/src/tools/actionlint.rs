//! actionlint: whether the workflows of `.github` are what GitHub takes for one.
//!
//! It looks at syntax, expressions and their types, names of contexts, and text of strangers in scripts. shellcheck and pyflakes, which
//! it would call where they are installed, are off: everybody gets the same findings.

use crate::console::Console;
use crate::process;
use crate::tools::go::{self, Program, Set};
use crate::workspace::Workspace;
use anyhow::Context as _;
use std::path::PathBuf;
use std::process::Command;

/// Where workflows are.
const FOLDER: &str = ".github/workflows";

const SET: Set = Set {
    name: "actionlint",
    folder: "xtask/tools/actionlint",
    programs: &[Program {
        name: "actionlint",
        package: "github.com/rhysd/actionlint/cmd/actionlint",
        tags: "",
        link: "",
    }],
    files: &[],
};

/// Finds the program, or builds it (five seconds, once).
///
/// # Errors
/// Go is missing, or it does not build.
pub(crate) fn ensure(workspace: &Workspace, console: &Console) -> anyhow::Result<PathBuf> {
    Ok(go::ensure(workspace, &SET, console)?.join("actionlint"))
}

/// Runs it over all workflows and shows what it finds; whether that is nothing.
///
/// # Errors
/// There are no workflows, or it does not run.
pub(crate) fn run(workspace: &Workspace, console: &Console) -> anyhow::Result<bool> {
    let program = ensure(workspace, console)?;
    let entries = std::fs::read_dir(workspace.root.join(FOLDER)).context("there is no .github/workflows")?;
    let mut files = Vec::new();
    for entry in entries {
        files.push(entry?.path());
    }
    files.sort();
    let mut command = Command::new(program);
    command
        .current_dir(&workspace.root)
        .args(["-no-color", "-shellcheck=", "-pyflakes="])
        .args(files);
    process::stream(&mut command, console, |_, _| process::Show::Yes)
}
