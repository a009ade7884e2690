//! Upstream clusters with fixed endpoints.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{duration, type_url};

/// A STATIC cluster: the endpoints are addresses, chosen round robin.
#[derive(Clone, Debug)]
pub struct Cluster {
    name: String,
    endpoints: Vec<SocketAddr>,
    http2: bool,
    connect_timeout: Duration,
    extra: Map<String, Value>,
}

impl Cluster {
    /// A cluster without endpoints (each request to it gets 503), spoken to in HTTP/1.1, connect timeout 1 s.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            endpoints: Vec::new(),
            http2: false,
            connect_timeout: Duration::from_secs(1),
            extra: Map::new(),
        }
    }

    /// Adds an endpoint.
    #[must_use]
    pub fn endpoint(mut self, address: SocketAddr) -> Self {
        self.endpoints.push(address);
        self
    }

    /// Speaks HTTP/2 without TLS (prior knowledge) to the endpoints, as gRPC needs.
    #[must_use]
    pub fn http2(mut self) -> Self {
        self.http2 = true;
        self
    }

    /// How long a connection attempt may take.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets any other field of `envoy.config.cluster.v3.Cluster`; wins over what the builder would write.
    #[must_use]
    pub fn with(mut self, field: impl Into<String>, value: Value) -> Self {
        self.extra.insert(field.into(), value);
        self
    }

    pub(super) fn to_json(&self) -> Value {
        let endpoints: Vec<Value> = self
            .endpoints
            .iter()
            .map(|address| {
                let socket = json!({"address": address.ip().to_string(), "port_value": address.port()});
                json!({"endpoint": {"address": {"socket_address": socket}}})
            })
            .collect();
        let mut cluster = Map::new();
        cluster.insert("name".into(), json!(self.name));
        cluster.insert("type".into(), json!("STATIC"));
        cluster.insert("connect_timeout".into(), duration(self.connect_timeout));
        cluster.insert(
            "load_assignment".into(),
            json!({"cluster_name": self.name, "endpoints": [{"lb_endpoints": endpoints}]}),
        );
        if self.http2 {
            let options = json!({
                "@type": type_url("upstreams.http.v3.HttpProtocolOptions"),
                "explicit_http_config": {"http2_protocol_options": {}},
            });
            cluster.insert(
                "typed_extension_protocol_options".into(),
                json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}),
            );
        }
        cluster.extend(self.extra.clone());
        Value::Object(cluster)
    }
}
