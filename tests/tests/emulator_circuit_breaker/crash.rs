//! What is left of a breaker after a VM was lost.

use std::time::Duration;

use fairlead_emulator::{Emulator, Event, FailurePolicy, Request, Response, Upstream};
use fairlead_tests::modules;
use serde_json::{Value, json};

use crate::rig::{
    FILTER, MINIMUM, OPEN, PLUGIN, PROBES, answered, ask_many, by_tenant, gauge, one, passed, plugin, send,
    settle, tenant,
};

/// After so long every VM has noticed that another is gone, and a reload is allowed.
const NOTICE: Duration = Duration::from_secs(8);

fn begin(policy: FailurePolicy, workers: usize, fields: Value) -> Option<Emulator> {
    let module = modules::compiled(FILTER)?;
    let plugin = plugin(&module, &one(fields)).failure_policy(policy);
    let proxy = Emulator::builder().workers(workers).plugin(plugin).build();
    let mut proxy = proxy.unwrap();
    settle(&mut proxy);
    Some(proxy)
}

/// Ends the VM of a worker.
fn kill(proxy: &mut Emulator, worker: usize) {
    proxy.schedule(proxy.now(), Event::KillWorker { worker });
    proxy.run_until(proxy.now());
}

fn good() -> Request {
    tenant(answered(200), "a")
}

fn bad() -> Request {
    tenant(answered(503), "a")
}

/// A request that nothing answers.
fn stuck() -> Request {
    tenant(Request::get("/"), "a").upstream(Upstream::Never)
}

/// Breakers that count by counters, by a record and by keys.
fn kinds() -> [Value; 3] {
    [json!({}), json!({"window": {"calls": 20}}), by_tenant()]
}

fn open(proxy: &mut Emulator) {
    assert_eq!(ask_many(proxy, &bad(), MINIMUM + 2), MINIMUM);
}

/// What gets through of `count` requests at one instant.
fn at_once(proxy: &mut Emulator, request: &Request, count: usize) -> usize {
    let now = proxy.now();
    for _ in 0..count {
        proxy.request(now, request.clone());
    }
    let report = proxy.run();
    report.outcomes.iter().filter(|outcome| passed(outcome)).count()
}

#[test]
fn a_vm_lost_while_it_is_open_keeps_it_open_and_no_longer() {
    for fields in kinds() {
        let Some(mut proxy) = begin(FailurePolicy::FailReload, 1, fields.clone()) else {
            return;
        };
        // So that a reload is allowed at once.
        proxy.advance(Duration::from_secs(2));
        open(&mut proxy);
        kill(&mut proxy, 0);
        let report = send(&mut proxy, [good()]);
        assert!(!passed(&report.outcomes[0]), "{fields}: {report:?}");
        assert_eq!(proxy.reloads(PLUGIN).success, 1, "{fields}");
        proxy.advance(OPEN);
        assert_eq!(ask_many(&mut proxy, &good(), 2 * PROBES), 2 * PROBES, "{fields}");
        assert_eq!(gauge(&proxy, "state"), 0, "{fields}");
    }
}

#[test]
fn permits_of_a_lost_vm_come_back() {
    for fields in kinds() {
        for workers in [1, 2] {
            let Some(mut proxy) = begin(FailurePolicy::FailReload, workers, fields.clone()) else {
                return;
            };
            open(&mut proxy);
            proxy.advance(OPEN);
            let now = proxy.now();
            for _ in 0..PROBES {
                proxy.request(now, stuck().worker(0));
            }
            proxy.run_until(now);
            assert_eq!(
                ask_many(&mut proxy, &good(), 2),
                0,
                "{fields}: all permits are taken"
            );
            kill(&mut proxy, 0);
            if workers == 1 {
                // This one begins the new VM.
                proxy.advance(Duration::from_secs(1));
                assert_eq!(ask_many(&mut proxy, &good(), 1), 0, "{fields}");
            }
            proxy.advance(NOTICE);
            assert_eq!(
                at_once(&mut proxy, &good(), 4 * PROBES),
                PROBES,
                "{fields}, {workers} workers"
            );
            assert_eq!(
                ask_many(&mut proxy, &good(), 10),
                10,
                "{fields}, {workers} workers"
            );
            assert_eq!(gauge(&proxy, "state"), 0);
        }
    }
}

