use super::*;
use crate::gcra::Outcome;
use std::num::NonZeroU32;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

fn admitted(remaining: u32, next_ms: u64) -> Decision {
    Decision {
        outcome: Outcome::Admitted,
        remaining,
        next_after: Duration::from_millis(next_ms),
        full_after: Duration::from_hours(1),
    }
}

fn denied(retry_ms: u64, next_ms: u64) -> Decision {
    Decision {
        outcome: Outcome::Denied {
            retry_after: Duration::from_millis(retry_ms),
        },
        ..admitted(0, next_ms)
    }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut field = Vec::new();
    write(&mut field);
    String::from_utf8(field).unwrap()
}

#[test]
fn a_policy_states_the_rate_in_the_operators_terms() {
    for (text, expected) in [
        ("100/s", r#""a";q=100;w=1"#),
        ("60/m", r#""a";q=60;w=60"#),
        ("1/h", r#""a";q=1;w=3600"#),
        ("86400000000/d", r#""a";q=86400000000;w=86400"#),
    ] {
        assert_eq!(written(|field| push_policy(field, "a", rate(text))), expected);
    }
}

#[test]
fn several_limits_are_a_list() {
    let policies = written(|field| {
        push_policy(field, "burst", rate("100/m"));
        push_policy(field, "daily", rate("1000/d"));
    });
    assert_eq!(policies, r#""burst";q=100;w=60, "daily";q=1000;w=86400"#);
    let limits = written(|field| {
        push_limit(field, "burst", &admitted(50, 30_000));
        push_limit(field, "daily", &admitted(999, 86_400));
    });
    assert_eq!(limits, r#""burst";r=50;t=30, "daily";r=999;t=87"#);
}

#[test]
fn a_full_bucket_has_no_t() {
    assert_eq!(
        written(|field| push_limit(field, "a", &admitted(5, 0))),
        r#""a";r=5"#
    );
}

#[test]
fn names_are_escaped_as_structured_field_strings() {
    let name = |name| written(|field| push_limit(field, name, &admitted(1, 0)));
    assert_eq!(name(r#"a"b\c"#), r#""a\"b\\c";r=1"#);
    assert_eq!(name("a b~;,="), r#""a b~;,=";r=1"#);
    assert_eq!(name("ü\r\n\u{7f}"), r#""_____";r=1"#);
}

#[test]
fn seconds_are_rounded_up_and_at_least_one() {
    for (ms, seconds) in [
        (1, 1),
        (999, 1),
        (1000, 1),
        (1001, 2),
        (59_000, 59),
        (3_600_000, 3600),
    ] {
        assert_eq!(
            retry_after_seconds(&denied(ms, ms).outcome),
            Some(seconds),
            "{ms}"
        );
        assert_eq!(reset_seconds(&admitted(1, ms)), Some(seconds), "{ms}");
    }
    let nanosecond = Decision {
        next_after: Duration::from_nanos(1),
        ..admitted(1, 0)
    };
    assert_eq!(reset_seconds(&nanosecond), Some(1));
    let ten_years = Decision {
        next_after: Duration::from_nanos(315_360_000_000_000_001),
        ..admitted(1, 0)
    };
    assert_eq!(reset_seconds(&ten_years), Some(315_360_001));
}

#[test]
fn in_a_refusal_t_is_retry_after_even_if_less_would_come_back_sooner() {
    let refusal = denied(4_200, 200);
    assert_eq!(retry_after_seconds(&refusal.outcome), Some(5));
    assert_eq!(
        written(|field| push_limit(field, "a", &refusal)),
        r#""a";r=0;t=5"#
    );
    assert_eq!(written(|field| push_reset(field, &refusal)), "5");
}

#[test]
fn what_never_fits_has_no_retry_after() {
    let never = Decision {
        outcome: Outcome::InsufficientCapacity {
            burst: NonZeroU32::MIN,
        },
        ..admitted(3, 1_500)
    };
    assert_eq!(retry_after_seconds(&never.outcome), None);
    assert_eq!(retry_after_seconds(&admitted(3, 1_500).outcome), None);
    assert_eq!(written(|field| push_limit(field, "a", &never)), r#""a";r=3;t=2"#);
}

#[test]
fn draft_03_and_legacy_speak_of_the_first_limit_with_the_fewest_remaining() {
    let (hour, minute) = (admitted(5, 6_000), admitted(2, 2_500));
    let limits = [
        Stated {
            rate: rate("4/h"),
            decision: &hour,
        },
        Stated {
            rate: rate("1/m"),
            decision: &minute,
        },
        Stated {
            rate: rate("9/s"),
            decision: &minute,
        },
    ];
    let tight = tightest(limits).unwrap();
    assert_eq!(tight.rate, rate("1/m"));
    assert_eq!(
        written(|field| push_draft03_limit(field, tight.rate, limits.iter().map(|stated| stated.rate))),
        "1, 4;w=3600, 1;w=60, 9;w=1"
    );
    assert_eq!(
        written(|field| push_draft03_limit(field, rate("5/m"), [rate("5/m")])),
        "5, 5;w=60"
    );
    assert_eq!(written(|field| push_legacy_limit(field, tight.rate)), "1");
    assert_eq!(written(|field| push_remaining(field, tight.decision)), "2");
    assert_eq!(written(|field| push_reset(field, tight.decision)), "3");
    assert_eq!(written(|field| push_reset(field, &admitted(5, 0))), "0");
    assert!(tightest([]).is_none());
}

#[test]
fn numbers_are_written_in_full() {
    for number in [
        0,
        1,
        9,
        10,
        99,
        100,
        12_345_678_909,
        10_000_000_000_000_000_000,
        u64::MAX,
    ] {
        assert_eq!(written(|field| push_number(field, number)), number.to_string());
    }
}
