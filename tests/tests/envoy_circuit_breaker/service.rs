//! A service behind a breaker, and another that takes its place.

use std::net::SocketAddr;

use fairlead_envoy::{AccessLog, Bootstrap, Cluster, Envoy, HttpFilter, Listener, Route};
use fairlead_tests::client::Response;
use fairlead_tests::names;
use fairlead_tests::proxy::{Lab, bootstrap, port, wait};
use fairlead_tests::transitions::{Transition, transitions};
use fairlead_upstream::{Behavior, Upstream};
use serde_json::{Value, json};

use crate::{BREAKER, PLUGIN};

/// Envoy and what is behind it.
pub(crate) struct Service {
    pub(crate) envoy: Envoy,
    pub(crate) main: Upstream,
    pub(crate) other: Upstream,
}

/// A listener whose routes send `x-fallback: 1` to cluster `other`, and everything else to `main`. Each worker gets the same
/// number of connections.
pub(crate) fn listener(filter: impl Into<HttpFilter>) -> Listener {
    Listener::http("main")
        .filter(filter)
        .route(Route::prefix("/").header("x-fallback", "1").to("other"))
        .route(Route::prefix("/").to("main"))
        .access_log(AccessLog::stdout())
        .with("connection_balance_config", json!({"exact_balance": {}}))
}

/// A cluster that limits nothing.
fn cluster(name: &str, address: SocketAddr) -> Cluster {
    let thresholds =
        json!([{"max_connections": 10_000, "max_requests": 10_000, "max_pending_requests": 10_000}]);
    Cluster::new(name)
        .endpoint(address)
        .with("circuit_breakers", json!({"thresholds": thresholds}))
}

fn upstream(version: &str) -> Upstream {
    Upstream::bind(("127.0.0.1", 0), version).expect("a free port")
}

impl Service {
    /// Opens it with one plugin of this config, over two workers.
    pub(crate) fn open(lab: &Lab, config: &Value) -> Self {
        Self::behind(lab, 2, listener(lab.plugin(PLUGIN, config)))
    }

    /// Opens it behind a listener.
    pub(crate) fn behind(lab: &Lab, workers: u32, listener: Listener) -> Self {
        Self::with(lab, workers, listener, |cluster| cluster, |bootstrap| bootstrap)
    }

    /// Opens it, with another cluster or bootstrap.
    pub(crate) fn with(
        lab: &Lab,
        workers: u32,
        listener: Listener,
        clusters: impl Fn(Cluster) -> Cluster,
        change: impl FnOnce(Bootstrap) -> Bootstrap,
    ) -> Self {
        let (main, other) = (upstream("main"), upstream("other"));
        let bootstrap = bootstrap([listener])
            .cluster(clusters(cluster("main", main.address())))
            .cluster(clusters(cluster("other", other.address())));
        let envoy = lab.start_with(workers, change(bootstrap));
        Self { envoy, main, other }
    }

    /// Envoy before an upstream that is not ours.
    pub(crate) fn before(lab: &Lab, address: SocketAddr, listener: Listener) -> Envoy {
        let bootstrap = bootstrap([listener])
            .cluster(cluster("main", address))
            .cluster(cluster("other", address));
        lab.start_with(2, bootstrap)
    }

    pub(crate) fn port(&self) -> u16 {
        port(&self.envoy, "main")
    }

    /// How the service answers from now on.
    pub(crate) fn does(&self, behavior: &str) {
        self.main.set(Behavior::parse(behavior).expect("a behavior"));
    }

    /// How many requests have reached it, once none is in flight that began earlier.
    pub(crate) fn reached_in_all(&self) -> usize {
        wait("none is in flight", || {
            // Pending are those that wait for a connection.
            let stats = self.envoy.stats().unwrap();
            let none = |kind: &str| stats.get(&format!("cluster.main.upstream_rq_{kind}")) == Some(&0);
            none("active") && none("pending_active") && self.main.active() == 0
        });
        self.reached()
    }

    /// How many requests have reached it.
    pub(crate) fn reached(&self) -> usize {
        usize::try_from(self.main.counts().total).expect("not so many")
    }
}

/// A counter or gauge of the breaker.
pub(crate) fn stat(envoy: &Envoy, name: &str, outcome: &str) -> u64 {
    let outcome = Some(outcome).filter(|outcome| !outcome.is_empty());
    let name = names::circuit_breaker(PLUGIN, Some(BREAKER), outcome, name);
    envoy.stat(&names::in_envoy(&name)).unwrap()
}

/// How many requests have this outcome, once all of `outcomes` together are `sent`: the filter counts a moment after the
/// client has its answer.
pub(crate) fn counted<const N: usize>(envoy: &Envoy, outcomes: [&str; N], sent: u64) -> [u64; N] {
    let mut counts = [0; N];
    wait("all requests are counted", || {
        counts = outcomes.map(|outcome| stat(envoy, "requests_total", outcome));
        counts.iter().sum::<u64>() >= sent
    });
    counts
}

/// What the log says of transitions.
pub(crate) fn told(envoy: &Envoy) -> Vec<Transition> {
    let log = envoy.logs();
    transitions(log.iter().map(String::as_str))
}

/// The phases that the log says it went into.
pub(crate) fn phases(envoy: &Envoy) -> Vec<String> {
    told(envoy).into_iter().map(|line| line.to).collect()
}

/// Waits until the log says that it went into so many phases.
pub(crate) fn wait_for_phases(envoy: &Envoy, count: usize) -> Vec<String> {
    let mut seen = Vec::new();
    wait("a transition", || {
        seen = phases(envoy);
        seen.len() >= count
    });
    seen
}

/// Whether the breaker has answered in the upstream's place.
pub(crate) fn refused(response: &Response) -> bool {
    response.header("x-breaker").is_some()
}
