//! `cargo xtask build`: each filter as a .wasm that Envoy loads.
//!
//! Five steps: compile with `--features module`; empty the functions that must never run; drop the exports that the filter does not use (Envoy calls whatever a
//! module exports, 1.5 to 1.9 thousand instructions per request and callback); optimise for size with exactly the Wasm
//! features that Envoy accepts; check that Envoy offers everything the result imports. The same source gives the same
//! bytes on any machine: no path of the machine is left inside.

mod compile;
mod exports;
mod imports;
mod lean;
pub(crate) mod report;
mod snip;

use crate::console::Console;
use crate::tools::{target, wasm_opt};
use crate::workspace::{Package, Workspace};
use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What the filters are compiled for.
pub(crate) const TARGET: &str = "wasm32-wasip1";

/// A built module and what each step did to its size.
#[derive(Debug)]
pub(crate) struct Built {
    /// Folder name under filters/, with `-lean` behind it for the lean build.
    pub(crate) name: String,
    /// Where the module is.
    pub(crate) path: PathBuf,
    /// Bytes as the linker wrote it.
    pub(crate) linked: usize,
    /// Bytes without unused exports, names and other custom sections.
    pub(crate) stripped: usize,
    /// Bytes of the result.
    pub(crate) optimised: usize,
    /// `proxy_on_*` functions that Envoy will call.
    pub(crate) callbacks: usize,
    /// Host functions that it imports.
    pub(crate) imports: usize,
}

/// `[package.metadata.fairlead]` of a filter.
#[derive(Debug, Deserialize)]
struct FilterMetadata {
    /// The callbacks that the stage uses, without the prefix: `request_headers`, `tick`.
    callbacks: BTreeSet<String>,
    /// Those of them that the lean build keeps; without it there is no lean build.
    #[serde(default)]
    lean: Option<BTreeSet<String>>,
    /// How the filter's own crate is optimised; without it as everything else, for the smallest size.
    #[serde(default)]
    opt_level: Option<String>,
    /// The largest that the module may be, in KiB.
    max_kib: usize,
}

/// Builds the filters named (all if none is) into dist/.
///
/// # Errors
/// An unknown filter, a missing tool, a compile error, or a module that Envoy would refuse; always with the remedy.
pub(crate) fn build(workspace: &Workspace, only: &[String], console: &Console) -> anyhow::Result<Vec<Built>> {
    let filters = select(workspace, only)?;
    target::ensure(workspace, TARGET, console)?;
    target::ensure_source(workspace, console)?;
    target::compare_toolchain(workspace, console)?;
    let optimizer = wasm_opt::ensure(workspace, console)?;
    let paths = compile::MachinePaths::find(workspace)?;
    std::fs::create_dir_all(workspace.dist()).context("cannot create dist/")?;
    let mut built = Vec::new();
    for (name, package) in filters {
        built.extend(
            build_one(workspace, &name, package, &optimizer, &paths, console)
                .with_context(|| format!("filters/{name} is not built"))?,
        );
    }
    Ok(built)
}

fn select<'w>(workspace: &'w Workspace, only: &[String]) -> anyhow::Result<Vec<(String, &'w Package)>> {
    let all: Vec<_> = workspace.filters().collect();
    if let Some(unknown) = only
        .iter()
        .find(|name| !all.iter().any(|(folder, _)| folder == *name))
    {
        let known: Vec<&str> = all.iter().map(|(folder, _)| folder.as_str()).collect();
        bail!("there is no filters/{unknown}: choose from {}", known.join(", "));
    }
    Ok(all
        .into_iter()
        .filter(|(folder, _)| only.is_empty() || only.contains(folder))
        .collect())
}

/// Builds a filter: the module, and its lean build if it has one.
fn build_one(
    workspace: &Workspace,
    name: &str,
    package: &Package,
    optimizer: &wasm_opt::Optimizer,
    paths: &compile::MachinePaths,
    console: &Console,
) -> anyhow::Result<Vec<Built>> {
    console.step(&format!("build {name}.wasm"));
    let metadata = metadata(package)?;
    let linked = compile::compile(package, metadata.opt_level.as_deref(), paths, console)?;
    let mut builds = vec![(name.to_owned(), &metadata.callbacks)];
    builds.extend(metadata.lean.as_ref().map(|kept| (lean::name(name), kept)));
    let finish = |(name, kept): (String, &BTreeSet<String>)| {
        let left_out = lean::left_out(&metadata.callbacks, kept)?;
        let stripped = exports::strip(&snip::snip(&linked, left_out)?, kept)?;
        let optimised = optimizer.run(&stripped)?;
        let imports = imports::check(&optimised)?;
        paths.check_absent(&optimised)?;
        check_size(optimised.len(), metadata.max_kib)?;
        let path = workspace.dist().join(format!("{name}.wasm"));
        replace(&path, &optimised)?;
        Ok(Built {
            name,
            path,
            linked: linked.len(),
            stripped: stripped.len(),
            optimised: optimised.len(),
            callbacks: exports::callbacks(&optimised)?,
            imports,
        })
    };
    builds.into_iter().map(finish).collect()
}

fn metadata(package: &Package) -> anyhow::Result<FilterMetadata> {
    let metadata = package.metadata.get("fairlead").cloned().unwrap_or_default();
    serde_json::from_value(metadata).with_context(|| {
        format!(
            "{}: name the callbacks that the stage uses and the size it may have: [package.metadata.fairlead] callbacks = \
             [\"request_headers\"], max_kib = 200",
            package.manifest_path.display()
        )
    })
}

fn check_size(bytes: usize, max_kib: usize) -> anyhow::Result<()> {
    if bytes > max_kib * 1024 {
        bail!(
            "the module has {bytes} bytes, {} more than max_kib allows: see docs/adr/0007-module-size.md for what costs how much",
            bytes - max_kib * 1024
        );
    }
    Ok(())
}

/// Writes a file so that nobody ever sees half of it.
fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let unfinished = path.with_extension(format!("{}.part", std::process::id()));
    std::fs::write(&unfinished, bytes)
        .and_then(|()| std::fs::rename(&unfinished, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_over_its_size_is_refused() {
        assert!(check_size(200 * 1024, 200).is_ok());
        assert!(check_size(200 * 1024 + 1, 200).is_err());
    }
}
