//! A proxy of the mesh: Istio's agent, which asks istiod, fetches modules and runs an Envoy.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::process::{Process, free_ports, get};
use crate::proxy::PATIENCE;

/// Where the agent keeps modules, a constant of its.
const MODULES: &str = "/var/lib/istio/data";

/// What a proxy stands in front of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The sidecar of `app: productpage`, which calls reviews.
    Client,
    /// The sidecar of `app: reviews`, in front of its version v2.
    Server,
    /// The ingress gateway.
    Gateway,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Client, Self::Server, Self::Gateway];

    /// Its pod's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Gateway => "gateway",
        }
    }

    /// Its pod's namespace.
    #[must_use]
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::Client | Self::Server => "demo",
            Self::Gateway => "istio-system",
        }
    }

    const fn address(self) -> &'static str {
        match self {
            Self::Client => "127.0.0.2",
            Self::Server => "127.0.0.3",
            Self::Gateway => "127.0.0.4",
        }
    }

    pub(super) fn labels(self) -> Value {
        match self {
            Self::Client => json!({"app": "productpage"}),
            Self::Server => json!({"app": "reviews", "version": "v2"}),
            Self::Gateway => json!({"istio": "ingressgateway"}),
        }
    }
}

/// What every proxy of a mesh is started with.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) agent: PathBuf,
    pub(super) mesh_config: PathBuf,
    pub(super) registry: String,
    pub(super) folder: PathBuf,
}

/// A running proxy. Dropping it ends the agent, and with it Envoy.
#[derive(Debug)]
pub struct Sidecar {
    role: Role,
    settings: Settings,
    process: Option<Process>,
    admin: u16,
    status: u16,
    envoy_status: u16,
    prometheus: u16,
}

impl Sidecar {
    /// Starts one.
    pub(super) fn start(role: Role, settings: Settings) -> Self {
        let [admin, status, envoy_status, prometheus] = free_ports();
        let mut sidecar = Self {
            role,
            settings,
            process: None,
            admin,
            status,
            envoy_status,
            prometheus,
        };
        sidecar.spawn();
        sidecar
    }

    fn spawn(&mut self) {
        let Settings {
            agent,
            mesh_config,
            registry,
            folder,
        } = &self.settings;
        let role = self.role;
        // What it writes is relative to where it runs.
        let home = folder.join(role.name());
        std::fs::create_dir_all(&home).expect("a folder");
        std::fs::create_dir_all(MODULES).unwrap_or_else(|error| panic!("{MODULES}: {error}: run as root"));
        let kind = if role == Role::Gateway {
            "router"
        } else {
            "sidecar"
        };
        let ports = json!({"proxyAdminPort": self.admin, "statusPort": self.status});
        let mut command = Command::new(agent);
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs([
                ("POD_NAME", role.name()),
                ("POD_NAMESPACE", role.namespace()),
                ("SERVICE_ACCOUNT", role.name()),
                ("INSTANCE_IP", role.address()),
                // No metadata server is asked for, no certificates are.
                ("CLOUD_PLATFORM", "none"),
                ("FILE_MOUNTED_CERTS", "true"),
                ("PILOT_CERT_PROVIDER", "none"),
                ("GRPC_XDS_BOOTSTRAP", ""),
                ("ISTIO_META_CLUSTER_ID", "Kubernetes"),
                ("ISTIO_META_INTERCEPTION_MODE", "NONE"),
                ("ISTIO_META_ISTIO_VERSION", "1.31.0"),
                ("WASM_INSECURE_REGISTRIES", registry),
            ])
            .env("ISTIO_METAJSON_LABELS", role.labels().to_string())
            .env("ENVOY_STATUS_PORT", self.envoy_status.to_string())
            .env("ENVOY_PROMETHEUS_PORT", self.prometheus.to_string())
            .env("PROXY_CONFIG", ports.to_string())
            .args(["proxy", kind, "--domain"])
            .arg(format!("{}.svc.cluster.local", role.namespace()))
            .arg("--meshConfig")
            .arg(mesh_config)
            .args([
                "--proxyLogLevel=warning,wasm:info",
                "--log_output_level=wasm:debug",
            ])
            .current_dir(&home);
        self.process = Some(Process::start(role.name(), folder, &mut command));
    }

