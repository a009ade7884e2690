//! An emulated proxy with one rate limiter in it.

use std::time::Duration;

use fairlead_emulator::{Builder, CompiledModule, Emulator, Plugin, Report, Request};
use fairlead_tests::names;
use serde_json::Value;

/// What the plugin is called.
pub(crate) const PLUGIN: &str = "edge";

/// The rate limiter with a config.
pub(crate) fn plugin(module: &CompiledModule, config: &Value) -> Plugin {
    Plugin::new(PLUGIN, module).configuration(config.to_string())
}

/// Starts a proxy that a test has described.
pub(crate) fn start(builder: Builder, module: &CompiledModule, config: &Value) -> Emulator {
    let built = builder.plugin(plugin(module, config)).build();
    built.unwrap_or_else(|error| panic!("{error}"))
}

/// Sends requests one after the other, a virtual millisecond apart, and returns what happened.
pub(crate) fn send(proxy: &mut Emulator, requests: impl IntoIterator<Item = Request>) -> Report {
    let begin = proxy.now();
    let mut at = begin;
    for request in requests {
        proxy.request(at, request);
        at += Duration::from_millis(1);
    }
    proxy.run()
}

/// The statuses of `count` equal requests.
pub(crate) fn statuses(proxy: &mut Emulator, request: &Request, count: usize) -> Vec<u16> {
    let report = send(proxy, std::iter::repeat_n(request.clone(), count));
    assert_eq!(report.faults, [], "{:?}", report.logs);
    report.statuses()
}

/// How many requests a limit has given an outcome.
pub(crate) fn counted(proxy: &Emulator, limit: &str, outcome: &str) -> u64 {
    proxy
        .counter(&names::requests(PLUGIN, limit, outcome))
        .unwrap_or(0)
}

/// A gauge of the plugin.
pub(crate) fn gauge(proxy: &Emulator, name: &str) -> Option<u64> {
    proxy.gauge(&names::rate_limit(PLUGIN, None, None, name))
}

/// A request with an API key.
pub(crate) fn with_key(key: impl AsRef<[u8]>) -> Request {
    Request::get("/").header("x-api-key", key)
}

/// Bytes of linear memory of each VM.
pub(crate) fn memory(proxy: &Emulator) -> Vec<usize> {
    proxy.vms().iter().map(|vm| vm.memory).collect()
}
