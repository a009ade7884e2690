//! The probe module, built once a test run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use fairlead_emulator::CompiledModule;

/// The folder of the workspace.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("a crate two levels below the root")
        .to_owned()
}

/// The path of the built module.
pub(crate) fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let folder = workspace().join("tests/probe");
        let target = workspace().join("target/probe");
        let status = Command::new(env!("CARGO"))
            .args([
                "build",
                "--release",
                "--quiet",
                "--target",
                "wasm32-wasip1",
                "--manifest-path",
            ])
            .arg(folder.join("Cargo.toml"))
            .env("CARGO_TARGET_DIR", &target)
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .status()
            .expect("cargo runs");
        assert!(status.success(), "the probe builds");
        target.join("wasm32-wasip1/release/fairlead_probe.wasm")
    })
}

/// The module, compiled once.
pub(crate) fn module() -> &'static CompiledModule {
    static MODULE: OnceLock<CompiledModule> = OnceLock::new();
    MODULE.get_or_init(|| {
        let code = std::fs::read(path()).expect("the probe is there");
        CompiledModule::compile(&code).expect("the probe compiles")
    })
}
