//! resilience4j's Spring configuration.

use crate::{convert, refused, sample};

#[test]
fn a_configuration_becomes_a_breaker_for_each_instance_and_loses_nothing_in_silence() {
    let text = std::fs::read_to_string(sample("application.yaml")).unwrap();
    let converted = convert(&text, &[]);
    assert_eq!(
        converted.policy(),
        "circuit_breaker:
  breakers:
  - name: stock
    preset: resilience4j
    window: {duration: 30s, buckets: 30}
    minimum_requests: 20
    trip: {error_rate: 40%, slow: {above: 1m, rate: 100%}}
    open: {duration: 10s}
    half_open: {probes: 5, success_rate: 60%}
  - name: payment
    preset: resilience4j
    window: {calls: 50}
    minimum_requests: 20
    trip: {error_rate: 50%, slow: {above: 2s, rate: 80%}}
    open: {duration: 10s, backoff: 2, max: 5m}
    half_open: {probes: 5}"
    );
    let base = "resilience4j.circuitbreaker";
    for (line, path, begins) in [
        (
            8,
            "configs.default.slidingWindowType",
            "became: window: {duration: 30s, buckets: 30}",
        ),
        (
            9,
            "configs.default.slidingWindowSize",
            "became: window: {duration: 30s, buckets: 30}",
        ),
        (
            10,
            "configs.default.minimumNumberOfCalls",
            "became: minimum_requests: 20",
        ),
        (
            11,
            "configs.default.waitDurationInOpenState",
            "became: open: {duration: 10s}",
        ),
        (
            12,
            "configs.default.permittedNumberOfCallsInHalfOpenState",
            "became: half_open: {probes: 5}",
        ),
        (
            13,
            "configs.default.automaticTransitionFromOpenToHalfOpenEnabled",
            "lost: ",
        ),
        (14, "configs.default.registerHealthIndicator", "lost: "),
        (
            18,
            "instances.stock.failureRateThreshold",
            "became: trip: {error_rate: 40%}",
        ),
        (
            19,
            "instances.stock.ignoreExceptions",
            "lost: a proxy sees no exceptions",
        ),
        (
            21,
            "instances.payment.sliding-window-type",
            "became: window: {calls: 50}",
        ),
        (
            22,
            "instances.payment.sliding-window-size",
            "became: window: {calls: 50}",
        ),
        (
            23,
            "instances.payment.slow-call-duration-threshold",
            "became: trip: {slow: {above: 2s}}",
        ),
        (
            24,
            "instances.payment.slow-call-rate-threshold",
            "became: trip: {slow: {rate: 80%}}",
        ),
        (
            25,
            "instances.payment.enable-exponential-backoff",
            "became: open.backoff",
        ),
        (
            26,
            "instances.payment.exponential-backoff-multiplier",
            "became: open: {backoff: 2}",
        ),
        (
            27,
            "instances.payment.exponential-max-wait-duration-in-open-state",
            "became: open: {max: 5m}",
        ),
    ] {
        converted.says(&format!("{line}: {base}.{path}: {begins}"), &[]);
    }
    converted.says("29: resilience4j.timelimiter: lost", &["timeout: 3s"]);
    converted.says(
        "changed: each breaker is about every request",
        &["`match`", "`failure`"],
    );
    assert_eq!(converted.notes.len(), 19, "{:#?}", converted.notes);
}

/// The fields of a single instance `a`, written so, as the policy has them.
fn made(fields: &str) -> String {
    let text = format!("resilience4j.circuitbreaker.instances.a: {{{fields}}}");
    let policy = convert(&text, &[]).policy();
    let (_, rest) = policy.split_once("preset: resilience4j").unwrap();
    rest.lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ")
        .trim()
        .to_owned()
}

#[test]
fn each_field_becomes_what_it_means() {
    for (fields, expected) in [
        ("", ""),
        ("slidingWindowSize: 2000", "window: {calls: 1000}"),
        (
            "slidingWindowType: time_based, slidingWindowSize: 300",
            "window: {duration: 5m, buckets: 60}",
        ),
        (
            "slidingWindowType: TIME_BASED",
            "window: {duration: 100s, buckets: 60}",
        ),
        (
            "slidingWindowSize: 10, minimumNumberOfCalls: 50",
            "window: {calls: 10} minimum_requests: 10",
        ),
        (
            "failureRateThreshold: 100",
            "trip: {error_rate: 100%, slow: {above: 1m, rate: 100%}} half_open: {success_rate: 0%}",
        ),
        (
            "failureRateThreshold: \"33.5\"",
            "trip: {error_rate: 33.5%, slow: {above: 1m, rate: 100%}} half_open: {success_rate: 66.5%}",
        ),
        (
            "slowCallDurationThreshold: PT2S",
            "trip: {error_rate: 50%, slow: {above: 2s, rate: 100%}}",
        ),
        ("waitDurationInOpenState: 500", "open: {duration: 500ms}"),
        ("waitDurationInOpenState: 2h", "open: {duration: 1h}"),
        (
            "waitDurationInOpenState: 10s, enableExponentialBackoff: true",
            "open: {duration: 10s, backoff: 1.5, max: 24h}",
        ),
        (
            "waitDurationInOpenState: 10s, enableExponentialBackoff: true, exponentialMaxWaitDurationInOpenState: 5s",
            "open: {duration: 10s, backoff: 1.5, max: 10s}",
        ),
        (
            "waitDurationInOpenState: 10s, enableRandomizedWait: true",
            "open: {duration: 10s, jitter: 50%}",
        ),
        ("enableExponentialBackoff: true", ""),
        (
            "permittedNumberOfCallsInHalfOpenState: 3, maxWaitDurationInHalfOpenState: 20s, transitionToStateAfterWaitDuration: CLOSED",
            "half_open: {probes: 3, max_wait: 20s, then: close}",
        ),
        ("maxWaitDurationInHalfOpenState: 0", ""),
        ("initialState: FORCED_OPEN", "force: open"),
        ("initialState: DISABLED", "force: closed"),
        ("initialState: METRICS_ONLY", "mode: shadow"),
        ("initialState: CLOSED", ""),
    ] {
        assert_eq!(made(fields), expected, "{fields}");
    }
}

