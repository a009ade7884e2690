//! What is left of a limit after a VM was lost.

use std::time::Duration;

use fairlead_emulator::{Emulator, Event, FailurePolicy, FaultKind};
use fairlead_tests::modules;
use serde_json::{Value, json};

use crate::rig::{PLUGIN, plugin, send, statuses, with_key};

fn three_an_hour(scope: &str) -> Value {
    json!({"limits": [
        {"name": "per-key", "key": [{"header": "x-api-key"}], "rate": "3/h", "burst": 3, "scope": scope},
    ]})
}

/// What a client gets that has used one of three units when the VM of the only worker traps: the next request, and
/// three more after the backoff of a reload.
fn around_a_trap(policy: FailurePolicy, scope: &str) -> Option<(Vec<u16>, Vec<u16>, Emulator)> {
    let module = modules::compiled("rate-limit")?;
    let plugin = plugin(&module, &three_an_hour(scope)).failure_policy(policy);
    let mut proxy = Emulator::builder().plugin(plugin).build().unwrap();
    assert_eq!(statuses(&mut proxy, &with_key("a"), 1), [200]);
    proxy.schedule(proxy.now(), Event::KillWorker { worker: 0 });
    let report = proxy.run();
    assert_eq!(
        report.faults.iter().map(|fault| fault.kind).collect::<Vec<_>>(),
        [FaultKind::Killed]
    );
    let soon = send(&mut proxy, [with_key("a")]).statuses();
    proxy.advance(Duration::from_secs(5));
    let later = send(&mut proxy, (0..3).map(|_| with_key("a"))).statuses();
    Some((soon, later, proxy))
}

#[test]
fn fail_reload_brings_the_limit_back_with_its_count() {
    let Some((soon, later, proxy)) = around_a_trap(FailurePolicy::FailReload, "proxy") else {
        return;
    };
    // At once, or after the backoff that follows the last load.
    let admitted = soon.iter().chain(&later).filter(|status| **status == 200).count();
    assert_eq!(admitted, 2, "{soon:?} {later:?}");
    assert_eq!(later.last(), Some(&429));
    assert_eq!(proxy.reloads(PLUGIN).success, 1);
}

#[test]
fn a_limit_of_one_worker_begins_anew_with_its_vm() {
    let Some((soon, later, _)) = around_a_trap(FailurePolicy::FailReload, "worker") else {
        return;
    };
    let admitted = soon.iter().chain(&later).filter(|status| **status == 200).count();
    assert_eq!(admitted, 3, "{soon:?} {later:?}");
}

#[test]
fn fail_closed_answers_503_from_then_on() {
    let Some((soon, later, _)) = around_a_trap(FailurePolicy::FailClosed, "proxy") else {
        return;
    };
    assert_eq!((soon, later), (vec![503], vec![503; 3]));
}

#[test]
fn fail_open_takes_the_limit_away() {
    let Some((soon, later, _)) = around_a_trap(FailurePolicy::FailOpen, "proxy") else {
        return;
    };
    assert_eq!((soon, later), (vec![200], vec![200; 3]));
}

#[test]
fn the_other_worker_goes_on_and_both_count_together_after_the_reload() {
    let Some(module) = modules::compiled("rate-limit") else {
        return;
    };
    let plugin = plugin(&module, &three_an_hour("proxy")).failure_policy(FailurePolicy::FailReload);
    let mut proxy = Emulator::builder().workers(2).plugin(plugin).build().unwrap();
    let on = |worker| with_key("a").worker(worker);
    assert_eq!(send(&mut proxy, [on(0)]).statuses(), [200]);
    proxy.schedule(proxy.now(), Event::KillWorker { worker: 0 });
    assert_eq!(send(&mut proxy, [on(1)]).statuses(), [200]);
    proxy.advance(Duration::from_secs(5));
    assert_eq!(
        send(&mut proxy, [on(0), on(1), on(0)]).statuses(),
        [200, 429, 429]
    );
}
