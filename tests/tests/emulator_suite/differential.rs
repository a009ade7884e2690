//! The suite does what the chain of the four modules does, in the order of the policy: any policies, any traffic, every
//! output. The chain is what the filters are documented as.
//!
//! Compared of each request: status, who answered and with which details, flags, times, headers, body and trailers that the
//! client got, headers and body that the upstream got, how often routes were matched anew, what was counted. At the end: all
//! metrics of the filters, all that workers share, all that they logged, with times and threads.
//!
//! Left out is what differs by design:
//!
//! - A config with a mistake is refused as a whole by the suite, and by one module of a chain. So only what all of them
//!   refuse is offered, and the gauges of it are not compared; neither are fingerprints, which are of other texts.
//! - A config that is taken up restarts the timer of all parts of a suite, and of one module of a chain. So both policies differ
//!   for each filter.
//! - The suite's timer fires as often as its fastest part wants, which the others count. So all periods are multiples of the
//!   shortest one, as nearly all that configs can ask for are.
//! - Of a request that the suite refuses, Envoy tells the suite the size with headers, and modules before the one that refuses
//!   it without. So the size of requests is not compared.
//! - A trap ends the suite for all filters, and a chain for one. So workers lose all of their VMs.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::pair::{Modules, play, play_apart};
use crate::policies::{Policy, policies};
use crate::traffic::{Step, steps};

/// How many policies are tried, unless `FAIRLEAD_CASES` asks for more.
const CASES: u32 = 250;

fn runner(seed: u8, cases: u32) -> TestRunner {
    let settings = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 2000,
        ..Config::default()
    };
    TestRunner::new_with_rng(settings, TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]))
}

/// What all cases together have reached: how often each thing was counted, whatever the rule.
#[derive(Default)]
struct Reached {
    refused: u32,
    counted: BTreeMap<String, u64>,
    statuses: BTreeMap<u16, u64>,
}

impl Reached {
    fn add(&mut self, statuses: &[u16], metrics: &BTreeMap<String, String>) {
        for status in statuses {
            *self.statuses.entry(*status).or_default() += 1;
        }
        for (name, value) in metrics {
            // Without the names of filter and plugin, and without the rule and labels in `tag`.
            let outcome = name
                .split_once(".component.edge.")
                .map_or(name.as_str(), |(_, rest)| rest);
            let outcome = outcome.rsplit_once(";.").map_or(outcome, |(_, rest)| rest);
            let counted = value.parse().unwrap_or_else(|_| u64::from(value != "[]"));
            let sum = self.counted.entry(outcome.to_owned()).or_default();
            *sum = sum.saturating_add(counted);
        }
    }
}

/// What traffic must have made the filters do, or the comparison says little.
const MUST_HAVE_COUNTED: [&str; 32] = [
    "cache.admitted.fairlead_rate_limit_requests_total",
    "cache.denied.fairlead_rate_limit_requests_total",
    "cache.would_deny.fairlead_rate_limit_requests_total",
    "cache.default.fairlead_canary_exposures_total",
    "cache.force_header.fairlead_canary_exposures_total",
    "cache.rule.fairlead_canary_exposures_total",
    "cache.sticky.fairlead_canary_exposures_total",
    "cache.would_sticky.fairlead_canary_exposures_total",
    "cache.issued.fairlead_canary_cookies_total",
    "cache.cleared.fairlead_canary_cookies_total",
    "cache.failure.fairlead_canary_outcomes_total",
    "cache.success.fairlead_canary_outcomes_total",
    "cache.error_rate.fairlead_canary_guard_trips_total",
    "fairlead_canary_routing_headers_removed_total",
    "cache.success.fairlead_circuit_breaker_requests_total",
    "cache.failure.fairlead_circuit_breaker_requests_total",
    "cache.ignored.fairlead_circuit_breaker_requests_total",
    "cache.late.fairlead_circuit_breaker_requests_total",
    "cache.would_reject.fairlead_circuit_breaker_requests_total",
    "cache.open.fairlead_circuit_breaker_rejected_total",
    "cache.throttled.fairlead_circuit_breaker_rejected_total",
    "cache.bulkhead.fairlead_circuit_breaker_rejected_total",
    "cache.half_open.fairlead_circuit_breaker_transitions_total",
    "cache.reply.fairlead_circuit_breaker_fallbacks_total",
    "cache.reroute.fairlead_circuit_breaker_fallbacks_total",
    "cache.stored.fairlead_circuit_breaker_stale_total",
    "cache.p95.fairlead_latency_histogram_request_quantile_microseconds",
    "cache.failed.fairlead_latency_histogram_access_log_lines_total",
    "cache.sampled.fairlead_latency_histogram_access_log_lines_total",
    "cache.match.fairlead_latency_histogram_excluded_total",
    "fairlead_latency_histogram_slo_good_total",
    "fairlead_latency_histogram_request_exact_microseconds_count",
];

