//! What the breaker of the reviews promises, and what came of it in an outage.

use super::outage::Outage;
use super::{COUNTED_WITHIN, Script};
use crate::up::breaker::Breaker;
use crate::up::client::Client;
use crate::up::metrics::{Counted, State, Tallies};
use crate::up::timeline::{Row, Seen, seconds};
use anyhow::Context as _;
use serde_json::Value;
use std::time::{Duration, Instant};

/// The states that a breaker goes through in an outage with one round of probes that fail.
const STATES: [State; 6] = [
    State::Closed,
    State::Open,
    State::HalfOpen,
    State::Open,
    State::HalfOpen,
    State::Closed,
];
/// The same as transitions in the log: where to, and why.
const TRANSITIONS: [(&str, &str); 5] = [
    ("open", "error_rate"),
    ("half_open", "open_ended"),
    ("open", "probes_failed"),
    ("half_open", "open_ended"),
    ("closed", "probes_succeeded"),
];

impl Script<'_> {
    /// Everything about the circuit breaker; `clients` reach all workers.
    pub(super) fn breaker(&mut self, clients: &[Client]) -> anyhow::Result<()> {
        let policy = self.policy;
        let breaker = policy.breakers.first().context("no circuit breaker")?;
        let crew = self.crew(clients);
        let outage = self.outage(breaker, crew)?;
        let in_flight = u64::try_from(crew.len())?;
        self.opens(breaker, &outage, in_flight);
        self.rounds(breaker, &outage);
        self.fallbacks(&outage, in_flight);
        self.states(&outage);
        self.numbers(breaker, &outage)?;
        self.transitions(breaker, &outage);
        self.timeline = outage.rows();
        Ok(())
    }

    /// How it begins.
    fn opens(&mut self, breaker: &Breaker, outage: &Outage, in_flight: u64) {
        let (well, minimum) = (outage.well, u64::from(breaker.minimum()));
        self.check(
            "everybody gets reviews while they are well",
            well.good == in_flight && well.total() == in_flight,
            format!("{in_flight} of {in_flight} answered by them"),
            well.good.to_string(),
        );
        let refused = outage.stretches.first().and_then(|first| first.first_fallback);
        let after = outage
            .could_open
            .zip(refused)
            .map(|(could, refused)| refused.saturating_duration_since(could));
        let opened = !outage.rounds.is_empty();
        self.check(
            "the reviews fail: the breaker opens as soon as it may",
            opened && after.is_some_and(|after| after <= breaker.window()),
            format!("within {} of call {minimum}", seconds(breaker.window())),
            after.filter(|_| opened).map_or("it does not".to_owned(), seconds),
        );
        let most = minimum.saturating_add(in_flight);
        self.check(
            "until then they get what it takes, and what is in flight",
            opened && outage.until_open <= most,
            format!("at most {minimum} + {in_flight} requests"),
            outage.until_open.to_string(),
        );
    }

    /// Who reaches the upstream before it is well again.
    fn rounds(&mut self, breaker: &Breaker, outage: &Outage) {
        let complete = outage.rounds.len() == 2;
        let rounds = || outage.rounds.iter();
        let early = rounds().fold(0_u64, |sum, round| sum.saturating_add(round.early));
        let waited = |round: &super::outage::Round| {
            let first = round.first?;
            Some(seconds(first.saturating_duration_since(round.shut)))
        };
        let waits: Vec<String> = rounds().filter_map(waited).collect();
        self.check(
            "while it is open, nothing reaches the reviews",
            complete && early == 0,
            "0 requests, by their own count",
            match waits.is_empty() {
                true => format!("{early}, and no probes after it"),
                false => format!("{early} in {}", waits.join(" and ")),
            },
        );
        let probes = u64::from(breaker.probes());
        let seen: Vec<String> = rounds().map(|round| round.probes.to_string()).collect();
        self.check(
            "then exactly the probes do, over both workers",
            complete && rounds().all(|round| round.probes == probes),
            format!("{probes}, which fail, and {probes}, which succeed"),
            if seen.is_empty() {
                "none".to_owned()
            } else {
                seen.join(", ")
            },
        );
        self.check(
            "when they succeed, everybody gets new reviews",
            complete && outage.recovered,
            "2 for each client",
            if outage.recovered { "2 or more" } else { "less" },
        );
    }

    /// What clients got meanwhile.
    fn fallbacks(&mut self, outage: &Outage, clients: u64) {
        let seen = outage.seen();
        self.check(
            "meanwhile clients get old reviews, or a 503 with Retry-After",
            seen.stale >= clients && seen.refused >= clients && seen.other == 0,
            "both, and 0 other answers",
            format!(
                "{} old, {} refused, {} others",
                seen.stale, seen.refused, seen.other
            ),
        );
    }

    fn states(&mut self, outage: &Outage) {
        let name = |state: &Option<State>| state.map_or("none", State::name);
        let show = |states: &[Option<State>]| states.iter().map(name).collect::<Vec<_>>().join(", ");
        let expected = STATES.map(Some);
        self.check(
            "the breaker's metric says so each time",
            outage.states == expected,
            show(&expected),
            show(&outage.states),
        );
    }

    /// What the filter has counted is what clients saw.
    fn numbers(&mut self, breaker: &Breaker, outage: &Outage) -> anyhow::Result<()> {
        let seen = outage.well.plus(outage.seen());
        let tallies = Tallies::wait(&self.mesh.envoy, COUNTED_WITHIN, |now| {
            now.breaker(breaker).requests() >= seen.total()
        })?;
        let counted = tallies.breaker(breaker);
        let by_filter = Seen {
            good: counted.succeeded,
            // Who was on the way when it opened comes too late to decide anything.
            failed: counted.failed.saturating_add(counted.late),
            stale: counted.stale,
            refused: counted.replies,
            other: counted.ignored,
        };
        let show = |seen: Seen| {
            let Seen {
                good,
                failed,
                stale,
                refused,
                ..
            } = seen;
            format!("{good} good, {failed} failed, {stale} old, {refused} refused")
        };
        self.check(
            "metrics of the breaker are what clients saw",
            by_filter == seen && counted.rejected == seen.fallbacks() && seen.failed > 0,
            show(seen),
            show(by_filter),
        );
        let show = |counted: Counted| {
            let good = counted.probes_succeeded;
            let Counted {
                opened,
                half_opened,
                closed,
                ..
            } = counted;
            format!("{good} good probes; opened {opened}, half-open {half_opened}, closed {closed} times")
        };
        let expected = Counted {
            probes_succeeded: breaker.probes().into(),
            opened: 2,
            half_opened: 2,
            closed: 1,
            ..counted
        };
        // The first probe that fails may decide for all.
        let probed = (1..=u64::from(breaker.probes())).contains(&counted.probes_failed);
        self.check(
            "and so are its probes and transitions",
            counted == expected && probed && counted.probes_lost == 0,
            show(expected),
            show(counted),
        );
        Ok(())
    }

    /// One worker makes a transition, and says so.
    fn transitions(&mut self, breaker: &Breaker, outage: &Outage) {
        let own = format!("{{\"breaker\":\"{}\"", breaker.name());
        let envoy = &self.mesh.envoy;
        if outage.recovered {
            // What Envoy writes comes through a pipe. All tell of what is over: what is one too many is there as well.
            let _ = envoy.wait_for_log("\"to\":\"closed\"", COUNTED_WITHIN);
        }
        let told: Vec<Value> = envoy
            .logs()
            .iter()
            .filter_map(|line| serde_json::from_str(line.get(line.find(&own)?..)?).ok())
            .collect();
        let word =
            |line: &Value, name: &str| line.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
        let steps = |line: &Value| (word(line, "to"), word(line, "cause"));
        let expected = TRANSITIONS.map(|(to, cause)| (to.to_owned(), cause.to_owned()));
        let to: Vec<String> = told.iter().map(|line| word(line, "to")).collect();
        self.check(
            "Envoy's log tells of each transition once, and why",
            told.iter().map(steps).eq(expected),
            TRANSITIONS.map(|(to, _)| to).join(", "),
            if to.is_empty() {
                "none".to_owned()
            } else {
                to.join(", ")
            },
        );
        let opens = told.iter().filter(|line| word(line, "to") == "open");
        let open_for = |line: &Value| line.get("open_for_ms").and_then(Value::as_u64);
        let open_for: Vec<Duration> = opens.filter_map(open_for).map(Duration::from_millis).collect();
        let expected = [breaker.open_for(0), breaker.open_for(1)];
        let show = |times: &[Duration]| times.iter().copied().map(seconds).collect::<Vec<_>>().join(", ");
        self.check(
            "after probes that fail it stays open for longer",
            open_for == expected,
            show(&expected),
            if open_for.is_empty() {
                "never open".to_owned()
            } else {
                show(&open_for)
            },
        );
    }
}

