use super::super::parse;
use super::*;

/// The advice on a config, a line each.
fn check(config: &str, expected: &[&str]) {
    let parsed = parse(config.as_bytes()).unwrap_or_else(|errors| panic!("{config}\n{errors}"));
    let lines: Vec<String> = warnings(&parsed).iter().map(ToString::to_string).collect();
    assert_eq!(lines, expected, "{config}");
}

#[test]
fn the_default_needs_no_advice() {
    check("", &[]);
    check(
        r#"{"labels":{"route":{"templates":["/users/me","/users/{id}"]},"method":true,"host":["a.example.com","*.example.com"]},
            "phases":["total","upstream","filter"],"buckets":{"from":"1ms","to":"1s"},"exclude":{"websockets":true},
            "slos":[{"name":"a","threshold":"5ms","objective":"99%","failures":"bad"}],"quantiles":{"window":"15s","by":["route"]},
            "sizes":{"request":true},"access_log":{"sample":"1%","slow_above":"5ms"}}"#,
        &[],
    );
}

#[test]
fn modes_are_explained() {
    check(
        r#"{"mode":"shadow","on_invalid_config":"pass"}"#,
        &[
            "info: mode: is the same as enforce, as this filter changes no request; leave it out",
            "info: on_invalid_config: a proxy that starts with a config that cannot be used counts nothing",
        ],
    );
    check(r#"{"mode":"off"}"#, &["info: mode: the filter does nothing"]);
}

#[test]
fn matches_are_looked_at_wherever_they_are() {
    let prefix = r#"[{"path":{"prefix":"/v1"}}]"#;
    let advice = |path: &str| {
        format!("info: {path}match[0].path.prefix: /v1 also matches /v1x; write /v1/ for whole segments")
    };
    check(&format!(r#"{{"match":{prefix}}}"#), &[&advice("")]);
    check(
        &format!(r#"{{"exclude":{{"match":{prefix}}}}}"#),
        &[&advice("exclude.")],
    );
    check(
        &format!(
            r#"{{"slos":[{{"name":"a","threshold":"5ms","objective":"99%","failures":"ignore","match":{prefix}}}]}}"#
        ),
        &[&advice("slos[0].")],
    );
}

#[test]
fn many_sets_of_labels_are_told() {
    let config = |templates: usize| {
        let list: Vec<String> = (0..templates).map(|n| format!(r#""/t{n}""#)).collect();
        format!(
            r#"{{"labels":{{"route":{{"templates":[{}]}},"method":true}}}}"#,
            list.join(",")
        )
    };
    check(&config(99), &[]);
    check(
        &config(100),
        &[
            "info: labels: can have 1010 sets; what was seen once stays in the proxy, and in each answer to Prometheus, until it restarts",
        ],
    );
}

#[test]
fn a_template_behind_a_wider_one_is_never_the_route() {
    check(
        r#"{"labels":{"route":{"templates":["/users/{id}","/users/me","/users/{name}","/users/{id}/orders"]}}}"#,
        &[
            "warning: labels.route.templates[1]: is never the route, as /users/{id} stands before it; write it first",
            "warning: labels.route.templates[2]: is never the route, as /users/{id} stands before it; write it first",
        ],
    );
}

#[test]
fn values_that_come_from_traffic_are_told() {
    check(
        r#"{"labels":{"route":{"name":true},"cluster":{"max":7}}}"#,
        &[
            "info: labels.route.name: Istio calls each route without a name default; name the routes of a VirtualService to tell them apart",
            "info: labels.route.max: the first 100 that are seen have a value of their own, later ones are _other and counted in label_overflow_total",
            "info: labels.cluster.max: the first 7 that are seen have a value of their own, later ones are _other and counted in label_overflow_total",
        ],
    );
}

#[test]
fn a_variant_is_what_a_canary_before_the_filter_says() {
    let order = "info: labels.variant.header: is read when a request comes to this filter, so a canary that sets it has to come before; in a policy, write order: [canary, latency_histogram]";
    check(
        r#"{"labels":{"variant":{"header":"x-canary","values":["v2"]}}}"#,
        &[order],
    );
    check(
        r#"{"labels":{"variant":{"header":"x-canary"}}}"#,
        &[
            order,
            "warning: labels.variant: clients choose this value unless a filter before this one sets the header, and the first 10 take all places; write values",
        ],
    );
    check(r#"{"labels":{"variant":{"response_header":"x-version"}}}"#, &[]);
    check(
        r#"{"labels":{"variant":{"response_header":"Set-Cookie"}}}"#,
        &[
            "warning: labels.variant: set-cookie holds secrets, which would stand in metrics; use another header",
        ],
    );
}

#[test]
fn any_host_is_no_label() {
    check(
        r#"{"labels":{"host":["a.example.com","*"]}}"#,
        &[
            "warning: labels.host[1]: meets every host, so that what comes after it is never used; leave it out, and other hosts are _other",
        ],
    );
}

#[test]
fn the_proxys_histograms_show_what_their_unit_can() {
    check(
        r#"{"unit":"us"}"#,
        &[
            "info: unit: the proxy's own buckets suit milliseconds; in Istio, sidecar.istio.io/statsHistogramBuckets sets others for wasmcustom",
        ],
    );
    let slos = r#""slos":[{"name":"a","threshold":"5ms","objective":"99%","failures":"bad"},
        {"name":"b","threshold":"750us","objective":"99%","failures":"bad"}]"#;
    check(
        &format!("{{{slos}}}"),
        &[
            "warning: unit: histograms in ms cannot show what slos[1].threshold tells apart; write us, or buckets",
        ],
    );
    check(&format!(r#"{{{slos},"buckets":["750us"]}}"#), &[]);
    check(&format!(r#"{{{slos},"envoy_histogram":false,"unit":"us"}}"#), &[]);
}

#[test]
fn a_filter_that_records_nothing_is_told() {
    check(
        r#"{"envoy_histogram":false,"sizes":{"request":true}}"#,
        &["warning: envoy_histogram: no duration is recorded; write true, or buckets, slos or quantiles"],
    );
    for what in [r#""buckets":["1ms"]"#, r#""quantiles":{}"#] {
        check(&format!(r#"{{"envoy_histogram":false,{what}}}"#), &[]);
    }
}

#[test]
fn streams_are_counted_by_how_long_they_last() {
    check(
        r#"{"labels":{"grpc_status":true}}"#,
        &[
            "info: exclude.grpc_streams: a stream lasts as long as its client likes, and is counted by that; write true if there are streams",
        ],
    );
    check(
        r#"{"labels":{"grpc_status":true},"exclude":{"grpc_streams":true}}"#,
        &[],
    );
}

#[test]
fn fast_failures_and_unlogged_misses_are_told() {
    check(
        r#"{"slos":[{"name":"a","threshold":"500ms","objective":"99%"}],"access_log":{"slow_above":"2s"}}"#,
        &[
            "info: slos[0].failures: a failure that is fast counts as good; write bad if users should not get it either",
            "info: access_log.slow_above: requests that miss slos[0] are not all logged; write 500ms for that",
        ],
    );
}

#[test]
fn a_window_is_longer_than_the_time_between_two_scrapes() {
    check(
        r#"{"quantiles":{"window":"14s"}}"#,
        &[
            "warning: quantiles.window: is shorter than the time between two looks at metrics usually is, so that requests in between show nowhere; write 15s or more",
        ],
    );
}

#[test]
fn a_log_of_every_request_is_told() {
    check(
        r#"{"access_log":{"sample":"100%"}}"#,
        &[
            "warning: access_log.sample: logs every request, up to 100 a second in each worker; for that, the proxy's own access log is cheaper",
        ],
    );
}
