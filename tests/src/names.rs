//! The names under which filters count. Written out here rather than taken from the filters' code: they are public, and
//! a change must be seen.

/// A metric of the rate limiter as the module names it, for plugin `plugin`: `limit` and `outcome` become labels.
///
/// The plugin's name must be one that needs no replacement (`A-Z a-z 0-9 - _`).
#[must_use]
pub fn rate_limit(plugin: &str, limit: Option<&str>, outcome: Option<&str>, name: &str) -> String {
    let mut text = format!("wasm_filter.rate_limit.component.{plugin}.");
    if let Some(limit) = limit {
        text.push_str(&format!("tag.{limit};."));
    }
    if let Some(outcome) = outcome {
        text.push_str(&format!("cache.{outcome}."));
    }
    text.push_str("fairlead_rate_limit_");
    text.push_str(name);
    text
}

/// The counter of requests of a limit with one outcome: `admitted`, `denied`, `would_deny` or `undecided`.
#[must_use]
pub fn requests(plugin: &str, limit: &str, outcome: &str) -> String {
    rate_limit(plugin, Some(limit), Some(outcome), "requests_total")
}

/// The counter of one kind of fault: `cas_retry`, `cas_exhausted` or `host_error`.
#[must_use]
pub fn faults(plugin: &str, kind: &str) -> String {
    rate_limit(plugin, None, Some(kind), "faults_total")
}

/// A statistic of Envoy that a module has made.
#[must_use]
pub fn in_envoy(name: &str) -> String {
    format!("wasmcustom.{name}")
}
