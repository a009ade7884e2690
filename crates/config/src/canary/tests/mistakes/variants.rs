//! Mistakes in variants, their weights and the routing header.

use super::*;

#[test]
fn names_of_variants_are_unique_and_mean_nothing_else() {
    check_variants(
        r#"{"name":"a"},{"name":"b"},{"name":"a"}"#,
        &["variants[2].name: \"a\" is taken by entry 0: write a unique one"],
    );
    check_variants(
        r#"{"name":"stable"}"#,
        &[
            "variants[0].name: \"stable\" is the name of the default variant: write another one, or another default.name",
        ],
    );
    check_fields(
        r#""default":{"name":"v2"}"#,
        &[
            "variants[0].name: \"v2\" is the name of the default variant: write another one, or another default.name",
        ],
    );
    let reserved =
        "is not a name: always and never mean something to whoever forces a variant, so write another one";
    check(
        r#"{"release":"always","variants":[{"name":"always"},{"name":"a;b"}],"default":{"name":"never"}}"#,
        &[
            &format!("variants[0].name: \"always\" {reserved}"),
            "variants[1].name: \"a;b\" is not a name: write 1 to 64 of the characters A-Z a-z 0-9 _ . -",
            &format!("default.name: \"never\" {reserved}"),
        ],
    );
}

#[test]
fn a_config_has_eight_variants_at_most() {
    let variants = |count: usize| {
        let list: Vec<String> = (0..count).map(|i| format!(r#"{{"name":"v{i}"}}"#)).collect();
        list.join(",")
    };
    check_variants(&variants(8), &[]);
    check_variants(&variants(9), &["variants: has 9 variants, and 8 are the most"]);
}

#[test]
fn weights_are_percentages_of_one_whole() {
    let weight = |written: &str, expected: &str| {
        check_variants(
            &format!(r#"{{"name":"v2","weight":{written}}}"#),
            &[&format!("variants[0].weight: {expected}")],
        );
    };
    weight("10", "10 is not a percentage: write 10%");
    weight("12.5", "12.5 is not a percentage: write 12.5%");
    weight("0.1", "0.1 is not a percentage: write 0.1% or 10%");
    weight("1", "1 is not a percentage: write 1% or 100%");
    weight("0", "0 is not a percentage: write 0%");
    let any = "is not a percentage: write a number and %, as in 10% or 0.5%";
    weight("150", &format!("150 {any}"));
    weight("-1", &format!("-1 {any}"));
    weight("true", &format!("true {any}"));
    weight("[]", &format!("a list {any}"));
    weight(r#""10""#, &format!("\"10\" {any}"));
    weight(r#""10 %""#, &format!("\"10 %\" {any}"));
    weight(r#""101%""#, "\"101%\" is not a percentage: write at most 100%");
    weight(
        r#""0.00001%""#,
        "\"0.00001%\" is not a percentage: write at most four decimals, as in 0.0001%",
    );
    check_variants(
        r#"{"name":"a","weight":"60%"},{"name":"b","weight":"40.05%"}"#,
        &["variants: have weights of 100.05% together: write at most 100%"],
    );
    // Also beside a variant that cannot be read.
    check_variants(
        r#"{"name":"a b","weight":"60%"},{"name":"b","weight":"50%"},5"#,
        &[
            "variants[0].name: \"a b\" is not a name: write 1 to 64 of the characters A-Z a-z 0-9 _ . -",
            "variants[2]: 5 is not a variant",
            "variants: have weights of 110% together: write at most 100%",
        ],
    );
}

#[test]
fn the_routing_header_is_one_that_nothing_else_reads() {
    let not = "is not the name of a header of your own";
    for name in [
        "host",
        "Cookie",
        "connection",
        "content-length",
        "transfer-encoding",
        "TE",
        "upgrade",
        "x-envoy-decorator",
        "X-Forwarded-For",
        "authorization",
        "baggage",
        "traceparent",
    ] {
        check_fields(
            &format!(r#""header":"{name}""#),
            &[&format!(
                "header: \"{name}\" {not}: it means something to proxies, so write another one, as in x-canary"
            )],
        );
    }
    for name in [":path", ":authority", "", "a b", "x\\n"] {
        check_fields(
            &format!(r#""header":"{name}""#),
            &[&format!(
                "header: \"{name}\" {not}: write letters, digits and -, as in x-canary"
            )],
        );
    }
    check_fields(r#""header":5"#, &["header: 5 is not text: put it in quotes"]);
    for name in ["x-canary", "hosts", "X-EnvoyX", "version"] {
        check_fields(&format!(r#""header":"{name}""#), &[]);
    }
}

#[test]
fn values_of_the_routing_header_can_be_told_apart_by_routes() {
    let not = "is not a value of the routing header: write at least one character, on one line, without spaces around it";
    for (value, shown) in [
        ("", ""),
        (" v2", " v2"),
        ("v2\\t", "v2\\t"),
        ("a\\r\\nb: c", "a\\r\\nb: c"),
        ("\\u0000", "\\0"),
    ] {
        check_variants(
            &format!(r#"{{"name":"v2","value":"{value}"}}"#),
            &[&format!("variants[0].value: \"{shown}\" {not}")],
        );
    }
    check_variants(
        r#"{"name":"v2","value":true}"#,
        &["variants[0].value: true is not text: put it in quotes"],
    );
    check_variants(r#"{"name":"v2","value":"a b"},{"name":"v3","value":"ü"}"#, &[]);
    let same =
        "is the value of v2 too, so that no route can tell them apart: write another one, or leave it out";
    check_fields(
        r#""default":{"value":"v2"}"#,
        &[&format!("default.value: \"v2\" {same}")],
    );
    // What the value would have been is not known.
    check(
        r#"{"release":"r","variants":[{"name":"v2","value":5}],"default":{"value":"v2"}}"#,
        &["variants[0].value: 5 is not text: put it in quotes"],
    );
}
