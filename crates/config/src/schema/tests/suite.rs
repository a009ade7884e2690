//! The schema of the suite.

use super::*;
use crate::suite;
use proptest::prelude::*;

fn accepts(config: &str) -> bool {
    super::accepts(Module::Suite, config)
}

const RELEASE: &str = r#"{"release":"r1","variants":[{"name":"v2"}]}"#;

#[test]
fn what_the_suite_accepts_the_schema_accepts() {
    let configs = [
        r#"{"rate_limit":{}}"#.to_owned(),
        r#"{"apiVersion":"fairlead.dev/v1","latency_histogram":{},"circuit_breaker":{}}"#.to_owned(),
        r#"{"circuit_breaker":{"breakers":[{"name":"a"}]},"rate_limit":{"mode":false},"order":["circuit_breaker","rate_limit"]}"#.to_owned(),
        format!(r#"{{"canary":{RELEASE},"latency_histogram":{{"labels":{{"variant":{{"header":"x-canary","max":5}}}}}}}}"#),
    ];
    for config in configs {
        assert!(suite::parse(config.as_bytes()).is_ok(), "{config}");
        assert!(accepts(&config), "{config}");
    }
}

#[test]
fn unknown_fields_and_wrong_types_are_refused_by_both() {
    for config in [
        "{}",
        "[]",
        r#"{"apiVersion":"fairlead.dev/v1"}"#,
        r#"{"apiVersion":"v1","rate_limit":{}}"#,
        r#"{"rate_limit":null}"#,
        r#"{"rate-limit":{},"canary":{}}"#,
        r#"{"rate_limit":{},"mode":"off"}"#,
        r#"{"rate_limit":{"limits":[{"name":"a"}]}}"#,
        r#"{"rate_limit":{},"order":[]}"#,
        r#"{"rate_limit":{},"order":["rate_limit","rate_limit"]}"#,
        r#"{"rate_limit":{},"order":["rate-limit"]}"#,
        r#"{"rate_limit":{},"order":"rate_limit"}"#,
    ] {
        assert!(suite::parse(config.as_bytes()).is_err(), "{config}");
        assert!(!accepts(config), "{config}");
    }
}

#[test]
fn a_name_stands_for_one_definition_in_all_schemas() {
    for (module, schema) in SCHEMAS.iter() {
        for (name, definition) in schema["$defs"].as_object().expect("definitions") {
            let (_, suite) = SCHEMAS.last().expect("the suite is the last module");
            assert_eq!(&suite["$defs"][name], definition, "{name} of {module:?}");
        }
    }
}

#[test]
fn every_field_of_a_policy_is_described() {
    let schema = json_schema(Module::Suite);
    let described = schema["$defs"]["Suite"]["properties"]
        .as_object()
        .expect("properties");
    let mut names: Vec<&str> = described.keys().map(String::as_str).collect();
    names.sort_unstable();
    let mut known = suite::fields();
    known.sort_unstable();
    assert_eq!(names, known);
}

proptest! {
    #[test]
    fn what_a_filter_may_be_told_the_suite_may_be_told(config in crate::arbitrary::any_json()) {
        for filter in Filter::ALL {
            let wrapped = json!({ filter.name(): config.clone() }).to_string();
            let alone = super::accepts(filter, &config.to_string());
            prop_assert_eq!(accepts(&wrapped), alone, "{}", wrapped);
        }
    }
}
