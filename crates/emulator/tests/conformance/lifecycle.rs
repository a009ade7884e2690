//! Configurations, clocks, reloads, aborts: what happens to a proxy over time.

use std::time::Duration;

use fairlead_emulator::{
    Answer, Builder, Emulator, Event, FailurePolicy, FaultKind, Plugin, Report, Request, Response,
    StartError, Thread, Upstream,
};

use super::probe;

fn plugin(configuration: &str) -> Plugin {
    Plugin::new("probe", probe::module()).configuration(configuration)
}

fn builder(configuration: &str) -> Builder {
    Emulator::builder().plugin(plugin(configuration))
}

fn start(configuration: &str) -> Emulator {
    builder(configuration).build().expect("it starts")
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// What one worker's module logged, callbacks only.
fn callbacks(report: &Report, thread: Thread) -> Vec<&str> {
    let lines = report
        .logs
        .iter()
        .filter(|line| line.thread == thread && !line.message.starts_with(' '));
    lines
        .map(|line| line.message.split(')').next().unwrap_or_default())
        .collect()
}

#[test]
fn a_refused_first_configuration_fails_the_start_or_answers_500() {
    let Err(StartError::Refused { plugin, reason, .. }) = builder("refuse").build() else {
        panic!("a refused configuration starts")
    };
    assert_eq!(
        (plugin.as_str(), reason.as_str()),
        ("probe", "on_configure returned false")
    );

    let mut emulator = builder("refuse")
        .serve_refused(true)
        .build()
        .expect("it starts without a configuration");
    emulator.request(ms(0), Request::get("/"));
    emulator.schedule(
        ms(10),
        Event::Configure {
            plugin: "probe".to_owned(),
            configuration: Vec::new(),
        },
    );
    emulator.request(ms(20), Request::get("/"));
    assert_eq!(emulator.run().statuses(), [500, 200]);
}

#[test]
fn a_refused_update_leaves_the_old_configuration_serving() {
    let mut emulator = start("");
    for (at, configuration) in [(10, "refuse"), (20, "trap"), (30, "state")] {
        let configuration = configuration.as_bytes().to_vec();
        emulator.schedule(
            ms(at),
            Event::Configure {
                plugin: "probe".to_owned(),
                configuration,
            },
        );
    }
    emulator.request(ms(25), Request::get("/"));
    let report = emulator.run();
    let accepted: Vec<bool> = report.updates.iter().map(|update| update.accepted).collect();
    assert_eq!(accepted, [false, false, true]);
    assert_eq!(report.statuses(), [200]);
}

#[test]
fn an_update_keeps_the_vm_and_the_old_root_until_its_last_stream_ends() {
    let mut emulator = start("");
    let slow = Request::get("/old").upstream(Response::new(200).after(ms(100)));
    emulator.request(ms(10), slow);
    emulator.schedule(
        ms(20),
        Event::Configure {
            plugin: "probe".to_owned(),
            configuration: b"new".to_vec(),
        },
    );
    emulator.request(ms(30), Request::get("/new").upstream(Response::new(200)));
    let report = emulator.run();
    let worker = callbacks(&report, Thread::Worker(0));
    let at = |what: &str| {
        worker
            .iter()
            .position(|line| line.starts_with(what))
            .unwrap_or_else(|| panic!("no {what}"))
    };
    assert!(
        at("on_context_create(3, 0") < at("on_context_create(4, 3"),
        "{worker:?}"
    );
    assert!(
        at("on_delete(2") < at("on_done(1"),
        "the old root outlives its stream: {worker:?}"
    );
    assert!(worker.contains(&"on_delete(1"));
    assert_eq!(
        callbacks(&report, Thread::Main).last(),
        Some(&"on_delete(1"),
        "main has no stream to wait for"
    );
    assert_eq!(emulator.vms().len(), 2);
}

#[test]
fn new_code_gets_new_vms_and_finds_the_shared_data() {
    let mut emulator = start("state");
    let before = emulator.shared_data("");
    let event = Event::Replace {
        plugin: "probe".to_owned(),
        module: other_module(),
        configuration: Vec::new(),
    };
    emulator.schedule(ms(10), event);
    emulator.request(ms(20), Request::get("/"));
    assert_eq!(emulator.run().statuses(), [200]);
    assert_eq!(emulator.shared_data(""), before);
    assert_eq!(emulator.vms().len(), 2);
}

fn other_module() -> fairlead_emulator::CompiledModule {
    let text = r#"(module (func (export "proxy_abi_version_0_2_0")))"#;
    fairlead_emulator::CompiledModule::compile(&wat::parse_str(text).expect("valid text"))
        .expect("a valid module")
}

#[test]
fn a_killed_worker_answers_503_until_its_reload_and_other_workers_go_on() {
    let plugin = plugin("").failure_policy(FailurePolicy::FailReload);
    let mut emulator = Emulator::builder()
        .workers(2)
        .plugin(plugin)
        .build()
        .expect("it starts");
    emulator.schedule(ms(500), Event::KillWorker { worker: 0 });
    for (at, worker) in [(100, 0), (600, 0), (600, 1), (1100, 0)] {
        emulator.request(ms(at), Request::get("/").worker(worker));
    }
    let report = emulator.run();
    assert_eq!(report.statuses(), [200, 503, 200, 200]);
    assert_eq!(report.faults[0].kind, FaultKind::Killed);
    let reloads = emulator.reloads("probe");
    assert_eq!((reloads.success, reloads.failure, reloads.backoff), (1, 0, 1));
}

#[test]
fn ticks_fire_on_the_main_thread_and_on_each_worker_by_virtual_time() {
    let mut emulator = builder("tick").workers(2).build().expect("it starts");
    let report = emulator.run_until(ms(1000));
    for thread in [Thread::Main, Thread::Worker(0), Thread::Worker(1)] {
        let ticks: Vec<_> = report
            .logs
            .iter()
            .filter(|line| line.thread == thread && line.message.starts_with("on_tick"))
            .map(|line| line.at)
            .collect();
        // The probe turns its timer off in the first tick.
        assert_eq!(ticks, [ms(50)], "{thread}");
    }
    emulator.schedule(ms(1500), Event::Tick);
    let report = emulator.run();
    assert_eq!(
        report
            .logs
            .iter()
            .filter(|line| line.message.starts_with("on_tick"))
            .count(),
        3
    );
    assert_eq!(emulator.now(), ms(1500));
}

#[test]
fn the_wall_clock_jumps_and_the_time_line_does_not() {
    let mut emulator = builder("")
        .start_at(Duration::from_secs(1000))
        .build()
        .expect("it starts");
    emulator.schedule(
        ms(100),
        Event::ClockJump {
            nanoseconds: -3_000_000_000,
        },
    );
    emulator.run_until(ms(200));
    assert_eq!(emulator.wall_clock(), ms(997_200));
    assert_eq!(emulator.now(), ms(200));
}

#[test]
fn fuel_is_the_same_in_every_run() {
    let run = || {
        let mut emulator = builder("").seed(3).build().expect("it starts");
        for at in 0..5 {
            emulator.request(ms(at * 10), Request::get("/").header("x-probe", "ask"));
        }
        emulator
            .run()
            .outcomes
            .iter()
            .map(|outcome| outcome.fuel)
            .collect::<Vec<_>>()
    };
    let fuel = run();
    assert!(fuel.iter().all(|fuel| *fuel > 1000), "{fuel:?}");
    assert_eq!(fuel, run());
}

#[test]
fn aborted_early_answered_and_open_requests_are_told_apart() {
    let mut emulator = start("");
    emulator.request(
        ms(0),
        Request::get("/").upstream(Upstream::Never).abort_after(ms(40)),
    );
    emulator.request(ms(0), Request::get("/").early_reply(403, "rbac_access_denied"));
    emulator.request(ms(0), Request::get("/").upstream(Upstream::Never));
    emulator.request(ms(0), Request::get("/").header("x-probe", "deny"));
    let report = emulator.finish();
    let [aborted, early, open, denied] = report.outcomes.as_slice() else {
        panic!("four outcomes")
    };
    assert_eq!(
        (aborted.status, &aborted.from, aborted.end),
        (None, &Answer::Abort, ms(40))
    );
    assert_eq!(aborted.flags, 0x4000);
    let details = "rbac_access_denied".to_owned();
    assert_eq!(
        (early.status, &early.from),
        (Some(403), &Answer::Envoy { details })
    );
    assert_eq!((open.status, &open.from), (None, &Answer::Open));
    let (plugin, details) = ("probe".to_owned(), "some_details_here".to_owned());
    assert_eq!(
        (denied.status, &denied.from),
        (Some(429), &Answer::Filter { plugin, details })
    );
    let worker = callbacks(&report, Thread::Worker(0));
    assert!(
        worker.ends_with(&["on_done(1", "on_delete(1"]),
        "the proxy shuts down: {worker:?}"
    );
}

#[test]
fn the_upstream_sees_what_the_filters_made_of_the_request() {
    let mut emulator = start("");
    let id = emulator.request(
        ms(0),
        Request::get("/").header("x-probe", "write").header("x-gone", "1"),
    );
    let report = emulator.run();
    let outcome = report.outcome(id).expect("it ended");
    let upstream = outcome.upstream_request.as_ref().expect("it was sent");
    assert_eq!(upstream.text("x-new"), Some("new"));
    assert_eq!(
        (upstream.get("x-gone"), outcome.request.text("x-gone")),
        (None, Some("1"))
    );
    assert!(outcome.route_refreshes > 0);
}

#[test]
fn four_configurations_of_one_plugin_run_for_two_workers() {
    let mut emulator = builder("state").workers(2).build().expect("it starts");
    let report = emulator.run();
    let configured = report
        .logs
        .iter()
        .filter(|line| line.message.starts_with("on_configure"))
        .count();
    assert_eq!(configured, 4, "canary, main and two workers");
    assert_eq!(emulator.counter("probe.counter"), Some(4 * 14));
    assert_eq!(emulator.gauge("probe.gauge"), Some(7));
    let histogram = emulator.histogram("probe.histogram").expect("it is defined");
    assert_eq!((histogram.count(), histogram.quantile(0.5)), (8, Some(3)));
}
