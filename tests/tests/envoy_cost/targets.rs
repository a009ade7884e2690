//! What filters are meant to cost at most.

use fairlead_tests::cost::{Most, Target};

const fn at_most(variant: &'static str, instructions: u64) -> Target {
    Target {
        variant,
        most: Most::Instructions(instructions),
        present: None,
    }
}

const fn within(variant: &'static str, percent: u64, of: &'static str) -> Target {
    Target {
        variant,
        most: Most::PercentOf(percent, of),
        present: None,
    }
}

/// A target that is not met yet, and what the variant adds instead.
const fn missed(target: Target, present: u64) -> Target {
    Target {
        present: Some(present),
        ..target
    }
}

/// Instructions that variants may add to a request.
pub(crate) const TARGETS: &[Target] = &[
    at_most("rate-limit-worker-lean", 30_000),
    missed(at_most("rate-limit-proxy-lean", 42_000), 42_984),
    missed(at_most("rate-limit-429-lean", 30_000), 31_340),
    at_most("canary-drawn", 34_000),
    at_most("canary-no-rule-lean", 12_000),
    // 25.9k in one Envoy, 26.4k in another.
    missed(at_most("circuit-breaker-closed-lean", 26_000), 26_402),
    at_most("latency-histogram-status", 29_000),
    at_most("suite-worker-lean", 52_000),
    missed(at_most("suite-proxy-lean", 64_000), 65_916),
    missed(at_most("suite-idle-lean", 14_000), 31_878),
    at_most("suite-off", 14_000),
    // Four filters in one context against four plugins.
    within("suite-worker", 50, "chain-worker"),
    missed(within("suite-proxy", 50, "chain-proxy"), 55),
    // One filter in the suite against its own module, where both are called for headers of both sides and nothing else.
    within("suite-rate-limit-lean", 105, "rate-limit-worker"),
    within("suite-canary-lean", 105, "canary-drawn"),
    within("suite-latency-histogram-lean", 105, "latency-histogram-status"),
    within("suite-circuit-breaker", 105, "circuit-breaker-closed"),
];
