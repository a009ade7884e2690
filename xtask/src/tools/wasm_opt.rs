//! wasm-opt of binaryen: smaller modules, at no cost in speed.
//!
//! The npm package is pinned with its checksum (`xtask/tools/package-lock.json`), so that everybody gets the same bytes.

use crate::console::Console;
use crate::process;
use crate::tools::Missing;
use crate::workspace::Workspace;
use anyhow::{Context as _, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = include_str!("../../tools/package.json");
const LOCK: &str = include_str!("../../tools/package-lock.json");
/// The version that LOCK pins.
const VERSION: &str = "132.0.0";

/// Names another wasm-opt.
const OVERRIDE: &str = "FAIRLEAD_WASM_OPT";

/// `-Oz`, which is 2 % smaller than `-O2` and costs no instruction more; once more after control flow is built anew, and at last
/// constants and the order of functions: 3 % together (docs/adr/0007). But no function is moved into its only caller: few
/// large functions cost Envoy's compiler megabytes that it never gives back. Then what holds of modules whose stack grows towards
/// address 0, so that nothing that works touches the first kilobyte, and the Wasm features that both the
/// compiler emits and Envoy's V8 accepts. Never `-all`: Envoy refuses that.
const FLAGS: [&str; 15] = [
    "-Oz",
    "--flatten",
    "--rereloop",
    "-Oz",
    "-Oz",
    "--const-hoisting",
    "--reorder-functions",
    "--low-memory-unused",
    "--one-caller-inline-max-function-size=20",
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// A wasm-opt that runs.
#[derive(Debug)]
pub(crate) struct Optimizer {
    program: OsString,
    folder: PathBuf,
}

/// Finds wasm-opt or installs the pinned one into .fairlead/tools.
///
/// # Errors
/// There is none, and npm is missing or cannot fetch it.
pub(crate) fn ensure(workspace: &Workspace, console: &Console) -> anyhow::Result<Optimizer> {
    let folder = workspace.cache().join("build");
    std::fs::create_dir_all(&folder).context("cannot create .fairlead/build")?;
    if let Some(program) = std::env::var_os(OVERRIDE) {
        if !process::runs(&program) {
            bail!(
                "{OVERRIDE}={} does not run: name the file of wasm-opt",
                program.display()
            );
        }
        return Ok(Optimizer { program, folder });
    }
    let home = workspace
        .cache()
        .join("tools")
        .join(format!("binaryen-{VERSION}"));
    let program = home.join("node_modules/.bin/wasm-opt");
    if !program.exists() {
        install(&home, console)?;
    }
    Ok(Optimizer {
        program: program.into(),
        folder,
    })
}

/// Installs beside the final folder first, so that an interrupted run leaves nothing that looks complete.
fn install(home: &Path, console: &Console) -> anyhow::Result<()> {
    if !process::runs("npm") {
        let remedy = format!(
            "wasm-opt is missing: install Node.js with npm, or binaryen {VERSION}, and set {OVERRIDE} to its wasm-opt"
        );
        return Err(Missing(remedy).into());
    }
    console.step(&format!("npm ci: wasm-opt of binaryen {VERSION}"));
    let unfinished = home.with_extension(format!("{}.part", std::process::id()));
    std::fs::create_dir_all(&unfinished).context("cannot create .fairlead/tools")?;
    std::fs::write(unfinished.join("package.json"), PACKAGE)?;
    std::fs::write(unfinished.join("package-lock.json"), LOCK)?;
    let mut npm = Command::new("npm");
    npm.args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel",
        "error",
    ])
    .current_dir(&unfinished);
    let installed = process::check(&mut npm, console).with_context(|| {
        Missing(format!(
            "binaryen could not be fetched: set {OVERRIDE} to a wasm-opt of version {VERSION}"
        ))
    });
    if installed.is_ok() && !home.exists() {
        std::fs::rename(&unfinished, home).context("cannot move wasm-opt into .fairlead/tools")?;
    } else {
        std::fs::remove_dir_all(&unfinished).context("cannot remove an unfinished install")?;
    }
    installed
}

impl Optimizer {
    /// Optimises a module for size.
    ///
    /// # Errors
    /// wasm-opt refuses it: usually it uses a Wasm feature that Envoy does not accept.
    pub(crate) fn run(&self, module: &[u8]) -> anyhow::Result<Vec<u8>> {
        let input = self.folder.join(format!("{}.in.wasm", std::process::id()));
        let output = self.folder.join(format!("{}.out.wasm", std::process::id()));
        std::fs::write(&input, module).context("cannot write to .fairlead/build")?;
        let run = process::output(
            Command::new(&self.program)
                .args(FLAGS)
                .arg(&input)
                .arg("-o")
                .arg(&output),
        );
        let result = run.and_then(|_| std::fs::read(&output).context("wasm-opt wrote nothing"));
        for file in [&input, &output] {
            let _ = std::fs::remove_file(file);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_pins_this_version_by_checksum_and_names_no_registry() {
        let lock: serde_json::Value = serde_json::from_str(LOCK).unwrap();
        let package = &lock["packages"]["node_modules/binaryen"];
        assert_eq!(package["version"], VERSION);
        assert!(package["integrity"].as_str().unwrap().starts_with("sha512-"));
        assert!(package.get("resolved").is_none());
    }
}
