//! Compiling a filter, the same bytes on every machine.
//!
//! `cargo rustc --crate-type cdylib` rather than `crate-type` in the manifest: a library that is both `rlib` and `cdylib`
//! gets no link-time optimisation, and native builds would link a `cdylib` that nobody loads.

use super::TARGET;
use crate::console::{Console, Stream};
use crate::process::{self, Show};
use crate::workspace::{Package, Workspace};
use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The standard library is compiled with the module: a panic in it traps at once, and what would have told about it is not
/// there (docs/adr/0007). This and [`SILENT`] are unstable, which is why the toolchain is pinned.
const BUILD_STD: &str = "-Zbuild-std=std,panic_abort";

/// A panic traps without a message, and no place in the source is noted for one.
const SILENT: [&str; 3] = [
    "-Zunstable-options",
    "-Cpanic=immediate-abort",
    "-Zlocation-detail=none",
];

/// Folders of this machine that the compiler would write into a module, with what it writes instead.
#[derive(Debug)]
pub(crate) struct MachinePaths {
    /// From a folder to its public name, the most specific last: the compiler takes the last that fits.
    renamed: Vec<(PathBuf, String)>,
    /// Further folders that must not occur.
    others: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Resolved {
    packages: Vec<Package>,
}

impl MachinePaths {
    /// Asks cargo and rustc where things are.
    ///
    /// # Errors
    /// Neither answers.
    pub(crate) fn find(workspace: &Workspace) -> anyhow::Result<Self> {
        let json = process::output(process::cargo().args(["metadata", "--format-version", "1"]))?;
        let resolved: Resolved = serde_json::from_slice(&json).context("cannot read cargo metadata")?;
        let mut renamed = vec![(workspace.root.clone(), "/fairlead".to_owned())];
        let elsewhere: BTreeSet<PathBuf> = (resolved.packages.iter())
            .filter_map(|package| package.manifest_path.ancestors().nth(2))
            .filter(|folder| !folder.starts_with(&workspace.root))
            .map(Path::to_owned)
            .collect();
        renamed.extend(elsewhere.into_iter().map(|folder| (folder, "/deps".to_owned())));
        let sysroot = text(process::output(
            std::process::Command::new("rustc").args(["--print", "sysroot"]),
        )?);
        let version = text(process::output(std::process::Command::new("rustc").arg("-vV"))?);
        let commit = version
            .lines()
            .find_map(|line| line.strip_prefix("commit-hash: "))
            .unwrap_or("unknown");
        let sysroot = PathBuf::from(sysroot.trim());
        renamed.push((sysroot.join("lib/rustlib/src/rust"), format!("/rustc/{commit}")));
        let others = [std::env::var_os("HOME"), std::env::var_os("CARGO_HOME")]
            .into_iter()
            .flatten()
            .map(PathBuf::from)
            .chain([sysroot, workspace.target.clone()])
            .filter(|folder| folder.components().count() > 1)
            .collect();
        Ok(Self { renamed, others })
    }

    /// Compiler flags, separated as CARGO_ENCODED_RUSTFLAGS wants them.
    fn flags(&self) -> String {
        let renamed = (self.renamed.iter())
            .map(|(folder, name)| format!("--remap-path-prefix={}={name}", folder.display()));
        let flags: Vec<String> = SILENT
            .iter()
            .map(|flag| (*flag).to_owned())
            .chain(renamed)
            .collect();
        flags.join("\u{1f}")
    }

