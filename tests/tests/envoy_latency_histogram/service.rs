//! A service behind the filter.

use std::net::SocketAddr;
use std::time::Instant;

use fairlead_envoy::{AccessLog, Bootstrap, Cluster, Envoy, HttpFilter, Listener, Route};
use fairlead_tests::names;
use fairlead_tests::proxy::{Lab, PATIENCE, bootstrap, port};
use fairlead_upstream::Upstream;
use serde_json::{Value, json};

use crate::PLUGIN;
use crate::series::Scraped;

/// Envoy and what is behind it.
pub(crate) struct Service {
    pub(crate) envoy: Envoy,
    pub(crate) upstream: Upstream,
}

/// A listener without routes. Each worker gets the same number of connections, and Envoy writes down how long each request
/// took, in microseconds: what it keeps as the upstream's time, and the whole.
pub(crate) fn unrouted(filter: impl Into<HttpFilter>) -> Listener {
    let log = AccessLog::stdout()
        .field("upstream_us", "%COMMON_DURATION(US_TX_BEG:US_RX_END:us)%")
        .field("total_us", "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%")
        .field("group", "%REQ(X-GROUP)%");
    Listener::http("main")
        .filter(filter)
        .access_log(log)
        .with("connection_balance_config", json!({"exact_balance": {}}))
}

/// A listener that sends everything to the upstream.
pub(crate) fn listener(filter: impl Into<HttpFilter>) -> Listener {
    unrouted(filter).route(Route::prefix("/").to("main"))
}

/// A cluster that limits nothing.
pub(crate) fn cluster(name: &str, address: SocketAddr) -> Cluster {
    let thresholds =
        json!([{"max_connections": 10_000, "max_requests": 10_000, "max_pending_requests": 10_000}]);
    Cluster::new(name)
        .endpoint(address)
        .with("circuit_breakers", json!({"thresholds": thresholds}))
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
        change_cluster: impl FnOnce(Cluster) -> Cluster,
        change: impl FnOnce(Bootstrap) -> Bootstrap,
    ) -> Self {
        let upstream = Upstream::bind(("127.0.0.1", 0), "main").expect("a free port");
        let main = change_cluster(cluster("main", upstream.address()));
        let bootstrap = bootstrap([listener]).cluster(main);
        let envoy = lab.start_with(workers, change(bootstrap));
        Self { envoy, upstream }
    }

    pub(crate) fn port(&self) -> u16 {
        port(&self.envoy, "main")
    }
}

/// A counter or gauge of the filter.
pub(crate) fn stat(envoy: &Envoy, tag: Option<&str>, cache: Option<&str>, name: &str) -> u64 {
    let name = names::metric("latency_histogram", PLUGIN, tag, cache, name);
    envoy.stat(&names::in_envoy(&name)).unwrap()
}

/// How many streams Envoy has begun on the listener: what the filter could have counted.
pub(crate) fn streams(envoy: &Envoy) -> u64 {
    envoy.stat("http.main.downstream_rq_total").unwrap()
}

/// Scrapes until a name has counted so many, and looks once more: what is written together with what was waited for, but after it,
/// is there then.
pub(crate) fn counted(envoy: &Envoy, name: &str, count: u64) -> Scraped {
    let begin = Instant::now();
    loop {
        let seen = Scraped::of(envoy).sum(name);
        if seen == count {
            return Scraped::of(envoy);
        }
        let may_come = seen < count && begin.elapsed() < PATIENCE;
        assert!(may_come, "{name}: {seen}, and {count} were sent");
    }
}
