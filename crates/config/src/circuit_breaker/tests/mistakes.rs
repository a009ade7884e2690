//! Each mistake with the line that the operator reads.

use super::*;

mod replies;
mod tripping;

/// The config is refused for exactly these reasons, in this order.
fn check(config: &str, expected: &[&str]) {
    let lines: Vec<String> = match parse(config.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.problems().iter().map(ToString::to_string).collect(),
    };
    assert_eq!(lines, expected, "{config}");
}

/// The same for the fields of one breaker, besides its name; reasons without `breakers[0].`.
fn check_breaker(fields: &str, expected: &[&str]) {
    let expected: Vec<String> = expected
        .iter()
        .map(|line| format!("breakers[0].{line}"))
        .collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check(&format!(r#"{{"breakers":[{{"name":"a",{fields}}}]}}"#), &expected);
}

#[test]
fn what_is_no_object_is_refused() {
    check("[]", &["a list is not a circuit-breaker config"]);
    check(
        r#"{"breakers":{},"mode":"on"}"#,
        &[
            "mode: \"on\" is not a mode: write enforce, shadow or off",
            "breakers: an object is not a list: write it in [ ]",
        ],
    );
    check(
        r#"{"breakers":[5,null,[]]}"#,
        &[
            "breakers[0]: 5 is not a breaker",
            "breakers[1]: null is not a breaker",
            "breakers[2]: a list is not a breaker",
        ],
    );
}

#[test]
fn unknown_fields_are_refused_at_every_depth() {
    check(
        r#"{"breaker":[],"limits":[]}"#,
        &[
            "breaker: unknown field: did you mean breakers?",
            "limits: unknown field: a circuit-breaker config can have apiVersion, mode, breakers, on_invalid_config",
        ],
    );
    check_breaker(
        r#""halfOpen":{},"trip":{"errorRate":"50%"},"open":{"base":"30s"},"fallback":{"reroute":{"headers":"x","value":"1"}}"#,
        &[
            "halfOpen: unknown field: did you mean half_open?",
            "trip.errorRate: unknown field: did you mean error_rate?",
            "open.base: unknown field: an open state can have duration, backoff, max, jitter",
            "fallback.reroute.headers: unknown field: did you mean header?",
            "fallback.reroute.header: is missing: a reroute needs it",
        ],
    );
}

#[test]
fn names_are_there_and_unique() {
    check(
        r#"{"breakers":[{},{"name":""},{"name":"a"},{"name":"b"},{"name":"a"}]}"#,
        &[
            "breakers[4].name: \"a\" is taken by entry 2: write a unique one",
            "breakers[0].name: is missing: a breaker needs it",
            "breakers[1].name: \"\" is not a name: write 1 to 64 of the characters A-Z a-z 0-9 _ . -",
        ],
    );
}

#[test]
fn there_are_at_most_256_breakers() {
    let config = |count: usize| {
        let list: Vec<String> = (0..count).map(|n| format!(r#"{{"name":"b{n}"}}"#)).collect();
        format!(r#"{{"breakers":[{}]}}"#, list.join(","))
    };
    assert_eq!(parsed(&config(256)).breakers.len(), 256);
    check(
        &config(257),
        &["breakers: has 257 breakers, and 256 are the most"],
    );
}

#[test]
fn what_has_a_breaker_of_its_own_is_known() {
    for (written, shown) in [
        (r#""client""#, r#""client""#),
        (r#""key""#, r#""key""#),
        (r#""""#, r#""""#),
        ("5", "5"),
        (r#"[{"header":"x"}]"#, "a list"),
    ] {
        check_breaker(
            &format!(r#""per":{written}"#),
            &[&format!(
                "per: {shown} is not what has a breaker of its own: write rule, cluster, route, host or {{key: [...]}}"
            )],
        );
    }
    check_breaker(
        r#""per":{}"#,
        &["per.key: is missing: what has a breaker of its own needs it"],
    );
    check_breaker(
        r#""per":{"key":[]}"#,
        &["per.key: is empty: write at least one entry, or leave the field out"],
    );
    check_breaker(
        r#""per":{"key":[{"heder":"x"}]}"#,
        &["per.key[0].heder: unknown field: did you mean header?"],
    );
}

#[test]
fn keys_are_bounded_where_there_are_keys() {
    let none = "max_keys: means nothing with per: rule, which has one breaker: leave it out";
    check_breaker(r#""max_keys":10"#, &[none]);
    check_breaker(r#""per":"rule","max_keys":10"#, &[none]);
    check_breaker(
        r#""per":"host","max_keys":70000"#,
        &["max_keys: 70000 is not an integer from 1 to 65536"],
    );
    // Of a broken `per` nothing is known.
    check_breaker(
        r#""per":"hosts","max_keys":10"#,
        &[
            "per: \"hosts\" is not what has a breaker of its own: write rule, cluster, route, host or {key: [...]}",
        ],
    );
}

#[test]
fn a_throttle_stands_alone() {
    let alone =
        |key: &str| format!("{key}: does not go with throttle, which never opens: leave one of them out");
    let expected: Vec<String> = ["preset", "trip", "open", "half_open", "recovery_ramp", "warm_up"]
        .map(alone)
        .into();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check_breaker(
        r#""throttle":{},"preset":"envoy","trip":{"consecutive_failures":5},"open":{},"half_open":{},"recovery_ramp":"1s","warm_up":"1s""#,
        &expected,
    );
    for per in [r#""host""#, r#"{"key":[{"header":"x"}]}"#] {
        check_breaker(
            &format!(r#""throttle":{{}},"per":{per}"#),
            &["per: does not go with throttle, which counts for the whole rule: leave it out, or throttle"],
        );
    }
    for window in [
        r#"{"calls":100}"#,
        r#"{"buckets":1}"#,
        r#"{"duration":"30s","buckets":1}"#,
    ] {
        check_breaker(
            &format!(r#""throttle":{{}},"window":{window}"#),
            &["window: does not go with throttle: write a duration of at least two buckets"],
        );
    }
    check_breaker(
        r#""throttle":{},"window":{"buckets":2},"force":"open","minimum_requests":1"#,
        &[],
    );
}

#[test]
fn the_numbers_of_a_throttle_are_in_range() {
    check_breaker(
        r#""throttle":{"success_rate":"0%","aggression":0.5,"max_rejection":80}"#,
        &[
            "throttle.success_rate: \"0%\" is not a percentage above 0%",
            "throttle.aggression: 0.5 is not a factor: write a number from 1 to 100",
            "throttle.max_rejection: 80 is not a percentage: write 80%",
        ],
    );
}

#[test]
fn the_other_values_of_a_breaker_are_in_range() {
    check_breaker(
        r#""mode":"on","preset":"polly","recovery_ramp":"2h","warm_up":5,"timeout":"0s","max_in_flight":100001,"force":"half-open""#,
        &[
            "mode: \"on\" is not a mode: write enforce, shadow or off",
            "preset: \"polly\" is not a library: write opossum, resilience4j, gobreaker, envoy or hystrix",
            "recovery_ramp: \"2h\" is not a duration from 0s to 1h",
            "warm_up: 5 is not a duration: write a whole number and its unit, ms s m h or d, as in 10s",
            "timeout: \"0s\" is not a duration from 1ms to 1h",
            "max_in_flight: 100001 is not an integer from 1 to 100000",
            "force: \"half-open\" is not a state: write open or closed",
        ],
    );
}

#[test]
fn every_mistake_is_listed_at_once() {
    check(
        r#"{"breakers":[{"name":"a","window":{"calls":0}},{"name":"b","trip":{},"throttle":{}}],"on_invalid_config":"fail"}"#,
        &[
            "breakers[0].window.calls: 0 is not an integer from 1 to 1000",
            "breakers[1].trip: is not a trip yet: write at least one of error_rate, slow or consecutive_failures",
            "breakers[1].trip: does not go with throttle, which never opens: leave one of them out",
            "on_invalid_config: \"fail\" is not an answer to an invalid config: write refuse or pass",
        ],
    );
}
