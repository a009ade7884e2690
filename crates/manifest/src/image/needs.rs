//! What a config asks of the module that is to serve it.

use fairlead_canary::Canary;
use fairlead_circuit_breaker::CircuitBreaker;
use fairlead_config::{Filter, Module};
use fairlead_latency_histogram::LatencyHistogram;
use fairlead_rate_limit::RateLimit;
use fairlead_stage::{Done, Needs, Stage};
use fairlead_suite::Suite;

/// The callbacks that a lean build may lack, as a record of images names them.
pub(super) const ALL: [&str; 4] = ["response_headers", "response_body", "response_trailers", "delete"];

/// Those that a config needs. Of one that cannot be planned: all.
pub(super) fn callbacks(module: Module, config: &[u8]) -> Vec<&'static str> {
    let Some(needs) = plan(module, config) else {
        return ALL.to_vec();
    };
    let end = needs.done > Done::Decided;
    let needed = [needs.response, needs.body, needs.trailers, end];
    let both = ALL.into_iter().zip(needed);
    both.filter(|(_, needed)| *needed).map(|(name, _)| name).collect()
}

fn plan(module: Module, config: &[u8]) -> Option<Needs> {
    match module {
        Module::Suite => of::<Suite>(config),
        Module::Filter(Filter::LatencyHistogram) => of::<LatencyHistogram>(config),
        Module::Filter(Filter::RateLimit) => of::<RateLimit>(config),
        Module::Filter(Filter::Canary) => of::<Canary>(config),
        Module::Filter(Filter::CircuitBreaker) => of::<CircuitBreaker>(config),
        Module::Filter(_) => None,
    }
}

fn of<S: Stage>(config: &[u8]) -> Option<Needs> {
    S::plan(config).ok().map(|(_, needs)| needs)
}

/// What in a config of a module needs what its lean build lacks.
pub(super) fn reason(module: Module) -> &'static str {
    match module {
        Module::Filter(Filter::RateLimit) => "`response_headers` other than none",
        Module::Filter(Filter::Canary) => "a release cookie or a guard",
        Module::Filter(Filter::CircuitBreaker) | Module::Suite => "a breaker's fallback.stale",
        Module::Filter(_) => "this config",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(module: &str, config: &str, expected: &[&str]) {
        let module = Module::named(module).unwrap();
        assert_eq!(callbacks(module, config.as_bytes()), expected, "{config}");
    }

    #[test]
    fn a_config_needs_what_its_stage_says() {
        let limit = r#"{"limits":[{"name":"a","rate":"1/s"}],"response_headers":"none"}"#;
        check("rate-limit", limit, &[]);
        check(
            "rate-limit",
            r#"{"limits":[{"name":"a","rate":"1/s"}]}"#,
            &["response_headers"],
        );
        let canary = r#"{"release":"r","variants":[{"name":"v2","weight":"10%"}],"sticky":{"by":[{"header":"x-user"}]}"#;
        check("canary", &format!("{canary}}}"), &[]);
        let guarded = format!(r#"{canary},"guard":{{"error_rate":{{"max":"5%"}}}}}}"#);
        check(
            "canary",
            &guarded,
            &["response_headers", "response_trailers", "delete"],
        );
        let breaker = |fallback: &str| {
            format!(r#"{{"breakers":[{{"name":"b","trip":{{"error_rate":"50%"}}{fallback}}}]}}"#)
        };
        let stale = breaker(r#","fallback":{"stale":{"max_age":"1m"}}"#);
        assert!(
            !callbacks(Module::Filter(Filter::CircuitBreaker), breaker("").as_bytes())
                .contains(&"response_body")
        );
        assert!(
            callbacks(Module::Filter(Filter::CircuitBreaker), stale.as_bytes()).contains(&"response_body")
        );
        let suite = format!(r#"{{"circuit_breaker":{stale}}}"#);
        assert!(callbacks(Module::Suite, suite.as_bytes()).contains(&"response_body"));
    }

    #[test]
    fn what_cannot_be_planned_needs_everything() {
        check("rate-limit", "{", &ALL);
    }
}
