use super::*;
use serde_json::json;

/// The policy is refused for exactly these reasons, in this order.
fn check(policy: Value, expected: &[&str]) {
    let lines: Vec<String> = match parse_policy(&policy) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.problems().iter().map(ToString::to_string).collect(),
    };
    assert_eq!(lines, expected, "{policy}");
}

#[test]
fn a_policy_hands_each_filter_its_own_config() {
    let limits = json!({ "limits": [{ "rate": "5/s", "name": "a", "burst": 5.0 }] });
    let policy = parse_policy(
        &json!({ "apiVersion": "fairlead.dev/v1", "rate_limit": limits, "order": ["rate_limit"] }),
    )
    .expect("a policy");
    let [one] = &policy.filters[..] else {
        panic!("one filter")
    };
    assert_eq!(one.filter, Filter::RateLimit);
    assert_eq!(
        one.plugin_config,
        br#"{"limits":[{"burst":5.0,"name":"a","rate":"5/s"}]}"#
    );
    let Checked::RateLimit(config) = &one.checked else {
        panic!("a rate limit")
    };
    assert_eq!(config.limits[0].quota.burst().get(), 5);
    assert!(Checked::parse(one.filter, &one.plugin_config).is_ok());
    assert!(one.checked.warnings().is_empty());
}

#[test]
fn filters_run_in_the_documented_order_unless_the_policy_has_its_own() {
    let canary = json!({ "release": "r1", "variants": [{ "name": "v2" }] });
    let names = |order: Option<[&str; 4]>| {
        let mut policy =
            json!({ "circuit_breaker": {}, "canary": canary, "rate_limit": {}, "latency_histogram": {} });
        if let Some(order) = order {
            policy["order"] = json!(order);
        }
        let filters = parse_policy(&policy).expect("a policy").filters;
        filters.iter().map(|one| one.filter.name()).collect::<Vec<_>>()
    };
    assert_eq!(
        names(None),
        ["latency_histogram", "rate_limit", "canary", "circuit_breaker"]
    );
    let other = ["circuit_breaker", "canary", "latency_histogram", "rate_limit"];
    assert_eq!(names(Some(other)), other);
}

#[test]
fn a_canary_is_checked_and_advised_like_any_filter() {
    check(
        json!({ "canary": { "release": "r1", "variants": [] } }),
        &["canary.variants: is empty: write at least one variant"],
    );
    let policy = parse_policy(&json!({ "canary": { "release": "r1", "variants": [{ "name": "v2" }] } }));
    let filters = policy.expect("a policy").filters;
    let [one] = &filters[..] else { panic!("one filter") };
    let Checked::Canary(config) = &one.checked else {
        panic!("a canary")
    };
    assert_eq!(config.release, "r1");
    assert!(!one.checked.warnings().is_empty());
    assert!(Checked::parse(Filter::Canary, &one.plugin_config).is_ok());
}

#[test]
fn a_circuit_breaker_is_checked_and_advised_like_any_filter() {
    check(
        json!({ "circuit_breaker": { "breakers": [{ "name": "a", "open": { "duration": 30 } }] } }),
        &[
            "circuit_breaker.breakers[0].open.duration: 30 is not a duration: write a whole number and its unit, ms s m h or d, as in 10s",
        ],
    );
    let policy = json!({ "circuit_breaker": { "breakers": [{ "name": "a", "force": "open" }] } });
    let filters = parse_policy(&policy).expect("a policy").filters;
    let [one] = &filters[..] else { panic!("one filter") };
    let Checked::CircuitBreaker(config) = &one.checked else {
        panic!("a circuit breaker")
    };
    assert_eq!(config.breakers[0].name, "a");
    assert!(!one.checked.warnings().is_empty());
    assert!(Checked::parse(Filter::CircuitBreaker, &one.plugin_config).is_ok());
}

