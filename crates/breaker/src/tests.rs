//! The crate as a whole: known libraries' tests, a model, clocks that jump, bytes that are foreign, counters that are outside.

mod jumps;
mod keyed;
mod model;
mod outside;
mod policies;
mod vectors;

use crate::classes::Outcome;
use crate::policy::{Backoff, Policy, Then, Window};
use crate::preset::Preset;
use crate::*;
use fairlead_stage::{Share, Step, Timestamp};
use std::num::NonZeroU32;
use std::time::Duration;

pub(crate) const SECOND: u64 = 1_000_000_000;
/// Some day in 2026, at the beginning of a window of most lengths.
pub(crate) const START: u64 = 1_795_000_200 * SECOND;

pub(crate) fn at(nanos: u64) -> Timestamp {
    Timestamp::from_unix_nanos(nanos)
}

pub(crate) fn share(text: &str) -> Share {
    text.parse().unwrap()
}

pub(crate) fn count(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

pub(crate) fn call(outcome: Outcome, slow: bool) -> Call {
    Call { outcome, slow }
}

pub(crate) const SUCCESS: Call = Call {
    outcome: Outcome::Success,
    slow: false,
};
pub(crate) const FAILURE: Call = Call {
    outcome: Outcome::Failure,
    slow: false,
};
pub(crate) const IGNORED: Call = Call {
    outcome: Outcome::Ignored,
    slow: false,
};

/// `150ms`, `3s`, `1ns`.
pub(crate) fn duration(text: &str) -> Duration {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap();
    let number: u64 = text[..digits].parse().unwrap();
    match &text[digits..] {
        "ns" => Duration::from_nanos(number),
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        unit => panic!("no unit: {unit}"),
    }
}

/// `opossum min=3 error=1%`: a preset (or `default`, or `r4j`: the policy of most of resilience4j's tests), and what differs.
pub(crate) fn policy(text: &str) -> Policy {
    let mut words = text.split(' ');
    let name = words.next().unwrap();
    let mut policy = match Preset::ALL.iter().find(|preset| preset.name() == name) {
        Some(preset) => preset.policy(),
        None if name == "r4j" => r4j(),
        None => {
            assert_eq!(name, "default");
            Policy::default()
        }
    };
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "window" => {
                let (length, buckets) = value.split_once('/').unwrap();
                policy.window = Window::Time {
                    duration: duration(length),
                    buckets: buckets.parse().unwrap(),
                };
            }
            "calls" => policy.window = Window::Calls(value.parse().unwrap()),
            "min" => policy.minimum_requests = value.parse().unwrap(),
            "notrip" => policy.trip = policy::Trip::default(),
            "error" => policy.trip.error_rate = Some(share(value)),
            "slow" => {
                policy.trip.slow = Some(policy::Slow {
                    above: Duration::from_secs(4),
                    rate: share(value),
                });
            }
            "consecutive" => policy.trip.consecutive_failures = Some(value.parse().unwrap()),
            "open" => policy.open.duration = duration(value),
            "max" => policy.open.max = duration(value),
            "jitter" => policy.open.jitter = share(value),
            "backoff" => {
                let permille = (value.parse::<f64>().unwrap() * 1_000.0) as u32;
                policy.open.backoff = Backoff::Factor { permille };
            }
            "linear" => policy.open.backoff = Backoff::Linear,
            "probes" => policy.half_open.probes = value.parse().unwrap(),
            "success" => policy.half_open.success_rate = share(value),
            "wait" => policy.half_open.max_wait = duration(value),
            "then" => policy.half_open.then = [Then::Open, Then::Close][usize::from(value == "close")],
            "warmup" => policy.warm_up = duration(value),
            "ramp" => policy.recovery_ramp = duration(value),
            "bad_trip" => policy.rules.bad_calls_trip = true,
            "above" => policy.rules.trip_above = true,
            "keep" => policy.rules.keep_window = true,
            "judge_all" => policy.rules.judge_all_probes = true,
            "close_above" => policy.rules.close_above = true,
            "lost_opens" => policy.rules.lost_probe_opens = true,
            word => panic!("no word for a policy: {word}"),
        }
    }
    policy
}

/// The configuration of resilience4j's state machine test.
fn r4j() -> Policy {
    let mut policy = policy("resilience4j window=20s/20 min=5 open=5s probes=4");
    policy.trip.slow = Some(policy::Slow {
        above: Duration::from_secs(4),
        rate: share("50%"),
    });
    policy
}

/// A table, one of its cells, a clock, and who is alive.
pub(crate) struct Rig {
    pub(crate) table: Table,
    pub(crate) place: Place,
    pub(crate) cell: Option<Vec<u8>>,
    pub(crate) now: u64,
    pub(crate) entropy: u64,
    pub(crate) dead: Vec<u32>,
    pub(crate) totals: Counts,
}

impl Rig {
    pub(crate) fn new(policy: Policy, counted: Counted) -> Self {
        let table = Table::single(Breaker::new(policy, counted));
        Self::of(table, b"")
    }

    pub(crate) fn of(table: Table, key: &[u8]) -> Self {
        Self {
            table,
            place: table.locate([1, 2], key),
            cell: None,
            now: START,
            entropy: 1 << 63,
            dead: Vec::new(),
            totals: Counts::NONE,
        }
    }

    fn step<T>(
        &mut self,
        step: impl Fn(&Self, &Moment<'_>, Option<&[u8]>, &mut Vec<u8>) -> Step<T>,
        own: u32,
    ) -> T {
        let mut new = vec![0xEE; 3];
        let moment = Moment {
            now: at(self.now),
            entropy: self.entropy,
            instance: own,
            live: &|instance| {
                assert_ne!(instance, own, "nobody is asked about itself");
                !self.dead.contains(&instance)
            },
            totals: self.totals,
        };
        match step(self, &moment, self.cell.as_deref(), &mut new) {
            Step::Keep(answer) => answer,
            Step::Write(answer) => {
                assert!(new.len() <= self.table.cell_bytes() as usize);
                self.cell = Some(new);
                answer
            }
        }
    }

    pub(crate) fn try_admit(&mut self, own: u32) -> Option<Admission> {
        self.step(|rig, at, old, new| rig.table.admit(rig.place, at, old, new), own)
    }

    pub(crate) fn admit(&mut self, own: u32) -> Admission {
        self.try_admit(own).unwrap()
    }

    pub(crate) fn complete(&mut self, own: u32, ticket: Ticket, call: Call) -> Completion {
        self.complete_with(own, ticket, call, None)
    }

    pub(crate) fn complete_with(
        &mut self,
        own: u32,
        ticket: Ticket,
        call: Call,
        evidence: Option<(Counts, u32)>,
    ) -> Completion {
        let step = |rig: &Self, at: &Moment<'_>, old: Option<&[u8]>, new: &mut Vec<u8>| {
            rig.table
                .complete(rig.place, at, ticket, call, evidence, old, new)
        };
        self.step(step, own)
    }

    /// Admits a request and completes it at once.
    pub(crate) fn call(&mut self, call: Call) -> Completion {
        let admission = self.admit(1);
        assert!(
            !matches!(admission.pass, Pass::Refused { .. }),
            "refused: {admission:?}"
        );
        self.complete(1, admission.ticket(at(self.now)), call)
    }

    pub(crate) fn known(&self) -> Known {
        let known = self.table.known(self.place, at(self.now), self.cell.as_deref());
        known.unwrap_or_default()
    }

    pub(crate) fn phase(&self) -> Phase {
        self.known().phase
    }

    pub(crate) fn pass(&mut self, nanos: u64) {
        self.now += nanos;
    }
}
