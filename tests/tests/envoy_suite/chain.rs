//! The same policies and requests through the chain of modules and through the suite, on one Envoy: statuses, headers and
//! bodies that clients get, what the upstream gets, routes, and what is counted at the end.
//!
//! Requests come one after the other, over two connections that two workers have. What depends on the time of the day is left
//! out: how many seconds it takes until there is more, and how long requests took.

use std::collections::BTreeMap;
use std::time::Instant;

use fairlead_envoy::{Bootstrap, Cluster, Envoy, Listener, Route, Wasm};
use fairlead_tests::client::{Connection, Request, Response};
use fairlead_tests::modules;
use fairlead_tests::proxy::{Lab, PATIENCE, assert_alive, bootstrap, port};
use fairlead_upstream::Upstream;
use serde_json::{Value, json};

use crate::SUITE;

/// The modules of the filters, in the order in which a request meets them unless the policy says otherwise.
const MODULES: [(&str, &str); 4] = [
    ("latency_histogram", "latency-histogram"),
    ("rate_limit", "rate-limit"),
    ("canary", "canary"),
    ("circuit_breaker", "circuit-breaker"),
];
const REQUESTS: usize = 300;

fn policies() -> Vec<Value> {
    let latency = json!({
        "labels": {"route": {"templates": ["/users/{id}", "/a"]}, "method": true, "status_class": true, "variant": {"header": "x-canary", "values": ["v2"]}},
        "buckets": ["1h"],
        "slos": [{"name": "ever", "threshold": "1h", "objective": "99%", "failures": "bad"}],
    });
    let limits = json!({"limits": [
        {"name": "per-user", "key": [{"header": "x-user"}], "rate": "1/h", "burst": 20},
        {"name": "posts", "match": [{"methods": ["POST"]}], "rate": "1/h", "burst": 15},
    ]});
    let release = json!({
        "release": "r",
        "variants": [{"name": "v2", "weight": "50%"}],
        "sticky": {"by": [{"header": "x-user"}], "cookie": {"secret": "an example of a secret"}},
        "force": {"header": "x-force"},
        "propagate": {"baggage": true},
    });
    let breakers = json!({"breakers": [{
        "name": "per-user", "per": {"key": [{"header": "x-user"}]}, "trip": {"consecutive_failures": 3},
        "open": {"duration": "1h"}, "fallback": {"status": 503, "body": "later", "content_type": "text/x-later"},
    }]});
    let mut shadow = json!({"latency_histogram": latency, "rate_limit": limits, "canary": release, "circuit_breaker": breakers});
    for filter in ["rate_limit", "canary", "circuit_breaker"] {
        shadow[filter]["mode"] = json!("shadow");
    }
    vec![
        json!({"latency_histogram": latency, "rate_limit": limits, "canary": release, "circuit_breaker": breakers}),
        json!({
            "latency_histogram": latency,
            "rate_limit": {
                "limits": [{"name": "v2", "match": [{"headers": {"x-canary": {"exact": "v2"}}}], "key": [{"property": ["request", "headers", "x-canary"]}], "rate": "1/h", "burst": 30}],
                "deny": {"problem_json": true},
                "response_headers": "legacy",
            },
            "canary": release,
            "circuit_breaker": breakers,
            "order": ["canary", "circuit_breaker", "rate_limit", "latency_histogram"],
        }),
        shadow,
        json!({
            "canary": {"release": "r", "variants": [{"name": "v2"}], "rules": [{"match": [{"path": {"prefix": "/a"}}], "variant": "v2"}]},
            "circuit_breaker": {"breakers": [{
                "name": "stale", "match": [{"headers": {"x-canary": {"exact": "v2"}}}], "trip": {"consecutive_failures": 2},
                "open": {"duration": "1h"}, "timeout": "20s", "fallback": {"stale": {"max_age": "1h"}},
            }, {
                "name": "elsewhere", "match": [{"path": {"prefix": "/b"}}], "trip": {"consecutive_failures": 2},
                "open": {"duration": "1h"}, "fallback": {"reroute": {"header": "x-way", "value": "b"}},
            }]},
        }),
    ]
}

