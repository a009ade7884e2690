use super::super::parse;
use super::*;

/// The config gets exactly this advice, in this order, besides what keys cost.
fn check(config: &str, expected: &[&str]) {
    let config = parse(config.as_bytes()).unwrap_or_else(|errors| panic!("{config}\n{errors}"));
    let lines: Vec<String> = warnings(&config)
        .iter()
        .filter(|one| !one.advice.starts_with("takes up to "))
        .map(ToString::to_string)
        .collect();
    assert_eq!(lines, expected, "{config:?}");
}

/// The same for the fields of one breaker, besides its name. Its path stands as `~` in the advice.
fn check_breaker(fields: &str, expected: &[&str]) {
    let expected: Vec<String> = expected
        .iter()
        .map(|line| line.replace('~', "breakers[0]"))
        .collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check(&format!(r#"{{"breakers":[{{"name":"a",{fields}}}]}}"#), &expected);
}

/// The KiB that the keys of a breaker with these fields take; `None` where nothing is said.
fn memory(fields: &str) -> Option<u64> {
    let config = parse(format!(r#"{{"breakers":[{{"name":"a",{fields}}}]}}"#).as_bytes()).unwrap();
    let advice = warnings(&config)
        .into_iter()
        .find(|one| one.path == "breakers[0].max_keys")?
        .advice;
    let kib = advice
        .strip_prefix("takes up to ")?
        .strip_suffix(" KiB of memory")?;
    kib.parse().ok()
}

#[test]
fn keys_say_what_they_cost() {
    assert_eq!(memory(r#""per":"rule","max_in_flight":10"#), None);
    let host = memory(r#""per":"host""#).unwrap();
    assert!((64..1024).contains(&host), "{host}");
    assert_eq!(
        memory(r#""per":"host","max_keys":4096"#).map(|kib| kib.div_ceil(4)),
        Some(host)
    );
    assert!(memory(r#""per":"host","max_in_flight":10"#).unwrap() > host);
    assert!(memory(r#""per":"host","window":{"calls":1000}"#).unwrap() > host);
}

#[test]
fn plain_breakers_need_no_advice() {
    check("{}", &[]);
    check(r#"{"breakers":[{"name":"a"},{"name":"b","per":"rule"}]}"#, &[]);
    check_breaker(
        r#""trip":{"error_rate":"50%","slow":{"above":"3s"},"consecutive_failures":5},"timeout":"5s","recovery_ramp":"10s","max_in_flight":10"#,
        &[],
    );
    check_breaker(
        r#""open":{"backoff":2,"jitter":"10%"},"half_open":{"probes":0}"#,
        &[],
    );
    for preset in ["gobreaker", "envoy", "hystrix"] {
        check_breaker(&format!(r#""preset":"{preset}""#), &[]);
    }
    check_breaker(r#""throttle":{},"window":{"duration":"30s"}"#, &[]);
}

#[test]
fn what_does_less_than_it_could_is_said() {
    check(
        r#"{"mode":"shadow","breakers":[{"name":"a","mode":"off"},{"name":"b","mode":"shadow"}],"on_invalid_config":"pass"}"#,
        &[
            "info: mode: breakers open and close, and no request is refused; write enforce to refuse by them",
            "info: breakers[0].mode: this breaker does nothing",
            "info: breakers[1].mode: this breaker opens and closes, and refuses nothing",
            "info: on_invalid_config: a proxy that starts with a config that cannot be used breaks no circuit",
        ],
    );
    check(r#"{"mode":"off"}"#, &["info: mode: the filter does nothing"]);
}

#[test]
fn conditions_get_the_advice_of_every_filter() {
    check_breaker(
        r#""match":[{"path":{"prefix":"/v1"}}]"#,
        &["info: ~.match[0].path.prefix: /v1 also matches /v1x; write /v1/ for whole segments"],
    );
}

#[test]
fn keys_that_clients_choose_are_pointed_out() {
    let free = "clients choose this value, and with many new ones they take all max_keys, so that other keys are not protected";
    check_breaker(
        r#""per":{"key":[{"header":"x-tenant"},{"method":true},{"header":"x-tenant"}]}"#,
        &[
            &format!("warning: ~.per.key[0]: {free}"),
            "warning: ~.per.key[2]: an earlier part is the same; remove one",
            &format!("warning: ~.per.key[2]: {free}"),
        ],
    );
    check_breaker(
        r#""per":{"key":[{"method":true},{"property":["xds","route_name"]}]}"#,
        &[],
    );
}

#[test]
fn hosts_that_clients_choose_are_pointed_out() {
    let any = "info: ~.per: where routes take any host, clients choose this value, and each new one is a key; name the hosts in match, or write cluster";
    check_breaker(r#""per":"host""#, &[any]);
    check_breaker(
        r#""per":"host","match":[{"hosts":["a.example.com"]},{"methods":["GET"]}]"#,
        &[any],
    );
    check_breaker(
        r#""per":"host","match":[{"hosts":["a.example.com"]},{"hosts":["b.example.com"]}]"#,
        &[],
    );
}

#[test]
fn rates_of_few_calls_are_pointed_out() {
    let few = "~.minimum_requests: of so few calls 50% is easily reached by chance; write 5 or more";
    check_breaker(r#""minimum_requests":4"#, &[&format!("warning: {few}")]);
    check_breaker(r#""minimum_requests":5"#, &[]);
    check_breaker(r#""minimum_requests":4,"trip":{"consecutive_failures":3}"#, &[]);
    // A preset is what was asked for.
    check_breaker(r#""preset":"opossum""#, &[&format!("info: {few}")]);
    check_breaker(
        r#""preset":"opossum","minimum_requests":2"#,
        &[&format!("warning: {few}")],
    );
}

#[test]
fn a_minimum_that_the_window_never_holds_is_pointed_out() {
    let capped =
        "warning: ~.minimum_requests: a window of 10 calls never holds 20, so that it trips from 10 on";
    check_breaker(r#""window":{"calls":10},"minimum_requests":20"#, &[capped]);
    check_breaker(r#""window":{"calls":10}"#, &[]);
    check_breaker(r#""window":{"calls":20},"minimum_requests":20"#, &[]);
}

#[test]
fn bounds_that_are_never_reached_are_pointed_out() {
    check_breaker(
        r#""preset":"opossum","minimum_requests":10,"trip":{"error_rate":"100%"}"#,
        &[
            "warning: ~.trip.error_rate: never opens it, as this preset compares with more than that; write less than 100%",
        ],
    );
    check_breaker(r#""trip":{"error_rate":"100%"}"#, &[]);
    check_breaker(
        r#""open":{"duration":"5m","backoff":2}"#,
        &["warning: ~.open.backoff: has no effect, as the time open never grows above 5m"],
    );
    check_breaker(
        r#""open":{"max":"30s","backoff":"linear"}"#,
        &["warning: ~.open.backoff: has no effect, as the time open never grows above 30s"],
    );
    check_breaker(r#""open":{"max":"30s"}"#, &[]);
}

#[test]
fn slow_calls_have_time_to_be_slow() {
    let slow = r#""trip":{"slow":{"above":"3s"}}"#;
    check_breaker(
        slow,
        &["info: ~.trip.slow: a call that hangs counts only once it ends; write a timeout"],
    );
    check_breaker(
        &format!(r#"{slow},"timeout":"2s""#),
        &["warning: ~.trip.slow.above: no call is ever as slow: the timeout ends it after 2s"],
    );
    check_breaker(
        &format!(r#"{slow},"timeout":"5s","half_open":{{"max_wait":"2s"}}"#),
        &["warning: ~.half_open.max_wait: is over before a probe can be slow; write more than 3s"],
    );
    check_breaker(
        &format!(r#"{slow},"timeout":"5s","half_open":{{"max_wait":"2s","probes":0}}"#),
        &[],
    );
}

#[test]
fn what_opens_or_closes_too_easily_is_pointed_out() {
    check_breaker(
        r#""trip":{"consecutive_failures":1}"#,
        &["warning: ~.trip.consecutive_failures: lets a single failure open it"],
    );
    check_breaker(
        r#""half_open":{"success_rate":"0%"}"#,
        &["warning: ~.half_open.success_rate: closes it whatever its probes say"],
    );
    // More than nothing is at least one.
    let resilience4j = r#""preset":"resilience4j","trip":{"error_rate":"50%"}"#;
    check_breaker(
        &format!(r#"{resilience4j},"half_open":{{"success_rate":"0%"}}"#),
        &[],
    );
}

#[test]
fn what_can_never_fail_is_pointed_out() {
    let none = "warning: ~.failure.status: no status is a failure, so that only replies of the proxy itself and gRPC statuses are";
    check_breaker(r#""failure":{"status":[]}"#, &[none]);
    check_breaker(
        r#""failure":{"status":[503]},"ignore":{"status":["5xx"]}"#,
        &[none],
    );
    check_breaker(r#""failure":{"status":[503,504]},"ignore":{"status":[503]}"#, &[]);
    check_breaker(
        r#""failure":{"status":[]},"trip":{"slow":{"above":"1s"}},"timeout":"2s""#,
        &[],
    );
    check_breaker(
        r#""failure":{"local_replies":["UF"]},"timeout":"3s""#,
        &["warning: ~.failure.local_replies: lacks UT, so that calls which the timeout ends are no failures"],
    );
    check_breaker(r#""failure":{"local_replies":["UF"]}"#, &[]);
}

#[test]
fn what_a_throttle_does_not_use_is_pointed_out() {
    check_breaker(
        r#""throttle":{"max_rejection":"100%"},"minimum_requests":5"#,
        &[
            "warning: ~.minimum_requests: is not used with throttle; leave it out",
            "warning: ~.throttle.max_rejection: lets it refuse every request, and then no call tells that it could stop; write less",
        ],
    );
}

#[test]
fn what_a_fallback_cannot_do_is_said() {
    let who = "info: ~.fallback.stale: answers no request that has a cookie, an authorization or a body; such a request gets the reply";
    let memory = "info: ~.fallback.stale.max_entries: bodies take up to 2048 KiB of memory";
    check_breaker(r#""fallback":{"stale":{}}"#, &[who, memory]);
    check_breaker(
        r#""fallback":{"stale":{}},"match":[{"methods":["GET","POST"]},{"methods":["PUT"]}]"#,
        &[
            "warning: ~.fallback.stale: keeps responses to GET only; a POST that is refused gets the reply",
            who,
            memory,
        ],
    );
    check_breaker(
        r#""fallback":{"stale":{}},"match":[{"methods":["GET"]}]"#,
        &[who, memory],
    );
    check_breaker(
        r#""fallback":{"reroute":{"header":"X-Fallback","value":"1"}}"#,
        &[
            "info: ~.fallback.reroute: a route has to match x-fallback: 1; what clients send under this name is taken off",
        ],
    );
}

#[test]
fn an_operators_word_is_not_forgotten() {
    check_breaker(
        r#""force":"open""#,
        &["warning: ~.force: refuses every request, whatever the calls say; leave it out to let them decide"],
    );
    check_breaker(
        r#""force":"closed","throttle":{}"#,
        &["warning: ~.force: refuses nothing, whatever the calls say; leave it out to let them decide"],
    );
}
