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
    missed(at_most("rate-limit-worker-lean", 30_000), 32_744),
    missed(at_most("rate-limit-proxy-lean", 42_000), 46_927),
    missed(at_most("rate-limit-429-lean", 30_000), 48_002),
    at_most("canary-drawn", 34_000),
    missed(at_most("canary-no-rule-lean", 12_000), 15_134),
    missed(at_most("circuit-breaker-closed-lean", 26_000), 28_116),
    at_most("latency-histogram-status", 29_000),
    missed(at_most("suite-worker-lean", 52_000), 56_910),
    missed(at_most("suite-proxy-lean", 64_000), 71_105),
    missed(at_most("suite-idle-lean", 14_000), 33_859),
    missed(at_most("suite-off-lean", 14_000), 33_859),
    // Four filters in one context against four plugins.
    missed(within("suite-worker", 50, "chain-worker"), 52),
    missed(within("suite-proxy", 50, "chain-proxy"), 57),
    // One filter in the suite against its own module.
    missed(within("suite-rate-limit", 105, "rate-limit-worker"), 108),
    missed(within("suite-canary", 105, "canary-drawn"), 108),
    within("suite-circuit-breaker", 105, "circuit-breaker-closed"),
    missed(
        within("suite-latency-histogram", 105, "latency-histogram-status"),
        109,
    ),
];
