//! A scenario in the emulator.

use std::time::Duration;

use fairlead_emulator::{Emulator, LocalReply, Plugin, Report, Request, Response, Thread, Upstream};

use super::probe;
use super::scenario::{Scenario, Seen, Step, Up};

/// What a host did: log lines of the main thread and of each worker, and what the clients saw.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) main: Vec<String>,
    pub(crate) workers: Vec<Vec<String>>,
    pub(crate) seen: Vec<Seen>,
    /// Which worker served each step.
    pub(crate) served: Vec<usize>,
}

/// The time between two steps, long enough for whatever a step leaves behind.
const GAP: Duration = Duration::from_millis(500);

/// Runs a scenario; `served` says which worker serves each step.
pub(crate) fn run(scenario: &Scenario, served: &[usize]) -> Run {
    let mut builder = Emulator::builder().workers(scenario.workers).seed(1);
    for filter in &scenario.filters {
        builder = builder.plugin(
            Plugin::new(filter.name, probe::module())
                .root_id(filter.root_id)
                .vm_id(filter.vm_id)
                .configuration(filter.configuration.clone())
                .vm_configuration(filter.vm_configuration)
                .failure_policy(filter.policy),
        );
    }
    let mut emulator = builder.build().expect("the scenario starts");
    let mut run = Run {
        workers: vec![Vec::new(); scenario.workers],
        ..Run::default()
    };
    let mut at = GAP;
    for (index, step) in scenario.steps.iter().enumerate() {
        at += Duration::from_millis(step.wait);
        let worker = served.get(index).copied().unwrap_or(0);
        let id = emulator.request(at, request(step, index).worker(worker));
        at += GAP;
        let report = emulator.run_until(at);
        let outcome = report
            .outcome(id)
            .unwrap_or_else(|| panic!("step {index} of {} ends", scenario.name));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        run.seen.push(Seen {
            status: outcome.status.unwrap_or(0),
            headers: outcome
                .response_headers
                .iter()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
            body: text(&outcome.response_body),
            truncated: outcome.truncated,
        });
        run.served.push(outcome.worker);
        collect(&mut run, &report);
    }
    let report = emulator.finish();
    collect(&mut run, &report);
    run
}

fn collect(run: &mut Run, report: &Report) {
    for line in &report.logs {
        let lines = match line.thread {
            Thread::Worker(worker) => &mut run.workers[worker],
            Thread::Base | Thread::Canary | Thread::Main => &mut run.main,
        };
        lines.push(format!("{}: {}", line.plugin, line.message));
    }
}

fn request(step: &Step, index: usize) -> Request {
    let mut request = Request::new(&step.method, step.path(index))
        .cluster(if step.up == Up::Unreachable { "dead" } else { "up" })
        .route("route")
        .source("127.0.0.1:50000");
    request = match &step.host {
        Some(host) => request.authority(host),
        None => request.without_authority(),
    };
    for (name, value) in &step.headers {
        request = request.header(name, value);
    }
    // Envoy adds this one before any filter runs, and takes those of the connection away.
    if step.host.is_some() {
        request = request.header("x-forwarded-proto", "http");
    }
    for (name, value) in &step.trailers {
        request = request.trailer(name, value);
    }
    if let Some(body) = &step.body {
        request = request.body(body.as_bytes());
    }
    if step.abort {
        request = request.abort_after(Duration::from_millis(100));
    }
    request.upstream(match &step.up {
        Up::Answer {
            status,
            headers,
            body,
            trailers,
        } => {
            let mut response = Response::new(*status).after(Duration::from_millis(1));
            for (name, value) in headers {
                response = response.header(name, value);
            }
            if !body.is_empty() || !trailers.is_empty() {
                response = response.header("transfer-encoding", "chunked");
            } else if *status != 204 && step.method != "HEAD" {
                response = response.header("content-length", "0");
            }
            for chunk in body {
                response = response.body(chunk.as_bytes());
            }
            for (name, value) in trailers {
                response = response.trailer(name, value);
            }
            Upstream::Response(response)
        }
        Up::Close => Upstream::Reset {
            after: Duration::from_millis(1),
        },
        Up::Never => Upstream::Never,
        Up::NoRoute => reply(LocalReply::NoRoute),
        Up::Unreachable => reply(LocalReply::ConnectionFailure),
        Up::Timeout => reply(LocalReply::Timeout),
    })
}

fn reply(reply: LocalReply) -> Upstream {
    Upstream::LocalReply {
        reply,
        after: Duration::from_millis(50),
    }
}
