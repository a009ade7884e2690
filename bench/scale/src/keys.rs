//! Cost and memory against the number of keys that have a bucket of their own.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use fairlead_load::{Request, Saturate};
use fairlead_overhead::variants::{self, Group, Variant};
use fairlead_report::Interval;
use indicatif::ProgressBar;

use crate::proxy::{self, Proxy, Runner};
use crate::{Measurement, Metric, Plan, Sweep, policies};

const COUNTS: [u64; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
/// How many of them the quick run takes.
const QUICK: usize = 6;
const CONNECTIONS: usize = 16;
/// How long keys are filled in before it is looked how many there are.
const FILLING: Duration = Duration::from_millis(20);

pub(crate) fn measure(plan: &Plan, progress: &ProgressBar) -> Result<Vec<Measurement>> {
    let counts = COUNTS
        .get(..if plan.quick { QUICK } else { COUNTS.len() })
        .unwrap_or(&COUNTS);
    progress.inc_length(2 * counts.len() as u64);
    let mut measured = Vec::new();
    for (scope, series) in [("worker", "each worker its own"), ("proxy", "all workers share")] {
        let none = variants::none()
            .into_iter()
            .next()
            .context("there is no variant without filters")?;
        let limited = Variant::new(format!("keys-{scope}"), series, Group::Filter).wasm(
            "it",
            &plan.module("rate-limit")?,
            policies::many_keys(scope).to_string(),
        );
        // One proxy for all counts: the keys of a smaller count are the first of a larger one.
        let proxy = Proxy::start(plan, &[&none, &limited], 1, None)?;
        let address = proxy.address(&limited)?;
        for count in counts {
            let requests = request().numbered(*count)?;
            let mut filling = Saturate::new(address, requests.clone())
                .connections(CONNECTIONS)
                .connect()?;
            let mut filled = 0;
            // Until each key has come at least once.
            while filled < *count {
                let seen = filling.run(FILLING)?;
                ensure!(
                    seen.all_ok(),
                    "with {count} keys not all requests were answered with 200: {seen:?}"
                );
                filled += seen.requests;
            }
            drop(filling);
            let mut runners = [
                Runner::new(
                    "no filter",
                    proxy.address(&none)?,
                    requests.clone(),
                    CONNECTIONS,
                    1,
                )?,
                Runner::new(series, address, requests, CONNECTIONS, 1)?,
            ];
            let costs = proxy::cpu_over_first(plan, &proxy, &mut runners)?;
            let value = |metric, value| Measurement {
                sweep: Sweep::Keys,
                id: limited.name.clone(),
                series: series.to_owned(),
                metric,
                x: *count as f64,
                value,
            };
            measured.push(value(Metric::Memory, Interval::exact(proxy.memory()?)));
            measured.extend(costs.get(1).map(|cost| value(Metric::Cpu, *cost)));
            progress.inc(1);
        }
    }
    Ok(measured)
}

/// The request of every measurement, with a place for the number of a user.
fn request() -> fairlead_load::Prepared {
    headers(7, "user-#######").build()
}

/// The request that everything is measured with, with so many more headers and this user.
pub(crate) fn headers(more: usize, user: &str) -> Request {
    let request = Request::get("/")
        .header("host", "test.local")
        .header("user-agent", "bench/1.0")
        .header("accept", "*/*")
        .header("x-user-id", user);
    (0..more).fold(request, |request, i| {
        request.header(format!("x-extra-{i}"), format!("value-number-{i}"))
    })
}