#[test]
fn the_suite_does_what_the_chain_of_modules_does() {
    let Some(modules) = Modules::find() else { return };
    let cases = std::env::var("FAIRLEAD_CASES").ok().and_then(|n| n.parse().ok());
    let cases = cases.unwrap_or(CASES);
    let reached = RefCell::new(Reached::default());
    let result = runner(7, cases).run(&(policies(), steps()), |(policies, steps)| {
        let played = play(&modules, &policies, &steps);
        let mut reached = reached.borrow_mut();
        reached.refused += u32::from(played.refused);
        reached.add(&played.statuses, &played.metrics);
        prop_assert!(played.differences.is_empty(), "{}", played.differences.join("\n"));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let reached = reached.into_inner();
    assert!(
        reached.refused * 10 < cases,
        "{} policies were refused",
        reached.refused
    );
    let missed = MUST_HAVE_COUNTED
        .iter()
        .filter(|name| reached.counted.get(**name).is_none_or(|count| *count == 0));
    assert_eq!(
        missed.collect::<Vec<_>>(),
        Vec::<&&str>::new(),
        "{:?}",
        reached.counted
    );
    for status in [0, 200, 403, 404, 429, 500, 503, 504] {
        assert!(
            reached.statuses.contains_key(&status),
            "no {status}: {:?}",
            reached.statuses
        );
    }
}

/// Traffic that makes each filter do something.
fn some_traffic() -> Vec<Step> {
    let mut runner = runner(1, 1);
    (0..4)
        .flat_map(|_| steps().new_tree(&mut runner).expect("steps").current())
        .collect()
}

#[test]
fn a_suite_with_another_policy_is_told_apart() {
    let Some(modules) = Modules::find() else { return };
    let limits = |burst: u32| json!({"limits": [{"name": "all", "rate": "1/h", "burst": burst}]});
    let release = |weight: &str| json!({"release": "r", "variants": [{"name": "v2", "weight": weight}]});
    let breaker = |probes: u32| json!({"breakers": [{"name": "all", "trip": {"consecutive_failures": 1}, "open": {"duration": "1ms"}, "half_open": {"probes": probes}}]});
    let timed = |unit: &str| json!({"unit": unit});
    let pairs: [(&'static str, Value, Value); 4] = [
        ("rate_limit", limits(3), limits(4)),
        ("canary", release("100%"), release("0%")),
        ("circuit_breaker", breaker(1), breaker(2)),
        ("latency_histogram", timed("ms"), timed("us")),
    ];
    let steps = some_traffic();
    for (filter, one, other) in pairs {
        let of = |config: &Value| {
            let mut later = config.clone();
            later["apiVersion"] = json!("fairlead.dev/v1");
            [
                Policy(vec![(filter, config.clone())]),
                Policy(vec![(filter, later)]),
            ]
        };
        let same = play(&modules, &of(&one), &steps);
        assert_eq!(same.differences, Vec::<String>::new(), "{filter}");
        let apart = play_apart(&modules, &of(&one), &of(&other), &steps);
        assert!(
            !apart.differences.is_empty(),
            "{filter}: {other} looks like {one}"
        );
    }
}
