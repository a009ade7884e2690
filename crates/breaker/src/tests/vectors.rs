//! The tests of known libraries.
//!
//! Steps: `+150ms` time passes; `S`, `F`, `X`, `slow`, `slowF` a call begins and ends (success, failure, ignored); `A+` a
//! request is admitted and stays in flight, `A-` one is refused; `s`, `f`, `x` the oldest in flight ends, `late` it ends and
//! changes nothing; `=C`, `=O`, `=H` the phase; `[11/5]` calls and failures in the window. `F*5` and `(S F)*20` repeat.

use super::*;
use crate::record::Record;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Plays steps against a breaker that counts inside, or outside with counters that this keeps.
struct Player {
    rig: Rig,
    counted: Counted,
    flying: Vec<Ticket>,
    snapshots: Snapshots,
    bucket: u64,
    cell: Option<Vec<u8>>,
    consecutive: u32,
}

impl Player {
    fn new(policy: Policy, counted: Counted) -> Self {
        let (length, buckets) = match policy.window {
            Window::Time { duration, buckets } => (duration, buckets),
            Window::Calls(_) => (Duration::from_secs(1), count(1)),
        };
        Self {
            rig: Rig::new(policy, counted),
            counted,
            flying: Vec::new(),
            snapshots: Snapshots::new(length, buckets),
            bucket: length.as_nanos() as u64 / u64::from(buckets.get()),
            cell: None,
            consecutive: 0,
        }
    }

    fn note(&mut self) {
        let since = self.rig.known().since;
        let mut new = Vec::new();
        let old = self.cell.as_deref();
        if let Step::Write(()) = self
            .snapshots
            .note(at(self.rig.now), since, &self.rig.totals, old, &mut new)
        {
            assert!(new.len() <= self.snapshots.bytes() as usize);
            self.cell = Some(new);
        }
    }

    fn window(&self) -> Counts {
        if self.counted == Counted::Outside {
            let known = self.rig.known();
            let old = self.cell.as_deref();
            return self
                .snapshots
                .window(at(self.rig.now), known.since, &known.base, &self.rig.totals, old);
        }
        let Some(mut record) = self.rig.cell.as_deref().and_then(Record::decode) else {
            return Counts::NONE;
        };
        let window = self.rig.table.breaker().policy().window;
        window.roll(&mut record.ring, record.since, self.rig.now);
        window.sum(&record.ring)
    }

    fn end(&mut self, ticket: Ticket, call: Call) -> bool {
        if self.counted == Counted::Inside {
            return self.rig.complete(1, ticket, call).late;
        }
        self.note();
        let known = self.rig.known();
        let late = ticket.generation != known.generation;
        let mut evidence = None;
        let succeeds = self.rig.table.breaker().policy().rules.ignored_succeed;
        let failed = call.outcome == Outcome::Failure;
        if !late && (call.outcome != Outcome::Ignored || succeeds) {
            self.rig.totals.add(failed, call.slow);
            self.consecutive = if failed { self.consecutive + 1 } else { 0 };
            evidence = Some((self.window(), self.consecutive));
        }
        if !(ticket.probe || late || failed || call.slow) {
            return false;
        }
        let completion = self.rig.complete_with(1, ticket, call, evidence);
        if completion.transition.is_some() {
            self.consecutive = 0;
        }
        completion.late
    }

