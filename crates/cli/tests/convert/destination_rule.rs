//! Istio's DestinationRule.

use crate::{convert, fairlead, refused, sample};
use fairlead_config::circuit_breaker::Per;
use std::time::Duration;

/// A DestinationRule of `reviews` in `demo` with this `spec` after its host.
fn rule(spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: reviews, namespace: demo}}\nspec:\n  host: reviews\n{spec}"
    )
}

/// The same with this `outlierDetection`.
fn outlier(fields: &str) -> String {
    rule(&format!("  trafficPolicy: {{outlierDetection: {{{fields}}}}}\n"))
}

const MATCH: &str =
    "    match: [{hosts: [reviews.demo.svc.cluster.local, reviews.demo.svc, reviews.demo, reviews]}]";
const FIVE: &str = "    failure: {status: [\"5xx\"], grpc: [UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS]}";
const GATEWAY: &str = "    failure: {status: [\"502-504\"], grpc: [DEADLINE_EXCEEDED, UNAVAILABLE]}";

#[test]
fn a_rule_with_everything_becomes_two_breakers_and_loses_nothing_in_silence() {
    let text = std::fs::read_to_string(sample("reviews.yaml")).unwrap();
    let converted = convert(&text, &[]);
    let breaker = |name: &str, trip: u32, failure: &str| {
        format!(
            "  - name: {name}\n    preset: envoy\n{MATCH}\n    per: cluster\n    window: {{duration: 30s}}\n    trip: {{consecutive_failures: \
             {trip}}}\n{failure}\n    ignore: {{status: []}}\n    open: {{duration: 1m, backoff: linear}}"
        )
    };
    assert_eq!(
        converted.policy(),
        format!(
            "circuit_breaker:\n  breakers:\n{}\n{}",
            breaker("reviews-5xx", 7, FIVE),
            breaker("reviews-gateway", 3, GATEWAY)
        )
    );
    for (begins, parts) in [
        ("note: skipped: VirtualService demo/reviews", &[][..]),
        (
            "6: spec.host: changed: match:",
            &["per: cluster", "only in callers of demo"],
        ),
        ("8: spec.trafficPolicy.loadBalancer: stays", &[]),
        (
            "10: spec.trafficPolicy.connectionPool.tcp.maxConnections: stays",
            &[],
        ),
        (
            "10: spec.trafficPolicy.connectionPool.tcp.connectTimeout: stays",
            &[],
        ),
        (
            "11: spec.trafficPolicy.connectionPool.http.http1MaxPendingRequests: stays",
            &[],
        ),
        (
            "11: spec.trafficPolicy.connectionPool.http.http2MaxRequests: stays",
            &["max_in_flight"],
        ),
        (
            "11: spec.trafficPolicy.connectionPool.http.maxRetries: stays",
            &[],
        ),
        (
            "12: spec.trafficPolicy.outlierDetection: changed: 2 breakers",
            &["consecutiveGatewayErrors"],
        ),
        (
            "12: spec.trafficPolicy.outlierDetection: changed: breakers that count",
            &["over all hosts"],
        ),
        (
            "12: spec.trafficPolicy.outlierDetection: stays: maxEjectionPercent",
            &["fewer than 10 endpoints"],
        ),
        (
            "13: spec.trafficPolicy.outlierDetection.consecutive5xxErrors: became: trip: {consecutive_failures: 7}",
            &[],
        ),
        (
            "14: spec.trafficPolicy.outlierDetection.consecutiveGatewayErrors: became: trip: {consecutive_failures: 3}",
            &[],
        ),
        (
            "15: spec.trafficPolicy.outlierDetection.interval: became: window: {duration: 30s}",
            &[],
        ),
        (
            "16: spec.trafficPolicy.outlierDetection.baseEjectionTime: became: open: {duration: 1m, backoff: linear}",
            &[],
        ),
        (
            "19: spec.trafficPolicy.portLevelSettings[0].outlierDetection: lost",
            &["without their port"],
        ),
        ("20: spec.subsets: stays", &[]),
        (
            "26: spec.subsets[1].trafficPolicy.outlierDetection: lost",
            &["headers: {x-canary: {exact: v2}}"],
        ),
    ] {
        converted.says(begins, parts);
    }
    assert_eq!(converted.notes.len(), 19, "{:#?}", converted.notes);
}

