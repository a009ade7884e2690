//! What Istio's own tool says about what was made: it knows the kinds' fields, and looks into no pluginConfig.

use anyhow::{Context, Result};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Names the program where it is not in `PATH`.
const PROGRAM: &str = "FAIRLEAD_ISTIOCTL";

/// What is asked, each about standard input. Without `-A`, `analyze` looks at one namespace and finds nothing wrong with
/// the others; `validate` is what refuses an unknown field.
const QUESTIONS: [&[&str]; 2] = [
    &["validate", "-f", "-"],
    &["analyze", "-A", "--use-kube=false", "-"],
];

/// Whether istioctl has nothing against it. Says so on standard error, and also if there is no istioctl.
pub(super) fn accepts(text: &str) -> Result<bool> {
    let Some(program) = find() else {
        eprintln!(
            "--check: there is no istioctl in PATH, and {PROGRAM} names none: install it, or leave out --check"
        );
        return Ok(false);
    };
    let mut accepted = true;
    for question in QUESTIONS {
        let (is_good, said) = ask(&program, question, text)
            .with_context(|| format!("istioctl {} cannot be run", question.join(" ")))?;
        for line in said.lines().filter(|line| !line.trim().is_empty()) {
            eprintln!(
                "istioctl {}: {line}",
                question.first().copied().unwrap_or_default()
            );
        }
        accepted &= is_good;
    }
    Ok(accepted)
}

fn find() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(PROGRAM) {
        return Some(named.into());
    }
    let folders =
        std::env::var_os("PATH").map(|path: OsString| std::env::split_paths(&path).collect::<Vec<_>>());
    let mut programs = folders
        .into_iter()
        .flatten()
        .map(|folder| folder.join("istioctl"));
    programs.find(|program| program.is_file())
}

/// Whether the answer is yes, and what was said.
fn ask(program: &PathBuf, arguments: &[&str], text: &str) -> std::io::Result<(bool, String)> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let input = child.stdin.take();
    // It reads everything before it says anything, and may end before that if it does not like its arguments.
    let written = input.map_or(Ok(()), |mut input| input.write_all(text.as_bytes()));
    let output = child.wait_with_output()?;
    if output.status.success() {
        written?;
    }
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    Ok((output.status.success(), said))
}