    fn step(&mut self, step: &str) {
        let call = match step {
            "S" | "s" => SUCCESS,
            "F" | "f" => FAILURE,
            "slow" => call(Outcome::Success, true),
            "slowF" => call(Outcome::Failure, true),
            _ => IGNORED,
        };
        match step {
            "S" | "F" | "X" | "slow" | "slowF" => {
                let admission = self.rig.admit(1);
                assert!(!matches!(admission.pass, Pass::Refused { .. }), "{admission:?}");
                let ticket = admission.ticket(at(self.rig.now));
                assert!(!self.end(ticket, call), "late");
            }
            "A+" => {
                let admission = self.rig.admit(1);
                assert!(!matches!(admission.pass, Pass::Refused { .. }), "{admission:?}");
                self.flying.push(admission.ticket(at(self.rig.now)));
            }
            "A-" => {
                let pass = self.rig.admit(1).pass;
                assert!(matches!(pass, Pass::Refused { .. }), "{pass:?}");
            }
            "s" | "f" | "x" => {
                let ticket = self.flying.remove(0);
                assert!(!self.end(ticket, call), "late");
            }
            "late" => {
                let ticket = self.flying.remove(0);
                let before = (self.rig.phase(), self.rig.known().generation, self.window());
                assert!(self.end(ticket, FAILURE));
                let after = (self.rig.phase(), self.rig.known().generation, self.window());
                assert_eq!(after, before);
            }
            "=C" => assert_eq!(self.rig.phase(), Phase::Closed),
            "=O" => assert_eq!(self.rig.phase(), Phase::Open),
            "=H" => assert_eq!(self.rig.phase(), Phase::HalfOpen),
            _ if step.starts_with('+') => {
                let mut left = duration(&step[1..]).as_nanos() as u64;
                while left > 0 && self.counted == Counted::Outside {
                    let tick = left.min(self.bucket - self.rig.now % self.bucket);
                    self.rig.pass(tick);
                    self.note();
                    left -= tick;
                }
                self.rig.pass(left);
            }
            _ if step.starts_with('[') => {
                let counts = self.window();
                assert_eq!(step, format!("[{}/{}]", counts.calls(), counts.failures));
            }
            _ => panic!("no such step: {step}"),
        }
    }
}

/// Steps without repetitions: `F*2` and `(S F)*2`.
fn expanded(steps: &str) -> Vec<String> {
    let mut expanded = Vec::new();
    let mut rest = steps;
    while !rest.is_empty() {
        let (group, after) = match rest.strip_prefix('(') {
            Some(group) => group.split_once(')').unwrap(),
            None => rest.split_at(rest.find([' ', '*']).unwrap_or(rest.len())),
        };
        let (times, after) = match after.strip_prefix('*') {
            Some(after) => after.split_at(after.find(' ').unwrap_or(after.len())),
            None => ("1", after),
        };
        for _ in 0..times.parse::<usize>().unwrap() {
            expanded.extend(group.split(' ').map(String::from));
        }
        rest = after.trim_start();
    }
    expanded
}

/// Plays all vectors of a file; says how many could be counted outside as well.
fn play(vectors: &str) -> usize {
    let mut outside = 0;
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let [name, rules, steps] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let steps = expanded(steps);
        for counted in [Counted::Inside, Counted::Outside] {
            if Breaker::new(policy(rules), counted).counted() != counted {
                continue;
            }
            outside += usize::from(counted == Counted::Outside);
            let mut player = Player::new(policy(rules), counted);
            let mut played = String::new();
            for step in &steps {
                played = format!("{played} {step}");
                let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| player.step(step)));
                assert!(
                    result.is_ok(),
                    "{name} ({counted:?}) fails at the end of:{played}"
                );
            }
        }
    }
    outside
}

#[test]
fn it_does_what_opossum_does() {
    assert_eq!(play(include_str!("../../vectors/opossum.tsv")), 11);
}

#[test]
fn it_does_what_gobreaker_does() {
    assert_eq!(play(include_str!("../../vectors/gobreaker.tsv")), 0);
}

#[test]
fn it_does_what_resilience4j_does() {
    assert_eq!(play(include_str!("../../vectors/resilience4j.tsv")), 12);
}

#[test]
fn it_does_what_failsafe_does() {
    assert_eq!(play(include_str!("../../vectors/failsafe.tsv")), 5);
}

#[test]
fn it_does_what_hystrix_does() {
    assert_eq!(play(include_str!("../../vectors/hystrix.tsv")), 6);
}

#[test]
fn it_does_what_envoys_outlier_detection_does() {
    assert_eq!(play(include_str!("../../vectors/envoy.tsv")), 4);
}
