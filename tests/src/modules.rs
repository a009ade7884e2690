//! The modules under test: the files in `dist/` that `cargo xtask build` makes, the same that are published.
//!
//! They are not built here: a test of what is shipped must not test something else.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};

use fairlead_emulator::CompiledModule;

/// All of them, by name.
pub const NAMES: [&str; 9] = [
    "canary",
    "canary-lean",
    "circuit-breaker",
    "circuit-breaker-lean",
    "latency-histogram",
    "rate-limit",
    "rate-limit-lean",
    "suite",
    "suite-lean",
];

static SKIPPED: Once = Once::new();

/// The root of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where `dist/<name>.wasm` is; `None`, after one line on standard error, if it is not built. The variable `FAIRLEAD_MODULES`
/// names another folder, as it does for the command: to see that tests fail on a module that was broken on purpose.
///
/// # Panics
/// If it is not built and the variable `CI` is `true`: there a test that skips itself would go unnoticed.
#[must_use]
pub fn module(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("FAIRLEAD_MODULES").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| workspace().join("dist"));
    let path = folder.join(format!("{name}.wasm"));
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

/// The bytes of `dist/<name>.wasm`; `None` as [`module`].
///
/// # Panics
/// If the file cannot be read.
#[must_use]
pub fn bytes(name: &str) -> Option<Vec<u8>> {
    let path = module(name)?;
    Some(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// The module compiled for the emulator, once a process; `None` as [`module`].
///
/// # Panics
/// If the file is no module.
#[must_use]
pub fn compiled(name: &'static str) -> Option<CompiledModule> {
    static COMPILED: Mutex<BTreeMap<&str, CompiledModule>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = compiled.get(name) {
        return Some(module.clone());
    }
    let module = CompiledModule::compile(&bytes(name)?);
    let module = module.unwrap_or_else(|error| panic!("dist/{name}.wasm is no module: {error}"));
    compiled.insert(name, module.clone());
    Some(module)
}
