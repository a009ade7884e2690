//! HTTP filters: Wasm plugins, filters whose configuration comes from a file, and any other.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::file_source;

/// The message of a Wasm filter's configuration.
pub(crate) const WASM_TYPE: &str = "filters.http.wasm.v3.Wasm";

/// The type URL of an extension's message, `name` without `envoy.extensions.`.
pub(crate) fn type_url(name: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.{name}")
}

/// What Envoy does with requests once a plugin's VM has failed
/// (`envoy.extensions.wasm.v3.FailurePolicy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// A new VM is made for the next request, at most about one a second; 503 until then.
    #[default]
    Reload,
    /// 503 until the configuration changes. Envoy's own default.
    Closed,
    /// The filter is skipped until the configuration changes; streams in flight still get 503.
    Open,
}

impl FailurePolicy {
    fn name(self) -> &'static str {
        match self {
            Self::Reload => "FAIL_RELOAD",
            Self::Closed => "FAIL_CLOSED",
            Self::Open => "FAIL_OPEN",
        }
    }
}

/// A Wasm plugin on V8.
#[derive(Clone, Debug)]
pub struct Wasm {
    name: String,
    root_id: String,
    vm_id: String,
    module: PathBuf,
    configuration: Option<String>,
    failure_policy: FailurePolicy,
    extra: Map<String, Value>,
}

impl Wasm {
    /// A plugin of the module at `module`, with no configuration, an empty `vm_id` (as in Istio, where all plugins
    /// share one namespace for shared data), and `name` as its root id.
    pub fn new(name: impl Into<String>, module: impl Into<PathBuf>) -> Self {
        let name = name.into();
        Self {
            root_id: name.clone(),
            name,
            vm_id: String::new(),
            module: module.into(),
            configuration: None,
            failure_policy: FailurePolicy::default(),
            extra: Map::new(),
        }
    }

    /// The root context of the module that the plugin uses.
    #[must_use]
    pub fn root_id(mut self, root_id: impl Into<String>) -> Self {
        self.root_id = root_id.into();
        self
    }

    /// The namespace of shared data. Plugins with the same module and `vm_id` share a VM in each worker.
    #[must_use]
    pub fn vm_id(mut self, vm_id: impl Into<String>) -> Self {
        self.vm_id = vm_id.into();
        self
    }

    /// The plugin's configuration, usually JSON; the plugin gets these bytes as they are.
    #[must_use]
    pub fn configuration(mut self, text: impl Into<String>) -> Self {
        self.configuration = Some(text.into());
        self
    }

    /// What happens to requests after a failure of the VM.
    #[must_use]
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Self {
        self.failure_policy = policy;
        self
    }

    /// Sets any other field of `envoy.extensions.wasm.v3.PluginConfig`; wins over what the builder would write.
    #[must_use]
    pub fn with(mut self, field: impl Into<String>, value: Value) -> Self {
        self.extra.insert(field.into(), value);
        self
    }

    fn typed_config(&self) -> Value {
        let mut plugin = Map::new();
        plugin.insert("name".into(), json!(self.name));
        plugin.insert("root_id".into(), json!(self.root_id));
        plugin.insert("failure_policy".into(), json!(self.failure_policy.name()));
        plugin.insert(
            "vm_config".into(),
            json!({
                "vm_id": self.vm_id,
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": self.module.to_string_lossy()}},
            }),
        );
        if let Some(text) = &self.configuration {
            let value = json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text});
            plugin.insert("configuration".into(), value);
        }
        plugin.extend(self.extra.clone());
        json!({"@type": type_url(WASM_TYPE), "config": plugin})
    }
}

/// One filter of a listener's chain.
#[derive(Clone, Debug)]
pub struct HttpFilter(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Typed {
        name: String,
        config: Value,
    },
    Discovered {
        name: String,
        file: PathBuf,
        message: String,
    },
}

impl HttpFilter {
    /// Any filter: `config` is its message in JSON, with `@type`.
    pub fn new(name: impl Into<String>, config: Value) -> Self {
        Self(Kind::Typed {
            name: name.into(),
            config,
        })
    }

    /// A filter whose configuration is read from `file` and read again when the file is replaced. `message` is the
    /// type it may have, without `envoy.extensions.`.
    pub(crate) fn discovered(name: &str, file: &Path, message: &str) -> Self {
        Self(Kind::Discovered {
            name: name.into(),
            file: file.into(),
            message: message.into(),
        })
    }

    pub(super) fn to_json(&self) -> Value {
        match &self.0 {
            Kind::Typed { name, config } => json!({"name": name, "typed_config": config}),
            Kind::Discovered { name, file, message } => json!({
                "name": name,
                "config_discovery": {"config_source": file_source(file), "type_urls": [type_url(message)]},
            }),
        }
    }
}

impl From<Wasm> for HttpFilter {
    fn from(wasm: Wasm) -> Self {
        Self::new(wasm.name.clone(), wasm.typed_config())
    }
}

impl From<&Wasm> for Value {
    /// The filter's message, as an extension's `typed_config`.
    fn from(wasm: &Wasm) -> Self {
        wasm.typed_config()
    }
}
