//! An emulated proxy with plugins in it, and what tests do with it.

use std::time::Duration;

use fairlead_emulator::{
    Builder, CompiledModule, Emulator, Event, LogLevel, Plugin, Report, Request, StartError, Thread,
};
use serde_json::Value;

/// What a plugin is called unless a test needs several.
pub const PLUGIN: &str = "edge";

/// A module with a config, as plugin [`PLUGIN`].
#[must_use]
pub fn plugin(module: &CompiledModule, config: &Value) -> Plugin {
    Plugin::new(PLUGIN, module).configuration(config.to_string())
}

/// Starts a proxy that a test has described, with one plugin.
///
/// # Panics
/// If it does not start.
#[must_use]
pub fn start(builder: Builder, module: &CompiledModule, config: &Value) -> Emulator {
    let built = builder.plugin(plugin(module, config)).build();
    built.unwrap_or_else(|error| panic!("{error}"))
}

/// Sends requests one after the other, a virtual millisecond apart, and returns what happened.
pub fn send(proxy: &mut Emulator, requests: impl IntoIterator<Item = Request>) -> Report {
    let begin = proxy.now();
    let mut at = begin;
    for request in requests {
        proxy.request(at, request);
        at += Duration::from_millis(1);
    }
    proxy.run()
}

/// The statuses of `count` equal requests.
///
/// # Panics
/// If a VM misbehaves.
pub fn statuses(proxy: &mut Emulator, request: &Request, count: usize) -> Vec<u16> {
    let report = send(proxy, std::iter::repeat_n(request.clone(), count));
    assert_eq!(report.faults, [], "{:?}", report.logs);
    report.statuses()
}

/// Gives plugin [`PLUGIN`] another config, and returns what happened.
pub fn update(proxy: &mut Emulator, config: &Value) -> Report {
    let configuration = config.to_string().into_bytes();
    proxy.schedule(
        proxy.now(),
        Event::Configure {
            plugin: PLUGIN.to_owned(),
            configuration,
        },
    );
    proxy.run()
}

/// What a proxy says that does not start on this config: the first error in its log.
///
/// # Panics
/// If it starts.
#[must_use]
pub fn refusal(module: &CompiledModule, config: &Value) -> String {
    let built = Emulator::builder().plugin(plugin(module, config)).build();
    let Err(StartError::Refused { logs, .. }) = built else {
        panic!("the proxy started on {config}")
    };
    let said = logs.iter().find(|line| line.level == LogLevel::Error);
    said.expect("an error in the log").message.clone()
}

/// Moves the wall clock by so many seconds.
///
/// # Panics
/// If that is more than 292 years.
pub fn jump(proxy: &mut Emulator, seconds: i64) {
    let nanoseconds = seconds.checked_mul(1_000_000_000).expect("a jump of some years");
    proxy.schedule(proxy.now(), Event::ClockJump { nanoseconds });
    proxy.run_until(proxy.now());
}

/// How often a line with this text was logged, and on which threads.
#[must_use]
pub fn logged(report: &Report, text: &str) -> Vec<(Duration, Thread)> {
    let lines = report.logs.iter().filter(|line| line.message.contains(text));
    lines.map(|line| (line.at, line.thread)).collect()
}

/// Bytes of linear memory of each VM.
#[must_use]
pub fn memory(proxy: &Emulator) -> Vec<usize> {
    proxy.vms().iter().map(|vm| vm.memory).collect()
}

/// Makes sure that every shared key and every metric belongs to one of these plugins of a filter, and that each has at least
/// `least` keys: plugins of one proxy share one store.
///
/// # Panics
/// If it is not so.
pub fn assert_named(proxy: &Emulator, filter: &str, plugins: &[&str], least: usize) {
    let keys = proxy.shared_data("");
    let of = |plugin: &str| {
        let prefix = format!("fairlead/1/{filter}/{plugin}/");
        let own = keys.iter().filter(|(key, ..)| key.starts_with(prefix.as_bytes()));
        own.count()
    };
    let counts: Vec<usize> = plugins.iter().map(|plugin| of(plugin)).collect();
    assert!(counts.iter().all(|count| *count >= least), "{counts:?}");
    assert_eq!(counts.iter().sum::<usize>(), keys.len());
    let metrics = proxy.metrics();
    for name in metrics.counters.keys().chain(metrics.gauges.keys()) {
        let owner = plugins
            .iter()
            .find(|plugin| name.starts_with(&format!("wasm_filter.{filter}.component.{plugin}.")));
        assert!(owner.is_some(), "{name}");
    }
}
