//! Workers side by side: schedules differ by seed, repeat by seed, and find races.

use std::collections::BTreeSet;
use std::time::Duration;

use fairlead_emulator::{CompiledModule, Emulator, Plugin, Request};

/// Admits a request if shared data has no entry yet, which it then makes: a race between two host calls.
const FIRST_COME: &str = r#"(module
  (import "env" "proxy_get_shared_data" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_shared_data" (func $set (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "k")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (if (i32.eq (call $get (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 20) (i32.const 24)) (i32.const 1))
      (then (drop (call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 0))))
      (else (drop (call $reply (i32.const 429) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const -1)))))
    (i32.const 0)))"#;

/// The same with compare-and-swap on an entry that every VM makes sure of when it is configured.
const COMPARED: &str = r#"(module
  (import "env" "proxy_get_shared_data" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_shared_data" (func $set (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "k")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const -1)))
    (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $get (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 20) (i32.const 24)))
    (if (i32.or
          (i32.ne (i32.load (i32.const 20)) (i32.const 1))
          (call $set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 2) (i32.load (i32.const 24))))
      (then (drop (call $reply (i32.const 429) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const -1)))))
    (i32.const 0)))"#;

fn compile(text: &str) -> CompiledModule {
    CompiledModule::compile(&wat::parse_str(text).expect("valid text")).expect("a valid module")
}

/// How many of one request a worker are admitted, and the schedule's hash.
fn admitted(module: &CompiledModule, workers: usize, seed: u64) -> (usize, u64) {
    let mut emulator = Emulator::builder()
        .workers(workers)
        .interleave(seed)
        .plugin(Plugin::new("limit", module))
        .build()
        .expect("it starts");
    for worker in 0..workers {
        emulator.request(Duration::ZERO, Request::get("/").worker(worker));
    }
    let report = emulator.run();
    assert_eq!(report.outcomes.len(), workers);
    assert_eq!(report.faults, []);
    let admitted = report.statuses().iter().filter(|status| **status == 200).count();
    (admitted, emulator.trace_hash())
}

#[test]
fn a_race_between_two_host_calls_is_found_by_some_seeds_and_not_by_others() {
    let module = compile(FIRST_COME);
    for workers in [2, 3] {
        let counts: Vec<usize> = (0..1000).map(|seed| admitted(&module, workers, seed).0).collect();
        let racy = counts.iter().filter(|count| **count > 1).count();
        assert!(
            (100..900).contains(&racy),
            "{racy} of 1000 schedules of {workers} workers race"
        );
        assert_eq!(counts.iter().max(), Some(&workers));
    }
}

#[test]
fn compare_and_swap_admits_exactly_one_under_every_schedule() {
    let module = compile(COMPARED);
    for workers in [2, 3] {
        for seed in 0..1000 {
            assert_eq!(
                admitted(&module, workers, seed).0,
                1,
                "{workers} workers, seed {seed}"
            );
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_schedule() {
    let module = compile(FIRST_COME);
    let first: Vec<_> = (0..100).map(|seed| admitted(&module, 3, seed)).collect();
    let second: Vec<_> = (0..100).map(|seed| admitted(&module, 3, seed)).collect();
    assert_eq!(first, second);
    let schedules: BTreeSet<u64> = first.iter().map(|(_, hash)| *hash).collect();
    assert!(
        schedules.len() > 10,
        "only {} schedules in 100 seeds",
        schedules.len()
    );
}

#[test]
fn without_interleaving_requests_of_one_instant_follow_each_other() {
    let module = compile(FIRST_COME);
    let mut emulator = Emulator::builder()
        .workers(3)
        .plugin(Plugin::new("limit", &module))
        .build()
        .expect("it starts");
    for worker in 0..3 {
        emulator.request(Duration::ZERO, Request::get("/").worker(worker));
    }
    assert_eq!(emulator.run().statuses(), [200, 429, 429]);
}
