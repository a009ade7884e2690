//! Where the modules are, the same files that Envoy loads.

use anyhow::{Context, Result, bail};
use fairlead_config::Filter;
use fairlead_emulator::CompiledModule;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The folders to look in, and what was compiled so far.
pub(super) struct Modules {
    folders: Vec<PathBuf>,
    compiled: HashMap<Filter, CompiledModule>,
}

impl Modules {
    /// A folder that was asked for, on the command line or in the environment, is the only one that is looked at.
    pub(super) fn find(asked: Option<&Path>) -> Result<Self> {
        let asked = asked
            .map(Path::to_owned)
            .or_else(|| std::env::var_os("FAIRLEAD_MODULES").map(PathBuf::from));
        let folders = match asked {
            Some(folder) => vec![folder],
            None => {
                let executable = std::env::current_exe().context("where is this command?")?;
                let beside = executable.parent().unwrap_or(Path::new("."));
                // target/release/fairlead stands two folders below dist.
                vec![
                    PathBuf::from("dist"),
                    beside.join("dist"),
                    beside.join("../../dist"),
                ]
            }
        };
        Ok(Self {
            folders,
            compiled: HashMap::new(),
        })
    }

    /// The module of a filter.
    pub(super) fn compiled(&mut self, filter: Filter) -> Result<CompiledModule> {
        if let Some(module) = self.compiled.get(&filter) {
            return Ok(module.clone());
        }
        let name = format!("{}.wasm", filter.file_name());
        let Some(file) = self
            .folders
            .iter()
            .map(|folder| folder.join(&name))
            .find(|file| file.is_file())
        else {
            let looked: Vec<String> = self
                .folders
                .iter()
                .map(|folder| folder.display().to_string())
                .collect();
            bail!(
                "there is no {name} in {}: build it with `cargo xtask build`, or name its folder with --modules",
                looked.join(", ")
            );
        };
        let bytes = std::fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        let module =
            CompiledModule::compile(&bytes).with_context(|| format!("{} cannot be run", file.display()))?;
        self.compiled.insert(filter, module.clone());
        Ok(module)
    }
}
