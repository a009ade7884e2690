//! Two versions of a service behind one route table, as a VirtualService would route to them.

use fairlead_envoy::{Bootstrap, Cluster, Envoy, HttpFilter, Listener, Route};
use fairlead_tests::names;
use fairlead_tests::proxy::{Lab, PATIENCE, bootstrap, port};
use fairlead_upstream::{Behavior, Upstream};
use serde_json::{Value, json};

use crate::PLUGIN;

/// Envoy and what is behind it.
pub(crate) struct Shop {
    pub(crate) envoy: Envoy,
    pub(crate) v1: Upstream,
    pub(crate) v2: Upstream,
}

/// A listener whose routes send `x-canary: v2` to cluster `v2`, and everything else to `v1`. Each worker gets the same number
/// of connections.
pub(crate) fn listener(name: &str, filter: impl Into<HttpFilter>) -> Listener {
    Listener::http(name)
        .filter(filter)
        .route(
            Route::prefix("/")
                .header("x-canary", "v2")
                .to("v2")
                .with("route", to("v2")),
        )
        .route(Route::prefix("/").to("v1").with("route", to("v1")))
        .with("connection_balance_config", json!({"exact_balance": {}}))
}

/// A listener with the same routes that answers by itself.
pub(crate) fn answering(name: &str, filter: impl Into<HttpFilter>) -> Listener {
    let says = |version: &str| json!([{"header": {"key": "x-version", "value": version}}]);
    let v2 = Route::prefix("/").header("x-canary", "v2").respond(200, "");
    Listener::http(name)
        .filter(filter)
        .route(v2.with("response_headers_to_add", says("v2")))
        .route(Route::prefix("/").with("response_headers_to_add", says("v1")))
        .with("connection_balance_config", json!({"exact_balance": {}}))
}

fn to(cluster: &str) -> Value {
    json!({"cluster": cluster, "retry_policy": {"retry_on": "5xx", "num_retries": 1}})
}

impl Shop {
    /// Opens it, with these listeners.
    pub(crate) fn open(lab: &Lab, workers: u32, listeners: impl IntoIterator<Item = Listener>) -> Self {
        let upstream = |version| Upstream::bind(("127.0.0.1", 0), version).expect("a free port");
        let (v1, v2) = (upstream("v1"), upstream("v2"));
        let cluster = |name: &str, upstream: &Upstream| {
            Cluster::new(name)
                .endpoint(upstream.address())
                .http2()
                .with("circuit_breakers", json!({"thresholds": [{"max_retries": 1000}]}))
        };
        let bootstrap: Bootstrap = bootstrap(listeners)
            .cluster(cluster("v1", &v1))
            .cluster(cluster("v2", &v2));
        let envoy = lab.start_with(workers, bootstrap);
        Self { envoy, v1, v2 }
    }

    pub(crate) fn port(&self) -> u16 {
        port(&self.envoy, "main")
    }

    /// How v2 answers from now on.
    pub(crate) fn v2_does(&self, behavior: &str) {
        self.v2.set(Behavior::parse(behavior).expect("a behavior"));
    }

    /// A counter or gauge of the plugin.
    pub(crate) fn stat(&self, variant: Option<&str>, outcome: Option<&str>, name: &str) -> u64 {
        let name = names::in_envoy(&names::canary(PLUGIN, variant, outcome, name));
        self.envoy.stat(&name).unwrap()
    }

    /// How many requests got a variant for a reason, once `expected` have: the filter counts a moment after the client has
    /// its answer.
    pub(crate) fn exposures(&self, variant: &str, reason: &str, expected: u64) -> u64 {
        let name = names::in_envoy(&names::exposures(PLUGIN, variant, reason));
        self.envoy
            .wait_for_stat(&name, PATIENCE, |count| count >= expected)
            .unwrap()
    }
}