/// Request number `n`: of some users, to some paths, with some failures.
fn request(n: usize) -> Request {
    let path = ["/a", "/b", "/users/7", "/demo.Trips/Create"][n % 4];
    let mut request = match n % 9 {
        4 => Request::post(path, "ping"),
        _ => Request::get(path),
    };
    request = request.header("x-user", format!("user-{}", n % 13));
    let more: [&[(&str, &[u8])]; 7] = [
        &[],
        &[("x-force", b"always")],
        &[("x-canary", b"v2"), ("x-way", b"b")],
        &[("x-user", b"\xff\xfe"), ("baggage", b"user=ann, fairlead.r=v9")],
        &[("cookie", b"fairlead-release=v2.00000.00018a34170b86ee; sid=1")],
        &[
            ("content-type", b"application/grpc"),
            ("te", b"trailers"),
            ("x-upstream-grpc-status", b"14"),
        ],
        &[("accept-encoding", b"gzip"), ("x-force", b"\x80never")],
    ];
    for (name, value) in more[n % 7] {
        request = request.header(name, value);
    }
    match n % 11 {
        3 | 7 | 8 if n > 30 && !n.is_multiple_of(7) => request.header("x-upstream-status", "500"),
        5 if n.is_multiple_of(2) => request.header("x-upstream-reset", "1"),
        _ => request,
    }
}

/// One of the two ways to run a policy.
struct Side {
    name: String,
    upstream: Upstream,
}

impl Side {
    fn new(name: String) -> Self {
        let upstream = Upstream::bind(("127.0.0.1", 0), "v1").expect("a free port");
        Self { name, upstream }
    }

    /// Routes by what canary and breaker say, and tells the upstream which one it was.
    fn listener(&self, plugins: Vec<Wasm>) -> Listener {
        let says = |route: &str| json!([{"header": {"key": "x-route", "value": route}}]);
        let listener = plugins
            .into_iter()
            .fold(Listener::http(&self.name), Listener::filter);
        listener
            .route(
                Route::prefix("/")
                    .header("x-way", "b")
                    .to(&self.name)
                    .with("request_headers_to_add", says("way")),
            )
            .route(
                Route::prefix("/")
                    .header("x-canary", "v2")
                    .to(&self.name)
                    .with("request_headers_to_add", says("v2")),
            )
            .route(
                Route::prefix("/")
                    .to(&self.name)
                    .with("request_headers_to_add", says("v1")),
            )
            .with("connection_balance_config", json!({"exact_balance": {}}))
    }

    fn cluster(&self) -> Cluster {
        Cluster::new(&self.name).endpoint(self.upstream.address())
    }

    fn ask(&self, envoy: &Envoy) -> Vec<String> {
        let port = port(envoy, &self.name);
        let mut connections = [Connection::open(port), Connection::open(port)];
        let ask = |n: usize| {
            let connection = &mut connections[n / 3 % 2];
            let response = connection.ask(&request(n));
            // A request that is refused before its body has come takes its connection with it.
            if response.header("connection") == Some("close") {
                *connection = Connection::open(port);
            }
            told(response)
        };
        (0..REQUESTS).map(ask).collect()
    }

    /// What has reached the upstream, without what is different for each request.
    fn reached(&self) -> Vec<String> {
        let own = ["x-request-id", "host", "x-forwarded-proto"];
        let heads = self.upstream.requests();
        heads
            .iter()
            .map(|head| {
                let headers: Vec<String> = head
                    .headers
                    .iter()
                    .filter(|(name, _)| !own.contains(&name.as_str()))
                    .map(|(name, value)| format!("{name}: {value}"))
                    .collect();
                format!("{} {} {headers:?}", head.method, head.target)
            })
            .collect()
    }

    /// Counters of the plugins, by name without the plugin's: how often something was, not how long it took.
    fn counters(&self, envoy: &Envoy) -> BTreeMap<String, u64> {
        let component = format!(".component.{}.", self.name);
        let stats = envoy.stats().expect("Envoy answers");
        stats
            .into_iter()
            .filter(|(name, _)| name.contains(&component))
            .filter(|(name, _)| name.ends_with("_total") || name.ends_with("_count"))
            .filter(|(name, _)| !name.contains("wasm_filter.suite."))
            .map(|(name, count)| (name.replace(&component, "."), count))
            .collect()
    }
}

