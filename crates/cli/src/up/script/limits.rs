//! What single clients see of the rate limits, and what the filter counts of all.

use super::{ANONYMOUS, COUNTED_WITHIN, Group, PER_KEY, PLUGIN, Script, TRIAL, quota};
use crate::up::client::Ask;
use crate::up::metrics::{Tallies, Tally};

/// Requests of one address without a key, with forged entries.
const FORGED: u32 = 30;
/// Searches; fewer than the per-key limit admits at once.
const SEARCHES: u32 = 12;

impl Script<'_> {
    /// A client behind the gateway cannot escape by forging entries to the left of its address.
    pub(super) fn forged(&mut self) -> anyhow::Result<()> {
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
    pub(super) fn trial(&mut self) -> anyhow::Result<()> {
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

    /// What the filters have counted is what clients saw.
    pub(super) fn counted(&mut self) -> anyhow::Result<Tallies> {
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
    pub(super) fn fields(&mut self, counted: &Tallies) {
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