#[test]
fn a_latency_histogram_is_checked_and_advised_like_any_filter() {
    check(
        json!({ "latency_histogram": { "slos": [{ "name": "a", "threshold": "1s", "objective": "100%" }] } }),
        &["latency_histogram.slos[0].objective: \"100%\" is not a percentage above 0% and below 100%"],
    );
    let policy = json!({ "latency_histogram": { "labels": { "cluster": true } } });
    let filters = parse_policy(&policy).expect("a policy").filters;
    let [one] = &filters[..] else { panic!("one filter") };
    let Checked::LatencyHistogram(config) = &one.checked else {
        panic!("a latency histogram")
    };
    assert_eq!(config.labels.cluster, Some(100));
    assert!(!one.checked.warnings().is_empty());
    assert!(Checked::parse(Filter::LatencyHistogram, &one.plugin_config).is_ok());
}

#[test]
fn a_canary_sets_its_header_before_it_is_read() {
    let check = |variant: Value, order: [&str; 2], expected: &[&str]| {
        let policy = json!({
            "latency_histogram": { "labels": { "variant": variant } },
            "canary": { "release": "r1", "variants": [{ "name": "v2" }] },
            "order": order,
        });
        let advice = parse_policy(&policy).expect("a policy").warnings();
        let lines: Vec<String> = advice.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected, "{policy}");
    };
    let (before, after) = (["latency_histogram", "canary"], ["canary", "latency_histogram"]);
    let variant = || json!({ "header": "X-Canary", "values": ["v2"] });
    check(
        variant(),
        before,
        &[
            "warning: latency_histogram.labels.variant.header: the canary sets it only after this filter has read it; write an order in which canary comes first",
        ],
    );
    check(variant(), after, &[]);
    check(json!({ "header": "x-version", "values": ["v2"] }), before, &[]);
    check(
        json!({ "response_header": "x-canary", "values": ["v2"] }),
        before,
        &[],
    );
}

/// Advice on how the filters of a policy stand together, where one module runs them.
fn together(policy: &Value, expected: &[&str]) {
    let advice = parse_policy(policy).expect("a policy").suite_warnings();
    let lines: Vec<String> = advice.iter().map(ToString::to_string).collect();
    assert_eq!(lines, expected, "{policy}");
}

#[test]
fn whoever_reads_the_canarys_header_before_it_is_told_where() {
    let too_early = |path: &str| {
        format!(
            "warning: {path}: the canary sets it only after this filter has read it; write an order in which canary comes first"
        )
    };
    let by_header = json!([{ "headers": { "x-a": { "exact": "b" } } }, { "not": { "headers": { "X-Canary": { "present": true } } } }]);
    let policy = json!({
        "latency_histogram": {
            "match": by_header,
            "exclude": { "match": by_header },
            "slos": [{ "name": "a", "threshold": "1s", "objective": "99%", "match": by_header }],
        },
        "rate_limit": { "limits": [
            { "name": "a", "rate": "5/s" },
            { "name": "b", "rate": "5/s", "match": by_header, "key": [{ "header": "x-a" }, { "header": "x-canary" }] },
        ] },
        "canary": { "release": "r1", "variants": [{ "name": "v2" }] },
        "circuit_breaker": { "breakers": [{ "name": "a", "match": by_header, "per": { "key": [{ "header": "x-canary" }] } }] },
    });
    let paths = [
        "latency_histogram.match[1].not.headers.x-canary",
        "latency_histogram.exclude.match[1].not.headers.x-canary",
        "latency_histogram.slos[0].match[1].not.headers.x-canary",
        "rate_limit.limits[1].match[1].not.headers.x-canary",
        "rate_limit.limits[1].key[1].header",
    ]
    .map(too_early);
    together(&policy, &paths.each_ref().map(String::as_str));
    let breaker = [
        "circuit_breaker.breakers[0].match[1].not.headers.x-canary",
        "circuit_breaker.breakers[0].per.key[0].header",
    ]
    .map(too_early);
    let mut last = policy;
    last["order"] = json!(["circuit_breaker", "canary", "latency_histogram", "rate_limit"]);
    let mut expected: Vec<&str> = breaker.iter().map(String::as_str).collect();
    expected.extend([
        "info: latency_histogram: circuit_breaker comes first: requests that it refuses are not measured, nor counted by objectives",
        "info: circuit_breaker.breakers: rate_limit comes behind: what it refuses counts as calls here, by its status; write an order in which rate_limit comes first to leave it out",
    ]);
    together(&last, &expected);
}

