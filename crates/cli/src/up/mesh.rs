//! The running parts: Envoy with the policy's filters in front of two versions of the demo upstream, and of the reviews.

mod attempts;

use super::policy::Policy;
use super::release::Release;
use super::{Args, client::Client};
use crate::policy_file::Plugin;
use anyhow::Context as _;
use attempts::Attempts;
use fairlead_config::{Filter, Module};
use fairlead_envoy::{
    Bootstrap, Cluster, Envoy, HttpFilter, Listener, Located, Locator, Options, Route, Wasm,
};
use fairlead_upstream::Upstream;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// The listener's name.
const LISTENER: &str = "demo";
/// Envoy's worker threads: the least that makes shared state matter.
pub(super) const WORKERS: u32 = 2;
/// The service with the reviews: its cluster, its route, and what it calls itself.
pub(super) const REVIEWS: &str = "reviews";
/// The paths that lead there.
const REVIEWS_PATH: &str = "/reviews/";
/// Where Envoy is kept once it was fetched, in the folder that `fairlead up` runs in.
const CACHE: &str = ".fairlead";

/// Everything that runs. Dropping it ends it all.
#[derive(Debug)]
pub(super) struct Mesh {
    pub(super) envoy: Envoy,
    /// Where requests go.
    pub(super) address: SocketAddr,
    /// Of this Envoy.
    pub(super) located: Located,
    pub(super) upstreams: [Upstream; 2],
    /// Another service, which has reviews.
    pub(super) reviews: Upstream,
    /// Of the demo's own canary filter.
    attempts: Option<Attempts>,
}

impl Mesh {
    /// Starts the upstreams and Envoy, and waits until requests are served.
    pub(super) fn start(args: &Args, policy: &Policy) -> anyhow::Result<Self> {
        let located = Locator::from_env(CACHE).locate()?;
        let upstreams = [
            upstream("v1", args.upstream_v1_port, "--upstream-v1-port")?,
            upstream("v2", args.upstream_v2_port, "--upstream-v2-port")?,
        ];
        let reviews = upstream(REVIEWS, args.upstream_reviews_port, "--upstream-reviews-port")?;
        let [v1, v2] = &upstreams;
        let mut listener = Listener::http(LISTENER).port(args.port).port_option("--port");
        let (filters, attempts) = filters(&args.modules, policy)?;
        for filter in filters {
            listener = listener.filter(filter);
        }
        for route in routes(&policy.releases) {
            listener = listener.route(route);
        }
        let bootstrap = Bootstrap::new("fairlead-demo")
            .admin_port(args.admin_port)
            .listener(listener)
            .cluster(Cluster::new("v1").endpoint(v1.address()))
            .cluster(Cluster::new("v2").endpoint(v2.address()))
            .cluster(Cluster::new(REVIEWS).endpoint(reviews.address()));
        let options = Options::new(&located.path, bootstrap)
            .concurrency(WORKERS)
            // That a breaker closes is no warning.
            .component_log_level("wasm:info");
        let envoy = Envoy::start(options).map_err(|error| match error {
            // The admin interface names no option.
            fairlead_envoy::Error::PortInUse {
                port, option: None, ..
            } => in_use(port, "--admin-port"),
            other => other.into(),
        })?;
        if let Some(attempts) = &attempts {
            attempts.check(&envoy)?;
        }
        let port = envoy.listener_port(LISTENER)?;
        Ok(Self {
            envoy,
            address: (Ipv4Addr::LOCALHOST, port).into(),
            located,
            upstreams,
            reviews,
            attempts,
        })
    }

    /// The upstream that is the new version.
    pub(super) const fn v2(&self) -> &Upstream {
        let [_, v2] = &self.upstreams;
        v2
    }

    /// Tries the demo's own release once more: its guard forgets earlier trips. Returns the number of the attempt.
    pub(super) fn next_attempt(&self) -> anyhow::Result<u32> {
        let attempts = self
            .attempts
            .as_ref()
            .context("the policy is not the demo's own")?;
        attempts.next(&self.envoy)
    }

