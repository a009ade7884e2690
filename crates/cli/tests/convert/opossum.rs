//! opossum's options.

use crate::{convert, refused, sample};
use fairlead_config::circuit_breaker::Force;
use std::num::NonZeroU32;
use std::time::Duration;

#[test]
fn options_with_everything_become_a_breaker_and_lose_nothing_in_silence() {
    let text = std::fs::read_to_string(sample("opossum.json")).unwrap();
    let converted = convert(&text, &[]);
    assert_eq!(
        converted.policy(),
        "circuit_breaker:
  breakers:
  - name: stock-service
    preset: opossum
    window: {duration: 20s, buckets: 10}
    minimum_requests: 10
    trip: {error_rate: 50%}
    open: {duration: 15s}
    warm_up: 20s
    timeout: 3s
    max_in_flight: 50"
    );
    for (begins, parts) in [
        (
            "1: changed: the breaker is about every request",
            &["`match`", "`failure`"][..],
        ),
        ("2: name: became", &[]),
        ("3: timeout: changed: timeout: 3s", &["all retries"]),
        (
            "4: errorThresholdPercentage: changed: trip: {error_rate: 50%}",
            &["completed calls", "calls begun"],
        ),
        ("5: resetTimeout: became: open: {duration: 15s}", &[]),
        ("6: rollingCountTimeout: became: window: {duration: 20s}", &[]),
        ("7: rollingCountBuckets: became: window: {buckets: 10}", &[]),
        ("8: volumeThreshold: changed: minimum_requests: 10", &["fires"]),
        ("9: allowWarmUp: became: warm_up: 20s", &[]),
        ("10: capacity: changed: max_in_flight: 50", &["counts as nothing"]),
        ("11: cache: lost", &["stale"]),
        ("12: cacheTTL: lost: goes with cache", &[]),
        ("13: rollingPercentilesEnabled: became: nothing", &[]),
        (
            "lost: functions are in no file",
            &["errorFilter", "fallback", "healthCheck"],
        ),
    ] {
        converted.says(begins, parts);
    }
    assert_eq!(converted.notes.len(), 15, "{:#?}", converted.notes);
}

#[test]
fn a_default_that_no_preset_has_is_written() {
    let converted = convert("{}", &["--from", "opossum"]);
    assert_eq!(
        converted.policy(),
        "circuit_breaker:\n  breakers:\n  - name: opossum\n    preset: opossum\n    timeout: 10s"
    );
    converted.says("1: changed: timeout is not written", &["timeout: 10s"]);
    let [breaker] = &converted.breakers[..] else {
        panic!()
    };
    assert_eq!(breaker.policy.open.duration, Duration::from_secs(30));
    assert_eq!(breaker.policy.minimum_requests, 1);
    assert!(breaker.policy.rules.trip_above && breaker.policy.rules.keep_window);
}

#[test]
fn options_are_read_as_opossum_reads_them() {
    let line = |options: &str, key: &str| {
        let policy = convert(options, &["--from", "opossum"]).policy();
        let begins = format!("    {key}: ");
        let found = policy.lines().find_map(|line| line.strip_prefix(&begins));
        found.unwrap_or("absent").to_owned()
    };
    for (options, key, expected) in [
        ("{timeout: false}", "timeout", "absent"),
        ("{timeout: 0}", "timeout", "absent"),
        ("{timeout: null}", "timeout", "10s"),
        ("{timeout: 2.5}", "timeout", "3ms"),
        ("{timeout: 86400000}", "timeout", "1h"),
        ("{timeout: 1e300}", "timeout", "1h"),
        ("{errorThresholdPercentage: 0}", "trip", "{error_rate: 0.0001%}"),
        (
            "{errorThresholdPercentage: 33.333333}",
            "trip",
            "{error_rate: 33.3333%}",
        ),
        ("{errorThresholdPercentage: 100}", "trip", "{error_rate: 100%}"),
        ("{errorThresholdPercentage: 250}", "trip", "{error_rate: 100%}"),
        ("{resetTimeout: 0}", "open", "{duration: 1ms}"),
        ("{resetTimeout: 600000}", "open", "{duration: 10m}"),
        ("{volumeThreshold: 0}", "minimum_requests", "1"),
        ("{volumeThreshold: 5000000}", "minimum_requests", "1000000"),
        ("{rollingCountBuckets: 100}", "window", "{buckets: 60}"),
        ("{rollingCountTimeout: 1}", "window", "{duration: 100ms}"),
        ("{allowWarmUp: true}", "warm_up", "10s"),
        ("{allowWarmUp: false}", "warm_up", "absent"),
        ("{capacity: 9007199254740991}", "max_in_flight", "absent"),
        ("{capacity: 1.5}", "max_in_flight", "absent"),
        ("{capacity: 0}", "max_in_flight", "1"),
        ("{capacity: 1000000}", "max_in_flight", "100000"),
        ("{enabled: true}", "force", "absent"),
        ("{enabled: false}", "force", "closed"),
    ] {
        assert_eq!(line(options, key), expected, "{options}");
    }
    let converted = convert("{enabled: false, capacity: 5}", &["--from", "opossum"]);
    assert_eq!(converted.breakers[0].force, Some(Force::Closed));
    assert_eq!(converted.breakers[0].max_in_flight, NonZeroU32::new(5));
}

