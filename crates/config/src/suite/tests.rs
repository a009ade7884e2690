use super::*;
use crate::arbitrary::{any_json, refusal_has_reasons};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The config is refused for exactly these reasons, in this order.
fn check(config: &str, expected: &[&str]) {
    let lines: Vec<String> = match parse(config.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.problems().iter().map(ToString::to_string).collect(),
    };
    assert_eq!(lines, expected, "{config}");
}

/// A config in which each filter can be used.
fn good(filter: Filter) -> Value {
    match filter {
        Filter::LatencyHistogram => json!({ "labels": { "status_class": true } }),
        Filter::RateLimit => json!({ "limits": [{ "name": "a", "rate": "5/s" }] }),
        Filter::Canary => json!({ "release": "r1", "variants": [{ "name": "v2", "weight": "10%" }] }),
        Filter::CircuitBreaker => json!({ "breakers": [{ "name": "a" }] }),
    }
}

/// One in which none can.
fn bad(filter: Filter) -> Value {
    match filter {
        Filter::LatencyHistogram => json!({ "unit": "s" }),
        Filter::RateLimit => json!({ "limits": [{ "name": "a", "rate": 5 }] }),
        Filter::Canary => json!({ "release": "r1", "variants": [] }),
        Filter::CircuitBreaker => json!({ "breakers": [{}] }),
    }
}

fn names(config: &Value) -> Vec<&'static str> {
    let suite = parse(config.to_string().as_bytes()).unwrap_or_else(|errors| panic!("{config}: {errors}"));
    suite.filters.iter().map(|(filter, _)| filter.name()).collect()
}

#[test]
fn mistakes_of_all_filters_come_together_each_with_its_path() {
    let config = json!({
        "apiVersion": "v2",
        "latency_histogram": bad(Filter::LatencyHistogram),
        "rate_limit": bad(Filter::RateLimit),
        "canary": bad(Filter::Canary),
        "circuit_breaker": bad(Filter::CircuitBreaker),
        "order": ["canary", "waf", "canary"],
        "mode": "off",
    });
    check(
        &config.to_string(),
        &[
            "mode: unknown field: a policy can have apiVersion, order, latency_histogram, rate_limit, canary, circuit_breaker",
            "apiVersion: \"v2\" is not an API version: write fairlead.dev/v1",
            "latency_histogram.unit: \"s\" is not a unit: write ms or us",
            "rate_limit.limits[0].rate: 5 is not a rate: write a positive number of requests per s, m, h or d, as in 100/s",
            "canary.variants: is empty: write at least one variant",
            "circuit_breaker.breakers[0].name: is missing: a breaker needs it",
            "order[1]: \"waf\" is not a filter: write latency_histogram, rate_limit, canary or circuit_breaker",
            "order[2]: canary is there twice: write it once",
            "order: lacks latency_histogram: write every filter of this policy",
            "order: lacks rate_limit: write every filter of this policy",
            "order: lacks circuit_breaker: write every filter of this policy",
        ],
    );
}

#[test]
fn a_filter_that_cannot_be_read_still_has_its_place_in_the_order() {
    check(
        r#"{"canary":{"release":"r1","variants":[]},"rate_limit":{},"order":["canary","rate_limit"]}"#,
        &["canary.variants: is empty: write at least one variant"],
    );
}

