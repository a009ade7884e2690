//! Command line tools that cargo builds from source, pinned, into .fairlead/tools.

use crate::console::Console;
use crate::process;
use crate::tools::Missing;
use crate::workspace::Workspace;
use anyhow::Context as _;
use std::path::PathBuf;

/// A tool that `cargo install` builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CargoTool {
    /// Runs tests of wasm32-unknown-unknown under node. Must be of exactly the version of `wasm-bindgen` in Cargo.lock.
    WasmBindgen,
    /// Licences, bans and sources of the dependencies.
    Deny,
}

impl CargoTool {
    /// Crate and program.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::WasmBindgen => ("wasm-bindgen-cli", "wasm-bindgen-test-runner"),
            Self::Deny => ("cargo-deny", "cargo-deny"),
        }
    }

    fn version(self, workspace: &Workspace) -> anyhow::Result<String> {
        match self {
            Self::Deny => Ok("0.20.2".to_owned()),
            Self::WasmBindgen => {
                let lock = std::fs::read_to_string(workspace.root.join("Cargo.lock"))
                    .context("cannot read Cargo.lock")?;
                locked_version(&lock, "wasm-bindgen")
                    .context("Cargo.lock has no wasm-bindgen: no crate is tested on wasm32")
            }
        }
    }

    /// Finds the program, or builds it (some minutes of CPU time, once).
    ///
    /// # Errors
    /// It could not be built.
    pub(crate) fn ensure(self, workspace: &Workspace, console: &Console) -> anyhow::Result<PathBuf> {
        let (name, program) = self.names();
        let version = self.version(workspace)?;
        let tools = workspace.cache().join("tools");
        let path = tools.join("bin").join(program);
        let installed =
            process::output(std::process::Command::new(&path).arg("--version")).unwrap_or_default();
        if String::from_utf8_lossy(&installed)
            .split_whitespace()
            .any(|word| word == version)
        {
            return Ok(path);
        }
        console.step(&format!("cargo install {name} {version} (once)"));
        let mut install = process::cargo();
        install
            .args([
                "install",
                name,
                "--version",
                &version,
                "--locked",
                "--quiet",
                "--root",
            ])
            .arg(&tools);
        install.arg("--target-dir").arg(tools.join("target"));
        process::check(&mut install, console).with_context(|| {
            Missing(format!(
                "{name} {version} could not be installed into .fairlead/tools"
            ))
        })?;
        std::fs::remove_dir_all(tools.join("target")).context("cannot remove .fairlead/tools/target")?;
        Ok(path)
    }
}

/// The version of a package in a Cargo.lock.
fn locked_version(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')?;
    Some(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_package_and_not_of_a_longer_name() {
        let lock = "[[package]]\nname = \"wasm-bindgen-test\"\nversion = \"0.3.79\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.129\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen").as_deref(), Some("0.2.129"));
        assert_eq!(locked_version(lock, "wasm"), None);
    }
}
