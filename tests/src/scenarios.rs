//! The command, and the scenarios in `tests/scenarios` that it plays.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::modules::workspace;

/// `target/release/fairlead`, or what `FAIRLEAD_BIN` names.
///
/// # Panics
/// If it is not built.
#[must_use]
pub fn command() -> PathBuf {
    let named = std::env::var_os("FAIRLEAD_BIN").map(PathBuf::from);
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| workspace().join("target"), PathBuf::from);
    let path = named.unwrap_or_else(|| target.join("release/fairlead"));
    assert!(
        path.is_file(),
        "{} is not there: build it with `cargo build --release -p fairlead`, or name it in FAIRLEAD_BIN",
        path.display()
    );
    path
}

/// Plays a scenario, with `more` arguments than it has itself; the lines that the command prints.
///
/// # Errors
/// The command fails, with what it says.
///
/// # Panics
/// If it cannot be started.
pub fn play(folder: &Path, more: &[&str]) -> Result<String, String> {
    let mut command = Command::new(command());
    command
        .current_dir(workspace())
        .args(["simulate", "--output", "jsonl", "--policy"])
        .arg(folder.join("policy.yaml"))
        .arg("--traffic")
        .arg(folder.join("traffic.jsonl"));
    if let Ok(options) = fs::read_to_string(folder.join("options")) {
        command.args(options.split_whitespace());
    }
    let output = command.args(more).output().expect("the command starts");
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout).expect("UTF-8"));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {said}", output.status))
}

/// Looks at every scenario, on all cores: each one starts the command, which compiles its modules anew.
///
/// # Panics
/// If `problems` of any are found, with all of them; or if hardly any scenarios are.
pub fn in_each(problems: impl Fn(&Path) -> Vec<String> + Sync) {
    let entries = fs::read_dir(workspace().join("tests/scenarios")).expect("tests/scenarios");
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    assert!(
        folders.len() >= 100,
        "only {} scenarios were found",
        folders.len()
    );
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let found = Mutex::new(String::new());
    let (report, problems) = (&found, &problems);
    std::thread::scope(|scope| {
        for share in folders.chunks(folders.len().div_ceil(threads)) {
            scope.spawn(move || {
                for folder in share {
                    let name = folder.file_name().expect("a name").display();
                    for problem in problems(folder) {
                        report
                            .lock()
                            .expect("no panic")
                            .push_str(&format!("{name}: {problem}\n"));
                    }
                }
            });
        }
    });
    let report = found.into_inner().expect("no panic");
    assert!(report.is_empty(), "\n{report}");
}
