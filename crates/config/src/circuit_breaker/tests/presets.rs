//! The starting values of known libraries, and what is written over them.

use super::*;
use fairlead_breaker::preset::Preset;

/// Every preset, by its word.
const PRESETS: [(&str, Preset); 5] = [
    ("opossum", Preset::Opossum),
    ("resilience4j", Preset::Resilience4j),
    ("gobreaker", Preset::Gobreaker),
    ("envoy", Preset::Envoy),
    ("hystrix", Preset::Hystrix),
];

fn of(preset: &str, fields: &str) -> Breaker {
    breaker(&format!(r#""preset":"{preset}"{fields}"#))
}

#[test]
fn a_preset_alone_is_the_library() {
    for (word, preset) in PRESETS {
        let read = of(word, "");
        assert_eq!(read.preset, Some(preset), "{word}");
        assert_eq!(
            (read.policy, read.classes),
            (preset.policy(), preset.classes()),
            "{word}"
        );
        assert_eq!(read.capped_minimum, None, "{word}");
    }
}

#[test]
fn the_libraries_are_told_apart_by_what_they_are_known_for() {
    let trip = |word: &str| of(word, "").policy.trip;
    assert_eq!(trip("gobreaker").consecutive_failures, Some(number(6)));
    assert_eq!(trip("envoy").consecutive_failures, Some(number(5)));
    assert_eq!(trip("opossum").error_rate, Some(share("50%")));
    assert!(of("opossum", "").policy.rules.trip_above);
    assert_eq!(of("resilience4j", "").policy.window, Window::Calls(number(100)));
    assert_eq!(of("envoy", "").policy.open.backoff, Backoff::Linear);
    assert!(of("hystrix", "").policy.rules.lost_probe_opens);
}

#[test]
fn each_field_that_is_written_wins_alone() {
    for (word, preset) in PRESETS {
        let base = preset.policy();
        let changed = of(
            word,
            r#","minimum_requests":1,"open":{"jitter":"7%"},"half_open":{"then":"close"},"warm_up":"3s","recovery_ramp":"4s""#,
        );
        assert_eq!(
            changed.policy,
            Policy {
                minimum_requests: 1,
                open: Open {
                    jitter: share("7%"),
                    ..base.open
                },
                half_open: HalfOpen {
                    then: Then::Close,
                    ..base.half_open
                },
                warm_up: seconds(3),
                recovery_ramp: seconds(4),
                ..base
            },
            "{word}"
        );
    }
}

#[test]
fn a_trip_replaces_that_of_the_preset_as_a_whole() {
    for (word, preset) in PRESETS {
        let trip = of(word, r#","trip":{"consecutive_failures":9}"#).policy.trip;
        assert_eq!(
            trip,
            Trip {
                consecutive_failures: Some(number(9)),
                ..Trip::default()
            },
            "{word}"
        );
        assert_eq!(of(word, "").policy.rules, preset.policy().rules, "{word}");
    }
}

#[test]
fn a_window_keeps_what_it_does_not_say_of_the_preset() {
    for (word, written, window) in [
        ("gobreaker", r#"{"duration":"30s"}"#, time(30, 1)),
        ("gobreaker", r#"{"buckets":6}"#, time(60, 6)),
        ("gobreaker", r#"{"calls":50}"#, Window::Calls(number(50))),
        ("resilience4j", r#"{"duration":"30s"}"#, time(30, 10)),
        ("resilience4j", r#"{"buckets":5}"#, time(10, 5)),
        ("resilience4j", r#"{"calls":10}"#, Window::Calls(number(10))),
    ] {
        let read = of(word, &format!(r#","window":{written}"#));
        assert_eq!(read.policy.window, window, "{word} {written}");
    }
    // As in resilience4j, the minimum of 100 is no more than the window holds.
    assert_eq!(
        of("resilience4j", r#","window":{"calls":10}"#)
            .policy
            .minimum_requests,
        10
    );
}

#[test]
fn a_longer_duration_than_the_most_of_a_preset_raises_it() {
    for (word, preset) in PRESETS {
        let open = of(word, r#","open":{"duration":"1h"}"#).policy.open;
        let base = preset.policy().open;
        assert_eq!(
            open,
            Open {
                duration: seconds(3600),
                max: base.max.max(seconds(3600)),
                ..base
            },
            "{word}"
        );
    }
}
