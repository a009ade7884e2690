//! An emulated proxy with one canary filter in it.

use fairlead_emulator::{Emulator, Outcome, Report, Request};
use fairlead_tests::names;
use serde_json::{Value, json};

pub(crate) use fairlead_tests::configs::with;
pub(crate) use fairlead_tests::emulated::{PLUGIN, jump, logged, memory, send, start, update};

/// The module under test.
pub(crate) const FILTER: &str = "canary";

/// A release with one variant of this weight, drawn by user id.
pub(crate) fn release(name: &str, weight: &str) -> Value {
    json!({
        "release": name,
        "variants": [{"name": "v2", "weight": weight}],
        "sticky": {"by": [{"header": "x-user"}]},
    })
}

/// A request of a user.
pub(crate) fn user(id: impl AsRef<[u8]>) -> Request {
    Request::get("/").header("x-user", id)
}

/// What routes have seen in the routing header: the variant, or `None` for the default one.
pub(crate) fn routed(outcome: &Outcome) -> Option<String> {
    let request = outcome.upstream_request.as_ref().expect("it went upstream");
    let lines: Vec<&[u8]> = request.all("x-canary").collect();
    assert!(lines.len() <= 1, "{lines:?}");
    lines
        .first()
        .map(|value| String::from_utf8_lossy(value).into_owned())
}

/// Whether each request of a report was sent to the canary, in order; nothing but `x-canary: v2` or its absence is allowed.
pub(crate) fn drawn(report: &Report) -> Vec<bool> {
    let is_in = |outcome: &Outcome| match routed(outcome).as_deref() {
        Some("v2") => true,
        None => false,
        Some(other) => panic!("x-canary: {other}"),
    };
    report.outcomes.iter().map(is_in).collect()
}

/// The release cookie that a response sets, as a client would send it back.
pub(crate) fn cookie_of(outcome: &Outcome) -> Option<String> {
    let set = outcome.response_headers.text("set-cookie")?;
    Some(set.split(';').next().unwrap_or_default().to_owned())
}

/// A counter of the plugin; 0 if there is none of that name.
pub(crate) fn count(proxy: &Emulator, variant: Option<&str>, outcome: &str, name: &str) -> u64 {
    proxy
        .counter(&names::canary(PLUGIN, variant, Some(outcome), name))
        .unwrap_or(0)
}

/// A fault counter of the plugin.
pub(crate) fn faults(proxy: &Emulator, kind: &str) -> u64 {
    proxy.counter(&names::faults(FILTER, PLUGIN, kind)).unwrap_or(0)
}

/// A gauge of a variant.
pub(crate) fn gauge(proxy: &Emulator, variant: &str, name: &str) -> Option<u64> {
    proxy.gauge(&names::canary(PLUGIN, Some(variant), None, name))
}
