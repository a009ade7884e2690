//! Parts of the pinned toolchain: compile targets, and the source of the standard library.

use crate::console::{Console, Stream};
use crate::process;
use crate::tools::Missing;
use crate::workspace::Workspace;
use anyhow::Context as _;
use std::path::Path;
use std::process::Command;

/// Says so when another compiler than the pinned one runs: its modules are not the bytes of a release.
///
/// # Errors
/// The compiler or rust-toolchain.toml cannot be asked.
pub(crate) fn compare_toolchain(workspace: &Workspace, console: &Console) -> anyhow::Result<()> {
    let channel = channel(&workspace.root)?;
    let version = process::output(Command::new("rustc").arg("--version"))?;
    let version = String::from_utf8_lossy(&version);
    if !version.split_whitespace().any(|word| word == channel) {
        let text = format!(
            "warning: {} instead of the pinned {channel}: other bytes than a release",
            version.trim()
        );
        console.line(Stream::Err, &text);
    }
    Ok(())
}

/// Makes sure that the standard library for `target` is there.
///
/// # Errors
/// It is missing and rustup is too, or cannot fetch it.
pub(crate) fn ensure(workspace: &Workspace, target: &str, console: &Console) -> anyhow::Result<()> {
    let libraries =
        process::output(Command::new("rustc").args(["--print", "target-libdir", "--target", target]))?;
    if Path::new(String::from_utf8_lossy(&libraries).trim()).is_dir() {
        return Ok(());
    }
    add(workspace, "target", target, console)
}

/// Makes sure that the source of the standard library is there, which modules are compiled with.
///
/// # Errors
/// It is missing and rustup is too, or cannot fetch it.
pub(crate) fn ensure_source(workspace: &Workspace, console: &Console) -> anyhow::Result<()> {
    let sysroot = process::output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let sysroot = String::from_utf8_lossy(&sysroot);
    let lock = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/Cargo.lock");
    if lock.is_file() {
        return Ok(());
    }
    add(workspace, "component", "rust-src", console)
}

/// Adds a `kind` of part (target, component) to the pinned toolchain.
fn add(workspace: &Workspace, kind: &str, part: &str, console: &Console) -> anyhow::Result<()> {
    let channel = channel(&workspace.root)?;
    if !process::runs("rustup") {
        let remedy = format!(
            "the {kind} {part} is missing, and so is rustup: install rustup, or the {kind} for Rust {channel}"
        );
        return Err(Missing(remedy).into());
    }
    console.step(&format!("rustup {kind} add {part}"));
    process::check(
        Command::new("rustup").args([kind, "add", part, "--toolchain", &channel]),
        console,
    )
    .context(Missing(format!(
        "the {kind} {part} could not be fetched: rustup {kind} add {part}"
    )))
}

/// The toolchain that rust-toolchain.toml pins.
fn channel(root: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(root.join("rust-toolchain.toml"))
        .context("cannot read rust-toolchain.toml")?;
    parse_channel(&text).context("rust-toolchain.toml names no channel")
}

fn parse_channel(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| {
        line.trim()
            .strip_prefix("channel")?
            .trim_start()
            .strip_prefix('=')
    })?;
    Some(value.trim().trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channel_of_the_toolchain_file_is_read() {
        assert_eq!(
            parse_channel("[toolchain]\nchannel = \"1.95.0\"\n").as_deref(),
            Some("1.95.0")
        );
        assert_eq!(parse_channel("[toolchain]\n"), None);
    }
}
