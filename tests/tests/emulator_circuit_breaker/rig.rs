//! An emulated proxy with one circuit breaker in it.

use std::time::Duration;

use fairlead_emulator::{Answer, Emulator, Outcome, Request, Response};
use fairlead_tests::names;
use serde_json::{Value, json};

pub(crate) use fairlead_tests::configs::with;
pub(crate) use fairlead_tests::emulated::{PLUGIN, jump, logged, memory, plugin, send, start, update};
pub(crate) use fairlead_tests::transitions::transitions;

/// The module under test.
pub(crate) const FILTER: &str = "circuit-breaker";
/// What the breaker is called.
pub(crate) const BREAKER: &str = "b";
/// How long it stays open.
pub(crate) const OPEN: Duration = Duration::from_secs(10);
/// How many calls it wants to have seen before it opens.
pub(crate) const MINIMUM: usize = 10;
/// How many probes it lets pass.
pub(crate) const PROBES: usize = 3;

/// A config with one breaker that opens at half of [`MINIMUM`] calls, with these fields of its own.
pub(crate) fn one(fields: Value) -> Value {
    let breaker = json!({
        "name": BREAKER,
        "minimum_requests": MINIMUM,
        "trip": {"error_rate": "50%"},
        "open": {"duration": "10s"},
        "half_open": {"probes": PROBES},
    });
    json!({"breakers": [with(breaker, fields)]})
}

/// One breaker for each tenant.
pub(crate) fn by_tenant() -> Value {
    json!({"per": {"key": [{"header": "x-tenant"}]}, "max_keys": 4})
}

/// A request whose upstream answers so.
pub(crate) fn answered(status: u16) -> Request {
    Request::get("/").upstream(Response::new(status).after(Duration::from_millis(1)))
}

pub(crate) fn tenant(request: Request, name: impl AsRef<[u8]>) -> Request {
    request.header("x-tenant", name)
}

/// Whether a request got as far as the upstream.
pub(crate) fn passed(outcome: &Outcome) -> bool {
    match &outcome.from {
        Answer::Filter { details, .. } => {
            assert_eq!(details, &format!("circuit_breaker/{BREAKER}"));
            false
        }
        _ => true,
    }
}

/// Sends requests one after the other, each after the end of the one before, and says which have passed.
pub(crate) fn ask(proxy: &mut Emulator, requests: impl IntoIterator<Item = Request>) -> Vec<bool> {
    let mut seen = Vec::new();
    for request in requests {
        let report = send(proxy, [request]);
        assert_eq!(report.faults, [], "{:?}", report.logs);
        seen.extend(report.outcomes.iter().map(passed));
        proxy.advance(Duration::from_millis(1));
    }
    seen
}

/// Sends `count` requests with this status, and says how many have passed.
pub(crate) fn ask_many(proxy: &mut Emulator, request: &Request, count: usize) -> usize {
    let seen = ask(proxy, std::iter::repeat_n(request.clone(), count));
    seen.into_iter().filter(|passed| *passed).count()
}

/// A counter of the breaker; 0 if there is none of that name.
pub(crate) fn count(proxy: &Emulator, name: &str, outcome: &str) -> u64 {
    let outcome = Some(outcome).filter(|outcome| !outcome.is_empty());
    let name = names::circuit_breaker(PLUGIN, Some(BREAKER), outcome, name);
    proxy.counter(&name).unwrap_or(0)
}

/// A gauge of the breaker.
pub(crate) fn gauge(proxy: &Emulator, name: &str) -> u64 {
    let name = names::circuit_breaker(PLUGIN, Some(BREAKER), None, name);
    proxy.gauge(&name).unwrap_or(0)
}

/// A fault counter of the plugin.
pub(crate) fn faults(proxy: &Emulator, kind: &str) -> u64 {
    let name = names::faults("circuit_breaker", PLUGIN, kind);
    proxy.counter(&name).unwrap_or(0)
}

/// A moment later than every tick that remembers where a window begins.
pub(crate) fn settle(proxy: &mut Emulator) {
    proxy.advance(Duration::from_millis(300));
}
