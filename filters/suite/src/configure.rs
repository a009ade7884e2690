//! From a checked config to the stages that it names.

use crate::Suite;
use fairlead_canary::Canary;
use fairlead_circuit_breaker::CircuitBreaker;
use fairlead_config::suite as config;
use fairlead_latency_histogram::LatencyHistogram;
use fairlead_rate_limit::RateLimit;
use fairlead_stage::{Needs, Refusal};

#[inline(never)]
pub(crate) fn plan(bytes: &[u8]) -> Result<(Suite, Needs), Refusal> {
    let config = config::parse(bytes).map_err(|errors| Refusal {
        message: errors.to_string(),
        pass_at_first_load: config::pass_at_first_load(bytes),
    })?;
    let mut suite = Suite::default();
    let mut needs = Needs::default();
    needs.own_replies = true;
    for (filter, checked) in config.filters {
        let asked = match checked {
            config::Checked::LatencyHistogram(config) => {
                let (stage, own) = LatencyHistogram::new(&config);
                suite.latency_histogram.fill(stage, own, &mut needs)
            }
            config::Checked::RateLimit(config) => {
                let (stage, own) = RateLimit::new(&config);
                suite.rate_limit.fill(stage, own, &mut needs)
            }
            config::Checked::Canary(config) => {
                let (stage, own) = Canary::new(*config);
                suite.canary.fill(stage, own, &mut needs)
            }
            config::Checked::CircuitBreaker(config) => {
                let (stage, own) = CircuitBreaker::new(config, hash(bytes));
                suite.circuit_breaker.fill(stage, own, &mut needs)
            }
            _ => false,
        };
        if asked {
            suite.order.push(filter);
        }
    }
    suite.latency_histogram.follow(&needs);
    suite.rate_limit.follow(&needs);
    suite.canary.follow(&needs);
    suite.circuit_breaker.follow(&needs);
    Ok((suite, needs))
}

/// FNV-1a: tells one config from another.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}