/// A response without what depends on the time of the day.
fn told(response: Response) -> String {
    let mut headers = Vec::new();
    for (name, value) in response.headers {
        let value = match name.as_str() {
            "date" | "x-envoy-upstream-service-time" => continue,
            "retry-after" | "age" | "x-ratelimit-reset" | "ratelimit-reset" => String::new(),
            "ratelimit" => {
                let value = String::from_utf8_lossy(&value);
                value.split(";t=").next().unwrap_or_default().to_owned()
            }
            _ => value.escape_ascii().to_string(),
        };
        headers.push(format!("{name}: {value}"));
    }
    format!("{} {headers:?} {}", response.status, response.body.escape_ascii())
}

fn order(policy: &Value) -> Vec<&str> {
    match policy["order"].as_array() {
        Some(order) => order.iter().map(|name| name.as_str().expect("a name")).collect(),
        None => MODULES
            .iter()
            .map(|(filter, _)| *filter)
            .filter(|filter| policy.get(filter).is_some())
            .collect(),
    }
}

/// Whether each request that has an objective is in a bucket, too.
fn is_handed_on(counters: &BTreeMap<String, u64>) -> bool {
    let sum = |end: &str| -> u64 {
        let ones = counters.iter().filter(|(name, _)| name.ends_with(end));
        ones.map(|(_, count)| count).sum()
    };
    sum("_request_exact_microseconds_count") == sum("_slo_requests_total")
}

/// The plugins of a chain, all of one name.
fn chain(name: &str, policy: &Value) -> Option<Vec<Wasm>> {
    let plugin = |filter: &str| {
        let (_, module) = MODULES
            .iter()
            .find(|(known, _)| *known == filter)
            .expect("a filter");
        Some(Wasm::new(name, modules::module(module)?).configuration(policy[filter].to_string()))
    };
    order(policy).into_iter().map(plugin).collect()
}

#[test]
fn the_suite_does_what_the_chain_of_modules_does() {
    let Some(lab) = Lab::enter(SUITE) else {
        return;
    };
    let policies = policies();
    let sides: Vec<[Side; 2]> = (0..policies.len())
        .map(|n| [Side::new(format!("chain-{n}")), Side::new(format!("suite-{n}"))])
        .collect();
    let mut all: Bootstrap = bootstrap([]);
    for (policy, [one, other]) in policies.iter().zip(&sides) {
        let Some(plugins) = chain(&one.name, policy) else {
            return;
        };
        all = all.listener(one.listener(plugins)).cluster(one.cluster());
        all = all
            .listener(other.listener(vec![lab.plugin(&other.name, policy)]))
            .cluster(other.cluster());
    }
    let envoy = lab.start_with(2, all);
    for (n, [chain, suite]) in sides.iter().enumerate() {
        let (of_chain, of_suite) = (chain.ask(&envoy), suite.ask(&envoy));
        for (index, (one, other)) in of_chain.iter().zip(&of_suite).enumerate() {
            assert_eq!(one, other, "policy {n}, request {index}: chain, suite");
        }
        for (index, (one, other)) in chain.reached().iter().zip(&suite.reached()).enumerate() {
            assert_eq!(
                one, other,
                "policy {n}, request {index} of the upstream: chain, suite"
            );
        }
        assert_eq!(chain.reached().len(), suite.reached().len(), "policy {n}");
        // What is counted at the end of a request comes a moment after the client has its answer, and buckets with a tick.
        let begin = Instant::now();
        let counters = || (chain.counters(&envoy), suite.counters(&envoy));
        let (mut one, mut other) = counters();
        while !(one == other && is_handed_on(&one)) && begin.elapsed() < PATIENCE / 6 {
            (one, other) = counters();
        }
        assert_eq!(one, other, "policy {n}: chain, suite");
        assert!(is_handed_on(&one), "policy {n}: {one:?}");
        let counted = one.values().filter(|count| **count > 0).count();
        assert!(counted >= 6, "policy {n}: {one:?}");
        let statuses = of_chain.iter().filter(|told| !told.starts_with("200")).count();
        assert!(
            (10..REQUESTS).contains(&statuses),
            "policy {n}: {statuses} others than 200"
        );
    }
    assert_alive(&envoy);
}
