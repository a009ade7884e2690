//! The names under which filters count. Written out here rather than taken from the filters' code: they are public, and
//! a change must be seen.

/// A metric of filter `filter` as the module names it, for plugin `plugin`: `rule` and `outcome` become the labels `tag`
/// and `cache`.
///
/// The plugin's name must be one that needs no replacement (`A-Z a-z 0-9 - _`).
#[must_use]
pub fn metric(filter: &str, plugin: &str, rule: Option<&str>, outcome: Option<&str>, name: &str) -> String {
    let mut text = format!("wasm_filter.{filter}.component.{plugin}.");
    if let Some(rule) = rule {
        text.push_str(&format!("tag.{rule};."));
    }
    if let Some(outcome) = outcome {
        text.push_str(&format!("cache.{outcome}."));
    }
    text.push_str(&format!("fairlead_{filter}_{name}"));
    text
}

/// A metric of the rate limiter.
#[must_use]
pub fn rate_limit(plugin: &str, limit: Option<&str>, outcome: Option<&str>, name: &str) -> String {
    metric("rate_limit", plugin, limit, outcome, name)
}

/// The counter of requests of a limit with one outcome: `admitted`, `denied`, `would_deny` or `undecided`.
#[must_use]
pub fn requests(plugin: &str, limit: &str, outcome: &str) -> String {
    rate_limit(plugin, Some(limit), Some(outcome), "requests_total")
}

/// A metric of the canary filter.
#[must_use]
pub fn canary(plugin: &str, variant: Option<&str>, outcome: Option<&str>, name: &str) -> String {
    metric("canary", plugin, variant, outcome, name)
}

/// The counter of requests that got a variant for a reason.
#[must_use]
pub fn exposures(plugin: &str, variant: &str, reason: &str) -> String {
    canary(plugin, Some(variant), Some(reason), "exposures_total")
}

/// A metric of the circuit breaker.
#[must_use]
pub fn circuit_breaker(plugin: &str, breaker: Option<&str>, outcome: Option<&str>, name: &str) -> String {
    metric("circuit_breaker", plugin, breaker, outcome, name)
}

/// The counter of one kind of fault of a filter: `cas_retry`, `cas_exhausted` or `host_error`.
#[must_use]
pub fn faults(filter: &str, plugin: &str, kind: &str) -> String {
    metric(filter, plugin, None, Some(kind), "faults_total")
}

/// A statistic of Envoy that a module has made.
#[must_use]
pub fn in_envoy(name: &str) -> String {
    format!("wasmcustom.{name}")
}
