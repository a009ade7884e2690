//! An Envoy with a listener for each variant, and what the system says about its process.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use fairlead_envoy::{Bootstrap, Cluster, Codec, Envoy, Listener, Options, Route};
use fairlead_load::{Closed, Requests, Saturate};
use fairlead_overhead::variants::{Routes, Variant};
use fairlead_report::Interval;

use crate::Plan;

/// The longest interval that Envoy accepts: merging histograms would be part of what is measured.
const FLUSH: Duration = Duration::from_secs(299);
/// Short turns: what else the machine does is then about the same for all of a round.
const TURN: Duration = Duration::from_millis(60);
const UPSTREAM: &str = "upstream";

/// A running Envoy.
pub(crate) struct Proxy {
    envoy: Envoy,
}

impl Proxy {
    /// Starts it with `workers` threads. Without an upstream it answers itself.
    pub(crate) fn start(
        plan: &Plan,
        variants: &[&Variant],
        workers: u32,
        upstream: Option<SocketAddr>,
    ) -> Result<Self> {
        let mut bootstrap = Bootstrap::new("scale").stats_flush_interval(FLUSH);
        if let Some(address) = upstream {
            bootstrap = bootstrap.cluster(Cluster::new(UPSTREAM).endpoint(address));
        }
        let answer = |route: Route| match upstream {
            Some(_) => route.to(UPSTREAM),
            None => route.respond(200, "ok"),
        };
        for variant in variants {
            let mut listener = Listener::http(&variant.name).codec(Codec::Http1);
            if variant.routes == Routes::Canary {
                listener = listener.route(answer(Route::prefix("/").header("x-canary", "v2")));
            }
            listener = listener.route(answer(Route::prefix("/")));
            for filter in &variant.filters {
                listener = listener.filter(filter.clone());
            }
            bootstrap = bootstrap.listener(listener);
        }
        let options = Options::new(&plan.envoy, bootstrap)
            .concurrency(workers)
            .component_log_level("wasm:error")
            .ready_within(Duration::from_secs(120));
        let envoy = Envoy::start(options).context("Envoy does not start")?;
        Ok(Self { envoy })
    }

    /// Where a variant listens.
    pub(crate) fn address(&self, variant: &Variant) -> Result<SocketAddr> {
        Ok((Ipv4Addr::LOCALHOST, self.envoy.listener_port(&variant.name)?).into())
    }

    /// Resident memory in MiB.
    pub(crate) fn memory(&self) -> Result<f64> {
        let kib = self
            .envoy
            .rss_kib()
            .context("the system does not say how much memory Envoy has")?;
        Ok(kib as f64 / 1024.0)
    }

    /// CPU time of all worker threads so far, in microseconds.
    pub(crate) fn worker_time(&self) -> Result<f64> {
        cpu_time(&self.envoy.pid().to_string(), "wrk:worker")
    }

    /// CPU time so far of the proxy and of this process, which is generator and upstream, in microseconds.
    pub(crate) fn time_of_all(&self) -> Result<f64> {
        Ok(cpu_time(&self.envoy.pid().to_string(), "")? + cpu_time("self", "")?)
    }
}

/// CPU time so far of those threads of a process whose names begin with `name`, in microseconds. Threads that have ended
/// are left out.
fn cpu_time(process: &str, name: &str) -> Result<f64> {
    let tasks = format!("/proc/{process}/task");
    let mut nanoseconds = 0_u64;
    for task in fs::read_dir(&tasks).with_context(|| format!("cannot read {tasks}"))? {
        let task = task?.path();
        if fs::read_to_string(task.join("comm"))?.starts_with(name) {
            let schedule = fs::read_to_string(task.join("schedstat"))?;
            let spent = schedule
                .split_whitespace()
                .next()
                .and_then(|spent| spent.parse().ok());
            nanoseconds += spent.unwrap_or(0);
        }
    }
    ensure!(
        nanoseconds > 0,
        "the system does not say how much CPU time {tasks}/*/{name}* had"
    );
    Ok(nanoseconds as f64 / 1000.0)
}

/// One of several that take turns: a variant with open connections.
pub(crate) struct Runner {
    name: String,
    closed: Closed,
}

impl Runner {
    pub(crate) fn new(
        name: impl Into<String>,
        address: SocketAddr,
        requests: Requests,
        connections: usize,
        threads: usize,
    ) -> Result<Self> {
        let saturate = Saturate::new(address, requests)
            .connections(connections)
            .threads(threads);
        Ok(Self {
            name: name.into(),
            closed: saturate.connect().context("the load generator cannot connect")?,
        })
    }

    /// One turn; requests a second. Fails if a request does.
    pub(crate) fn turn(&mut self, duration: Duration) -> Result<(u64, f64)> {
        let seen = self.closed.run(duration)?;
        ensure!(
            seen.all_ok(),
            "{}: not all requests were answered with 200: {seen:?}",
            self.name
        );
        Ok((seen.requests, seen.per_second()))
    }
}

/// Who is next in a round: every second round goes backwards, so that a machine that slows down or speeds up hits all
/// alike.
pub(crate) fn order(round: usize, count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |index| {
        if round.is_multiple_of(2) {
            index
        } else {
            count - 1 - index
        }
    })
}

/// CPU time of the workers for each request over that of the first runner, in microseconds: rounds of turns, the
/// difference within each round, its median.
pub(crate) fn cpu_over_first(plan: &Plan, proxy: &Proxy, runners: &mut [Runner]) -> Result<Vec<Interval>> {
    for runner in runners.iter_mut() {
        runner.turn(TURN)?;
    }
    let mut deltas = vec![Vec::new(); runners.len()];
    for round in 0..plan.rounds() {
        let mut costs = vec![0.0; runners.len()];
        for index in order(round, runners.len()) {
            if let (Some(runner), Some(cost)) = (runners.get_mut(index), costs.get_mut(index)) {
                let before = proxy.worker_time()?;
                let (requests, _) = runner.turn(TURN)?;
                *cost = (proxy.worker_time()? - before) / requests as f64;
            }
        }
        let first = costs.first().copied().unwrap_or(0.0);
        for (deltas, cost) in deltas.iter_mut().zip(&costs) {
            deltas.push(cost - first);
        }
    }
    let interval = |deltas: &Vec<f64>| Interval::bootstrap(deltas, 1).context("there was no round");
    deltas.iter().map(interval).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_that_of_the_named_threads() {
        let busy = || (0..2_000_000_u64).fold(0, |sum, number| std::hint::black_box(sum ^ number));
        let before = cpu_time("self", "").unwrap();
        // The scheduler's clock moves when it looks at a thread, which is a matter of milliseconds.
        let moved = (0..1_000).any(|_| {
            busy();
            cpu_time("self", "").unwrap() > before
        });
        assert!(moved);
        assert!(cpu_time("self", "no thread has this name").is_err());
        assert!(cpu_time("no process", "").is_err());
    }

    #[test]
    fn every_second_round_goes_backwards() {
        assert_eq!(order(0, 3).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(order(1, 3).collect::<Vec<_>>(), [2, 1, 0]);
    }
}
