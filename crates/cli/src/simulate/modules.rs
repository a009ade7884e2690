//! Where the modules are, the same files that Envoy loads.

use anyhow::{Context, Result, bail};
use fairlead_config::Module;
use fairlead_emulator::CompiledModule;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The folders to look in, and what was compiled so far.
pub(super) struct Modules {
    folders: Vec<PathBuf>,
    compiled: HashMap<Module, CompiledModule>,
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

    /// A module, compiled.
    pub(super) fn compiled(&mut self, module: Module) -> Result<CompiledModule> {
        if let Some(compiled) = self.compiled.get(&module) {
            return Ok(compiled.clone());
        }
        let name = format!("{}.wasm", module.file_name());
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
        let compiled =
            CompiledModule::compile(&bytes).with_context(|| format!("{} cannot be run", file.display()))?;
        self.compiled.insert(module, compiled.clone());
        Ok(compiled)
    }
}
