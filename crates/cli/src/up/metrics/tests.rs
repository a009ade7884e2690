use super::*;
use crate::up::policy::Policy;
use fairlead_rollout::Reason;

const TEXT: &str = r#"# TYPE fairlead_rate_limit_requests_total counter
fairlead_rate_limit_requests_total{cache="admitted",component="rate-limit",tag="per-key",wasm_filter="rate_limit"} 12
fairlead_rate_limit_requests_total{cache="denied",component="rate-limit",tag="per-key",wasm_filter="rate_limit"} 3
fairlead_rate_limit_requests_total{cache="would_deny",component="rate-limit",tag="trial",wasm_filter="rate_limit"} 4
fairlead_rate_limit_requests_total{cache="of another kind",component="rate-limit",tag="trial",wasm_filter="rate_limit"} 4
fairlead_rate_limit_overflow_total{cache="denied",component="rate-limit",tag="per-key",wasm_filter="rate_limit"} 99
fairlead_rate_limit_requests_total{cache="admitted",component="other",tag="per-key",wasm_filter="rate_limit"} 1
envoy_requests_total{cache="admitted",component="rate-limit",tag="per-key"} 7
fairlead_rate_limit_requests_total{} 5
fairlead_rate_limit_requests_total{cache="admitted
"#;

#[test]
fn each_rule_of_each_plugin_has_its_own_tally() {
    let tallies = Tallies::parse(TEXT);
    let per_key = Tally {
        admitted: 12,
        denied: 3,
        ..Tally::default()
    };
    assert_eq!(tallies.of("rate-limit", "per-key"), per_key);
    assert_eq!(per_key.total(), 15);
    assert_eq!(
        tallies.of("rate-limit", "trial"),
        Tally {
            would_deny: 4,
            ..Tally::default()
        }
    );
    assert_eq!(
        tallies.of("other", "per-key"),
        Tally {
            admitted: 1,
            ..Tally::default()
        }
    );
    assert_eq!(tallies.of("rate-limit", "absent"), Tally::default());
}

#[test]
fn a_variants_numbers_are_those_of_its_own_plugin() {
    let text = r#"
fairlead_canary_exposures_total{cache="sticky",component="canary",tag="v2",wasm_filter="canary"} 12
fairlead_canary_exposures_total{cache="force_header",component="canary",tag="v2",wasm_filter="canary"} 3
fairlead_canary_exposures_total{cache="would_sticky",component="other",tag="v2",wasm_filter="canary"} 7
fairlead_canary_outcomes_total{cache="success",component="canary",tag="v2",wasm_filter="canary"} 10
fairlead_canary_outcomes_total{cache="failure",component="canary",tag="v2",wasm_filter="canary"} 2
fairlead_canary_guard_state{component="canary",tag="v2",wasm_filter="canary"} 1
fairlead_canary_guard_trips_total{cache="error_rate",component="canary",tag="v2",wasm_filter="canary"} 1
fairlead_canary_guard_trips_total{cache="latency",component="canary",tag="v2",wasm_filter="canary"} 2
fairlead_canary_weight_ppm{component="canary",tag="v2",wasm_filter="canary"} 200000
fairlead_canary_weight_ppm{component="canary",tag="stable",wasm_filter="canary"} 800000
fairlead_canary_cookies_total{cache="issued",component="canary",wasm_filter="canary"} 5
fairlead_canary_routing_headers_removed_total{component="canary",wasm_filter="canary"} 6
"#;
    let release = Policy::demo().unwrap().releases.remove(0);
    let tallies = Tallies::parse(text);
    let v2 = tallies.variant(&release, "v2");
    assert_eq!((v2.exposed(Reason::Sticky), v2.requests()), (12, 15));
    assert_eq!((v2.succeeded, v2.failed, v2.trips), (10, 2, 3));
    assert_eq!((v2.guard, v2.weight.ppm()), (Some(Standing::Held), 200_000));
    assert_eq!(tallies.variant(&release, "absent"), Variant::default());
    assert_eq!(tallies.whole(&release, "cookies_total issued"), 5);
    assert_eq!(tallies.whole(&release, "routing_headers_removed_total"), 6);
    assert_eq!(tallies.whole(&release, "cookies_total cleared"), 0);
    assert!(tallies.has_weights(&release));
    assert!(!Tallies::default().has_weights(&release));
}

#[test]
fn a_breakers_numbers_are_its_calls_its_refusals_and_its_state() {
    let text = r#"
fairlead_circuit_breaker_requests_total{cache="success",component="circuit-breaker",tag="reviews"} 12
fairlead_circuit_breaker_requests_total{cache="failure",component="circuit-breaker",tag="reviews"} 20
fairlead_circuit_breaker_requests_total{cache="late",component="circuit-breaker",tag="reviews"} 3
fairlead_circuit_breaker_requests_total{cache="rejected",component="circuit-breaker",tag="reviews"} 40
fairlead_circuit_breaker_requests_total{cache="rejected",component="other",tag="reviews"} 7
fairlead_circuit_breaker_rejected_total{cache="open",component="circuit-breaker",tag="reviews"} 99
fairlead_circuit_breaker_fallbacks_total{cache="stale",component="circuit-breaker",tag="reviews"} 25
fairlead_circuit_breaker_fallbacks_total{cache="reply",component="circuit-breaker",tag="reviews"} 15
fairlead_circuit_breaker_probes_total{cache="failure",component="circuit-breaker",tag="reviews"} 1
fairlead_circuit_breaker_transitions_total{cache="open",component="circuit-breaker",tag="reviews"} 2
fairlead_circuit_breaker_transitions_total{cache="half_open",component="circuit-breaker",tag="reviews"} 1
fairlead_circuit_breaker_state{component="circuit-breaker",tag="reviews"} 2
fairlead_circuit_breaker_epoch{component="circuit-breaker",tag="reviews"} 3
"#;
    let policy = Policy::demo().unwrap();
    let counted = Tallies::parse(text).breaker(&policy.breakers[0]);
    let expected = Counted {
        state: Some(State::Open),
        succeeded: 12,
        failed: 20,
        late: 3,
        rejected: 40,
        replies: 15,
        stale: 25,
        probes_failed: 1,
        opened: 2,
        half_opened: 1,
        ..Counted::default()
    };
    assert_eq!(counted, expected);
    assert_eq!(
        (counted.calls(), counted.requests(), counted.transitions()),
        (35, 75, 3)
    );
    assert_eq!(
        Tallies::default().breaker(&policy.breakers[0]),
        Counted::default()
    );
}

#[test]
fn a_histograms_numbers_are_its_windows_its_exact_counts_and_its_objectives() {
    let text = r#"
fairlead_latency_histogram_window_requests{component="latency-histogram",tag="route=/shop/,variant=v2"} 12
fairlead_latency_histogram_request_quantile_microseconds{cache="p50",component="latency-histogram",tag="route=/shop/,variant=v2"} 30500
fairlead_latency_histogram_request_quantile_microseconds{cache="p99",component="latency-histogram",tag="route=/shop/,variant=v2"} 41000
fairlead_latency_histogram_request_exact_microseconds_bucket{cache="50000",component="latency-histogram",tag="route=/shop/,status=2xx,variant=v2"} 7
fairlead_latency_histogram_request_exact_microseconds_count{component="latency-histogram",tag="route=/shop/,status=2xx,variant=v2"} 20
fairlead_latency_histogram_request_exact_microseconds_sum{component="latency-histogram",tag="route=/shop/,status=2xx,variant=v2"} 600000
fairlead_latency_histogram_slo_requests_total{component="latency-histogram",tag="pay"} 10
fairlead_latency_histogram_slo_good_total{component="latency-histogram",tag="pay"} 9
fairlead_latency_histogram_slo_good_total{component="other",tag="pay"} 1
"#;
    let histogram = Policy::demo().unwrap().histograms.remove(0);
    let latency = Tallies::parse(text).latency(&histogram);
    let window = &latency.window["route=/shop/,variant=v2"];
    assert_eq!(
        (window.requests, window.micros["p50"], window.micros["p99"]),
        (12, 30_500, 41_000)
    );
    let exact = Exact {
        requests: 20,
        micros: 600_000,
    };
    assert_eq!(latency.exact["route=/shop/,status=2xx,variant=v2"], exact);
    let pay = Objective {
        requests: 10,
        good: 9,
    };
    assert_eq!(
        (latency.objective("pay"), latency.objective("other")),
        (pay, Objective::default())
    );
    assert_eq!(Tallies::default().latency(&histogram), Latency::default());
}
