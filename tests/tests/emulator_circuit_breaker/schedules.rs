//! Breakers under a thousand schedules of two, three and four workers: each transition is made by one worker, an upstream that
//! fails is left alone once enough calls have failed, and half-open lets N probes through over all workers.
//!
//! A store on which compare-and-swap does nothing must be caught by the same check; otherwise the check shows nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use fairlead_emulator::{CompiledModule, Emulator, Report, Request, RequestId, Response};
use fairlead_tests::modules;
use fairlead_tests::transitions::Transition;
use serde_json::{Value, json};

use crate::rig::{
    FILTER, MINIMUM, OPEN, PROBES, by_tenant, count, faults, gauge, one, passed, start, tenant, transitions,
};

const MS: Duration = Duration::from_millis(1);
/// How long the upstream takes, and after how long each worker sends its next request: one answer comes while the next request
/// goes.
const TURN: Duration = MS;
/// Who has a breaker of their own; both live in one cell.
const TENANTS: [&str; 2] = ["a", "b"];

/// How calls are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counting {
    /// By the proxy's counters.
    Counters,
    /// In the record of the rule.
    Record,
    /// In the records of keys.
    Keys,
}

impl Counting {
    fn config(self) -> Value {
        one(match self {
            Self::Counters => json!({}),
            Self::Record => json!({"window": {"calls": 100}}),
            Self::Keys => by_tenant(),
        })
    }

    fn tenants(self) -> &'static [&'static str] {
        if self == Self::Keys {
            &TENANTS
        } else {
            &TENANTS[..1]
        }
    }
}

/// A proxy whose workers race, and what they have logged.
struct Race {
    proxy: Emulator,
    counting: Counting,
    workers: usize,
    transitions: Vec<Transition>,
}

impl Race {
    fn new(module: &CompiledModule, seed: u64, workers: usize, counting: Counting) -> Self {
        let builder = Emulator::builder().workers(workers).interleave(seed);
        let builder = builder.interleave_window(Duration::from_micros(10));
        Self {
            proxy: start(builder, module, &counting.config()),
            counting,
            workers,
            transitions: Vec::new(),
        }
    }

    fn note(&mut self, report: &Report) {
        assert_eq!(report.faults, [], "{:?}", report.logs);
        let lines = report.logs.iter().map(|line| line.message.as_str());
        self.transitions.extend(transitions(lines));
    }

    /// Each worker sends `each` requests for each tenant, one a turn; the numbers of those that passed, by tenant.
    fn wave(&mut self, each: u32, turn: Duration, status: impl Fn(usize) -> u16) -> Vec<usize> {
        let begin = self.proxy.now();
        let mut sent: Vec<(usize, RequestId)> = Vec::new();
        let tenants = self.counting.tenants();
        for number in 0..each {
            for worker in 0..self.workers {
                for index in 0..tenants.len() {
                    // Each worker takes the tenants in another order.
                    let index = (index + worker) % tenants.len();
                    let response = Response::new(status(index)).after(TURN);
                    let request = tenant(Request::get("/"), tenants[index]);
                    let request = request.worker(worker).upstream(response);
                    sent.push((index, self.proxy.request(begin + turn * number, request)));
                }
            }
        }
        let report = self.proxy.run();
        self.note(&report);
        let mut through = vec![0; tenants.len()];
        for (index, id) in sent {
            let outcome = report.outcome(id).expect("it has ended");
            through[index] += usize::from(passed(outcome));
        }
        through
    }

    fn wait(&mut self, time: Duration) {
        let report = self.proxy.advance(time);
        self.note(&report);
    }
}

