//! How values can be written, and which edges are still inside.

use super::*;

#[test]
fn a_window_is_a_time_or_a_number_of_calls() {
    for (written, window) in [
        (r#"{"duration":"1m"}"#, time(60, 10)),
        (r#"{"buckets":1}"#, time(10, 1)),
        (r#"{"duration":"1h","buckets":60}"#, time(3600, 60)),
        (r#"{"calls":100}"#, Window::Calls(number(100))),
    ] {
        let read = breaker(&format!(r#""window":{written}"#));
        assert_eq!(
            (read.policy.window, read.policy.minimum_requests),
            (window, 20),
            "{written}"
        );
    }
}

#[test]
fn a_window_of_fewer_calls_than_the_minimum_is_judged_when_it_is_full() {
    for (written, minimum, capped) in [
        (r#""window":{"calls":10}"#, 10, None),
        (r#""window":{"calls":10},"minimum_requests":10"#, 10, None),
        (r#""window":{"calls":10},"minimum_requests":11"#, 10, Some(11)),
        (r#""window":{"calls":10},"minimum_requests":5"#, 5, None),
    ] {
        let read = breaker(written);
        assert_eq!(
            (read.policy.minimum_requests, read.capped_minimum),
            (minimum, capped),
            "{written}"
        );
    }
}

#[test]
fn one_way_to_trip_is_enough_and_replaces_the_default() {
    let none = Trip::default();
    for (written, trip) in [
        (
            r#"{"consecutive_failures":5}"#,
            Trip {
                consecutive_failures: Some(number(5)),
                ..none
            },
        ),
        (
            r#"{"slow":{"above":"250ms"}}"#,
            Trip {
                slow: Some(Slow {
                    above: Duration::from_millis(250),
                    rate: Share::ALL,
                }),
                ..none
            },
        ),
        (
            r#"{"error_rate":"0.5%"}"#,
            Trip {
                error_rate: Some(share("0.5%")),
                ..none
            },
        ),
    ] {
        assert_eq!(
            breaker(&format!(r#""trip":{written}"#)).policy.trip,
            trip,
            "{written}"
        );
    }
}

#[test]
fn the_time_open_grows_by_a_factor_or_in_steps() {
    let open = |fields: &str| breaker(&format!(r#""open":{{{fields}}}"#)).policy.open;
    for (written, backoff) in [
        ("1", Backoff::Factor { permille: 1000 }),
        ("2.0", Backoff::Factor { permille: 2000 }),
        ("1.2345", Backoff::Factor { permille: 1235 }),
        ("100", Backoff::Factor { permille: 100_000 }),
        (r#""linear""#, Backoff::Linear),
    ] {
        assert_eq!(
            open(&format!(r#""backoff":{written}"#)).backoff,
            backoff,
            "{written}"
        );
    }
    for (written, duration, max) in [
        (r#""duration":"1m""#, 60, 300),
        (r#""duration":"10m""#, 600, 600),
        (r#""duration":"10m","max":"10m""#, 600, 600),
        (r#""max":"30s""#, 30, 30),
    ] {
        let open = open(written);
        assert_eq!(
            (open.duration, open.max),
            (seconds(duration), seconds(max)),
            "{written}"
        );
    }
}

#[test]
fn no_probes_and_no_ramps_can_be_written_out() {
    let read = breaker(r#""half_open":{"probes":0,"max_wait":"1ms"},"recovery_ramp":"0s","warm_up":"0ms""#);
    assert_eq!(
        (read.policy.half_open.probes, read.policy.half_open.max_wait),
        (0, Duration::from_millis(1))
    );
    assert_eq!(
        (read.policy.recovery_ramp, read.policy.warm_up),
        (Duration::ZERO, Duration::ZERO)
    );
}

#[test]
fn a_throttle_has_the_defaults_of_admission_control() {
    let throttle = |fields: &str| breaker(&format!(r#""throttle":{{{fields}}},"force":"open""#)).throttle;
    assert_eq!(
        throttle(""),
        Some(Throttle {
            success_rate: share("95%"),
            aggression_permille: 1000,
            max_rejection: share("80%"),
        })
    );
    assert_eq!(
        throttle(r#""success_rate":"50%","aggression":1.5,"max_rejection":"100%""#),
        Some(Throttle {
            success_rate: share("50%"),
            aggression_permille: 1500,
            max_rejection: Share::ALL,
        })
    );
    let wide = breaker(r#""throttle":{},"per":"rule","window":{"duration":"30s","buckets":2}"#);
    assert_eq!(wide.policy.window, time(30, 2));
}

#[test]
fn a_fallback_is_a_reply_a_kept_response_or_another_route() {
    let fallback = |fields: &str| breaker(&format!(r#""fallback":{{{fields}}}"#)).fallback;
    let problem = fallback(r#""problem_json":true"#).reply;
    assert_eq!(
        (
            problem.status,
            problem.content_type.as_str(),
            problem.problem_json
        ),
        (503, "application/problem+json", true)
    );
    for (written, bytes) in [
        (r#""64KiB""#, 65_536),
        (r#""1B""#, 1),
        (r#""1MiB""#, 1_048_576),
        ("4096", 4096),
        ("1048576.0", 1_048_576),
    ] {
        let stale = fallback(&format!(r#""stale":{{"max_body":{written}}}"#)).stale;
        assert_eq!(
            stale,
            Some(Stale {
                max_age: seconds(300),
                max_body_bytes: bytes,
                max_entries: number(32)
            }),
            "{written}"
        );
    }
    // Just what fits.
    assert!(
        fallback(r#""stale":{"max_body":"64KiB","max_entries":1024}"#)
            .stale
            .is_some()
    );
    let other = fallback(r#""reroute":{"header":"X-Fallback","value":"a b"}"#);
    assert_eq!(
        other.reroute,
        Some(Reroute {
            header: "x-fallback".to_owned(),
            value: "a b".to_owned()
        })
    );
}
