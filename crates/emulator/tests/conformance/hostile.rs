//! Guests that misbehave must not hurt the host.

use std::time::Duration;

use fairlead_emulator::{
    Answer, CompiledModule, Emulator, FaultKind, ModuleError, Plugin, Report, Request, StartError,
};

use super::probe;

fn compile(body: &str) -> Result<CompiledModule, ModuleError> {
    let text = format!(
        r#"(module
          (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "xds\00node\00id")
          (func (export "proxy_abi_version_0_2_1"))
          {body})"#
    );
    CompiledModule::compile(&wat::parse_str(text).expect("valid text"))
}

/// The report of one request through a module.
fn request(module: &CompiledModule) -> Report {
    let plugin = Plugin::new("hostile", module);
    let mut emulator = Emulator::builder()
        .fuel_limit(10_000_000)
        .plugin(plugin)
        .build()
        .expect("it starts");
    emulator.request(Duration::ZERO, Request::get("/"));
    emulator.run()
}

fn fault(body: &str) -> FaultKind {
    let report = request(&compile(body).expect("a valid module"));
    assert_eq!(report.statuses(), [503]);
    assert_eq!(
        report.outcomes[0].from,
        Answer::Envoy {
            details: "wasm_fail_stream".to_owned()
        }
    );
    report.faults[0].kind
}

const ALLOCATE: &str =
    r#"(func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))"#;

#[test]
fn an_endless_loop_runs_out_of_fuel() {
    let body = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (loop (br 0)) unreachable)"#;
    assert_eq!(fault(body), FaultKind::OutOfFuel);
}

#[test]
fn endless_recursion_traps() {
    let body = r#"(func $self (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $self (local.get 0) (local.get 1) (local.get 2)))"#;
    assert_eq!(fault(body), FaultKind::Trap);
}

#[test]
fn an_allocator_that_asks_the_host_for_memory_traps() {
    let body = r#"
        (func $ask (result i32) (call $property (i32.const 0) (i32.const 11) (i32.const 16) (i32.const 20)))
        (func (export "proxy_on_memory_allocate") (param i32) (result i32) (call $ask))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $ask))"#;
    assert!(matches!(fault(body), FaultKind::Trap | FaultKind::OutOfFuel));
}

#[test]
fn pointers_outside_of_memory_are_refused_and_reported() {
    let body = format!(
        r#"{ALLOCATE}
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
          (if (i32.ne (call $log (i32.const 2) (i32.const -1) (i32.const -1)) (i32.const 6)) (then unreachable))
          (if (i32.ne (call $property (i32.const 0) (i32.const 11) (i32.const -4) (i32.const 0)) (i32.const 6))
            (then unreachable))
          (i32.const 0))"#
    );
    let report = request(&compile(&body).expect("a valid module"));
    assert_eq!(report.statuses(), [200]);
    let kinds: Vec<FaultKind> = report.faults.iter().map(|fault| fault.kind).collect();
    assert_eq!(kinds, [FaultKind::BadPointer, FaultKind::BadPointer]);
}

#[test]
fn memory_cannot_grow_past_the_limit() {
    let body = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (if (i32.ne (memory.grow (i32.const 20000)) (i32.const -1)) (then unreachable))
        (drop (memory.grow (i32.const 10)))
        (i32.const 0))"#;
    let module = compile(body).expect("a valid module");
    let mut emulator = Emulator::builder()
        .plugin(Plugin::new("grows", &module))
        .build()
        .expect("it starts");
    emulator.request(Duration::ZERO, Request::get("/"));
    assert_eq!(emulator.run().statuses(), [200]);
    let sizes: Vec<usize> = emulator.vms().iter().map(|vm| vm.memory).collect();
    assert_eq!(
        sizes,
        [65_536, 11 * 65_536],
        "the main thread's VM, then the worker's"
    );
}

#[test]
fn a_host_call_during_initialization_is_a_trap() {
    let body = r#"(func (export "_initialize")
        (drop (call $property (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))"#;
    let module = compile(body).expect("a valid module");
    let result = Emulator::builder().plugin(Plugin::new("early", &module)).build();
    assert!(matches!(result, Err(StartError::Refused { .. })));
}

#[test]
fn modules_that_envoy_would_not_load_are_told_apart() {
    assert!(matches!(
        CompiledModule::compile(b"not wasm"),
        Err(ModuleError::Invalid(_))
    ));
    let no_abi = wat::parse_str("(module)").expect("valid text");
    assert!(matches!(
        CompiledModule::compile(&no_abi),
        Err(ModuleError::UnknownAbi)
    ));
    let import = r#"(module (import "env" "no_such_call" (func)) (func (export "proxy_abi_version_0_2_1")))"#;
    let import = wat::parse_str(import).expect("valid text");
    assert!(matches!(
        CompiledModule::compile(&import),
        Err(ModuleError::MissingImport(_))
    ));
    let module = compile(r#"(func (export "proxy_on_log"))"#).expect("a valid module");
    let started = Emulator::builder()
        .plugin(Plugin::new("odd", &module))
        .build()
        .map(drop);
    let error = ModuleError::BadSignature("proxy_on_log".to_owned());
    assert_eq!(
        started,
        Err(StartError::Module {
            plugin: "odd".to_owned(),
            error
        })
    );
}

#[test]
fn a_queue_that_feeds_itself_does_not_hang_the_run() {
    let body = r#"
        (import "env" "proxy_enqueue_shared_queue" (func $put (param i32 i32 i32) (result i32)))
        (import "env" "proxy_register_shared_queue" (func $register (param i32 i32 i32) (result i32)))"#;
    let text = format!(
        r#"(module {body}
          (memory (export "memory") 1)
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $register (i32.const 0) (i32.const 1) (i32.const 16)))
            (drop (call $put (i32.const 1) (i32.const 0) (i32.const 1)))
            (i32.const 1))
          (func (export "proxy_on_queue_ready") (param i32 i32)
            (drop (call $put (local.get 1) (i32.const 0) (i32.const 1)))))"#
    );
    let module = CompiledModule::compile(&wat::parse_str(text).expect("valid text")).expect("a valid module");
    let mut emulator = Emulator::builder()
        .plugin(Plugin::new("echo", &module))
        .build()
        .expect("it starts");
    emulator.request(Duration::from_secs(1), Request::get("/"));
    assert_eq!(emulator.run().statuses(), [200]);
}

#[test]
fn a_loop_in_one_request_leaves_the_other_workers_alone() {
    let plugin = Plugin::new("probe", probe::module());
    let mut emulator = Emulator::builder()
        .workers(2)
        .fuel_limit(10_000_000)
        .plugin(plugin)
        .build()
        .expect("it starts");
    let start = |worker| Request::get("/").worker(worker);
    emulator.request(Duration::ZERO, start(0).header("x-probe", "loop"));
    emulator.request(Duration::ZERO, start(0));
    emulator.request(Duration::ZERO, start(1));
    assert_eq!(emulator.run().statuses(), [503, 503, 200]);
}
