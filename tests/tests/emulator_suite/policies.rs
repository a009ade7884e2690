//! Policies of any of the four filters, as a generator shrinks them: towards one filter with nothing but what it must have.
//!
//! What it does not make: configs that one of the filters refuses. A suite refuses as a whole, a chain refuses one module.

use std::fmt;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

#[path = "policies/canary.rs"]
mod canary;
#[path = "policies/circuit_breaker.rs"]
mod circuit_breaker;
#[path = "policies/latency_histogram.rs"]
mod latency_histogram;
#[path = "policies/rate_limit.rs"]
mod rate_limit;

use canary::canary;
use circuit_breaker::circuit_breaker;
use latency_histogram::latency_histogram;
use rate_limit::rate_limit;

/// The filters in the order in which a request meets them unless the policy says otherwise.
pub(crate) const FILTERS: [&str; 4] = ["latency_histogram", "rate_limit", "canary", "circuit_breaker"];

type Fields = Vec<(&'static str, Option<Value>)>;

fn object(fields: Fields) -> Value {
    let present = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(present.collect::<Map<String, Value>>())
}

/// A field that is there now and then.
fn maybe(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Option<Value>> {
    option::weighted(0.35, value)
}

fn one_of(values: Vec<Value>) -> impl Strategy<Value = Value> {
    select(values)
}

fn list(values: Value) -> Vec<Value> {
    match values {
        Value::Array(values) => values,
        other => vec![other],
    }
}

fn pick(values: Value) -> impl Strategy<Value = Value> {
    one_of(list(values))
}

fn mode() -> impl Strategy<Value = Value> {
    prop_oneof![6 => Just(json!("enforce")), 2 => Just(json!("shadow")), 1 => Just(json!("off"))]
}

/// Entries that headers of other filters decide, too: the canary sets `x-canary` and takes `x-force` away, the breaker takes
/// `x-way` away.
fn matches() -> impl Strategy<Value = Value> {
    let entry = pick(json!([
        {"path": {"prefix": "/a"}},
        {"path": {"exact": "/b"}},
        {"path": {"template": "/users/{id}"}},
        {"path": {"regex": "/[ab].*"}},
        {"methods": ["GET"]},
        {"hosts": ["*.example.com"]},
        {"hosts": ["sim.local"], "methods": ["GET", "POST"]},
        {"headers": {"x-tier": {"exact": "gold"}}},
        {"headers": {"x-canary": {"present": true}}},
        {"headers": {"x-canary": {"exact": "v2"}}},
        {"headers": {"x-force": {"absent": true}}},
        {"headers": {"x-way": {"absent": true}}},
        {"headers": {"baggage": {"regex": ".*fairlead.*"}}},
        {"headers": {"x-envoy-upstream-rq-timeout-ms": {"present": true}}},
        {"query": {"q": {"present": true}}},
        {"cookies": {"sid": {"prefix": "a"}}},
        {"client": {"cidrs": ["10.0.0.0/8"]}},
        {"client": {"cidrs": ["192.0.2.0/24"], "trusted_hops": 1}},
        {"grpc": {"service": "demo.Trips"}},
        {"not": {"path": {"prefix": "/a"}}},
        {"not": {"headers": {"x-canary": {"present": true}}}},
    ]));
    vec(entry, 1..3).prop_map(Value::Array)
}

/// Parts of keys, of what other filters write, too.
fn parts() -> Value {
    json!([
        {"header": "x-user"},
        {"header": "x-tier", "default": "none"},
        {"header": "x-canary"},
        {"header": "x-canary", "default": "none"},
        {"cookie": "sid"},
        {"query": "q"},
        {"path": true},
        {"host": true},
        {"method": true},
        {"template": "/users/{id}"},
        {"constant": "c"},
        {"client_ip": {}},
        {"client_ip": {"trusted_hops": 1}},
        {"jwt_claim": "sub"},
        {"property": ["xds", "route_name"]},
        {"property": ["request", "headers", "x-canary"]},
        {"property": ["request", "headers", "x-force"], "default": "none"},
        {"property": ["request", "size"]},
        {"baggage": "user"},
        {"baggage": "fairlead.r"},
        {"trace_id": true},
    ])
}

fn key() -> impl Strategy<Value = Value> {
    vec(pick(parts()), 1..3).prop_map(Value::Array)
}

fn named(names: &'static [&'static str], one: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    vec(one, 1..=names.len()).prop_map(|ones| {
        let named = names.iter().zip(ones).map(|(name, mut one)| {
            one["name"] = json!(name);
            one
        });
        named.collect()
    })
}

fn refusal() -> impl Strategy<Value = Value> {
    pick(json!([
        {"status": 503},
        {"status": 429, "body": "slow down", "content_type": "text/x-plain", "headers": {"x-refused": "yes"}},
        {"problem_json": true},
    ]))
}

/// A config of each of these filters, in this order.
fn configs(filters: Vec<&'static str>) -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let configs: Vec<BoxedStrategy<(&'static str, Value)>> = filters
        .into_iter()
        .map(|filter| {
            let config = match filter {
                "latency_histogram" => latency_histogram().boxed(),
                "rate_limit" => rate_limit().boxed(),
                "canary" => canary().boxed(),
                _ => circuit_breaker().boxed(),
            };
            config.prop_map(move |config| (filter, config)).boxed()
        })
        .collect();
    configs
}

/// Two policies of the same filters in the same order: one to begin with, one to go on with.
pub(crate) fn policies() -> impl Strategy<Value = [Policy; 2]> {
    let some = subsequence(FILTERS.to_vec(), 1..=FILTERS.len());
    let ordered = (some, any::<bool>()).prop_flat_map(|(some, as_usual)| {
        if as_usual {
            Just(some).boxed()
        } else {
            Just(some).prop_shuffle().boxed()
        }
    });
    ordered.prop_flat_map(|filters| {
        (configs(filters.clone()), configs(filters)).prop_map(|(first, mut second)| {
            // Each filter's config differs from the first, so that a chain takes up as many as a suite does.
            for (_, config) in &mut second {
                config["apiVersion"] = json!("fairlead.dev/v1");
            }
            [Policy(first), Policy(second)]
        })
    })
}

/// Filters with their configs, in the order in which a request meets them.
#[derive(Clone)]
pub(crate) struct Policy(pub(crate) Vec<(&'static str, Value)>);

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n  {}", self.as_suite())
    }
}

impl Policy {
    /// As the suite takes it.
    pub(crate) fn as_suite(&self) -> Value {
        let mut all: Map<String, Value> = Map::new();
        for (filter, config) in &self.0 {
            all.insert((*filter).to_owned(), config.clone());
        }
        let names: Vec<&str> = self.0.iter().map(|(filter, _)| *filter).collect();
        let usual: Vec<&str> = FILTERS
            .into_iter()
            .filter(|filter| names.contains(filter))
            .collect();
        if names != usual {
            all.insert("order".to_owned(), json!(names));
        }
        Value::Object(all)
    }
}
