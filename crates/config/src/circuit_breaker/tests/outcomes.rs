//! Which responses count as what.

use super::*;
use fairlead_breaker::preset::Preset;

fn classes(fields: &str) -> Classes {
    breaker(fields).classes
}

#[test]
fn statuses_are_written_one_by_one_as_a_range_or_as_a_class() {
    for (written, from, to) in [
        (r#""5xx""#, 500, 599),
        (r#""1xx""#, 100, 199),
        ("503", 503, 503),
        ("503.0", 503, 503),
        (r#""503""#, 503, 503),
        (r#""500-504""#, 500, 504),
        (r#""499-499""#, 499, 499),
        (r#""100-599""#, 100, 599),
    ] {
        let failures = classes(&format!(r#""failure":{{"status":[{written}]}}"#)).failures;
        for status in 100..=599 {
            assert_eq!(
                failures.contains(status),
                (from..=to).contains(&status),
                "{written} {status}"
            );
        }
    }
    let two = classes(r#""failure":{"status":[429,"500-503",502]}"#).failures;
    let listed: Vec<u16> = (100..=599).filter(|status| two.contains(*status)).collect();
    assert_eq!(listed, [429, 500, 501, 502, 503]);
    assert_eq!(
        classes(r#""failure":{"status":[]}"#).failures,
        Statuses::default()
    );
}

#[test]
fn grpc_statuses_are_written_by_name_or_by_number() {
    for (number, name) in GrpcStatuses::NAMES.iter().enumerate() {
        let named = classes(&format!(r#""ignore":{{"grpc":["{name}"]}}"#)).grpc_ignored;
        let numbered = classes(&format!(r#""ignore":{{"grpc":[{number}]}}"#)).grpc_ignored;
        let listed: Vec<usize> = (0..=16)
            .filter(|code| named.contains(u32::try_from(*code).unwrap()))
            .collect();
        assert_eq!((listed, named), (vec![number], numbered), "{name}");
    }
}

#[test]
fn flags_are_written_as_envoy_names_them() {
    for name in LocalReplies::NAMES {
        let read = classes(&format!(r#""failure":{{"local_replies":["{name}"]}}"#)).local_replies;
        let bit = LocalReplies::bit(name).unwrap();
        assert_eq!(read, LocalReplies::NONE.with(bit), "{name}");
        assert!(read.contains(bit), "{name}");
    }
    let two = classes(r#""failure":{"local_replies":["UH","UF"]}"#).local_replies;
    assert_eq!(two, LocalReplies::NONE.with(LocalReplies::UH | LocalReplies::UF));
}

#[test]
fn what_is_written_wins_and_what_is_not_stays() {
    let default = Classes::default();
    for preset in ["", r#","preset":"gobreaker""#] {
        let changed = classes(&format!(
            r#""failure":{{"reset":false}},"ignore":{{"status":[501]}}{preset}"#
        ));
        let base = if preset.is_empty() {
            default
        } else {
            Preset::Gobreaker.classes()
        };
        assert_eq!(
            changed,
            Classes {
                reset: false,
                ignored: Statuses::default().with(501, 501),
                ..base
            }
        );
    }
    assert_eq!(classes(""), default);
    assert_eq!(classes(r#""failure":{},"ignore":{}"#), default);
    assert_eq!(
        classes(
            r#""failure":{"status":["5xx"],"grpc":["UNAVAILABLE","DEADLINE_EXCEEDED","INTERNAL","DATA_LOSS"],"reset":true,
            "truncated":false,"local_replies":["UF","UH","UT","URX"]},"ignore":{"status":[],"grpc":[],"client_abort":true}"#
        ),
        default
    );
}
