//! Each mistake with the line that the operator reads.

use super::*;

mod counted;
mod labels;

/// The config is refused for exactly these reasons, in this order.
fn check(config: &str, expected: &[&str]) {
    let lines: Vec<String> = match parse(config.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.problems().iter().map(ToString::to_string).collect(),
    };
    assert_eq!(lines, expected, "{config}");
}

#[test]
fn what_is_no_object_is_refused() {
    check("[]", &["a list is not a latency-histogram config"]);
    check(
        r#"{"labels":[],"phases":"total","slos":{},"quantiles":60,"access_log":true,"exclude":[],"sizes":true}"#,
        &[
            "labels: a list is not a set of labels",
            "phases: \"total\" is not a list: write it in [ ]",
            "exclude: a list is not a set of excluded requests",
            "slos: an object is not a list: write it in [ ]",
            "quantiles: 60 is not a set of quantiles",
            "sizes: true is not a set of sizes",
            "access_log: true is not an access log",
        ],
    );
}

#[test]
fn unknown_fields_are_refused_at_every_depth() {
    check(
        r#"{"label":{},"histogram":true,"labels":{"routes":{},"status":true,"cluster":{"most":5}},"exclude":{"grpc":true},
            "quantiles":{"windows":"60s"},"sizes":{"requests":true},"access_log":{"samples":"1%"}}"#,
        &[
            "label: unknown field: did you mean labels?",
            "histogram: unknown field: a latency-histogram config can have apiVersion, mode, match, labels, phases, unit, envoy_histogram, buckets, exclude, slos, quantiles, sizes, access_log, on_invalid_config",
            "labels.routes: unknown field: did you mean route?",
            "labels.status: unknown field: a set of labels can have route, method, status_class, grpc_status, variant, host, cluster",
            "labels.cluster.most: unknown field: a cluster label can have max",
            "exclude.grpc: unknown field: a set of excluded requests can have grpc_streams, websockets, client_aborts, health_checks, match",
            "quantiles.windows: unknown field: did you mean window?",
            "sizes.requests: unknown field: did you mean request?",
            "access_log.samples: unknown field: did you mean sample?",
        ],
    );
}

#[test]
fn words_are_known() {
    check(
        r#"{"apiVersion":"v1","mode":"on","unit":"s","envoy_histogram":"yes","on_invalid_config":"fail","access_log":{"format":"text"}}"#,
        &[
            "apiVersion: \"v1\" is not an API version: write fairlead.dev/v1",
            "mode: \"on\" is not a mode: write enforce, shadow or off",
            "unit: \"s\" is not a unit: write ms or us",
            "envoy_histogram: \"yes\" is not true or false",
            "access_log.format: \"text\" is not a format: write json",
            "on_invalid_config: \"fail\" is not an answer to an invalid config: write refuse or pass",
        ],
    );
}

#[test]
fn phases_are_there_once() {
    check(
        r#"{"phases":[]}"#,
        &["phases: is empty: write at least one entry, or leave the field out"],
    );
    check(
        r#"{"phases":["total","first_byte","total"]}"#,
        &[
            "phases[1]: \"first_byte\" is not a phase: write total, upstream or filter",
            "phases[2]: \"total\" is there twice: write it once",
        ],
    );
}

#[test]
fn what_is_about_a_phase_needs_it() {
    let slos = r#""slos":[{"name":"a","threshold":"1ms","objective":"9%"},
        {"name":"b","threshold":"1ms","objective":"9%","phase":"upstream"}]"#;
    check(
        &format!(r#"{{"phases":["upstream","filter"],{slos},"quantiles":{{}}}}"#),
        &[
            "slos[0].phase: total is not timed: add total to phases, or write upstream or filter",
            "quantiles.phase: total is not timed: add total to phases, or write upstream or filter",
        ],
    );
    check(
        &format!(r#"{{{slos},"quantiles":{{"phase":"filter"}}}}"#),
        &[
            "slos[1].phase: upstream is not timed: add upstream to phases, or write total",
            "quantiles.phase: filter is not timed: add filter to phases, or write total",
        ],
    );
    // Of a broken phase nothing is known.
    check(
        &format!(r#"{{"phases":["upstrem"],{slos},"quantiles":{{"phase":"all"}}}}"#),
        &[
            "phases[0]: \"upstrem\" is not a phase: write total, upstream or filter",
            "quantiles.phase: \"all\" is not a phase: write total, upstream or filter",
        ],
    );
}

#[test]
fn what_is_excluded_is_said() {
    check(
        r#"{"exclude":{}}"#,
        &[
            "exclude: is not a set of excluded requests yet: write at least one of grpc_streams, websockets, client_aborts, health_checks or match",
        ],
    );
    check(
        r#"{"match":[],"exclude":{"websockets":1,"match":[{}]}}"#,
        &[
            "match: is empty: write at least one entry, or leave the field out",
            "exclude.websockets: 1 is not true or false",
            "exclude.match[0]: is empty and would stand for every request: write a condition, or leave it out",
        ],
    );
    check(
        r#"{"sizes":{}}"#,
        &["sizes: is not a set of sizes yet: write at least one of request or response"],
    );
}

#[test]
fn a_log_has_bounds_and_something_to_say() {
    check(
        r#"{"access_log":{"sample":1,"slow_above":2,"failed":"no","max_per_second":10001}}"#,
        &[
            "access_log.sample: 1 is not a percentage: write 1% or 100%",
            "access_log.slow_above: 2 is not a duration: write a whole number and its unit, us ms s m h or d, as in 250ms",
            "access_log.failed: \"no\" is not true or false",
            "access_log.max_per_second: 10001 is not an integer from 1 to 10000",
        ],
    );
    for nothing in [r#"{"failed":false}"#, r#"{"failed":false,"sample":"0%"}"#] {
        check(
            &format!(r#"{{"access_log":{nothing}}}"#),
            &["access_log: logs nothing: write sample or slow_above, or leave it out"],
        );
    }
    // Of a broken sample nothing is known.
    check(
        r#"{"access_log":{"failed":false,"sample":"1"}}"#,
        &["access_log.sample: \"1\" is not a percentage: write a number and %, as in 10% or 0.5%"],
    );
}

#[test]
fn every_mistake_is_listed_at_once() {
    check(
        r#"{"mode":"on","labels":{"method":1},"buckets":["2ms","1ms"],"slos":[{"name":"a"}],"quantiles":{"by":["method"]}}"#,
        &[
            "mode: \"on\" is not a mode: write enforce, shadow or off",
            "labels.method: 1 is not true or false",
            "buckets[1]: 1ms is not more than the bound before, 2ms: write the bounds in order",
            "slos[0].threshold: is missing: an objective needs it",
            "slos[0].objective: is missing: an objective needs it",
        ],
    );
}
