//! The filters of this toolkit: each alone, the four as four plugins, and the four in one.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};

use super::{Group, Variant};

/// The filters, in the order in which a request meets them in a chain: which version, then the clock, then who is let
/// through, then what stands in for a failing upstream.
const FOUR: [&str; 4] = ["canary", "latency-histogram", "rate-limit", "circuit-breaker"];

/// Those of them that have a lean build, for configs that need none of the callbacks that it leaves out.
const LEAN: [&str; 3] = ["canary", "rate-limit", "circuit-breaker"];

/// A rule that no request of the benchmark meets.
fn elsewhere() -> Value {
    json!([{"path": {"prefix": "/elsewhere/"}}])
}

/// One limit by a header. The rate is out of reach.
pub(super) fn limit(scope: &str, fields: &str) -> Value {
    json!({
        "limits": [{
            "name": "user",
            "key": [{"header": "x-user-id"}],
            "rate": "1000000/s",
            "burst": 1_000_000,
            "scope": scope,
        }],
        "response_headers": fields,
    })
}

/// A canary that draws by a header.
pub(super) fn canary(weight: &str) -> Value {
    json!({
        "release": "r",
        "variants": [{"name": "v2", "weight": weight}],
        "sticky": {"by": [{"header": "x-user-id"}]},
    })
}

/// One breaker, all defaults.
pub(super) fn breaker() -> Value {
    json!({"breakers": [{"name": "all"}]})
}

/// A breaker that the first answer opens for good.
pub(super) fn open_breaker() -> Value {
    json!({"breakers": [{
        "name": "all",
        "minimum_requests": 1,
        "failure": {"status": [200]},
        "open": {"duration": "1h", "max": "1h"},
    }]})
}

/// A histogram by class of status.
pub(super) fn histogram() -> Value {
    json!({"labels": {"status_class": true}})
}

/// The policy of the four: a limit of a scope, a canary that writes its header on each request, a closed breaker, a
/// histogram.
fn policy(filter: &str, scope: &str) -> Value {
    match filter {
        "canary" => canary("100%"),
        "latency-histogram" => histogram(),
        "rate-limit" => limit(scope, "none"),
        _ => breaker(),
    }
}

/// The name of a filter's part in the configuration of the suite.
fn key(filter: &str) -> String {
    filter.replace('-', "_")
}

/// The variants with the modules of `dist`, those of them that are there: all need the modules of the four filters, the last
/// ones need those of the suite.
///
/// # Errors
/// A filter's module is missing.
pub fn ours(dist: &Path) -> Result<Vec<Variant>> {
    let dist = std::path::absolute(dist)?;
    let lean = LEAN.map(|filter| format!("{filter}-lean"));
    for filter in FOUR.into_iter().chain(lean.iter().map(String::as_str)) {
        let path = dist.join(format!("{filter}.wasm"));
        ensure!(path.is_file(), "no {}: run `cargo xtask build`", path.display());
    }
    let mut variants = single(&dist);
    variants.extend(chain(&dist));
    let [suite_module, lean] = ["suite", "suite-lean"].map(|name| dist.join(format!("{name}.wasm")));
    if suite_module.is_file() && lean.is_file() {
        variants.extend(suite(&suite_module, ""));
        variants.extend(suite(&lean, "-lean"));
    }
    Ok(variants)
}

