//! Each mistake with the line that the operator reads.

use super::*;

mod drawing;
mod forcing;
mod progress;
mod variants;

/// The config is refused for exactly these reasons, in this order.
fn check(config: &str, expected: &[&str]) {
    let lines: Vec<String> = match parse(config.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.problems().iter().map(ToString::to_string).collect(),
    };
    assert_eq!(lines, expected, "{config}");
}

/// The same for fields besides a good release and variants.
fn check_fields(fields: &str, expected: &[&str]) {
    check(
        &format!(r#"{{"release":"r1","variants":[{{"name":"v2"}}],{fields}}}"#),
        expected,
    );
}

/// The same for the list of variants.
fn check_variants(variants: &str, expected: &[&str]) {
    check(
        &format!(r#"{{"release":"r1","variants":[{variants}]}}"#),
        expected,
    );
}

#[test]
fn a_release_has_a_name_and_variants() {
    for nothing in ["", "{}"] {
        check(
            nothing,
            &[
                "release: is missing: a canary config needs it",
                "variants: is missing: a canary config needs it",
            ],
        );
    }
    check("[]", &["a list is not a canary config"]);
    check(
        "{",
        &["not valid JSON: EOF while parsing an object at line 1 column 1"],
    );
    check(
        r#"{"release":"a b","variants":[]}"#,
        &[
            "release: \"a b\" is not a name: write 1 to 64 of the characters A-Z a-z 0-9 _ . -",
            "variants: is empty: write at least one variant",
        ],
    );
    check(
        r#"{"release":2026,"variants":{"name":"v2"}}"#,
        &[
            "release: 2026 is not text: put it in quotes",
            "variants: an object is not a list: write it in [ ]",
        ],
    );
    check_fields(
        r#""mode":"on""#,
        &["mode: \"on\" is not a mode: write enforce, shadow or off"],
    );
    check_fields(
        r#""variant":[],"key":[]"#,
        &[
            "variant: unknown field: did you mean variants?",
            "key: unknown field: a canary config can have apiVersion, mode, release, header, match, variants, default, force, rules, sticky, ramp, guard, propagate, on_invalid_config",
        ],
    );
}

#[test]
fn null_is_a_value_only_where_it_says_that_there_is_no_header() {
    check_fields(r#""default":{"value":null}"#, &[]);
    check_fields(
        r#""default":null,"sticky":null"#,
        &[
            "default: is null: write a value, or leave the field out",
            "sticky: is null: write a value, or leave the field out",
        ],
    );
    check_variants(
        r#"{"name":"v2","value":null}"#,
        &["variants[0].value: is null: write a value, or leave the field out"],
    );
    check_fields(
        r#""default":{"value":""}"#,
        &[
            "default.value: \"\" is not a value of the routing header: write at least one character, on one line, without spaces around it",
        ],
    );
}

#[test]
fn rules_lead_to_variants_that_there_are() {
    check(
        r#"{"release":"r","variants":[{"name":"v2"},{"name":"v3"}],"default":{"name":"v1"},
        "rules":[{"match":[{"methods":["GET"]}],"variant":"v4"},{"variant":"v1"},{"match":[],"variant":"v2"},
        {"match":[{"methods":["get"]}]},5,{"match":[{"methods":["GET"]}],"variant":"default","mode":"on","to":"v2"}]}"#,
        &[
            "rules[1].match: is missing: a rule needs it",
            "rules[2].match: is empty: write at least one entry, or leave the field out",
            "rules[3].variant: is missing: a rule needs it",
            "rules[3].match[0].methods[0]: \"get\" is not a method: methods are compared with case, write it in upper case",
            "rules[4]: 5 is not a rule",
            "rules[5].to: unknown field: a rule can have match, variant, mode",
            "rules[5].mode: \"on\" is not a mode: write enforce, shadow or off",
            "rules[0].variant: \"v4\" is not a variant: write v2, v3 or v1",
            "rules[5].variant: \"default\" is not a variant: write v2, v3 or v1",
        ],
    );
    let rule = r#""rules":[{"match":[{"methods":["GET"]}],"variant":"v4"}]"#;
    // Other mistakes do not hide this one.
    check_fields(
        &format!(r#"{rule},"header":"host""#),
        &[
            "header: \"host\" is not the name of a header of your own: it means something to proxies, so write another one, as in x-canary",
            "rules[0].variant: \"v4\" is not a variant: write v2 or stable",
        ],
    );
    // But where a name could not be read, it may have been that one.
    for (config, mistake) in [
        (
            format!(r#"{{"release":"r","variants":[{{"name":"v 4"}}],{rule}}}"#),
            "variants[0].name: \"v 4\" is not a name: write 1 to 64 of the characters A-Z a-z 0-9 _ . -",
        ),
        (
            format!(r#"{{"release":"r","variants":[{{"name":"v2"}},5],{rule}}}"#),
            "variants[1]: 5 is not a variant",
        ),
        (
            format!(r#"{{"release":"r","variants":5,{rule}}}"#),
            "variants: 5 is not a list: write it in [ ]",
        ),
        (
            format!(r#"{{"release":"r","variants":[{{"name":"v2"}}],"default":{{"name":4}},{rule}}}"#),
            "default.name: 4 is not text: put it in quotes",
        ),
        (
            format!(r#"{{"release":"r","variants":[{{"name":"v2"}}],"default":"v4",{rule}}}"#),
            "default: \"v4\" is not a default variant",
        ),
    ] {
        check(&config, &[mistake]);
    }
}

#[test]
fn a_config_has_1024_rules_at_most() {
    let rules = |count: usize| {
        let one = r#"{"match":[{"methods":["GET"]}],"variant":"v2"}"#;
        format!(r#""rules":[{}]"#, vec![one; count].join(","))
    };
    check_fields(&rules(1024), &[]);
    check_fields(&rules(1025), &["rules: has 1025 rules, and 1024 are the most"]);
}

#[test]
fn all_mistakes_of_a_config_are_found_at_once() {
    check(
        r#"{
          "mod": "shadow",
          "release": "r 1",
          "header": "host",
          "variants": [{"name": "v2", "weight": 10}, {"name": "v2", "weight": "110%"}, {"nam": "v3"}],
          "default": {"name": "never", "value": "x"},
          "force": {"cookies": "c"},
          "rules": [{"match": [{"path": {"prefix": "v1"}}], "variant": "v2"}],
          "sticky": {"by": [{"random": true}, {"headr": "x"}], "hash": "md5", "cookie": {"max_age": 3600}},
          "ramp": {"start": "tomorrow", "steps": [{"at": "1h", "weight": "1%"}, {"at": "1h", "weight": "2%"}]},
          "guard": {"window": "2h", "error_rate": {}},
          "propagate": {"trace": "yes"},
          "on_invalid_config": "ignore"
        }"#,
        &[
            "mod: unknown field: did you mean mode?",
            "release: \"r 1\" is not a name: write 1 to 64 of the characters A-Z a-z 0-9 _ . -",
            "header: \"host\" is not the name of a header of your own: it means something to proxies, so write another one, as in x-canary",
            "variants[1].name: \"v2\" is taken by entry 0: write a unique one",
            "variants[0].weight: 10 is not a percentage: write 10%",
            "variants[1].weight: \"110%\" is not a percentage: write at most 100%",
            "variants[2].nam: unknown field: did you mean name?",
            "variants[2].name: is missing: a variant needs it",
            "default.name: \"never\" is not a name: always and never mean something to whoever forces a variant, so write another one",
            "force.cookies: unknown field: did you mean cookie?",
            "rules[0].match[0].path.prefix: \"v1\" is not a path: start it with /",
            "sticky.by[0]: draws every request, so that no later key is tried: write it last",
            "sticky.by[1].headr: unknown field: did you mean header?",
            "sticky.hash: \"md5\" is not a hash: write murmur3 or sha256_percent",
            "sticky.cookie.max_age: 3600 is not a duration: write a whole number and its unit, ms s m h or d, as in 10s",
            "ramp.start: \"tomorrow\" is not a time: write date, time and zone, as in 2026-11-20T09:00:00Z",
            "ramp.steps[1].at: is not later than the step before: write the steps in order",
            "guard.window: \"2h\" is not a duration from 1s to 1h",
            "guard.error_rate: is not a bound on failures yet: write at least one of max or or_above_stable_by",
            "propagate.trace: \"yes\" is not a table of traces",
            "on_invalid_config: \"ignore\" is not an answer to an invalid config: write refuse or pass",
        ],
    );
}
