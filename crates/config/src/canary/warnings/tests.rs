use super::*;

mod drawing;
mod progress;

/// The config gets exactly this advice, in this order.
fn check(config: &str, expected: &[&str]) {
    let config = super::super::parse(config.as_bytes()).unwrap_or_else(|errors| panic!("{config}\n{errors}"));
    let lines: Vec<String> = warnings(&config).iter().map(ToString::to_string).collect();
    assert_eq!(lines, expected);
}

/// The same for a config with one variant, drawn by a header, that has these fields besides.
fn check_fields(fields: &str, expected: &[&str]) {
    let comma = if fields.is_empty() { "" } else { "," };
    check(
        &format!(
            r#"{{"release":"r1","variants":[{{"name":"v2","weight":"10%"}}],"sticky":{{"by":[{{"header":"x-user-id"}}]}}{comma}{fields}}}"#
        ),
        expected,
    );
}

const PEER: &str = "the peer counts as the client; behind a gateway or a load balancer that is the gateway, so set trusted_hops to the number of proxies in front";
const NOBODY: &str = "nobody gets it: give it a weight, a rule, or a way to force it";
const RULE: &str = r#"{"match":[{"methods":["GET"]}],"variant":"v2"}"#;

#[test]
fn a_plain_canary_needs_no_advice() {
    check_fields("", &[]);
    check_fields(r#""match":[{"path":{"prefix":"/shop/"}}]"#, &[]);
    check_fields(&format!(r#""rules":[{RULE}]"#), &[]);
}

#[test]
fn a_config_that_changes_nothing_says_so() {
    check_fields(
        r#""mode":"shadow""#,
        &[
            "info: mode: variants are decided and counted, and no request is changed; write enforce to route by them",
        ],
    );
    check_fields(r#""mode":"off""#, &["info: mode: the filter does nothing"]);
    check_fields(
        r#""on_invalid_config":"pass""#,
        &[
            "info: on_invalid_config: a proxy that starts with a config that cannot be used draws nobody, and lets clients send the routing header",
        ],
    );
}

#[test]
fn a_variant_that_nobody_gets_is_pointed_out() {
    let one = |fields: &str, expected: &[&str]| {
        check(
            &format!(r#"{{"release":"r1","variants":[{{"name":"v2"}}]{fields}}}"#),
            expected,
        );
    };
    let nobody = format!("warning: variants[0]: {NOBODY}");
    one("", &[&nobody]);
    one(&format!(r#","rules":[{RULE}]"#), &[]);
    one(
        r#","rules":[{"match":[{"methods":["GET"]}],"variant":"v2","mode":"off"}]"#,
        &[&nobody, "info: rules[0].mode: this rule does nothing"],
    );
    one(
        r#","rules":[{"match":[{"methods":["GET"]}],"variant":"stable"}]"#,
        &[&nobody],
    );
    one(
        r#","force":{"allow_from":[{"cidrs":["10.0.0.0/8"],"trusted_hops":1}]}"#,
        &[
            "info: force.allow_from[0]: a client that reaches this proxy past the 1 trusted in front can claim any address",
        ],
    );
    let ramp = |weight: &str, finish: &str| {
        format!(
            r#","sticky":{{"by":[{{"header":"x"}}]}},"ramp":{{"start":"2026-11-20T09:00:00Z","steps":[{{"at":"0s","weight":"{weight}"}}]{finish}}}"#
        )
    };
    one(&ramp("1%", ""), &[]);
    one(&ramp("0%", ""), &[&nobody]);
    one(&ramp("0%", r#","finish":{"at":"1h","as":"ended"}"#), &[&nobody]);
    one(&ramp("0%", r#","finish":{"at":"1h","as":"promoted"}"#), &[]);
    // Beside a variant that has a weight, one without has none of the ramp.
    check(
        &format!(
            r#"{{"release":"r1","variants":[{{"name":"v2"}},{{"name":"v3","weight":"1%"}}]{}}}"#,
            ramp("1%", "")
        ),
        &[&nobody],
    );
    check(
        &format!(
            r#"{{"release":"r1","variants":[{{"name":"v2"}},{{"name":"v3"}}]{}}}"#,
            ramp("1%", "")
        ),
        &[],
    );
}

#[test]
fn variants_that_routes_cannot_tell_apart_are_pointed_out() {
    check(
        r#"{"release":"r1","variants":[{"name":"a","value":"x","weight":"1%"},{"name":"b","weight":"1%"},{"name":"c","value":"x","weight":"1%"}],
        "sticky":{"by":[{"header":"x-user-id"}]}}"#,
        &["warning: variants[2].value: is the value of a too, so that no route can tell them apart"],
    );
}

#[test]
fn everyone_who_may_choose_is_pointed_out() {
    check_fields(
        r#""force":{"header":"x-f"}"#,
        &["warning: force: every client may choose its variant; name those that may in allow_from"],
    );
    let everyone = "admits every client, which may then send the routing header too; name the networks of those that may";
    check_fields(
        r#""force":{"cookie":"c","allow_from":[{"cidrs":["10.0.0.0/8","0.0.0.0/0"]},{"cidrs":["::/0","::/1","128.0.0.0/1"],"trusted_hops":2}]}"#,
        &[
            &format!("warning: force.allow_from[0].cidrs[1]: {everyone}"),
            &format!("info: force.allow_from[0]: {PEER}"),
            &format!("warning: force.allow_from[1].cidrs[0]: {everyone}"),
            "info: force.allow_from[1]: a client that reaches this proxy past the 2 trusted in front can claim any address",
        ],
    );
}

#[test]
fn rules_that_never_decide_are_pointed_out() {
    let rules = |list: &[&str], expected: &[&str]| {
        check_fields(&format!(r#""rules":[{}]"#, list.join(",")), expected);
    };
    let get = r#""match":[{"methods":["GET"]}]"#;
    let both = r#""match":[{"methods":["GET"]},{"methods":["POST"]}]"#;
    let enforced = |matches: &str| format!(r#"{{{matches},"variant":"v2"}}"#);
    let shadow = |matches: &str| format!(r#"{{{matches},"variant":"stable","mode":"shadow"}}"#);
    let never = |index: usize, first: usize| {
        format!(
            "warning: rules[{index}]: never decides: rules[{first}] is about the same requests and comes first"
        )
    };
    let counted = |index: usize| {
        format!("info: rules[{index}].mode: this rule is counted, and requests go on as if it were not there")
    };
    rules(&[&enforced(get), &enforced(get)], &[&never(1, 0)]);
    rules(&[&enforced(both), &enforced(get)], &[&never(1, 0)]);
    rules(&[&enforced(get), &enforced(both)], &[]);
    rules(&[&shadow(get), &enforced(get)], &[&counted(0)]);
    rules(&[&enforced(get), &shadow(get)], &[&counted(1), &never(1, 0)]);
    check_fields(
        &format!(r#""mode":"shadow","rules":[{},{}]"#, shadow(get), enforced(get)),
        &[
            "info: mode: variants are decided and counted, and no request is changed; write enforce to route by them",
            &counted(0),
            &never(1, 0),
        ],
    );
}

#[test]
fn conditions_get_the_advice_of_every_filter() {
    check_fields(
        r#""match":[{"path":{"prefix":"/v1"}}],"rules":[{"match":[{"path":{"regex":"/v2/.*"}},{"headers":{"x-real-ip":{"prefix":"10."}}},
        {"headers":{"x-real-ip":{"prefix":"10."}}}],"variant":"v2"}]"#,
        &[
            "info: match[0].path.prefix: /v1 also matches /v1x; write /v1/ for whole segments",
            "info: rules[0].match[0].path.regex: the same, cheaper: prefix: /v2/",
            "warning: rules[0].match[1].headers.x-real-ip: clients can write this header themselves; use client.cidrs with trusted_hops",
            "warning: rules[0].match[2]: an earlier entry is the same; remove one",
            "warning: rules[0].match[2].headers.x-real-ip: clients can write this header themselves; use client.cidrs with trusted_hops",
        ],
    );
}

#[test]
fn what_has_to_carry_a_decision_on_is_said() {
    check_fields(
        r#""propagate":{"baggage":true,"trace":true}"#,
        &[
            "info: propagate.baggage: goes as far as applications pass the header baggage on",
            "info: propagate.trace: works where this filter sees the requests that come in and those that go out, and the application passes the header traceparent on",
            "info: propagate.trace.max_entries: takes up to 69 KiB of memory",
        ],
    );
    check_fields(r#""propagate":{"trace":false}"#, &[]);
}
