//! Compiled modules. Compiling is the expensive part (0.1 s for 100 KB), instantiating is cheap (about 20 us), so a module
//! is compiled once and handed to any number of emulators.

use std::fmt;
use std::sync::{Arc, OnceLock};

use wasmtime::{Config, Engine, InstancePre, Linker, Module};

use crate::hostcalls;
use crate::vm::VmState;

/// A module that is ready to be instantiated. Cloning is cheap.
#[derive(Clone)]
pub struct CompiledModule {
    inner: Arc<Inner>,
}

struct Inner {
    code: Vec<u8>,
    instance: InstancePre<VmState>,
}

/// Why a module cannot be loaded; Envoy would refuse it as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleError {
    /// Not a valid WebAssembly module, or one that uses features beyond the engine.
    Invalid(String),
    /// No export `proxy_abi_version_0_2_0` or `proxy_abi_version_0_2_1`. (Envoy also takes 0.1.0, the emulator does not.)
    UnknownAbi,
    /// It imports a function that the host does not have.
    MissingImport(String),
    /// An export that the host calls has another signature than the ABI says.
    BadSignature(String),
    /// The engine could not be set up on this machine.
    Engine(String),
}

impl fmt::Display for ModuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why) => write!(f, "not a valid module: {why}"),
            Self::UnknownAbi => f.write_str("missing or unknown Proxy-Wasm ABI version"),
            Self::MissingImport(why) => write!(f, "missing import: {why}"),
            Self::BadSignature(name) => write!(f, "bad function signature for {name}"),
            Self::Engine(why) => write!(f, "the WebAssembly engine cannot start: {why}"),
        }
    }
}

impl std::error::Error for ModuleError {}

impl CompiledModule {
    /// Compiles a module.
    ///
    /// # Errors
    /// See [`ModuleError`].
    pub fn compile(code: &[u8]) -> Result<Self, ModuleError> {
        let engine = engine()?;
        let module =
            Module::from_binary(engine, code).map_err(|error| ModuleError::Invalid(format!("{error:#}")))?;
        let speaks = |version: &str| module.get_export(version).is_some();
        if !speaks("proxy_abi_version_0_2_1") && !speaks("proxy_abi_version_0_2_0") {
            return Err(ModuleError::UnknownAbi);
        }
        let mut linker = Linker::new(engine);
        hostcalls::define(&mut linker).map_err(|error| ModuleError::Engine(format!("{error:#}")))?;
        let instance = linker
            .instantiate_pre(&module)
            .map_err(|error| ModuleError::MissingImport(format!("{error:#}")))?;
        Ok(Self {
            inner: Arc::new(Inner {
                code: code.to_vec(),
                instance,
            }),
        })
    }

    pub(crate) fn same_code(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner) || self.inner.code == other.inner.code
    }

    pub(crate) fn instance(&self) -> &InstancePre<VmState> {
        &self.inner.instance
    }
}

impl fmt::Debug for CompiledModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledModule")
            .field("bytes", &self.inner.code.len())
            .finish()
    }
}

/// One engine for the process: modules can only be shared within an engine.
fn engine() -> Result<&'static Engine, ModuleError> {
    static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();
    ENGINE
        .get_or_init(|| {
            let mut config = Config::new();
            config.consume_fuel(true);
            Engine::new(&config).map_err(|error| format!("{error:#}"))
        })
        .as_ref()
        .map_err(|error| ModuleError::Engine(error.clone()))
}