/// One schedule. `Err` says what was not as it should be.
fn race(
    module: &CompiledModule,
    (seed, workers, counting): (u64, usize, Counting),
    broken: bool,
) -> Result<Emulator, String> {
    let mut race = Race::new(module, seed, workers, counting);
    if broken {
        race.proxy.ignore_compare_and_swap();
    }
    race.wait(300 * MS);
    let tenants = counting.tenants().len();
    let mut wrong = Vec::new();
    let mut check = |right: bool, what: &str, found: &dyn std::fmt::Debug| {
        if !right {
            wrong.push(format!("{what}: {found:?}"));
        }
    };
    // It fails: no more than the minimum and those in flight get through. In flight are, of each worker, one that is answered
    // and one that is sent at that very moment.
    let reached = race.wave(15, TURN, |_| 503);
    let most = MINIMUM + 2 * workers;
    let enough = reached.iter().all(|passed| (MINIMUM..=most).contains(passed));
    check(enough, "reached a failing upstream", &reached);
    check(
        race.wave(2, TURN, |_| 200).iter().all(|passed| *passed == 0),
        "passed while open",
        &(),
    );
    // All workers want to be the first to probe; the first time the last tenant still fails.
    race.wait(OPEN);
    let probes = race.wave(
        4,
        Duration::ZERO,
        |index| if index + 1 == tenants { 500 } else { 200 },
    );
    check(probes.iter().all(|passed| *passed == PROBES), "probes", &probes);
    race.wait(OPEN);
    let probes = race.wave(4, Duration::ZERO, |_| 200);
    check(
        probes[tenants - 1] == PROBES,
        "probes of the second round",
        &probes,
    );
    let after = race.wave(3, TURN, |_| 200);
    check(
        after.iter().all(|passed| *passed == 3 * workers),
        "passed when closed",
        &after,
    );
    // Each transition by one worker: one line, one count, one epoch.
    let mut expected = vec![vec!["open", "half_open", "closed"]; tenants];
    expected[tenants - 1] = vec!["open", "half_open", "open", "half_open", "closed"];
    let mut keys: Vec<&str> = race.transitions.iter().map(|line| line.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut seen: Vec<Vec<&str>> = Vec::new();
    for key in keys {
        let lines: Vec<&Transition> = race.transitions.iter().filter(|line| line.key == key).collect();
        let numbers = lines.iter().map(|line| line.generation);
        check(numbers.eq(1..=lines.len() as u32), "generations", &lines);
        seen.push(lines.iter().map(|line| line.to.as_str()).collect());
    }
    seen.sort_unstable_by_key(Vec::len);
    check(seen == expected, "log lines", &seen);
    let told = ["open", "half_open", "closed"].map(|to| count(&race.proxy, "transitions_total", to));
    let all: Vec<&str> = expected.concat();
    let of = |to: &str| all.iter().filter(|known| **known == to).count() as u64;
    check(
        told == ["open", "half_open", "closed"].map(of),
        "transitions_total",
        &told,
    );
    let epoch = gauge(&race.proxy, "epoch");
    check(epoch == all.len() as u64, "epoch", &epoch);
    let last = (gauge(&race.proxy, "state"), gauge(&race.proxy, "open_keys"));
    check(last == (0, 0), "state and open keys at the end", &last);
    if wrong.is_empty() {
        Ok(race.proxy)
    } else {
        Err(format!(
            "seed {seed}, {workers} workers, {counting:?}: {}",
            wrong.join("; ")
        ))
    }
}

fn under_all_schedules(counting: Counting) {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    for (workers, seeds) in [(2, 200), (3, 100), (4, 50)] {
        let mut schedules = BTreeSet::new();
        let mut retries = 0;
        for seed in 0..seeds {
            let raced = race(&module, (seed, workers, counting), false);
            let proxy = raced.unwrap_or_else(|wrong| panic!("{wrong}"));
            schedules.insert(proxy.trace_hash());
            retries += faults(&proxy, "cas_retry");
            assert_eq!(faults(&proxy, "cas_exhausted"), 0, "seed {seed}");
        }
        // The schedules differ, and workers do get in each other's way.
        let different = schedules.len() as u64;
        assert!(
            different * 10 > seeds * 9,
            "{different} different schedules of {seeds}"
        );
        assert!(retries > seeds, "{retries} lost races");
    }
}

#[test]
fn breakers_that_count_by_counters_keep_their_word_under_all_schedules() {
    under_all_schedules(Counting::Counters);
}

#[test]
fn breakers_that_count_in_a_record_keep_their_word_under_all_schedules() {
    under_all_schedules(Counting::Record);
}

#[test]
fn breakers_of_keys_keep_their_word_under_all_schedules() {
    under_all_schedules(Counting::Keys);
}

#[test]
fn a_store_without_compare_and_swap_is_caught() {
    let Some(module) = modules::compiled(FILTER) else {
        return;
    };
    for counting in [Counting::Counters, Counting::Record, Counting::Keys] {
        let caught = (0..100).filter(|seed| race(&module, (*seed, 3, counting), true).is_err());
        let caught = caught.count();
        assert!(
            caught > 50,
            "{counting:?}: only {caught} of 100 schedules showed that the store was broken"
        );
    }
}
