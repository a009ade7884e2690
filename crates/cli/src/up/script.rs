//! `fairlead up --once`: asks the running proxy for what the filters promise, and compares what clients saw with what the
//! filters counted.
//!
//! Every request is sent from here, so that counts can be compared exactly. Bounds on time are taken from moments that
//! enclose what Envoy decided: a slow machine makes the bounds wider, never wrong.

mod breaker;
mod comparison;
mod crew;
mod crowd;
mod exposures;
mod guard;
mod hammer;
mod latency;
mod ledger;
mod limits;
mod outage;
mod quota;
mod report;
mod routes;
mod split;

use super::client::{Ask, Client};
use super::mesh::Mesh;
use super::metrics::Tallies;
use super::policy::Policy;
use super::stop::Stop;
use super::timeline::Row;
use comparison::Comparison;
use ledger::{Group, Ledger};
pub(super) use report::{Check, Report};
use std::time::{Duration, Instant};

/// Filters count when a stream ends; this is how long the last counts may take.
const COUNTED_WITHIN: Duration = Duration::from_secs(5);
/// Bytes that are no UTF-8, and that HTTP allows in a header.
const NOT_UTF8: &[u8] = b"\xff\xfe\x80";
/// The plugin and the limits of the demo's policy.
const PLUGIN: &str = "rate-limit";
const PER_KEY: &str = "per-key";
const ANONYMOUS: &str = "anonymous";
const TRIAL: &str = "search-trial";

/// Runs all checks that make sense for the policy.
///
/// # Errors
/// It was interrupted, or Envoy's admin interface does not answer. A check that fails is no error.
pub(super) fn run(mesh: &Mesh, policy: &Policy, stop: &Stop) -> anyhow::Result<Report> {
    let started = Instant::now();
    let mut script = Script {
        mesh,
        policy,
        stop,
        ledger: Ledger::default(),
        checks: Vec::new(),
        timeline: Vec::new(),
        comparison: None,
    };
    script.routes()?;
    let counted = if policy.is_demo {
        script.demo()?
    } else {
        script.any()?
    };
    Ok(Report {
        envoy: mesh.located.version.to_string(),
        seconds: started.elapsed().as_secs_f64(),
        checks: script.checks,
        timeline: script.timeline,
        comparison: script.comparison,
        rules: policy.rules.clone(),
        releases: policy.releases.clone(),
        breakers: policy.breakers.clone(),
        histograms: policy.histograms.clone(),
        counted,
    })
}

struct Script<'a> {
    mesh: &'a Mesh,
    policy: &'a Policy,
    stop: &'a Stop,
    ledger: Ledger,
    checks: Vec<Check>,
    /// Of the outage that the breaker is about.
    timeline: Vec<Row>,
    /// Of latencies.
    comparison: Option<Comparison>,
}

impl Script<'_> {
    fn check(&mut self, what: &str, ok: bool, expected: impl Into<String>, seen: impl Into<String>) {
        self.checks.push(Check {
            what: what.to_owned(),
            expected: expected.into(),
            seen: seen.into(),
            ok,
        });
    }

    fn send(&mut self, client: &Client, group: Group, ask: &Ask) {
        self.ledger.add(group, client.send(ask).ok());
    }

    /// What holds for any policy.
    fn any(&mut self) -> anyhow::Result<Tallies> {
        let client = self.mesh.client();
        let bad = Ask::new("/")
            .header("x-api-key", NOT_UTF8)
            .header("x-forwarded-for", NOT_UTF8);
        let statuses = [&bad, &Ask::new("/")].map(|ask| client.send(ask).map_or(0, |answer| answer.status));
        let fine = |status: &u16| *status == 200 || self.policy.refusals.contains(status);
        self.check(
            "a header that is not UTF-8 is answered, and the proxy goes on",
            statuses.iter().all(fine),
            "200 200, or refused",
            statuses.map(|status| status.to_string()).join(" "),
        );
        Ok(Tallies::read(&self.mesh.envoy)?)
    }

    /// The demo's own promises.
    fn demo(&mut self) -> anyhow::Result<Tallies> {
        let clients = self.hammer()?;
        self.forged()?;
        self.trial()?;
        self.not_utf8(&clients)?;
        self.canary(&clients)?;
        self.latency(&clients)?;
        anyhow::ensure!(!self.stop.is_set(), "interrupted");
        self.breaker(&clients)?;
        let counted = self.counted()?;
        self.fields(&counted);
        self.exposures()?;
        Ok(Tallies::read(&self.mesh.envoy)?)
    }

    /// Bytes that are not UTF-8 are a key like any other, on every worker.
    fn not_utf8(&mut self, clients: &[Client]) -> anyhow::Result<()> {
        let as_key = Ask::new("/api/orders").header("x-api-key", NOT_UTF8);
        let elsewhere = Ask::new("/api/orders")
            .header("x-api-key", "dave")
            .header("x-forwarded-for", NOT_UTF8);
        let plain = Ask::new("/");
        let mut statuses = Vec::new();
        // Eight connections, which is less than a key may have at once.
        for client in clients.iter().take(8) {
            for (group, ask) in [
                (Group::Keyed, &as_key),
                (Group::Keyed, &elsewhere),
                (Group::Free, &plain),
            ] {
                let answer = client.send(ask).ok();
                statuses.push(answer.as_ref().map_or(0, |answer| answer.status));
                self.ledger.add(group, answer);
            }
        }
        let fine = statuses.iter().filter(|status| **status == 200).count();
        let stats = self.mesh.envoy.stats()?;
        let reloads: u64 = stats
            .iter()
            .filter(|(name, _)| name.contains("vm_reload"))
            .map(|(_, n)| n)
            .sum();
        self.check(
            "a header that is not UTF-8 is answered, and the proxy goes on",
            fine == statuses.len() && reloads == 0,
            format!(
                "{} of {} answered 200, 0 VMs restarted",
                statuses.len(),
                statuses.len()
            ),
            format!("{fine}, {reloads} VMs restarted"),
        );
        Ok(())
    }
}