    /// A client with a connection of its own.
    pub(super) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// How many connections each of Envoy's workers has accepted.
    pub(super) fn connections(&self) -> Result<Vec<u64>, fairlead_envoy::Error> {
        let stats = self.envoy.stats()?;
        // There is one listener, besides the admin interface's, which no worker serves. Envoy names it by the port that was
        // asked for.
        let of = |worker: u32| {
            let end = format!(".worker_{worker}.downstream_cx_total");
            let found = stats
                .iter()
                .find(|(name, _)| name.starts_with("listener.") && name.ends_with(&end));
            found.map_or(0, |(_, count)| *count)
        };
        Ok((0..WORKERS).map(of).collect())
    }
}

fn upstream(version: &str, port: u16, option: &str) -> anyhow::Result<Upstream> {
    Upstream::bind((Ipv4Addr::LOCALHOST, port), version).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => in_use(port, option),
        _ => anyhow::Error::from(error).context(format!("upstream {version} on port {port}")),
    })
}

fn in_use(port: u16, option: &str) -> anyhow::Error {
    anyhow::anyhow!("port {port} is in use: choose another with {option}")
}

/// The table of routes: the reviews, what a canary filter has decided, a path for those who want v2, and v1 for the rest.
/// Without a canary filter a header of the client's own decides.
fn routes(releases: &[Release]) -> Vec<Route> {
    let to_v2 = |header: &str, value: &str, name: String| {
        let route = Route::prefix("/").header(header, value);
        route.named(name).to("v2")
    };
    let mut routes = vec![Route::prefix(REVIEWS_PATH).named(REVIEWS).to(REVIEWS)];
    for release in releases {
        for (name, value) in release.variants() {
            routes.push(to_v2(release.header(), value, format!("v2-{name}")));
        }
    }
    if releases.is_empty() {
        routes.push(to_v2("x-version", "v2", "v2-header".to_owned()));
    }
    routes.push(Route::prefix("/v2/").named("v2-path").to("v2"));
    routes.push(Route::prefix("/").named("v1").to("v1"));
    routes
}

/// The policy's filters with their modules, which must be there, and the one that can be changed.
fn filters(modules: &Path, policy: &Policy) -> anyhow::Result<(Vec<HttpFilter>, Option<Attempts>)> {
    let mut attempts = None;
    let mut filters = Vec::new();
    for plugin in &policy.plugins {
        let wasm = Wasm::new(&plugin.name, module(modules, plugin)?);
        let filter = if policy.is_demo && plugin.module == Module::Filter(Filter::Canary) {
            let config = serde_json::from_slice(&plugin.config).context("pluginConfig")?;
            attempts
                .insert(Attempts::first(&plugin.name, wasm, config)?)
                .filter()
        } else {
            let config = std::str::from_utf8(&plugin.config).context("pluginConfig")?;
            wasm.configuration(config).into()
        };
        filters.push(filter);
    }
    Ok((filters, attempts))
}

fn module(modules: &Path, plugin: &Plugin) -> anyhow::Result<PathBuf> {
    let module = modules.join(format!("{}.wasm", plugin.module.file_name()));
    anyhow::ensure!(
        module.is_file(),
        "there is no {}: build it with `cargo xtask build`, or name the folder with --modules",
        module.display()
    );
    Ok(std::path::absolute(&module)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_port_in_use_is_said_with_the_option_that_changes_it() {
        let holder = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = holder.local_addr().unwrap().port();
        let refused = upstream("v2", port, "--upstream-v2-port")
            .unwrap_err()
            .to_string();
        assert_eq!(
            refused,
            format!("port {port} is in use: choose another with --upstream-v2-port")
        );
    }

    #[test]
    fn a_missing_module_is_said_with_what_builds_it() {
        let folder = tempfile::tempdir().unwrap();
        let refused = filters(folder.path(), &Policy::demo().unwrap())
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("canary.wasm: build it with `cargo xtask build`"),
            "{refused}"
        );
    }
}