#[test]
fn what_is_not_written_is_as_istio_and_envoy_have_it() {
    let converted = convert(&outlier(""), &[]);
    assert_eq!(
        converted.policy(),
        format!(
            "circuit_breaker:\n  breakers:\n  - name: reviews\n    preset: envoy\n{MATCH}\n    trip: {{consecutive_failures: 5}}\n{FIVE}\n    ignore: \
             {{status: []}}"
        )
    );
    let [breaker] = &converted.breakers[..] else {
        panic!()
    };
    assert_eq!(breaker.per, Per::Rule);
    assert_eq!(breaker.policy.open.duration, Duration::from_secs(30));
    assert_eq!(breaker.policy.open.max, Duration::from_secs(300));
    assert_eq!(breaker.policy.half_open.probes, 0);
    assert!(breaker.classes.failures.contains(500) && !breaker.classes.failures.contains(499));
}

#[test]
fn each_of_envoys_counts_is_a_breaker_of_its_own() {
    let names = |fields: &str| {
        let converted = convert(&outlier(fields), &[]);
        let named = |breaker: &fairlead_config::circuit_breaker::Breaker| {
            let failures = breaker.policy.trip.consecutive_failures.unwrap();
            format!("{} {failures}", breaker.name)
        };
        converted
            .breakers
            .iter()
            .map(named)
            .collect::<Vec<_>>()
            .join(", ")
    };
    for (fields, expected) in [
        ("consecutive5xxErrors: 7", "reviews 7"),
        ("consecutiveGatewayErrors: 3", "reviews-5xx 5, reviews-gateway 3"),
        (
            "consecutive5xxErrors: 0, consecutiveGatewayErrors: 3",
            "reviews 3",
        ),
        (
            "consecutive5xxErrors: 3, consecutiveGatewayErrors: 3",
            "reviews 3",
        ),
        ("consecutive5xxErrors: 0", ""),
        (
            "splitExternalLocalOriginErrors: true",
            "reviews-5xx 5, reviews-local 5",
        ),
        (
            "splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2, consecutive5xxErrors: 0",
            "reviews 2",
        ),
        ("consecutiveLocalOriginFailures: 2", "reviews 5"),
    ] {
        assert_eq!(names(fields), expected, "{fields}");
    }
}

#[test]
fn with_local_failures_apart_no_failure_counts_twice() {
    let converted = convert(&outlier("splitExternalLocalOriginErrors: true"), &[]);
    let [five, local] = &converted.breakers[..] else {
        panic!()
    };
    assert!(five.classes.failures.contains(503) && !five.classes.reset);
    assert_eq!(five.classes.local_replies, Default::default());
    assert!(!local.classes.failures.contains(503) && local.classes.reset);
    assert_ne!(local.classes.local_replies, Default::default());
}

#[test]
fn what_has_no_effect_in_envoy_has_none_here_and_is_named() {
    convert(
        &outlier("consecutive5xxErrors: 3, consecutiveGatewayErrors: 3"),
        &[],
    )
    .says(
        "6: spec.trafficPolicy.outlierDetection.consecutiveGatewayErrors: lost",
        &["no effect in Envoy either"],
    );
    convert(&outlier("consecutiveLocalOriginFailures: 3"), &[]).says(
        "6: spec.trafficPolicy.outlierDetection.consecutiveLocalOriginFailures: lost",
        &["no effect in Envoy either"],
    );
    convert(&outlier("consecutiveErrors: 3"), &[]).says(
        "6: spec.trafficPolicy.outlierDetection.consecutiveErrors: lost",
        &["no longer read by Istio"],
    );
    convert(&outlier("consecutive5xxErrors: 0"), &[]).says(
        "6: spec.trafficPolicy.outlierDetection: lost",
        &["counts nothing"],
    );
}

#[test]
fn the_share_that_may_be_ejected_stays_with_how_many_endpoints_it_needs() {
    for (percent, says) in [
        (10, "fewer than 10 endpoints"),
        (15, "fewer than 7 endpoints"),
        (50, "fewer than 2 endpoints"),
        (100, "all hosts may be ejected"),
        (0, "at 10 Envoy ejects nobody"),
    ] {
        convert(&outlier(&format!("maxEjectionPercent: {percent}")), &[]).says(
            "6: spec.trafficPolicy.outlierDetection.maxEjectionPercent: stays",
            &[says],
        );
    }
    convert(&outlier("minHealthPercent: 20"), &[]).says(
        "6: spec.trafficPolicy.outlierDetection.minHealthPercent: stays",
        &[],
    );
}

