//! `fairlead up --once`: asks the running proxy for what the filters promise, and compares what clients saw with what the
//! filters counted.
//!
//! Every request is sent from here, so that counts can be compared exactly. Bounds on time are taken from moments that
//! enclose what Envoy decided: a slow machine makes the bounds wider, never wrong.

mod hammer;
mod ledger;
mod quota;
mod report;

use super::client::{Ask, Client};
use super::mesh::Mesh;
use super::metrics::{Tallies, Tally};
use super::policy::Policy;
use super::stop::Stop;
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
/// Requests of one address without a key, with forged entries.
const FORGED: u32 = 30;
/// Searches; fewer than the per-key limit admits at once.
const SEARCHES: u32 = 12;

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
    };
    script.routes();
    let counted = if policy.is_demo {
        script.demo()?
    } else {
        script.any()?
    };
    Ok(Report {
        envoy: mesh.located.version.to_string(),
        seconds: started.elapsed().as_secs_f64(),
        checks: script.checks,
        rules: policy
            .rules
            .iter()
            .map(|rule| (rule.clone(), counted.of_rule(rule)))
            .collect(),
    })
}

struct Script<'a> {
    mesh: &'a Mesh,
    policy: &'a Policy,
    stop: &'a Stop,
    ledger: Ledger,
    checks: Vec<Check>,
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

    /// Versions are chosen by header and by path. A policy that is not the demo's may refuse instead.
    fn routes(&mut self) {
        let client = self.mesh.client();
        let asks = [
            (Ask::new("/"), "v1"),
            (Ask::new("/").header("x-version", "v2"), "v2"),
            (Ask::new("/v2/"), "v2"),
        ];
        let mut seen = Vec::new();
        let mut ok = true;
        for (ask, expected) in asks {
            let answer = client.send(&ask).ok();
            let refused = !self.policy.is_demo
                && answer
                    .as_ref()
                    .is_some_and(|answer| self.policy.refusals.contains(&answer.status));
            let version = answer.as_ref().and_then(|answer| answer.version.clone());
            ok &= refused || version.as_deref() == Some(expected);
            seen.push(version.unwrap_or_else(|| match &answer {
                Some(answer) => answer.status.to_string(),
                None => "no answer".to_owned(),
            }));
            self.ledger.add(Group::Free, answer);
        }
        let expected = if self.policy.is_demo {
            "v1 v2 v2"
        } else {
            "v1 v2 v2, or refused"
        };
        self.check(
            "x-version: v2 and /v2/ go to v2, the rest to v1",
            ok,
            expected,
            seen.join(" "),
        );
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
        anyhow::ensure!(!self.stop.is_set(), "interrupted");
        let counted = self.counted()?;
        self.fields(&counted);
        Ok(counted)
    }

    /// A client behind the gateway cannot escape by forging entries to the left of its address.
    fn forged(&mut self) -> anyhow::Result<()> {
        let numbers = self.policy.numbers(ANONYMOUS)?;
        let client = self.mesh.client();
        let ask = |n: u32, address: &str| {
            Ask::new("/api/orders").header("x-forwarded-for", format!("192.0.2.{n}, {address}"))
        };
        let before = self.ledger.group(Group::Anonymous);
        let mut answers = Vec::new();
        for n in 0..FORGED {
            let answer = client.send(&ask(n, "203.0.113.9")).ok();
            answers.extend(answer.clone());
            self.ledger.add(Group::Anonymous, answer);
        }
        let admitted = self
            .ledger
            .group(Group::Anonymous)
            .admitted
            .saturating_sub(before.admitted);
        let bounds = quota::bounds(numbers, &answers);
        let (ok, expected) = (bounds.contain(admitted), format!("{bounds} of {FORGED} admitted"));
        self.check(
            "a forged first X-Forwarded-For entry is no new client",
            ok,
            expected,
            admitted.to_string(),
        );
        self.send(&client, Group::Anonymous, &ask(0, "203.0.113.10"));
        let other = self.ledger.group(Group::Anonymous).admitted;
        let own = other == before.admitted.saturating_add(admitted).saturating_add(1);
        self.check(
            "another address has a quota of its own",
            own,
            "200",
            if own { "200" } else { "refused" },
        );
        Ok(())
    }

    /// A rule in shadow mode refuses nobody, and counts whom it would have refused.
    fn trial(&mut self) -> anyhow::Result<()> {
        let numbers = self.policy.numbers(TRIAL)?;
        let client = self.mesh.client();
        let ask = Ask::new("/api/search").header("x-api-key", "carol");
        let mut answers = Vec::new();
        for _ in 0..SEARCHES {
            let answer = client.send(&ask).ok();
            answers.extend(answer.clone());
            self.ledger.add(Group::Search, answer);
        }
        let passed = answers.iter().filter(|answer| answer.status == 200).count();
        let all = u64::from(SEARCHES);
        self.check(
            "a rule in shadow mode refuses nobody",
            u64::try_from(passed) == Ok(all),
            format!("{all} of {all} admitted"),
            passed.to_string(),
        );
        let tally = self.tally(TRIAL, |tally| tally.total() >= all)?;
        // It lets as many pass as it would if it were enforced, and no more.
        let bounds = quota::at_most(numbers, &answers);
        let ok = tally.would_deny > 0 && bounds.contain(tally.admitted) && tally.total() == all;
        self.check(
            "and counts those it would have refused",
            ok,
            format!("{bounds} admitted, the rest of {all} would_deny"),
            format!("{} admitted, {} would_deny", tally.admitted, tally.would_deny),
        );
        Ok(())
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

    /// What the filters have counted is what clients saw.
    fn counted(&mut self) -> anyhow::Result<Tallies> {
        let expected = self.ledger.expected();
        let enough = |tallies: &Tallies| {
            expected.iter().all(|(rule, seen)| {
                tallies.of(PLUGIN, rule).total() >= seen.passed.saturating_add(seen.refused)
            })
        };
        let counted = Tallies::wait(&self.mesh.envoy, COUNTED_WITHIN, enough)?;
        for (rule, seen) in expected {
            let tally = counted.of(PLUGIN, rule);
            // A request that could not be decided is refused: other workers were faster each time.
            let counted = [
                tally.admitted.saturating_add(tally.would_deny),
                tally.denied.saturating_add(tally.undecided),
            ];
            self.check(
                &format!("metrics of {rule} are what clients saw"),
                counted == [seen.passed, seen.refused],
                format!("{} passed, {} refused", seen.passed, seen.refused),
                format!("{} passed, {} refused", counted[0], counted[1]),
            );
        }
        Ok(counted)
    }

    /// What every single answer of the script said about limits.
    fn fields(&mut self, counted: &Tallies) {
        let undecided = counted
            .of(PLUGIN, PER_KEY)
            .undecided
            .saturating_add(counted.of(PLUGIN, ANONYMOUS).undecided);
        let said = self.ledger.said;
        self.check(
            "every refusal is a 429 with Retry-After and RateLimit fields",
            // A refusal without a decision knows of no quota to state.
            said.refused > 0 && said.refused_other == 0 && said.refused_silent <= undecided,
            format!("{} of {}", said.refused, said.refused),
            said.refused
                .saturating_sub(said.refused_other)
                .saturating_sub(said.refused_silent)
                .to_string(),
        );
        self.check(
            "every admitted request is told its limits",
            said.admitted > 0 && said.admitted_silent == 0,
            format!("{} of {}", said.admitted, said.admitted),
            said.admitted.saturating_sub(said.admitted_silent).to_string(),
        );
        let lost = self.ledger.lost;
        self.check(
            "every request is answered",
            lost == 0,
            "0 without an answer",
            lost.to_string(),
        );
    }

    /// What one rule has counted, once `enough` holds or for want of patience.
    fn tally(&self, rule: &str, enough: impl Fn(Tally) -> bool) -> anyhow::Result<Tally> {
        let tallies = Tallies::wait(&self.mesh.envoy, COUNTED_WITHIN, |now| {
            enough(now.of(PLUGIN, rule))
        })?;
        Ok(tallies.of(PLUGIN, rule))
    }
}
