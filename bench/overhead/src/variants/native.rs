//! What Envoy can do itself towards the same ends, and what its Lua filter costs.
//!
//! None is an equal: the native limiter has no `RateLimit` fields by key, a route for a user draws nobody, and
//! admission control has no open state and looks at all requests of a listener. They are here because where they
//! suffice they are the cheaper choice.

use fairlead_envoy::HttpFilter;
use serde_json::{Value, json};

use super::{Group, Routes, Variant};

fn typed(name: &str, message: &str, config: Value) -> HttpFilter {
    let mut typed = json!({"@type": format!("type.googleapis.com/envoy.extensions.filters.http.{message}")});
    if let (Some(typed), Value::Object(config)) = (typed.as_object_mut(), config) {
        typed.extend(config);
    }
    HttpFilter::new(name, typed)
}

/// A bucket for each value of a header.
fn local_ratelimit() -> HttpFilter {
    let bucket =
        json!({"max_tokens": 1_000_000_000, "tokens_per_fill": 1_000_000_000, "fill_interval": "1s"});
    let all = json!({"default_value": {"numerator": 100, "denominator": "HUNDRED"}});
    typed(
        "local_ratelimit",
        "local_ratelimit.v3.LocalRateLimit",
        json!({
            "stat_prefix": "local",
            "token_bucket": bucket,
            "filter_enabled": all,
            "filter_enforced": all,
            // No value: every value of the key has a bucket of its own.
            "descriptors": [{"entries": [{"key": "user"}], "token_bucket": bucket}],
            "rate_limits": [{"actions": [
                {"request_headers": {"header_name": "x-user-id", "descriptor_key": "user"}},
            ]}],
        }),
    )
}

/// Tells the upstream which version it is to be. This filter chooses the route before it writes, so no route can match what
/// it has written.
fn header_mutation() -> HttpFilter {
    let header = json!({"key": "x-canary", "value": "v2"});
    typed(
        "header_mutation",
        "header_mutation.v3.HeaderMutation",
        json!({
            "mutations": {"request_mutations": [
                {"append": {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}},
            ]},
        }),
    )
}

fn admission_control() -> HttpFilter {
    typed(
        "admission_control",
        "admission_control.v3.AdmissionControl",
        json!({
            "enabled": {"default_value": true, "runtime_key": "admission.enabled"},
            "success_criteria": {
                "http_criteria": {"http_success_status": [{"start": 100, "end": 500}]},
                "grpc_criteria": {"grpc_success_status": [0]},
            },
        }),
    )
}

fn script(code: &str) -> HttpFilter {
    let source = json!({"default_source_code": {"inline_string": code}});
    typed("lua", "lua.v3.Lua", source)
}

/// Envoy's own filters.
pub fn native() -> Vec<Variant> {
    let one = |name: &str, title: &str| Variant::new(name, title, Group::Native);
    let mut canary =
        one("native-canary", "a route for a user, and header_mutation").filter(header_mutation());
    // The route is what decides here, so it counts.
    canary.routes = Routes::User;
    let mut trio = one("native-trio", "these three together")
        .routed()
        .filter(header_mutation())
        .filter(local_ratelimit())
        .filter(admission_control());
    trio.routes = Routes::User;
    vec![
        one("native-rate-limit", "local_ratelimit, a bucket for each user").filter(local_ratelimit()),
        canary,
        one("native-admission", "admission_control").filter(admission_control()),
        trio,
    ]
}

/// Lua scripts.
pub fn lua() -> Vec<Variant> {
    let one =
        |name: &str, title: &str, code: &str| Variant::new(name, title, Group::Lua).filter(script(code));
    vec![
        one(
            "lua-empty",
            "a script that does nothing",
            "function envoy_on_request(handle) end",
        ),
        one(
            "lua-headers",
            "a script that reads a header and adds one",
            "function envoy_on_request(handle)\n\
             \x20 local headers = handle:headers()\n\
             \x20 headers:add(\"x-read\", headers:get(\"x-user-id\"))\n\
             end",
        ),
    ]
}
