//! The bootstrap of an Envoy that serves tests, demos and benchmarks, as a builder that ends in JSON.
//!
//! Envoy reads JSON as well as YAML, so no YAML writer is needed. The builder knows what those callers use; for
//! everything else each part has a `with(field, value)` that sets a field under the name Envoy gives it.
//! Nothing is checked here: Envoy checks its whole bootstrap at start and says what is wrong, and
//! [`Envoy::start`](crate::Envoy::start) returns that sentence.

mod access_log;
mod cluster;
mod filter;
mod listener;
mod route;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};

pub use access_log::AccessLog;
pub use cluster::Cluster;
pub use filter::{FailurePolicy, HttpFilter, Wasm};
pub(crate) use filter::{WASM_TYPE, type_url};
pub use listener::{Codec, Listener};
pub use route::Route;

/// The tags (name, regex) that Istio's own bootstrap extracts from the names of Wasm metrics, the same in all
/// its supported releases (`tools/packaging/common/envoy_bootstrap.json` of istio/istio). A metric named after them gets
/// its labels here exactly as it does in a mesh.
pub const ISTIO_STATS_TAGS: [(&str, &str); 6] = [
    ("cache", r"(cache\.(.+?)\.)"),
    ("component", r"(component\.(.+?)\.)"),
    ("tag", r"(tag\.(.+?);\.)"),
    ("wasm_filter", r"(wasm_filter\.(.+?)\.)"),
    ("response_code", r"_rq(_(\d{3}))$"),
    ("response_code_class", r"_rq(_(\dxx))$"),
];

/// The configuration that an Envoy starts with.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    node_id: String,
    admin_port: u16,
    listeners: Vec<Listener>,
    listener_file: Option<PathBuf>,
    clusters: Vec<Cluster>,
    stats_tags: Vec<(String, String)>,
    stats_flush_interval: Duration,
    extra: Map<String, Value>,
}

impl Bootstrap {
    /// A bootstrap with the admin interface on a free loopback port, no listener and no cluster, Istio's
    /// [tags](ISTIO_STATS_TAGS) for Wasm metrics, and histograms merged every second (Envoy's own default, 5 s, makes
    /// each look at a histogram wait that long). `node_id` is also the node's cluster name.
    pub fn new(node_id: impl Into<String>) -> Self {
        Self {
            node_id: node_id.into(),
            admin_port: 0,
            listeners: Vec::new(),
            listener_file: None,
            clusters: Vec::new(),
            stats_tags: ISTIO_STATS_TAGS
                .map(|(name, regex)| (name.into(), regex.into()))
                .to_vec(),
            stats_flush_interval: Duration::from_secs(1),
            extra: Map::new(),
        }
    }

    /// The admin port on 127.0.0.1; 0, the default, takes a free one.
    #[must_use]
    pub fn admin_port(mut self, port: u16) -> Self {
        self.admin_port = port;
        self
    }

    /// Adds a listener that stays as it is for the life of the process.
    #[must_use]
    pub fn listener(mut self, listener: Listener) -> Self {
        self.listeners.push(listener);
        self
    }

    /// Takes further listeners from a file that may change ([`ListenerFile`](crate::ListenerFile)).
    #[must_use]
    pub fn listeners_from(mut self, file: impl Into<PathBuf>) -> Self {
        self.listener_file = Some(file.into());
        self
    }

    /// Adds an upstream cluster.
    #[must_use]
    pub fn cluster(mut self, cluster: Cluster) -> Self {
        self.clusters.push(cluster);
        self
    }

    /// Adds a tag as Istio's `extraStatTags: [name]` would: it takes `name=.=value;.;` out of metric names.
    #[must_use]
    pub fn extra_stat_tag(self, name: &str) -> Self {
        let regex = format!(r"({name}=\.=(.*?);\.;)");
        self.stat_tag(name, regex)
    }

    /// Adds a tag with a regex of your own: the first group is cut out of the name, the second is the value.
    #[must_use]
    pub fn stat_tag(mut self, name: impl Into<String>, regex: impl Into<String>) -> Self {
        self.stats_tags.push((name.into(), regex.into()));
        self
    }

    /// How often Envoy merges its histograms; at least 1 ms.
    #[must_use]
    pub fn stats_flush_interval(mut self, interval: Duration) -> Self {
        self.stats_flush_interval = interval;
        self
    }

    /// Sets any other field of `envoy.config.bootstrap.v3.Bootstrap`; wins over what the builder would write.
    #[must_use]
    pub fn with(mut self, field: impl Into<String>, value: Value) -> Self {
        self.extra.insert(field.into(), value);
        self
    }

    /// The whole bootstrap as Envoy reads it.
    pub fn to_json(&self) -> Value {
        let tags: Vec<Value> = self
            .stats_tags
            .iter()
            .map(|(name, regex)| json!({"tag_name": name, "regex": regex}))
            .collect();
        let mut bootstrap = Map::new();
        bootstrap.insert(
            "node".into(),
            json!({"id": self.node_id, "cluster": self.node_id}),
        );
        bootstrap.insert("admin".into(), json!({"address": loopback(self.admin_port)}));
        bootstrap.insert("stats_flush_interval".into(), duration(self.stats_flush_interval));
        bootstrap.insert(
            "stats_config".into(),
            json!({"use_all_default_tags": false, "stats_tags": tags}),
        );
        bootstrap.insert(
            "static_resources".into(),
            json!({
                "listeners": self.listeners.iter().map(Listener::to_json).collect::<Vec<_>>(),
                "clusters": self.clusters.iter().map(Cluster::to_json).collect::<Vec<_>>(),
            }),
        );
        if let Some(file) = &self.listener_file {
            bootstrap.insert(
                "dynamic_resources".into(),
                json!({"lds_config": file_source(file)}),
            );
        }
        bootstrap.extend(self.extra.clone());
        Value::Object(bootstrap)
    }

    /// The ports that must be free before Envoy can start: who wants it, the port, the option that sets it.
    pub(crate) fn fixed_ports(&self) -> impl Iterator<Item = FixedPort> {
        let admin = FixedPort {
            owner: "the admin interface".into(),
            port: self.admin_port,
            option: None,
        };
        let listeners = self.listeners.iter().map(Listener::fixed_port);
        std::iter::once(admin)
            .chain(listeners)
            .filter(|fixed| fixed.port != 0)
    }
}

/// A port that the bootstrap names, rather than leaving the choice to the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FixedPort {
    pub(crate) owner: String,
    pub(crate) port: u16,
    pub(crate) option: Option<String>,
}

/// 127.0.0.1 with a port, as `envoy.config.core.v3.Address`.
fn loopback(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}

/// A duration in the JSON form of `google.protobuf.Duration`: seconds with up to nine decimals.
fn duration(value: Duration) -> Value {
    Value::String(format!("{}.{:09}s", value.as_secs(), value.subsec_nanos()))
}

/// A `ConfigSource` that reads a file again whenever another file is moved over it.
fn file_source(path: &Path) -> Value {
    json!({
        "path_config_source": {"path": path.to_string_lossy()},
        "resource_api_version": "V3",
        "initial_fetch_timeout": "0s",
    })
}
