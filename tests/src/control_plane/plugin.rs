//! A filter on a proxy of the mesh, as the object that a user would write, in either form.

use serde_json::{Value, json};

use super::images::Image;
use super::mesh::{APPLICATION_PORT, GATEWAY_PORT, SERVICE_PORT};
use super::sidecar::Role;

/// What happens when a module is missing or ends.
pub const FAIL_STRATEGIES: [&str; 3] = ["FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD"];

/// A WasmPlugin or TrafficExtension.
#[derive(Clone, Debug)]
pub struct Plugin {
    name: String,
    role: Role,
    annotations: Value,
    attached: Value,
    wasm: Value,
}

impl Plugin {
    /// A module on a proxy, on the port that all its requests come to. FAIL_RELOAD, and its filter has its own name.
    #[must_use]
    pub fn new(name: &str, role: Role, image: &Image, config: &Value) -> Self {
        let (mode, port) = match role {
            Role::Client => ("CLIENT", SERVICE_PORT),
            Role::Server => ("SERVER", APPLICATION_PORT),
            Role::Gateway => ("CLIENT", GATEWAY_PORT),
        };
        Self {
            name: name.to_owned(),
            role,
            annotations: json!({}),
            attached: json!({
                "selector": {"matchLabels": role.labels()},
                "match": [{"mode": mode, "ports": [{"number": port}]}],
            }),
            wasm: json!({
                "url": image.url(),
                "pluginName": name,
                "failStrategy": "FAIL_RELOAD",
                "pluginConfig": config,
            }),
        }
    }

    /// Another strategy.
    #[must_use]
    pub fn fail_strategy(mut self, strategy: &str) -> Self {
        self.wasm["failStrategy"] = json!(strategy);
        self
    }

    /// Another image, by whatever url, and what it is compared with.
    #[must_use]
    pub fn url(mut self, url: &str, sha256: Option<&str>) -> Self {
        self.wasm["url"] = json!(url);
        if let Some(sha256) = sha256 {
            self.wasm["sha256"] = json!(sha256);
        }
        self
    }

    /// Another config.
    #[must_use]
    pub fn config(mut self, config: &Value) -> Self {
        self.wasm["pluginConfig"] = config.clone();
        self
    }

    /// Where it comes in the chain.
    #[must_use]
    pub fn place(mut self, phase: &str, priority: Option<i32>) -> Self {
        self.attached["phase"] = json!(phase);
        if let Some(priority) = priority {
            self.attached["priority"] = json!(priority);
        }
        self
    }

    /// An annotation, which changes the object and nothing that it says.
    #[must_use]
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations[name] = json!(value);
        self
    }

    /// The object for Istio up to 1.29, and later as well.
    #[must_use]
    pub fn wasm_plugin(&self) -> String {
        let mut spec = self.attached.clone();
        let fields = self.wasm.as_object().expect("fields").clone();
        spec.as_object_mut().expect("fields").extend(fields);
        self.object("WasmPlugin", &spec)
    }

    /// The object for Istio from 1.30 on.
    #[must_use]
    pub fn traffic_extension(&self) -> String {
        let mut spec = self.attached.clone();
        spec["wasm"] = self.wasm.clone();
        self.object("TrafficExtension", &spec)
    }

    fn object(&self, kind: &str, spec: &Value) -> String {
        let metadata = json!({
            "name": self.name, "namespace": self.role.namespace(), "annotations": self.annotations,
        });
        json!({
            "apiVersion": "extensions.istio.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec,
        })
        .to_string()
    }
}
