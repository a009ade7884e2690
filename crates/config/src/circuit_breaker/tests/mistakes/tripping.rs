//! Mistakes in what is counted, what trips, and how it recovers.

use super::*;

#[test]
fn a_window_is_either_a_time_or_calls() {
    check_breaker(
        r#""window":{"calls":100,"duration":"10s","buckets":10}"#,
        &[
            "window.duration: does not go with calls: leave one of them out",
            "window.buckets: does not go with calls: leave one of them out",
        ],
    );
    check_breaker(
        r#""window":{}"#,
        &["window: is not a window yet: write at least one of duration, buckets or calls"],
    );
    check_breaker(
        r#""window":{"duration":"99ms","buckets":61},"minimum_requests":0"#,
        &[
            "window.duration: \"99ms\" is not a duration from 100ms to 1h",
            "window.buckets: 61 is not an integer from 1 to 60",
            "minimum_requests: 0 is not an integer from 1 to 1000000",
        ],
    );
    check_breaker(r#""window":"10s""#, &["window: \"10s\" is not a window"]);
}

#[test]
fn something_trips() {
    check_breaker(
        r#""trip":{}"#,
        &["trip: is not a trip yet: write at least one of error_rate, slow or consecutive_failures"],
    );
    check_breaker(
        r#""trip":{"error_rate":"0%","slow":{"rate":"0.0%"},"consecutive_failures":0}"#,
        &[
            "trip.error_rate: \"0%\" is not a percentage above 0%",
            "trip.slow.above: is missing: a bound on slow calls needs it",
            "trip.slow.rate: \"0.0%\" is not a percentage above 0%",
            "trip.consecutive_failures: 0 is not an integer from 1 to 1000000",
        ],
    );
    check_breaker(
        r#""trip":{"error_rate":0.5,"slow":{"above":"11m"}}"#,
        &[
            "trip.error_rate: 0.5 is not a percentage: write 0.5% or 50%",
            "trip.slow.above: \"11m\" is not a duration from 1ms to 10m",
        ],
    );
}

#[test]
fn statuses_are_of_http() {
    let status = "is not a status from 100 to 599: write it as in 503, \"500-504\" or \"5xx\"";
    for (written, shown) in [
        ("99", "99"),
        ("600", "600"),
        ("-1", "-1"),
        ("1e9", "1000000000"),
        ("503.5", "503.5"),
        (r#""6xx""#, r#""6xx""#),
        (r#""0xx""#, r#""0xx""#),
        (r#""50x""#, r#""50x""#),
        (r#""5XX""#, r#""5XX""#),
        (r#""504-500""#, r#""504-500""#),
        (r#""500-600""#, r#""500-600""#),
        (r#""500 - 504""#, r#""500 - 504""#),
        (r#""0503""#, r#""0503""#),
        (r#""+50""#, r#""+50""#),
        (r#""""#, r#""""#),
        ("true", "true"),
        ("[503]", "a list"),
    ] {
        check_breaker(
            &format!(r#""ignore":{{"status":[500,{written}]}}"#),
            &[&format!("ignore.status[1]: {shown} {status}")],
        );
    }
    check_breaker(
        r#""failure":{"status":"5xx"}"#,
        &["failure.status: \"5xx\" is not a list: write it in [ ]"],
    );
}

#[test]
fn grpc_statuses_have_their_names() {
    let fix = "write a name, as in UNAVAILABLE, or a number from 0 to 16";
    check_breaker(
        r#""failure":{"grpc":["unavailable","CANCELED",17,-1,"14",0,"OK",true,"TIMEOUT"]}"#,
        &[
            "failure.grpc[0]: \"unavailable\" is not a gRPC status: write UNAVAILABLE",
            "failure.grpc[1]: \"CANCELED\" is not a gRPC status: write CANCELLED",
            &format!("failure.grpc[2]: 17 is not a gRPC status: {fix}"),
            &format!("failure.grpc[3]: -1 is not a gRPC status: {fix}"),
            &format!("failure.grpc[4]: \"14\" is not a gRPC status: {fix}"),
            "failure.grpc[5]: 0 is not a failure: leave it out",
            "failure.grpc[6]: \"OK\" is not a failure: leave it out",
            &format!("failure.grpc[7]: true is not a gRPC status: {fix}"),
            &format!("failure.grpc[8]: \"TIMEOUT\" is not a gRPC status: {fix}"),
        ],
    );
    check_breaker(
        r#""ignore":{"grpc":[1.5]}"#,
        &[&format!("ignore.grpc[0]: 1.5 is not a gRPC status: {fix}")],
    );
}

#[test]
fn flags_have_the_names_of_envoy() {
    let fix = "write a name of Envoy's, as in UF or URX";
    check_breaker(
        r#""failure":{"local_replies":["uf","timeout",32,"UF,UH"],"reset":"yes","truncated":1}"#,
        &[
            "failure.reset: \"yes\" is not true or false",
            "failure.truncated: 1 is not true or false",
            "failure.local_replies[0]: \"uf\" is not a response flag: write UF",
            &format!("failure.local_replies[1]: \"timeout\" is not a response flag: {fix}"),
            &format!("failure.local_replies[2]: 32 is not a response flag: {fix}"),
            &format!("failure.local_replies[3]: \"UF,UH\" is not a response flag: {fix}"),
        ],
    );
}

#[test]
fn the_time_open_is_at_most_its_bound() {
    check_breaker(
        r#""open":{"duration":"10m","max":"5m"}"#,
        &["open.max: is less than the duration: write at least 10m, or leave it out"],
    );
    check_breaker(
        r#""open":{"max":"29s"}"#,
        &["open.max: is less than the duration: write at least 30s, or leave it out"],
    );
    check_breaker(
        r#""preset":"hystrix","open":{"max":"4s"}"#,
        &["open.max: is less than the duration: write at least 5s, or leave it out"],
    );
    check_breaker(r#""preset":"hystrix","open":{"max":"5s"}"#, &[]);
    // Of a broken duration nothing is known.
    check_breaker(
        r#""open":{"duration":"10x","max":"1s"}"#,
        &[
            "open.duration: \"10x\" is not a duration: write a whole number and its unit, ms s m h or d, as in 10s",
        ],
    );
    check_breaker(
        r#""preset":"nobody","open":{"max":"1s"}"#,
        &["preset: \"nobody\" is not a library: write opossum, resilience4j, gobreaker, envoy or hystrix"],
    );
}

#[test]
fn the_time_open_grows_in_a_known_way() {
    let factor = "is not a factor: write a number from 1 to 100";
    for (written, message) in [
        ("0.5", format!("0.5 {factor}")),
        ("101", format!("101 {factor}")),
        (r#""2""#, format!("\"2\" {factor}, without quotes")),
        ("true", format!("true {factor}")),
        (
            r#""exponential""#,
            "\"exponential\" is not a backoff: write linear, or a factor from 1 to 100".to_owned(),
        ),
    ] {
        check_breaker(
            &format!(r#""open":{{"backoff":{written}}}"#),
            &[&format!("open.backoff: {message}")],
        );
    }
    check_breaker(
        r#""open":{"duration":"0s","jitter":"101%"}"#,
        &[
            "open.duration: \"0s\" is not a duration from 1ms to 1h",
            "open.jitter: \"101%\" is not a percentage: write at most 100%",
        ],
    );
}

#[test]
fn the_values_of_half_open_are_in_range() {
    check_breaker(
        r#""half_open":{"probes":1001,"success_rate":1,"max_wait":"0s","then":"closed"}"#,
        &[
            "half_open.probes: 1001 is not an integer from 0 to 1000",
            "half_open.success_rate: 1 is not a percentage: write 1% or 100%",
            "half_open.max_wait: \"0s\" is not a duration from 1ms to 1d",
            "half_open.then: \"closed\" is not an end of waiting: write open or close",
        ],
    );
}