fn single(dist: &Path) -> Vec<Variant> {
    let one = |filter: &str, name: &str, title: &str, config: Value| {
        let variant = Variant::new(
            format!("{filter}-{name}"),
            format!("{filter}: {title}"),
            Group::Filter,
        );
        variant.wasm("it", &dist.join(format!("{filter}.wasm")), config.to_string())
    };
    let lean = |filter: &str, name: &str, title: &str, config: Value| {
        let variant = Variant::new(
            format!("{filter}-{name}-lean"),
            format!("{filter}, lean build: {title}"),
            Group::Filter,
        );
        let module = dist.join(format!("{filter}-lean.wasm"));
        variant.wasm("it", &module, config.to_string())
    };
    let mut off = canary("100%");
    if let Some(config) = off.as_object_mut() {
        config.insert("mode".into(), json!("off"));
    }
    let mut refusing = limit("worker", "none");
    if let Some(first) = refusing.pointer_mut("/limits/0").and_then(Value::as_object_mut) {
        first.insert("rate".into(), json!("1/h"));
        first.insert("burst".into(), json!(1));
    }
    vec![
        one(
            "rate-limit",
            "worker",
            "each worker its own",
            limit("worker", "none"),
        ),
        one("rate-limit", "proxy", "all workers share", limit("proxy", "none")),
        one(
            "rate-limit",
            "worker-fields",
            "each worker its own, RateLimit fields",
            limit("worker", "ietf"),
        ),
        one(
            "rate-limit",
            "proxy-fields",
            "all workers share, RateLimit fields",
            limit("proxy", "ietf"),
        ),
        one("rate-limit", "429", "refused", refusing.clone()).answers(429),
        lean(
            "rate-limit",
            "worker",
            "each worker its own",
            limit("worker", "none"),
        ),
        lean("rate-limit", "proxy", "all workers share", limit("proxy", "none")),
        lean("rate-limit", "429", "refused", refusing).answers(429),
        one("canary", "drawn", "drawn, header written", canary("100%")).routed(),
        one("canary", "not-drawn", "not drawn", canary("0.0001%")).routed(),
        one("canary", "no-rule", "nothing to decide (weight 0)", canary("0%")).routed(),
        one("canary", "off", "off", off).routed(),
        lean("canary", "drawn", "drawn, header written", canary("100%")).routed(),
        lean("canary", "no-rule", "nothing to decide (weight 0)", canary("0%")).routed(),
        one("circuit-breaker", "closed", "closed", breaker()),
        one("circuit-breaker", "open", "open, refused", open_breaker()).answers(503),
        lean("circuit-breaker", "closed", "closed", breaker()),
        one("latency-histogram", "status", "by class of status", histogram()),
    ]
}

fn chain(dist: &Path) -> Vec<Variant> {
    ["worker", "proxy"]
        .map(|scope| {
            let variant = Variant::new(
                format!("chain-{scope}"),
                format!("four plugins, {}", title(scope)),
                Group::Four,
            );
            let add = |variant: Variant, filter: &&str| {
                let module = dist.join(format!("{filter}.wasm"));
                variant.wasm(filter, &module, policy(filter, scope).to_string())
            };
            FOUR.iter().fold(variant.routed(), add)
        })
        .into()
}

/// The configuration of the suite with the policies of all four.
pub(super) fn four(scope: &str) -> Map<String, Value> {
    FOUR.iter()
        .map(|filter| (key(filter), policy(filter, scope)))
        .collect()
}

/// The variants with a build of the suite.
fn suite(module: &Path, build: &str) -> Vec<Variant> {
    let called = if build.is_empty() {
        "suite"
    } else {
        "suite, lean build"
    };
    let with = |name: &str, title: &str, config: Value| {
        let name = format!("suite-{name}{build}");
        let variant = Variant::new(name, format!("{called}: {title}"), Group::Four);
        // A filter alone is measured where its own module is.
        let variant = match config.get("canary") {
            Some(_) => variant.routed(),
            None => variant,
        };
        variant.wasm("it", module, config.to_string())
    };
    let mut variants: Vec<Variant> = ["worker", "proxy"]
        .map(|scope| {
            with(
                scope,
                &format!("all four, {}", title(scope)),
                Value::Object(four(scope)),
            )
        })
        .into();
    variants.push(with("idle", "all four, no path fits", idle(four("worker"))));
    variants.push(with("off", "all four off", off(four("worker"))));
    for filter in FOUR {
        let config = json!({key(filter): policy(filter, "worker")});
        variants.push(with(filter, &format!("{filter} only"), config));
    }
    variants
}

/// The same, switched off.
pub(super) fn off(mut four: Map<String, Value>) -> Value {
    for config in four.values_mut().filter_map(Value::as_object_mut) {
        config.insert("mode".into(), json!("off"));
    }
    Value::Object(four)
}

/// The same with rules that no request meets.
pub(super) fn idle(mut four: Map<String, Value>) -> Value {
    for (filter, config) in &mut four {
        let ruled = match filter.as_str() {
            "rate_limit" => config.pointer_mut("/limits/0"),
            "circuit_breaker" => config.pointer_mut("/breakers/0"),
            _ => Some(config),
        };
        if let Some(ruled) = ruled.and_then(Value::as_object_mut) {
            ruled.insert("match".into(), elsewhere());
        }
    }
    Value::Object(four)
}

fn title(scope: &str) -> &'static str {
    match scope {
        "worker" => "each worker its own limit",
        _ => "all workers share the limit",
    }
}