#[test]
fn nobody_takes_back_the_permits_of_a_vm_that_lives() {
    for fields in kinds() {
        let Some(mut proxy) = begin(FailurePolicy::FailReload, 3, fields.clone()) else {
            return;
        };
        open(&mut proxy);
        proxy.advance(OPEN);
        let now = proxy.now();
        for worker in 0..PROBES {
            proxy.request(now, stuck().worker(worker));
        }
        // Less than the half-open breaker waits.
        for _ in 0..50 {
            proxy.advance(Duration::from_secs(1));
            assert_eq!(ask_many(&mut proxy, &good(), 3), 0, "{fields}");
        }
    }
}

#[test]
fn places_in_flight_of_a_lost_vm_come_back() {
    for fields in [json!({"max_in_flight": 4}), {
        let mut keyed = by_tenant();
        keyed["max_in_flight"] = json!(4);
        keyed
    }] {
        let Some(mut proxy) = begin(FailurePolicy::FailReload, 2, fields.clone()) else {
            return;
        };
        let now = proxy.now();
        for worker in [0, 0, 0, 1] {
            proxy.request(now, stuck().worker(worker));
        }
        proxy.run_until(now);
        assert_eq!(at_once(&mut proxy, &good().worker(1), 4), 0, "{fields}");
        kill(&mut proxy, 0);
        proxy.advance(NOTICE);
        assert_eq!(at_once(&mut proxy, &good().worker(1), 6), 3, "{fields}");
        assert_eq!(at_once(&mut proxy, &good(), 6), 3, "{fields}, both workers");
    }
}

#[test]
fn what_a_lost_vm_has_counted_still_counts() {
    for fields in kinds() {
        let Some(mut proxy) = begin(FailurePolicy::FailReload, 1, fields.clone()) else {
            return;
        };
        proxy.advance(Duration::from_secs(2));
        assert_eq!(ask_many(&mut proxy, &bad(), MINIMUM - 1), MINIMUM - 1);
        kill(&mut proxy, 0);
        assert_eq!(ask_many(&mut proxy, &bad(), 3), 1, "{fields}");
        assert_eq!(gauge(&proxy, "state"), 2, "{fields}");
    }
}

#[test]
fn the_other_policies_answer_503_or_take_the_breaker_away() {
    for (policy, expected) in [
        (FailurePolicy::FailClosed, [503; 3]),
        (FailurePolicy::FailOpen, [200; 3]),
    ] {
        let Some(mut proxy) = begin(policy, 1, json!({})) else {
            return;
        };
        open(&mut proxy);
        kill(&mut proxy, 0);
        proxy.advance(OPEN / 2);
        assert_eq!(
            send(&mut proxy, (0..3).map(|_| good())).statuses(),
            expected,
            "{policy:?}"
        );
    }
}

#[test]
fn a_breaker_whose_vms_are_all_lost_again_and_again_leaks_nothing() {
    let Some(mut proxy) = begin(FailurePolicy::FailReload, 2, json!({"max_in_flight": 10})) else {
        return;
    };
    let mut keys = None;
    for round in 0..100 {
        let now = proxy.now();
        for worker in 0..2 {
            let slow = Response::new(200).after(Duration::from_secs(60));
            proxy.request(now, Request::get("/").worker(worker).upstream(slow));
        }
        proxy.run_until(now);
        kill(&mut proxy, 0);
        kill(&mut proxy, 1);
        proxy.advance(NOTICE);
        // Each worker begins a new VM.
        send(&mut proxy, (0..4).map(|_| good()));
        let now = proxy.shared_data("").len();
        assert_eq!(*keys.get_or_insert(now), now, "round {round}");
    }
    proxy.advance(NOTICE);
    assert_eq!(at_once(&mut proxy, &good(), 12), 10);
}
