//! An emulated proxy with one rate limiter in it.

use fairlead_emulator::{Emulator, Request};
use fairlead_tests::names;

pub(crate) use fairlead_tests::emulated::{PLUGIN, logged, memory, plugin, send, start, statuses, update};

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
