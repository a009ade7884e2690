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
    missed(at_most("rate-limit-worker", 30_000), 35_561),
    missed(at_most("rate-limit-proxy", 42_000), 49_723),
    missed(at_most("rate-limit-429", 30_000), 50_462),
    at_most("canary-drawn", 34_000),
    missed(at_most("canary-no-rule", 12_000), 15_639),
    missed(at_most("circuit-breaker-closed", 26_000), 30_674),
    at_most("latency-histogram-status", 29_000),
    missed(at_most("suite-worker", 52_000), 65_863),
    missed(at_most("suite-proxy", 64_000), 80_005),
    missed(at_most("suite-idle", 14_000), 35_746),
    // Four filters in one context against four plugins.
    missed(within("suite-worker", 50, "chain-worker"), 56),
    missed(within("suite-proxy", 50, "chain-proxy"), 61),
    // One filter in the suite against its own module.
    within("suite-rate-limit", 105, "rate-limit-worker"),
    missed(within("suite-canary", 105, "canary-drawn"), 110),
    within("suite-circuit-breaker", 105, "circuit-breaker-closed"),
    missed(
        within("suite-latency-histogram", 105, "latency-histogram-status"),
        113,
    ),
];
