//! Listeners: a loopback port, an HTTP connection manager, a chain of filters, routes.

use serde_json::{Map, Value, json};

use super::{AccessLog, FixedPort, HttpFilter, Route, loopback, type_url};

/// The HTTP versions that a listener speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// Found out from the first bytes of each connection: HTTP/1.1, or HTTP/2 with prior knowledge.
    #[default]
    Auto,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only, without TLS.
    Http2,
}

/// An HTTP listener on 127.0.0.1.
#[derive(Clone, Debug)]
pub struct Listener {
    name: String,
    port: u16,
    port_option: Option<String>,
    codec: Codec,
    filters: Vec<HttpFilter>,
    routes: Vec<Route>,
    access_logs: Vec<AccessLog>,
    manager: Map<String, Value>,
    extra: Map<String, Value>,
}

impl Listener {
    /// A listener on a free port, with no filter but the router, and no routes (404). `name` is also the prefix of
    /// its statistics: `http.<name>.downstream_rq_total`.
    pub fn http(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            port: 0,
            port_option: None,
            codec: Codec::default(),
            filters: Vec::new(),
            routes: Vec::new(),
            access_logs: Vec::new(),
            manager: Map::new(),
            extra: Map::new(),
        }
    }

    /// The port; 0, the default, takes a free one ([`Envoy::listener_port`](crate::Envoy::listener_port) says which).
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The command line option of the caller that sets the port, for the message when the port is in use.
    #[must_use]
    pub fn port_option(mut self, option: impl Into<String>) -> Self {
        self.port_option = Some(option.into());
        self
    }

    /// The HTTP versions it speaks.
    #[must_use]
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Appends a filter; requests pass the filters in this order, then the router.
    #[must_use]
    pub fn filter(mut self, filter: impl Into<HttpFilter>) -> Self {
        self.filters.push(filter.into());
        self
    }

    /// Appends a route of the only virtual host, which answers for every host name.
    #[must_use]
    pub fn route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// Adds an access log.
    #[must_use]
    pub fn access_log(mut self, log: AccessLog) -> Self {
        self.access_logs.push(log);
        self
    }

    /// Whether the peer is the client itself, as at the edge (Envoy's default is false: the client is taken from
    /// `x-forwarded-for` if that says an internal address).
    #[must_use]
    pub fn use_remote_address(self, on: bool) -> Self {
        self.with_manager("use_remote_address", json!(on))
    }

    /// How many proxies in front of this one are trusted to have appended to `x-forwarded-for`.
    #[must_use]
    pub fn xff_num_trusted_hops(self, hops: u32) -> Self {
        self.with_manager("xff_num_trusted_hops", json!(hops))
    }

    /// Sets any other field of `HttpConnectionManager`; wins over what the builder would write.
    #[must_use]
    pub fn with_manager(mut self, field: impl Into<String>, value: Value) -> Self {
        self.manager.insert(field.into(), value);
        self
    }

    /// Sets any other field of `envoy.config.listener.v3.Listener`; wins over what the builder would write.
    #[must_use]
    pub fn with(mut self, field: impl Into<String>, value: Value) -> Self {
        self.extra.insert(field.into(), value);
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the kernel is to choose the port.
    pub(crate) fn wants_any_port(&self) -> bool {
        self.port == 0
    }

    pub(super) fn fixed_port(&self) -> FixedPort {
        FixedPort {
            owner: format!("listener `{}`", self.name),
            port: self.port,
            option: self.port_option.clone(),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut listener = Map::new();
        listener.insert("name".into(), json!(self.name));
        listener.insert("address".into(), loopback(self.port));
        let manager = json!({"name": "http", "typed_config": self.manager_json()});
        listener.insert("filter_chains".into(), json!([{"filters": [manager]}]));
        listener.extend(self.extra.clone());
        Value::Object(listener)
    }

    fn manager_json(&self) -> Value {
        let router = HttpFilter::new(
            "router",
            json!({"@type": type_url("filters.http.router.v3.Router")}),
        )
        .to_json();
        let filters: Vec<Value> = self
            .filters
            .iter()
            .map(HttpFilter::to_json)
            .chain(std::iter::once(router))
            .collect();
        let routes: Vec<Value> = self.routes.iter().map(Route::to_json).collect();
        let codec = match self.codec {
            Codec::Auto => "AUTO",
            Codec::Http1 => "HTTP1",
            Codec::Http2 => "HTTP2",
        };
        let mut manager = Map::new();
        let message = "filters.network.http_connection_manager.v3.HttpConnectionManager";
        manager.insert("@type".into(), json!(type_url(message)));
        manager.insert("stat_prefix".into(), json!(self.name));
        manager.insert("codec_type".into(), json!(codec));
        manager.insert("http_filters".into(), json!(filters));
        manager.insert(
            "route_config".into(),
            json!({"name": self.name, "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]}),
        );
        if !self.access_logs.is_empty() {
            let logs: Vec<Value> = self.access_logs.iter().map(AccessLog::to_json).collect();
            manager.insert("access_log".into(), json!(logs));
        }
        manager.extend(self.manager.clone());
        Value::Object(manager)
    }
}
