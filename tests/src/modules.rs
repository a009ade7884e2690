//! The modules under test: the files in `dist/` that `cargo xtask build` makes, the same that are published.
//!
//! They are not built here: a test of what is shipped must not test something else.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Once, OnceLock};

use fairlead_emulator::CompiledModule;

static SKIPPED: Once = Once::new();

/// The root of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where `dist/<name>.wasm` is; `None`, after one line on standard error, if it is not built.
///
/// # Panics
/// If it is not built and the variable `CI` is `true`: there a test that skips itself would go unnoticed.
#[must_use]
pub fn module(name: &str) -> Option<PathBuf> {
    let path = workspace().join("dist").join(format!("{name}.wasm"));
    if path.is_file() {
        return Some(path);
    }
    let lack = format!("dist/{name}.wasm is not built: run `cargo xtask build`");
    assert!(
        std::env::var_os("CI").is_none_or(|value| value != "true"),
        "{lack}"
    );
    SKIPPED.call_once(|| {
        // Past the capture of `cargo test`.
        let _ = writeln!(std::io::stderr(), "skipped: tests of shipped modules ({lack})");
    });
    None
}

/// The rate limiter compiled for the emulator, once a process; `None` as [`module`].
///
/// # Panics
/// If the file is no module.
#[must_use]
pub fn rate_limit() -> Option<CompiledModule> {
    static COMPILED: OnceLock<Option<CompiledModule>> = OnceLock::new();
    let compile = || {
        let bytes = std::fs::read(module("rate-limit")?).expect("dist/rate-limit.wasm can be read");
        Some(CompiledModule::compile(&bytes).expect("dist/rate-limit.wasm is a module"))
    };
    COMPILED.get_or_init(compile).clone()
}
