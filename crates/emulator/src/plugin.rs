//! What a listener's filter chain is made of: plugins, each a module with a configuration.

use crate::module::CompiledModule;

/// What happens to requests after a plugin's VM has trapped. The names and effects are Envoy's `FailurePolicy`.
///
/// Under every policy the request that trapped, and others in flight on the same VM when they reach their next
/// callback, get 503 (`wasm_fail_stream`), save under [`LegacyFailOpen`](Self::LegacyFailOpen).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// Later requests on that worker get 503 until the configuration changes. Envoy's default.
    #[default]
    FailClosed,
    /// `failure_policy: FAIL_OPEN`. Later requests on that worker skip the plugin, for good.
    FailOpen,
    /// The deprecated `fail_open: true`: even requests in flight go on as if the plugin were not there.
    LegacyFailOpen,
    /// The next request gets a new VM, but not within a second of the last load (`reload_config.backoff`).
    FailReload,
}

/// One Wasm filter of the chain. Made by [`Plugin::new`], refined by its methods.
#[derive(Clone, Debug)]
pub struct Plugin {
    pub(crate) name: String,
    pub(crate) root_id: String,
    pub(crate) module: CompiledModule,
    pub(crate) configuration: Vec<u8>,
    pub(crate) vm_id: String,
    pub(crate) vm_configuration: Vec<u8>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) failure_policy: FailurePolicy,
}

impl Plugin {
    /// A plugin called `name` (the property `plugin_name`) that runs `module`, with an empty root id, configuration and
    /// VM id (as Istio leaves it) and the policy [`FailurePolicy::FailClosed`].
    #[must_use]
    pub fn new(name: impl Into<String>, module: &CompiledModule) -> Self {
        Self {
            name: name.into(),
            root_id: String::new(),
            module: module.clone(),
            configuration: Vec::new(),
            vm_id: String::new(),
            vm_configuration: Vec::new(),
            environment: Vec::new(),
            failure_policy: FailurePolicy::default(),
        }
    }

    /// The plugin's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets the root id (`PluginConfig.root_id`; Istio's `pluginName`).
    #[must_use]
    pub fn root_id(mut self, root_id: impl Into<String>) -> Self {
        self.root_id = root_id.into();
        self
    }

    /// Sets what `on_configure` reads (`PluginConfig.configuration`).
    #[must_use]
    pub fn configuration(mut self, configuration: impl Into<Vec<u8>>) -> Self {
        self.configuration = configuration.into();
        self
    }

    /// Sets the VM id: the namespace of shared data and queues, and part of what decides which plugins share a VM.
    #[must_use]
    pub fn vm_id(mut self, vm_id: impl Into<String>) -> Self {
        self.vm_id = vm_id.into();
        self
    }

    /// Sets what `on_vm_start` reads (`VmConfig.configuration`).
    #[must_use]
    pub fn vm_configuration(mut self, configuration: impl Into<Vec<u8>>) -> Self {
        self.vm_configuration = configuration.into();
        self
    }

    /// Adds an environment variable that the module sees through WASI (`VmConfig.environment_variables`).
    #[must_use]
    pub fn environment(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((key.into(), value.into()));
        self
    }

    /// Sets what happens after a trap.
    #[must_use]
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Self {
        self.failure_policy = policy;
        self
    }

    /// Two plugins with the same VM key share their VMs (Envoy 1.40: id, configuration, environment, code).
    pub(crate) fn same_vm(&self, other: &Self) -> bool {
        self.vm_id == other.vm_id
            && self.vm_configuration == other.vm_configuration
            && self.environment == other.environment
            && self.module.same_code(&other.module)
    }

    /// Two plugins with the same key in the same VM share a root context.
    pub(crate) fn same_root(&self, other: &Self) -> bool {
        self.name == other.name && self.root_id == other.root_id && self.configuration == other.configuration
    }
}