#[test]
fn a_document_that_is_no_policy_says_what_one_is() {
    let nothing =
        "is a policy without a filter: write latency_histogram, rate_limit, canary or circuit_breaker";
    check("", &[nothing]);
    check("{}", &[nothing]);
    check(r#"{"apiVersion":"fairlead.dev/v1"}"#, &[nothing]);
    check("5", &["5 is not a policy"]);
    check(
        r#"{"rate_limit":{},"rate_limit":{}}"#,
        &["rate_limit: is there twice: write it once"],
    );
    check(
        r#"{"canary":null}"#,
        &["canary: is null: write a value, or leave the field out"],
    );
    check(
        r#"{"limits":[]}"#,
        &[
            "limits: unknown field: a policy can have apiVersion, order, latency_histogram, rate_limit, canary, circuit_breaker",
        ],
    );
}

#[test]
fn every_order_of_every_set_of_filters_can_be_asked_for() {
    // Each filter is in or out, and each number tells one order of them.
    for set in 1..16_usize {
        let chosen: Vec<Filter> = (0..4)
            .filter(|bit| set >> bit & 1 == 1)
            .map(|bit| Filter::ALL[bit])
            .collect();
        let mut config = json!({});
        for filter in &chosen {
            config[filter.name()] = good(*filter);
        }
        let default: Vec<&str> = chosen.iter().map(|filter| filter.name()).collect();
        assert_eq!(names(&config), default);
        for number in 0..24_usize {
            let (mut rest, mut order, mut number) = (default.clone(), Vec::new(), number);
            while !rest.is_empty() {
                order.push(rest.remove(number % rest.len()));
                number /= rest.len() + 1;
            }
            config["order"] = json!(order);
            assert_eq!(names(&config), order);
        }
    }
}

#[test]
fn a_long_order_is_looked_at_as_far_as_it_can_matter() {
    let order = vec!["rate_limit"; 100_000];
    let config = json!({ "rate_limit": {}, "order": order }).to_string();
    let errors = parse(config.as_bytes()).expect_err("an order that repeats a filter");
    assert_eq!(errors.problems().len(), MOST - 1);
}

#[test]
fn requests_pass_only_if_each_filter_of_the_config_says_so() {
    for (config, pass) in [
        ("", false),
        ("{}", false),
        ("[]", false),
        (r#"{"on_invalid_config":"pass"}"#, false),
        (r#"{"rate_limit":{"on_invalid_config":"pass"}}"#, true),
        (r#"{"rate_limit":{"on_invalid_config":"refuse"}}"#, false),
        (r#"{"rate_limit":{}}"#, false),
        (r#"{"rate_limit":null}"#, false),
        (
            r#"{"rate_limit":{"limits":5,"on_invalid_config":"pass"},"x":1}"#,
            true,
        ),
        (
            r#"{"rate_limit":{"on_invalid_config":"pass"},"canary":{"on_invalid_config":"pass"}}"#,
            true,
        ),
        (
            r#"{"rate_limit":{"on_invalid_config":"pass"},"canary":{"release":"r1"}}"#,
            false,
        ),
        (
            r#"{"rate_limit":{"on_invalid_config":"pass"},"rate_limit":{}}"#,
            false,
        ),
        // Only filters count, and what cannot be read names none.
        (r#"{"waf":{"on_invalid_config":"pass"}}"#, false),
        (
            r#"{"waf":{},"order":5,"canary":{"on_invalid_config":"pass"}}"#,
            true,
        ),
        (r#"{"rate_limit":{"on_invalid_config":"pass"}"#, false),
    ] {
        assert_eq!(pass_at_first_load(config.as_bytes()), pass, "{config}");
    }
}

/// What is wrong with the config of a filter, or what it comes to, as text. Problems have their path in the suite's.
fn outcome(filter: Filter, config: &Value) -> Result<String, Vec<(String, String)>> {
    match Checked::parse(filter, config.to_string().as_bytes()) {
        Ok(checked) => Ok(format!("{checked:?}")),
        Err(errors) => Err(errors
            .problems()
            .iter()
            .map(|problem| {
                let part = filter.name();
                let path = match problem.path.as_str() {
                    "" => part.to_owned(),
                    path if path.starts_with('[') => [part, path].concat(),
                    path => [part, ".", path].concat(),
                };
                (path, problem.message.clone())
            })
            .collect()),
    }
}

/// The suite finds in each part exactly what the filter by itself finds.
fn as_if_alone(parts: &[Value; 4]) {
    let mut config = json!({});
    for (filter, part) in Filter::ALL.into_iter().zip(parts) {
        config[filter.name()] = part.clone();
    }
    let alone: Vec<_> = Filter::ALL
        .into_iter()
        .zip(parts)
        .map(|(filter, part)| outcome(filter, part))
        .collect();
    match parse(config.to_string().as_bytes()) {
        Ok(suite) => {
            let together: Vec<_> = suite
                .filters
                .iter()
                .map(|(_, checked)| Ok(format!("{checked:?}")))
                .collect();
            assert_eq!(together, alone, "{config}");
        }
        Err(errors) => {
            let together: Vec<(String, String)> = errors
                .problems()
                .iter()
                .map(|problem| (problem.path.clone(), problem.message.clone()))
                .collect();
            let expected: Vec<_> = alone.into_iter().filter_map(Result::err).flatten().collect();
            assert_eq!(together, expected, "{config}");
        }
    }
}

#[test]
fn parts_are_read_as_the_filters_read_them() {
    for broken in 0..16_usize {
        let parts = [0, 1, 2, 3].map(|index: usize| {
            let filter = Filter::ALL[index];
            if broken >> index & 1 == 1 {
                bad(filter)
            } else {
                good(filter)
            }
        });
        as_if_alone(&parts);
    }
}

/// JSON that is no `null`, which the suite takes for a field left out by mistake.
fn part() -> impl Strategy<Value = Value> {
    any_json().prop_filter("null", |config| !config.is_null())
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        refusal_has_reasons(parse(&bytes));
        let _ = pass_at_first_load(&bytes);
    }

    #[test]
    fn no_config_panics(
        parts in prop::collection::vec((prop::sample::select(vec![
            "apiVersion", "order", "latency_histogram", "rate_limit", "canary", "circuit_breaker", "zzz",
        ]), any_json()), 0..6),
        order in prop::collection::vec(any::<String>(), 0..4),
    ) {
        let mut config: serde_json::Map<String, Value> =
            parts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        refusal_has_reasons(parse(Value::Object(config.clone()).to_string().as_bytes()));
        config.insert("order".to_owned(), json!(order));
        let bytes = Value::Object(config).to_string().into_bytes();
        refusal_has_reasons(parse(&bytes));
        let _ = pass_at_first_load(&bytes);
    }

    #[test]
    fn any_parts_are_read_as_the_filters_read_them(a in part(), b in part(), c in part(), d in part()) {
        as_if_alone(&[a, b, c, d]);
    }
}
