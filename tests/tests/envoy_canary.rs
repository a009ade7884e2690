//! `dist/canary.wasm` in a real Envoy: what only real routes, real threads, real memory and a real client can show.

#[path = "envoy_canary/config.rs"]
mod config;
#[path = "envoy_canary/cookies.rs"]
mod cookies;
#[path = "envoy_canary/guard.rs"]
mod guard;
#[path = "envoy_canary/hostile.rs"]
mod hostile;
#[path = "envoy_canary/memory.rs"]
mod memory;
#[path = "envoy_canary/routes.rs"]
mod routes;
#[path = "envoy_canary/shop.rs"]
mod shop;
#[path = "envoy_canary/trace.rs"]
mod trace;

use fairlead_tests::client::{Connection, Request, Response};
use fairlead_tests::configs::with;
use serde_json::{Value, json};

const FILTER: &str = "canary";
/// What the plugin is called.
const PLUGIN: &str = "edge";

/// A release with one variant of this weight, drawn by user id.
fn release(weight: &str) -> Value {
    json!({
        "release": "r",
        "variants": [{"name": "v2", "weight": weight}],
        "sticky": {"by": [{"header": "x-user"}]},
    })
}

/// Users who are drawn at 10 %, at 50 % and not below 80 %, in release `r`.
const EARLY: &str = "jim";
const MIDDLE: &str = "bob";
const LATE: &str = "ann";

fn user(id: impl AsRef<[u8]>) -> Request {
    Request::get("/").header("x-user", id)
}

/// The version that has answered.
fn version(response: &Response) -> &str {
    response
        .header("x-version")
        .expect("the upstream says its version")
}

fn ask(connection: &mut Connection, request: &Request) -> String {
    version(&connection.ask(request)).to_owned()
}