#[test]
fn what_a_filter_behind_refuses_is_said_where_it_counts() {
    let mut policy = json!({
        "rate_limit": { "limits": [{ "name": "a", "rate": "5/s" }] },
        "latency_histogram": {},
        "canary": { "release": "r1", "variants": [{ "name": "v2" }], "guard": { "error_rate": { "max": "5%" } } },
        "circuit_breaker": { "breakers": [{ "name": "a" }] },
    });
    together(
        &policy,
        &[
            "info: canary.guard: circuit_breaker comes behind: what an open breaker refuses counts here as responses of the variant, by their status",
        ],
    );
    policy["order"] = json!(["rate_limit", "circuit_breaker", "latency_histogram", "canary"]);
    let unmeasured = |name: &str| {
        format!(
            "info: latency_histogram: {name} comes first: requests that it refuses are not measured, nor counted by objectives"
        )
    };
    together(
        &policy,
        &[&*unmeasured("rate_limit"), &*unmeasured("circuit_breaker")],
    );
    // What refuses nobody is not in anyone's way.
    policy["rate_limit"]["mode"] = json!("shadow");
    policy["circuit_breaker"] = json!({});
    together(&policy, &[]);
}

#[test]
fn in_one_module_a_filter_passes_only_with_all_others() {
    let policy = |canary: &str| {
        json!({
            "rate_limit": { "on_invalid_config": "pass" },
            "canary": { "release": "r1", "variants": [{ "name": "v2" }], "on_invalid_config": canary },
        })
    };
    together(
        &policy("refuse"),
        &[
            "warning: rate_limit.on_invalid_config: has no effect, as canary does not say pass: one module starts with all of its filters, or with none",
        ],
    );
    together(&policy("pass"), &[]);
    let apart = parse_policy(&policy("refuse")).expect("a policy").warnings();
    assert!(apart.is_empty(), "{apart:?}");
}

#[test]
fn mistakes_have_their_path_in_the_policy() {
    check(
        json!({ "rate_limit": { "limits": [{ "name": "a", "rate": "0/s" }] }, "rate-limit": {}, "apiVersion": "v1" }),
        &[
            "rate-limit: unknown field: did you mean rate_limit?",
            "apiVersion: \"v1\" is not an API version: write fairlead.dev/v1",
            "rate_limit.limits[0].rate: \"0/s\" is not a rate: write a positive number of requests per s, m, h or d, as in 100/s",
        ],
    );
    check(json!([]), &["a list is not a policy"]);
    check(
        json!({}),
        &["is a policy without a filter: write latency_histogram, rate_limit, canary or circuit_breaker"],
    );
    check(
        json!({ "rate_limit": null }),
        &["rate_limit: is null: write a value, or leave the field out"],
    );
}

#[test]
fn what_is_no_filter_is_refused_by_name() {
    check(
        json!({ "latency_histogramm": {}, "waf": {}, "rate_limit": {} }),
        &[
            "latency_histogramm: unknown field: did you mean latency_histogram?",
            "waf: unknown field: a policy can have apiVersion, order, latency_histogram, rate_limit, canary, circuit_breaker",
        ],
    );
}

#[test]
fn the_order_names_each_filter_once() {
    check(
        json!({ "rate_limit": {}, "order": ["rate_limit", "canary", "rate_limit"] }),
        &[
            "order[1]: canary is not a filter of this policy: leave it out",
            "order[2]: rate_limit is there twice: write it once",
        ],
    );
    check(
        json!({ "rate_limit": {}, "order": [] }),
        &["order: lacks rate_limit: write every filter of this policy"],
    );
    check(
        json!({ "rate_limit": {}, "order": "rate_limit" }),
        &["order: \"rate_limit\" is not a list: write it in [ ]"],
    );
}
