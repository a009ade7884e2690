//! Filters that do nothing: what a Wasm filter costs before it does anything.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{Group, Variant};

/// A module on the bare ABI that exports every callback of HTTP streams and returns from each at once. It needs no
/// compiler for Wasm, so it is there wherever the benchmark is.
const BARE: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "proxy_on_request_trailers") (param i32 i32) (result i32) (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "proxy_on_response_trailers") (param i32 i32) (result i32) (i32.const 0))
  (func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))
  (func (export "proxy_on_log") (param i32))
  (func (export "proxy_on_delete") (param i32)))"#;

/// Writes the bare module to `folder`, and, if there is one, adds the empty filter of the Rust SDK at `sdk`
/// ([`build_sdk`]).
///
/// # Errors
/// The folder cannot be written, or there is no module at `sdk`.
pub fn bare(folder: &Path, sdk: Option<&Path>) -> Result<Vec<Variant>> {
    let path = folder.join("empty-bare.wasm");
    let module = wat::parse_str(BARE).context("the empty module is no module")?;
    fs::write(&path, module).with_context(|| format!("cannot write {}", path.display()))?;
    let mut variants =
        vec![Variant::new("empty-bare", "empty filter, bare ABI", Group::Empty).wasm("it", &path, "")];
    if let Some(sdk) = sdk {
        fs::metadata(sdk).with_context(|| format!("cannot read {}", sdk.display()))?;
        variants.push(Variant::new("empty-sdk", "empty filter, Rust SDK", Group::Empty).wasm("it", sdk, ""));
    }
    Ok(variants)
}

/// Compiles the empty filter of the Rust SDK, `bench/empty` in the repository, and returns the module. It takes some
/// seconds the first time and needs the target wasm32-wasip1.
///
/// # Errors
/// It does not compile.
pub fn build_sdk(source: &Path, target: &Path) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([
            "build",
            "--release",
            "--quiet",
            "--target",
            "wasm32-wasip1",
            "--manifest-path",
        ])
        .arg(source.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", target)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .context("cannot run cargo")?;
    ensure!(
        status.success(),
        "{} does not compile: `rustup target add wasm32-wasip1` if the target is missing",
        source.display()
    );
    Ok(target.join("wasm32-wasip1/release/fairlead_empty.wasm"))
}