#[test]
fn a_breaker_closes_on_the_other_side_of_the_rate_that_opens_it() {
    let converted = convert(
        "resilience4j.circuitbreaker.instances.a.failureRateThreshold: 30",
        &[],
    );
    assert_eq!(converted.breakers.len(), 1);
    let half_open = converted.breakers[0].policy.half_open;
    assert_eq!(half_open.success_rate.ppm(), 700_000);
    assert!(converted.breakers[0].policy.rules.close_above);
}

#[test]
fn configs_are_looked_up_as_resilience4j_does() {
    let rate = |configs: &str, instance: &str| {
        let text = format!(
            "resilience4j:\n  circuitbreaker:\n    configs: {{{configs}}}\n    instances: {{{instance}}}\n"
        );
        let converted = convert(&text, &[]);
        converted.breakers[0].policy.trip.error_rate.unwrap().ppm() / 10_000
    };
    let both =
        "default: {failureRateThreshold: 10}, slow: {failureRateThreshold: 20}, row: {baseConfig: slow}";
    assert_eq!(rate(both, "a: {}"), 10);
    assert_eq!(rate(both, "slow: {}"), 20);
    assert_eq!(rate(both, "a: {baseConfig: slow}"), 20);
    assert_eq!(rate(both, "a: {baseConfig: row}"), 20);
    assert_eq!(
        rate(both, "a: {baseConfig: slow, failure-rate-threshold: 30}"),
        30
    );
    assert_eq!(rate("slow: {failureRateThreshold: 20}", "a: {}"), 50);
    // Without instances each config is one, and other documents of the file are none of this command's business.
    let text = "server: {port: 1}\n---\nresilience4j.circuitbreaker.configs.slow.failureRateThreshold: 20\n";
    assert_eq!(convert(text, &[]).breakers[0].name, "slow");
}

#[test]
fn what_a_policy_cannot_say_is_named_with_what_to_do() {
    for (field, part) in [
        ("recordExceptions", "failure: {status:"),
        ("recordFailurePredicate", "failure: {status:"),
        ("recordResultPredicate", "failure: {status:"),
        ("ignoreExceptions", "ignore: {status: [404]}"),
        ("ignoreExceptionPredicate", "ignore: {status: [404]}"),
        ("automaticTransitionFromOpenToHalfOpenEnabled", "first probe"),
        ("registerHealthIndicator", "metrics"),
        ("eventConsumerBufferSize", "metrics"),
        ("writableStackTraceEnabled", "metrics"),
        ("failureRate", "no field of a breaker that is known here"),
    ] {
        let path = format!("resilience4j.circuitbreaker.instances.a.{field}");
        let text = format!("resilience4j:\n circuitbreaker:\n  instances:\n   a:\n    {field}: true\n");
        convert(&text, &[]).says(&format!("5: {path}: lost: "), &[part]);
    }
    let zero =
        "resilience4j:\n circuitbreaker:\n  instances:\n   a:\n    maxWaitDurationInHalfOpenState: 0\n";
    convert(zero, &[]).says(
        "5: resilience4j.circuitbreaker.instances.a.maxWaitDurationInHalfOpenState: lost",
        &["nothing waits forever"],
    );
}

#[test]
fn what_cannot_be_read_is_refused_with_line_field_and_fix() {
    refused(
        "resilience4j:\n circuitbreaker:\n  instances:\n   a:\n    waitDurationInOpenState: ${WAIT:10s}\n    minimumNumberOfCalls: few\n",
        &[],
        &[
            ":5: resilience4j.circuitbreaker.instances.a.waitDurationInOpenState: \"${WAIT:10s}\" is not a duration: write a number and its unit, as in 500ms or 10s, and no placeholder",
            ":6: resilience4j.circuitbreaker.instances.a.minimumNumberOfCalls: \"few\" is not a number: write one without a unit",
        ],
    );
    refused(
        "resilience4j:\n circuitbreaker:\n  configs: {a: {baseConfig: b}, b: {baseConfig: a}}\n",
        &[],
        &[
            ":3: resilience4j.circuitbreaker.configs.a: goes round in its baseConfig: end the chain",
            ":3: resilience4j.circuitbreaker.configs.b: goes round in its baseConfig: end the chain",
        ],
    );
    refused(
        "resilience4j:\n circuitbreaker:\n  instances:\n   a: {baseConfig: none}\n",
        &[],
        &[
            ":4: resilience4j.circuitbreaker.instances.a.baseConfig: \"none\" is not the name of one of the configs",
        ],
    );
    refused(
        "resilience4j: {retry: {}}",
        &[],
        &[": holds no breaker: write resilience4j.circuitbreaker.instances, or its configs"],
    );
}