#[test]
fn a_duration_that_a_policy_cannot_hold_is_cut_and_named() {
    let converted = convert(&outlier("baseEjectionTime: 2h, interval: 10ms"), &[]);
    converted.says(
        "6: spec.trafficPolicy.outlierDetection.baseEjectionTime: changed",
        &["open: {duration: 1h, backoff: linear}; 1h is the most"],
    );
    converted.says(
        "6: spec.trafficPolicy.outlierDetection.interval: changed",
        &["window: {duration: 100ms}", "100ms is the least"],
    );
    convert(&outlier("consecutive5xxErrors: 2000000"), &[]).says(
        "6: spec.trafficPolicy.outlierDetection.consecutive5xxErrors: changed",
        &["trip: {consecutive_failures: 1000000}; 1000000 are the most"],
    );
    let converted = convert(&outlier("baseEjectionTime: 15m"), &[]);
    assert_eq!(converted.breakers[0].policy.open.max, Duration::from_secs(900));
}

#[test]
fn a_host_is_matched_by_the_names_that_callers_give_it() {
    let hosts = |host: &str, metadata: &str| {
        let text = format!(
            "apiVersion: networking.istio.io/v1beta1\nkind: DestinationRule\nmetadata: {metadata}\nspec: {{host: \"{host}\", trafficPolicy: \
             {{outlierDetection: {{}}}}}}"
        );
        let policy = convert(&text, &[]).policy();
        let matched = policy
            .lines()
            .find_map(|line| line.trim().strip_prefix("match: [{hosts: "));
        let per = policy.contains("per: cluster");
        let matched = matched
            .and_then(|rest| rest.strip_suffix("}]"))
            .unwrap_or("any")
            .to_owned();
        (matched, per)
    };
    let of = |text: &str, per: bool| (text.to_owned(), per);
    let long = "[a.b.svc.cluster.local, a.b.svc, a.b, a]";
    assert_eq!(hosts("a", "{name: x, namespace: b}"), of(long, false));
    assert_eq!(hosts("a.b.svc.cluster.local", "{name: x}"), of(long, false));
    assert_eq!(hosts("a", "{name: x}"), of("[a]", false));
    assert_eq!(
        hosts("api.example.com", "{name: x}"),
        of("[api.example.com]", false)
    );
    assert_eq!(
        hosts("*.example.com", "{name: x}"),
        of("[\"*.example.com\"]", true)
    );
    assert_eq!(hosts("*", "{name: x}"), of("any", true));
}

#[test]
fn names_are_unique_and_of_the_characters_that_a_name_has() {
    let one = |name: &str| {
        format!(
            "apiVersion: networking.istio.io/v1alpha3\nkind: DestinationRule\nmetadata: {{name: {name}}}\nspec: {{host: a, trafficPolicy: \
             {{outlierDetection: {{}}}}}}\n"
        )
    };
    let all = [
        one("a.b"),
        one("a.b"),
        one("\"a/b\""),
        one(&"x".repeat(70)),
        one(&"x".repeat(80)),
    ]
    .join("---\n");
    let names = |args: &[&str]| {
        let converted = convert(&all, args);
        converted
            .breakers
            .iter()
            .map(|breaker| breaker.name.clone())
            .collect::<Vec<_>>()
    };
    let long = "x".repeat(64);
    assert_eq!(
        names(&[]),
        ["a.b", "a.b-2", "a-b", &long, &format!("{}-2", "x".repeat(62))]
    );
    assert_eq!(names(&["--name", "shop"])[..2], ["shop-a.b", "shop-a.b-2"]);
    assert_eq!(convert(&one("a"), &["--name", "shop"]).breakers[0].name, "shop");
}

#[test]
fn a_list_and_other_objects_are_gone_through() {
    let item = outlier("interval: 5s").replace('\n', "\n    ");
    let text = format!("kind: List\nitems:\n  - kind: Service\n    metadata: {{name: a}}\n  - {item}");
    let converted = convert(&text, &[]);
    assert_eq!(converted.breakers.len(), 1);
    converted.says("note: skipped: Service a", &[]);
    converted.says(
        "10: items[1].spec.trafficPolicy.outlierDetection.interval: became",
        &[],
    );
}

#[test]
fn a_rule_without_outlier_detection_becomes_nothing_and_says_so() {
    let converted = convert(
        &rule("  trafficPolicy: {tls: {mode: DISABLE}}\n  exportTo: [\".\"]\n  vip: 1\n"),
        &[],
    );
    assert_eq!(converted.policy(), "circuit_breaker:\n  breakers: []");
    converted.says("5: spec.host: lost: has no outlierDetection", &[]);
    converted.says("6: spec.trafficPolicy.tls: stays", &[]);
    converted.says("7: spec.exportTo: stays", &["WasmPlugin"]);
    converted.says(
        "8: spec.vip: lost",
        &["no field of a DestinationRule that is known here"],
    );
}