#[test]
fn a_number_that_means_something_else_here_says_so() {
    for (options, begins, part) in [
        (
            "{errorThresholdPercentage: 0}",
            "1: errorThresholdPercentage: changed",
            "the first failure opens it",
        ),
        (
            "{errorThresholdPercentage: 100}",
            "1: errorThresholdPercentage: changed",
            "It never opens",
        ),
        (
            "{resetTimeout: 7200000}",
            "1: resetTimeout: changed",
            "1h is the most",
        ),
        (
            "{rollingCountBuckets: 100}",
            "1: rollingCountBuckets: changed",
            "1 to 60 are possible",
        ),
        ("{capacity: 0}", "1: capacity: changed", "force: open"),
        ("{enabled: false}", "1: enabled: changed", "mode: \"off\""),
        ("{timeout: 7200000}", "1: timeout: changed", "1h is the most"),
    ] {
        convert(options, &["--from", "opossum"]).says(begins, &[part]);
    }
}

#[test]
fn every_option_that_a_policy_cannot_say_is_named_with_what_to_do() {
    for (option, part) in [
        ("errorFilter", "ignore: {status: [404]}"),
        ("fallback", "fallback: {status: 503, body: ..}"),
        ("cache", "stale"),
        ("cacheTTL", "goes with cache"),
        ("cacheSize", "goes with cache"),
        ("cacheGetKey", "goes with cache"),
        ("cacheTransport", "goes with cache"),
        ("coalesce", "each request goes its own way"),
        ("coalesceTTL", "goes with coalesce"),
        ("coalesceSize", "goes with coalesce"),
        ("coalesceResetOn", "goes with coalesce"),
        ("healthCheck", "active health check"),
        ("abortController", "not needed"),
        ("autoRenewAbortController", "not needed"),
        ("rollingPercentilesEnabled", "istio_request_duration_milliseconds"),
        ("enableSnapshots", "metrics"),
        ("rotateBucketController", "not needed"),
        ("group", "no groups"),
        ("maxFailures", "no longer read by opossum"),
        ("state", "begins closed"),
        ("status", "begins closed"),
        ("tiemout", "no option of opossum that is known here"),
    ] {
        let converted = convert(&format!("{{{option}: true}}"), &["--from", "opossum"]);
        converted.says(&format!("1: {option}: lost: "), &[part]);
    }
    // A JavaScript object without functions reads as well.
    let converted = convert(
        "{\n  cache: false,\n  coalesce: false,\n}\n",
        &["--from", "opossum"],
    );
    converted.says("2: cache: became: nothing", &[]);
    converted.says("3: coalesce: became: nothing", &[]);
}

#[test]
fn what_cannot_be_read_is_refused_with_line_field_and_fix() {
    refused(
        "{\n\"timeout\": \"soon\",\n\"volumeThreshold\": -1,\n\"allowWarmUp\": 1}",
        &[],
        &[
            ":2: timeout: \"soon\" is not a number: write one without a unit",
            ":3: volumeThreshold: -1 is not a whole number of 0 or more",
            ":4: allowWarmUp: 1 is not true or false",
        ],
    );
    refused(
        "[1]",
        &["--from", "opossum"],
        &[":1: a list is not an object: write the options of one breaker"],
    );
    refused(
        "timeout: 1\n---\ntimeout: 2\n",
        &[],
        &[": holds no options, or those of several breakers: write one object"],
    );
}
