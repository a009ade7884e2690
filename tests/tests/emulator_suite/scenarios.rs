//! The scenarios in `tests/scenarios` in one module: the command answers each request as it does with a module for each filter.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use fairlead_tests::modules::workspace;

/// `target/release/fairlead`, or what `FAIRLEAD_BIN` names.
fn command() -> PathBuf {
    let named = std::env::var_os("FAIRLEAD_BIN").map(PathBuf::from);
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from);
    let path = named.unwrap_or_else(|| target.join("release/fairlead"));
    assert!(
        path.is_file(),
        "{} is not there: build it with `cargo build --release -p fairlead`, or name it in FAIRLEAD_BIN",
        path.display()
    );
    path
}

/// A line for each request. What comes after them is of plugins, whose names differ.
fn answers(folder: &Path, more: &[&str]) -> Result<Vec<String>, String> {
    let mut command = Command::new(command());
    command
        .current_dir(workspace())
        .args(["simulate", "--output", "jsonl"]);
    command.arg("--policy").arg(folder.join("policy.yaml"));
    command.arg("--traffic").arg(folder.join("traffic.jsonl"));
    if let Ok(options) = fs::read_to_string(folder.join("options")) {
        command.args(options.split_whitespace());
    }
    let output = command.args(more).output().expect("the command starts");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.pop();
    Ok(lines)
}

/// What differs in a scenario.
fn difference(folder: &Path) -> Option<String> {
    let (apart, together) = match (answers(folder, &[]), answers(folder, &["--suite"])) {
        (Ok(apart), Ok(together)) => (apart, together),
        (Err(problem), _) | (_, Err(problem)) => return Some(problem),
    };
    if apart.is_empty() || apart.len() != together.len() {
        return Some(format!(
            "{} answers, {} in one module",
            apart.len(),
            together.len()
        ));
    }
    let pairs = apart.iter().zip(&together);
    let mut different = pairs.filter(|(one, other)| one != other);
    different
        .next()
        .map(|(one, other)| format!("{one}\nin one module {other}"))
}

#[test]
fn every_scenario_is_answered_alike_in_one_module() {
    if fairlead_tests::modules::module("suite").is_none() {
        return;
    }
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
    let report = &found;
    std::thread::scope(|scope| {
        for share in folders.chunks(folders.len().div_ceil(threads)) {
            scope.spawn(move || {
                for folder in share {
                    if let Some(problem) = difference(folder) {
                        let name = folder.file_name().expect("a name").display();
                        report.lock().unwrap().push_str(&format!("{name}: {problem}\n"));
                    }
                }
            });
        }
    });
    let report = found.into_inner().unwrap();
    assert!(report.is_empty(), "\n{report}");
}