#[test]
fn what_cannot_be_read_is_refused_with_line_field_and_fix() {
    refused(
        &outlier(
            "interval: soon, baseEjectionTime: -1s, consecutive5xxErrors: many, maxEjectionPercent: 1.5",
        ),
        &[],
        &[
            ":6: spec.trafficPolicy.outlierDetection.consecutive5xxErrors: \"many\" is not a number: write one without a unit",
            ":6: spec.trafficPolicy.outlierDetection.interval: \"soon\" is not a duration: write a number and its unit, as in 30s",
            ":6: spec.trafficPolicy.outlierDetection.baseEjectionTime: \"-1s\" is not a duration: write a number and its unit, as in 30s",
            ":6: spec.trafficPolicy.outlierDetection.maxEjectionPercent: 1.5 is not a whole number of 0 or more",
        ],
    );
    refused(
        "apiVersion: networking.istio.io/v2\nkind: DestinationRule\nspec: {host: a}",
        &[],
        &[
            ":1: apiVersion: is no version of a DestinationRule: write networking.istio.io/v1, networking.istio.io/v1beta1, networking.istio.io/v1alpha3",
        ],
    );
    refused(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nspec: {trafficPolicy: []}",
        &[],
        &[":3: spec.host: is missing: write the service's name"],
    );
    refused(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nspec: {host: \"a b\", trafficPolicy: {}}",
        &[],
        &[
            ":3: spec.host: \"a b\" is not a host: write a service's name, a DNS name, or one that begins with *.",
        ],
    );
    refused(
        "kind: Service\nmetadata: {name: a}",
        &[],
        &[": holds no DestinationRule: write one, or say what it is with --from"],
    );
    assert_eq!(
        fairlead(&["convert", "-", "--from", "envoy"], "").status.code(),
        Some(2)
    );
}

#[test]
fn every_field_of_a_traffic_policy_is_named_at_every_level() {
    const FIELDS: &str = "connectionPool: {tcp: {maxConnections: 1, connectTimeout: 1s, tcpKeepalive: {}, maxConnectionDuration: 1s, idleTimeout: 1s}, \
        http: {http1MaxPendingRequests: 1, http2MaxRequests: 1, maxRequestsPerConnection: 1, maxRetries: 1, idleTimeout: 1s, h2UpgradePolicy: UPGRADE, \
        useClientProtocol: true, maxConcurrentStreams: 1, maxStreams: 1}, udp: {}}, loadBalancer: {}, tls: {}, tunnel: {}, proxyProtocol: {}, \
        retryBudget: {}, admission: {}, outlierDetection: {}";
    let text = rule(&format!(
        "  trafficPolicy:\n    {{portLevelSettings: [{{port: {{number: 1}},\n    {FIELDS}}}]}}\n  subsets: [{{name: v1, trafficPolicy:\n    {{{FIELDS},\n    \
         portLevelSettings: [{{\n    {FIELDS}}}]}}}}]\n"
    ));
    let converted = convert(&text, &[]);
    for (line, policy) in [
        (8, "spec.trafficPolicy.portLevelSettings[0]"),
        (10, "spec.subsets[0].trafficPolicy"),
        (12, "spec.subsets[0].trafficPolicy.portLevelSettings[0]"),
    ] {
        for stays in [
            "connectionPool.tcp.maxConnections",
            "connectionPool.tcp.connectTimeout",
            "connectionPool.tcp.tcpKeepalive",
            "connectionPool.tcp.maxConnectionDuration",
            "connectionPool.tcp.idleTimeout",
            "connectionPool.http.http1MaxPendingRequests",
            "connectionPool.http.http2MaxRequests",
            "connectionPool.http.maxRequestsPerConnection",
            "connectionPool.http.maxRetries",
            "connectionPool.http.idleTimeout",
            "connectionPool.http.h2UpgradePolicy",
            "connectionPool.http.useClientProtocol",
            "connectionPool.http.maxConcurrentStreams",
            "loadBalancer",
            "tls",
            "tunnel",
            "proxyProtocol",
            "retryBudget",
        ] {
            converted.says(&format!("{line}: {policy}.{stays}: stays: "), &[]);
        }
        for unknown in [
            "connectionPool.http.maxStreams",
            "connectionPool.udp",
            "admission",
        ] {
            converted.says(&format!("{line}: {policy}.{unknown}: lost: "), &["known here"]);
        }
        converted.says(
            &format!("{line}: {policy}.outlierDetection: lost: "),
            &["Ejecting hosts stays here"],
        );
    }
}