    /// Makes sure that none of these folders is named in a module.
    ///
    /// # Errors
    /// One is.
    pub(crate) fn check_absent(&self, module: &[u8]) -> anyhow::Result<()> {
        for folder in self.renamed.iter().map(|(folder, _)| folder).chain(&self.others) {
            if names(module, folder) {
                bail!(
                    "the module names {}, a folder of this machine: rename it in MachinePaths",
                    folder.display()
                );
            }
        }
        Ok(())
    }
}

/// Whether the bytes name something in `folder`. `src/root/a.rs` names nothing in `/root`; names as short as that only
/// count where a path begins, longer ones anywhere, because strings stand side by side in a module.
fn names(module: &[u8], folder: &Path) -> bool {
    let short = folder.components().count() <= 2;
    let mut needle = folder.as_os_str().as_encoded_bytes().to_vec();
    needle.push(b'/');
    let in_a_path = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (0_usize..).zip(module.windows(needle.len())).any(|(at, window)| {
        let before = at.checked_sub(1).and_then(|before| module.get(before));
        window == needle && !(short && before.is_some_and(|byte| in_a_path(*byte)))
    })
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A line of `cargo --message-format json`.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    manifest_path: Option<PathBuf>,
}

/// Compiles a filter as a module and returns what the linker wrote. `opt_level` is that of the filter's own crate, in which
/// everything generic is compiled, and of what the linker optimises; its dependencies keep that of the profile.
///
/// # Errors
/// The filter has no feature `module`, or does not compile.
pub(crate) fn compile(
    package: &Package,
    opt_level: Option<&str>,
    paths: &MachinePaths,
    console: &Console,
) -> anyhow::Result<Vec<u8>> {
    if !package.features.contains_key("module") {
        bail!(
            "{}: add the feature `module`, which makes the crate a Wasm module",
            package.manifest_path.display()
        );
    }
    let mut command = process::cargo();
    command
        .args([
            "rustc",
            "--lib",
            "--crate-type",
            "cdylib",
            "--profile",
            "wasm",
            "--features",
            "module",
            BUILD_STD,
        ])
        .args([
            "--target",
            TARGET,
            "--message-format",
            "json-render-diagnostics",
            "--package",
        ])
        .arg(&package.name)
        .args(opt_level.map(|level| {
            format!(
                "--config=profile.wasm.package.{}.opt-level=\"{level}\"",
                package.name
            )
        }))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", paths.flags());
    let mut module = None;
    let compiled = process::stream(&mut command, console, |stream, line| {
        if stream == Stream::Err {
            return Show::Yes;
        }
        if let Ok(message) = serde_json::from_str::<Message>(line)
            && message.reason == "compiler-artifact"
            && message.manifest_path.as_ref() == Some(&package.manifest_path)
        {
            let found = message
                .filenames
                .into_iter()
                .find(|file| file.extension().is_some_and(|it| it == "wasm"));
            module = found.or(module.take());
        }
        Show::No
    })?;
    let Some(module) = module.filter(|_| compiled) else {
        bail!("it does not compile")
    };
    std::fs::read(&module).with_context(|| format!("cannot read {}", module.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> MachinePaths {
        MachinePaths {
            renamed: vec![
                ("/checkout".into(), "/fairlead".into()),
                ("/cache/src".into(), "/deps".into()),
            ],
            others: vec!["/user".into()],
        }
    }

    #[test]
    fn a_module_that_names_a_folder_of_the_machine_is_refused() {
        for (module, absent) in [
            (b"\0/fairlead/src/lib.rs".as_slice(), true),
            (b"\0/checkout/src/lib.rs", false),
            (b"text/cache/src/governor/lib.rs", false),
            (b"\0/user/.cargo", false),
            (b"\0src/user/a.rs /users/a", true),
        ] {
            assert_eq!(
                machine().check_absent(module).is_ok(),
                absent,
                "{}",
                module.escape_ascii()
            );
        }
    }

    #[test]
    fn every_folder_is_renamed_for_the_compiler() {
        let flags = machine().flags();
        let flags: Vec<&str> = flags.split('\u{1f}').skip(SILENT.len()).collect();
        assert_eq!(
            flags,
            [
                "--remap-path-prefix=/checkout=/fairlead",
                "--remap-path-prefix=/cache/src=/deps"
            ]
        );
    }
}
