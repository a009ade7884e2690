//! One Envoy with a listener for each variant.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use fairlead_envoy::{Bootstrap, Cluster, Codec, Envoy, Listener, Options, Route};
use fairlead_load::{Prepared, Serial};
use serde::{Deserialize, Serialize};

use crate::variants::{Routes, Variant};

/// Where the answers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// From Envoy itself (`direct_response`): the least that a request can cost, so that a filter looks its most
    /// expensive.
    Direct,
    /// From an upstream behind Envoy: what a proxy is for.
    Proxied,
}

/// Merging histograms costs the workers some instructions; this is the longest interval below Envoy's bound of 5 min.
const FLUSH: Duration = Duration::from_secs(299);
/// The cluster of the answers that are proxied.
const UPSTREAM: &str = "upstream";

/// A bootstrap with a listener for each variant, named as the variant. With an `upstream` the requests go there.
pub(crate) fn bootstrap(variants: &[Variant], upstream: Option<SocketAddr>) -> Bootstrap {
    let mut bootstrap = Bootstrap::new("bench").stats_flush_interval(FLUSH);
    if let Some(upstream) = upstream {
        bootstrap = bootstrap.cluster(Cluster::new(UPSTREAM).endpoint(upstream));
    }
    for variant in variants {
        let answer = |route: Route, body: &str| match upstream {
            Some(_) => route.to(UPSTREAM),
            None => route.respond(200, body),
        };
        let mut listener = Listener::http(&variant.name).codec(Codec::Http1);
        let first = match variant.routes {
            Routes::One => None,
            Routes::Canary => Some(("x-canary", "v2")),
            Routes::User => Some(("x-user-id", "alice-42")),
        };
        if let Some((name, value)) = first {
            listener = listener.route(answer(Route::prefix("/").header(name, value), "v2"));
        }
        listener = listener.route(answer(Route::prefix("/"), "ok"));
        for filter in &variant.filters {
            listener = listener.filter(filter.clone());
        }
        bootstrap = bootstrap.listener(listener);
    }
    bootstrap
}

/// Starts an Envoy with a listener for each variant. With an `upstream` the requests go there, else Envoy answers itself.
///
/// # Errors
/// Envoy's words why it does not.
pub fn start(
    binary: &Path,
    variants: &[Variant],
    upstream: Option<SocketAddr>,
    workers: u32,
) -> Result<Envoy> {
    let options = Options::new(binary, bootstrap(variants, upstream))
        .concurrency(workers)
        .component_log_level("wasm:error")
        .ready_within(Duration::from_secs(120))
        .stop_within(Duration::from_millis(500));
    Envoy::start(options).context("Envoy does not start")
}

/// Where a variant listens.
///
/// # Errors
/// No variant has this name.
pub fn address(envoy: &Envoy, name: &str) -> Result<SocketAddr> {
    Ok((Ipv4Addr::LOCALHOST, envoy.listener_port(name)?).into())
}

/// Asks `count` times, and fails if the last answer is not as it should be.
///
/// # Errors
/// There is no answer, or its status is not the variant's.
pub fn ask(variant: &Variant, serial: &mut Serial, request: &Prepared, count: usize) -> Result<()> {
    let answer = serial
        .ask_times(request, count)
        .with_context(|| format!("{}: no answer", variant.name))?;
    let status = answer.map_or(variant.status, |answer| answer.status);
    ensure!(
        status == variant.status,
        "{}: answered {status} instead of {}, so what is measured would be something else",
        variant.name,
        variant.status
    );
    Ok(())
}
