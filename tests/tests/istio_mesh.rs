//! The shipped modules on a real Istio: from an object in a real API server, through istiod and the agent that fetches an
//! image, to a real Envoy. `docs/failure-modes.md` tells users what these tests have seen.

#[path = "istio_mesh/configs.rs"]
mod configs;
#[path = "istio_mesh/control.rs"]
mod control;
#[path = "istio_mesh/forms.rs"]
mod forms;
#[path = "istio_mesh/images.rs"]
mod images;
#[path = "istio_mesh/metrics.rs"]
mod metrics;
#[path = "istio_mesh/routes.rs"]
mod routes;
#[path = "istio_mesh/traps.rs"]
mod traps;

use std::cell::RefCell;
use std::time::Duration;

use fairlead_tests::client::{Connection, Request, Response};
use fairlead_tests::control_plane::{Callee, Image, Mesh, Plugin, REVIEWS, Role, wait_or};
use serde_json::{Value, json};

/// The page that says what these tests have seen.
const PAGE: &str = "docs/failure-modes.md";

/// A limit that no test reaches and that each answer names.
fn quota(number: u32) -> Value {
    json!({"limits": [{"name": "all", "rate": format!("{number}/s"), "burst": 100_000}]})
}

/// What an answer says of [`quota`]; `None` without the filter.
fn named(answer: &Response) -> Option<u32> {
    let policy = answer.header("ratelimit-policy")?;
    let (_, rest) = policy.split_once("q=")?;
    rest.split(';').next()?.parse().ok()
}

/// The image of a shipped module.
fn image(mesh: &Mesh, module: &str) -> Image {
    let mut images = mesh.registry.push_shipped(&[module]);
    images.remove(module).expect("it was pushed")
}

/// The rate limit on the caller's sidecar, by the name of `client`.
fn client(mesh: &Mesh, config: &Value) -> Plugin {
    Plugin::new("client", Role::Client, &image(mesh, "rate-limit"), config)
}

/// What a request gets through the caller's sidecar, on a connection of its own.
fn ask(mesh: &Mesh) -> Response {
    mesh.connect(Callee::Client).ask(&Request::to(REVIEWS, "/"))
}

/// An answer on a connection of its own; `None` while the proxy starts, or its listener changes.
fn reached(callee: Callee, request: &Request) -> Option<Response> {
    let mut connection = Connection::to(callee.address()).ok()?;
    connection.try_ask(request).ok()
}

/// Asks until an answer has this status and names this [`quota`], on connections of its own; how long that took. One that
/// fails is none: the proxy may be about to start.
fn until(mesh: &Mesh, what: &str, status: u16, number: Option<u32>) -> Duration {
    let last = RefCell::new(None);
    let look = || {
        let Some(answer) = reached(Callee::Client, &Request::to(REVIEWS, "/")) else {
            return false;
        };
        let seen = (answer.status, named(&answer));
        *last.borrow_mut() = Some(answer);
        seen == (status, number)
    };
    let why = || {
        let log = mesh.sidecar(Role::Client).log();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("wasm")).collect();
        let end = lines[lines.len().saturating_sub(20)..].join("\n");
        format!("{what}: {:?}\n{end}", last.borrow())
    };
    wait_or(why, look)
}
