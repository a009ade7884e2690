//! `cargo xtask tidy`: checks what compilers do not.
//!
//! Each check is a function from plain values (packages, file texts) to problems, so that it is tested without a
//! workspace. All problems are reported at once, as `path: problem: fix`.

mod edges;
mod files;
mod machine;
mod manifests;
mod purity;
mod source;
mod wasm_crates;
mod workflows;

use crate::process;
use crate::workspace::Workspace;
use anyhow::Context as _;
use std::fmt;
use std::process::Command;

/// Something to mend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// File or folder, relative to the root, with a line number where there is one.
    at: String,
    what: String,
    fix: String,
}

impl Problem {
    fn new(at: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            at: at.into(),
            what: what.into(),
            fix: fix.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, what, fix } = self;
        write!(formatter, "{at}: {what}: {fix}")
    }
}

/// A file of the repository: tracked, or new and not ignored.
#[derive(Clone, Debug)]
struct File {
    /// Relative to the root, with `/`.
    path: String,
    bytes: u64,
    /// `None` when it is not UTF-8.
    text: Option<String>,
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// What the checks found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// What must be mended.
    pub(crate) problems: Vec<Problem>,
    /// Rust files that are longer than they should be.
    long: usize,
}

impl fmt::Display for Findings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(formatter, "{problem}")?;
        }
        write!(
            formatter,
            "tidy: {} to mend; {} files over 300 lines",
            self.problems.len(),
            self.long
        )
    }
}

/// Runs the checks and prints what they found; whether nothing is to mend.
///
/// # Errors
/// git or cargo could not be asked.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<bool> {
    let findings = check(workspace)?;
    println!("{findings}");
    Ok(findings.problems.is_empty())
}

/// Runs all checks.
///
/// # Errors
/// git or cargo could not be asked.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<Findings> {
    let files = files(workspace)?;
    let mut problems = Vec::new();
    problems.extend(edges::check(&edges::members(workspace)));
    problems.extend(wasm_crates::check(&wasm_crates::resolve(workspace)?));
    problems.extend(manifests::check_tiers(workspace));
    problems.extend(manifests::check_lock(workspace));
    for file in &files {
        problems.extend(files::check(file));
        problems.extend(machine::check(file));
        problems.extend(manifests::check_lints(workspace, file));
        problems.extend(purity::check(file));
        problems.extend(workflows::check(file));
    }
    problems.sort();
    problems.dedup();
    let long = files.iter().filter(|file| files::is_long(file)).count();
    Ok(Findings { problems, long })
}

fn files(workspace: &Workspace) -> anyhow::Result<Vec<File>> {
    let mut git = Command::new("git");
    git.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--deduplicate",
    ]);
    let names = process::output(git.current_dir(&workspace.root))
        .context("tidy looks at the files that git knows")?;
    let mut files = Vec::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let path = String::from_utf8_lossy(name).into_owned();
        // A file that is deleted but still in the index is no longer there.
        let Ok(bytes) = std::fs::read(workspace.root.join(&path)) else {
            continue;
        };
        files.push(File {
            path,
            bytes: bytes.len() as u64,
            text: String::from_utf8(bytes).ok(),
        });
    }
    Ok(files)
}

#[cfg(test)]
fn file(path: &str, text: &str) -> File {
    File {
        path: path.to_owned(),
        bytes: text.len() as u64,
        text: Some(text.to_owned()),
    }
}