impl Outage {
    /// What clients saw since it began.
    fn seen(&self) -> Seen {
        let all = self.stretches.iter();
        all.fold(Seen::default(), |sum, stretch| sum.plus(stretch.seen()))
    }

    /// As a timeline.
    fn rows(&self) -> Vec<Row> {
        let state = |nth: usize| match self.states.get(nth) {
            Some(Some(state)) => state.name(),
            _ => "-",
        };
        let row = |at: Instant, what: &str, clients: Seen, upstream: u64, state: String| Row {
            at: at.saturating_duration_since(self.start),
            what: what.to_owned(),
            clients,
            upstream,
            state,
        };
        let first = [state(0), state(1)].join(", then ");
        let mut upstream = vec![("they answer 500", self.until_open, Some(self.failing), first)];
        let probes = ["the probes' connections are cut", "the probes are answered"];
        for (nth, round) in self.rounds.iter().enumerate() {
            let place = nth.saturating_mul(2).saturating_add(1);
            let next = place.saturating_add(1);
            upstream.push((
                "they are left alone",
                round.early,
                Some(round.shut),
                state(place).to_owned(),
            ));
            let what = probes.get(nth).copied().unwrap_or_default();
            upstream.push((what, round.probes, round.first, state(next).to_owned()));
        }
        upstream.push(("they are well again", self.after, None, state(5).to_owned()));
        let well = row(
            self.start,
            "all is well",
            self.well,
            self.well.good,
            state(0).to_owned(),
        );
        let rest = self.stretches.iter().zip(upstream);
        let rest = rest.map(|(stretch, (what, n, at, state))| {
            row(at.unwrap_or(stretch.begun), what, stretch.seen(), n, state)
        });
        std::iter::once(well).chain(rest).collect()
    }
}