    /// Waits until it says that it is ready, which says nothing of modules.
    ///
    /// # Panics
    /// After a minute, with its log.
    pub fn ready(&mut self) {
        let port = self.envoy_status;
        let process = self.process.as_mut().expect("it runs");
        process.until("it is not ready", || {
            get(port, "/healthz/ready").filter(|answer| answer.status == 200)
        });
    }

    /// Ends agent and Envoy.
    ///
    /// # Panics
    /// If Envoy goes on for a minute.
    pub fn stop(&mut self) {
        self.process = None;
        let begin = Instant::now();
        while get(self.admin, "/server_info").is_some() {
            assert!(begin.elapsed() < PATIENCE, "Envoy goes on without its agent");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends agent and Envoy and starts both again, which know nothing of before; waits until it is ready.
    ///
    /// # Panics
    /// As [`stop`](Self::stop) and [`ready`](Self::ready).
    pub fn restart(&mut self) {
        self.stop();
        self.spawn();
        self.ready();
    }

    /// The port of the agent on which Prometheus finds all metrics of the pod.
    #[must_use]
    pub const fn status_port(&self) -> u16 {
        self.status
    }

    /// What it has logged, agent and Envoy.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    /// The answer of Envoy's admin interface.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn admin(&self, path: &str) -> String {
        let answer = get(self.admin, path).expect("Envoy's admin interface answers");
        assert_eq!(answer.status, 200, "{path}");
        String::from_utf8(answer.body).expect("text")
    }

    /// The configuration that Envoy has of each filter of its listeners that it was sent by itself, by resource name. Those of
    /// listeners that only drain are not among them.
    ///
    /// # Panics
    /// If Envoy does not tell.
    #[must_use]
    pub fn filters(&self) -> Vec<(String, Value)> {
        let in_use = self.chains(|_| true).concat();
        let known = self.dump("ecds_filters").into_iter().map(|filter| {
            let name = filter["ecds_filter"]["name"].as_str().unwrap_or_default();
            (name.to_owned(), filter["ecds_filter"]["typed_config"].clone())
        });
        known.filter(|(name, _)| in_use.contains(name)).collect()
    }

    /// The names of the HTTP filters in the order in which requests pass through them, of the first listener on this port.
    ///
    /// # Panics
    /// If Envoy does not tell.
    #[must_use]
    pub fn chain(&self, port: u16) -> Vec<String> {
        let chains = self.chains(|of| of == Some(port.into()));
        chains.into_iter().next().unwrap_or_default()
    }

    /// The filters of each active listener with such a port.
    fn chains(&self, wanted: impl Fn(Option<u64>) -> bool) -> Vec<Vec<String>> {
        let listeners = self.dump("dynamic_listeners").into_iter();
        let active = listeners.map(|listener| listener["active_state"]["listener"].clone());
        active
            .filter(|listener| wanted(listener["address"]["socket_address"]["port_value"].as_u64()))
            .filter_map(|listener| first_chain(&listener))
            .collect()
    }

    /// A part of what Envoy is configured with; empty while it has none.
    fn dump(&self, resource: &str) -> Vec<Value> {
        let path = format!("/config_dump?resource={resource}");
        let answer = get(self.admin, &path).expect("Envoy's admin interface answers");
        if answer.status == 404 {
            return Vec::new();
        }
        let dump: Value = serde_json::from_slice(&answer.body).expect("JSON");
        dump["configs"].as_array().cloned().unwrap_or_default()
    }

    /// Where its log lies, for what is too long for a message.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.settings.folder
    }
}

/// The names in the first list `http_filters` of a listener.
fn first_chain(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Object(fields) => match fields.get("http_filters").and_then(Value::as_array) {
            Some(filters) => {
                let names = filters.iter().filter_map(|filter| filter["name"].as_str());
                Some(names.map(str::to_owned).collect())
            }
            None => fields.values().find_map(first_chain),
        },
        Value::Array(items) => items.iter().find_map(first_chain),
        _ => None,
    }
}
