//! Whatever a source says, what is made of it is a policy.

use super::*;

/// Asserts that the source is either refused, or becomes a policy that reads back as what was meant.
fn check(text: &str) -> bool {
    let Ok(made) = convert(text, None, None) else {
        return false;
    };
    let yaml = print::yaml(&made);
    if let Err(refused) = policy_file::parse(&yaml) {
        panic!("{text}\n{yaml}\n{:?}", refused.mistakes);
    }
    let read = yaml::documents(&yaml).unwrap();
    assert_eq!(read[0].to_value(), print::policy(&made).to_value(), "{yaml}");
    true
}

const NUMBERS: [&str; 14] = [
    "0",
    "1",
    "-1",
    "0.5",
    "1e-9",
    "99.99999",
    "100",
    "101",
    "60000",
    "86400000",
    "4294967296",
    "9007199254740991",
    "18446744073709551615",
    "1e300",
];
const DURATIONS: [&str; 10] = [
    "0s", "1ms", "1us", "1.0005s", "59m59s", "1h", "25h", "3650d", "PT0S", "500",
];

#[test]
fn every_number_of_opossum_becomes_one_that_a_policy_can_hold() {
    let mut converted: usize = 0;
    for option in [
        "timeout",
        "errorThresholdPercentage",
        "resetTimeout",
        "rollingCountTimeout",
        "rollingCountBuckets",
        "volumeThreshold",
        "capacity",
    ] {
        for number in NUMBERS {
            converted += usize::from(check(&format!("{{{option}: {number}, allowWarmUp: true}}")));
        }
    }
    assert!(converted > 80, "{converted}");
}

#[test]
fn every_number_and_duration_of_resilience4j_becomes_one_that_a_policy_can_hold() {
    const MORE: &str = "enableExponentialBackoff: true, enableRandomizedWait: true";
    let mut converted: usize = 0;
    for kind in ["COUNT_BASED", "TIME_BASED"] {
        for option in [
            "failureRateThreshold",
            "slowCallRateThreshold",
            "slidingWindowSize",
            "minimumNumberOfCalls",
            "permittedNumberOfCallsInHalfOpenState",
            "exponentialBackoffMultiplier",
            "randomizedWaitFactor",
            "slowCallDurationThreshold",
            "waitDurationInOpenState",
            "maxWaitDurationInHalfOpenState",
            "exponentialMaxWaitDurationInOpenState",
        ] {
            for value in NUMBERS.iter().chain(&DURATIONS) {
                let wait = if option == "waitDurationInOpenState" {
                    ""
                } else {
                    "waitDurationInOpenState: 59m, "
                };
                let text = format!(
                    "resilience4j.circuitbreaker.instances.a: {{{wait}{MORE}, slidingWindowType: {kind}, {option}: {value}}}"
                );
                converted += usize::from(check(&text));
            }
        }
    }
    assert!(converted > 250, "{converted}");
}

#[test]
fn every_number_and_duration_of_a_destination_rule_becomes_one_that_a_policy_can_hold() {
    let mut converted: usize = 0;
    for option in [
        "consecutive5xxErrors",
        "consecutiveGatewayErrors",
        "consecutiveLocalOriginFailures",
        "maxEjectionPercent",
        "interval",
        "baseEjectionTime",
    ] {
        for value in NUMBERS.iter().chain(&DURATIONS) {
            for host in ["reviews", "*.example.com", "*", "api.example.com"] {
                let text = format!(
                    "kind: DestinationRule\napiVersion: networking.istio.io/v1\nspec: {{host: \"{host}\", trafficPolicy: {{outlierDetection: \
                     {{splitExternalLocalOriginErrors: true, {option}: {value}}}}}}}"
                );
                converted += usize::from(check(&text));
            }
        }
    }
    assert!(converted > 200, "{converted}");
}
