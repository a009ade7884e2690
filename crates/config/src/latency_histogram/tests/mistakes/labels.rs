//! Mistakes in labels, and labels that are too many.

use super::*;

/// The same for the fields of `labels`; reasons without `labels.`.
fn check_labels(fields: &str, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|line| format!("labels.{line}")).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check(&format!(r#"{{"labels":{{{fields}}}}}"#), &expected);
}

/// So many templates.
fn templates(count: usize) -> String {
    let list: Vec<String> = (0..count).map(|n| format!(r#""/t{n}""#)).collect();
    format!(r#""route":{{"templates":[{}]}}"#, list.join(","))
}

#[test]
fn a_route_is_a_list_of_templates_or_a_name() {
    check_labels(
        r#""route":{}"#,
        &["route: is not a route label yet: write one of templates or name"],
    );
    check_labels(
        r#""route":{"templates":["/a"],"name":true}"#,
        &["route: has templates and name together: write one of them"],
    );
    check_labels(r#""route":true"#, &["route: true is not a route label"]);
    check_labels(
        r#""route":{"templates":["/a","users","/{a}/{a}","/b?c","/a"]}"#,
        &[
            "route.templates[4]: \"/a\" is there twice: write it once",
            "route.templates[1]: \"users\" is not a path template: start it with /",
            "route.templates[2]: \"/{a}/{a}\" is not a path template: write /users/{id}, each variable a whole segment and named once",
            "route.templates[3]: \"/b?c\" is not a path template: paths are compared without query and fragment, use the field query",
        ],
    );
    check_labels(
        r#""route":{"templates":[]}"#,
        &["route.templates: is empty: write at least one entry, or leave the field out"],
    );
    check_labels(
        r#""route":{"templates":["/a"],"max":5}"#,
        &["route.max: means nothing with templates, whose number is known: leave it out"],
    );
    check_labels(
        r#""route":{"name":false}"#,
        &["route.name: false is not true: leave the field out where it does not hold"],
    );
    check_labels(
        r#""route":{"name":true,"max":1001}"#,
        &["route.max: 1001 is not an integer from 1 to 1000"],
    );
}

#[test]
fn lists_of_values_are_bounded() {
    check_labels(&templates(500), &[]);
    check_labels(
        &templates(501),
        &["route.templates: has 501 templates, and 500 are the most"],
    );
    let hosts = |count: usize| {
        let list: Vec<String> = (0..count).map(|n| format!(r#""h{n}""#)).collect();
        format!(r#""host":[{}]"#, list.join(","))
    };
    check_labels(&hosts(100), &[]);
    check_labels(&hosts(101), &["host: has 101 hosts, and 100 are the most"]);
    let values = |count: usize| {
        let list: Vec<String> = (0..count).map(|n| format!(r#""v{n}""#)).collect();
        format!(r#""variant":{{"header":"x","values":[{}]}}"#, list.join(","))
    };
    check_labels(&values(32), &[]);
    check_labels(
        &values(33),
        &["variant.values: has 33 values, and 32 are the most"],
    );
}

#[test]
fn a_variant_is_in_one_header() {
    check_labels(
        r#""variant":{}"#,
        &["variant: is not a variant label yet: write one of header or response_header"],
    );
    check_labels(
        r#""variant":{"header":"x","response_header":"y"}"#,
        &["variant: has header and response_header together: write one of them"],
    );
    check_labels(
        r#""variant":{"header":"x a","values":["v 2","v1","v1"],"default":"","max":0}"#,
        &[
            "variant.header: \"x a\" is not a header name: write letters, digits and -, as in x-api-key",
            "variant.values[2]: \"v1\" is there twice: write it once",
            "variant.values[0]: \"v 2\" is not a name: write 1 to 64 of the characters A-Z a-z 0-9 _ . -",
            "variant.default: \"\" is not a name: write 1 to 64 of the characters A-Z a-z 0-9 _ . -",
            "variant.max: 0 is not an integer from 1 to 1000",
            "variant.max: means nothing with values, whose number is known: leave one of them out",
        ],
    );
    check_labels(
        r#""variant":{"header":"x","values":[]}"#,
        &["variant.values: is empty: write at least one entry, or leave the field out"],
    );
}

#[test]
fn a_variant_has_one_label() {
    check_labels(
        r#""variant":{"header":"x","values":["v2","stable"],"default":"stable"}"#,
        &[
            "variant.values: have \"stable\", which is the default: leave it out here, or write another default",
        ],
    );
    check_labels(
        r#""variant":{"header":"x","values":["none"]}"#,
        &["variant.values: have \"none\", which is the default: leave it out here, or write another default"],
    );
    for reserved in [
        r#""values":["_other"]"#,
        r#""values":["a"],"default":"_other""#,
        r#""default":"_other""#,
    ] {
        let path = if reserved.contains("default") {
            "default"
        } else {
            "values[0]"
        };
        check_labels(
            &format!(r#""variant":{{"header":"x",{reserved}}}"#),
            &[&format!(
                "variant.{path}: \"_other\" is not a name: it stands for all other values, write another one"
            )],
        );
    }
}

#[test]
fn hosts_and_clusters_are_what_they_should_be() {
    check_labels(
        r#""host":["a.example.com:80","A.example.com","a.EXAMPLE.com","*x"]"#,
        &[
            "host[2]: \"a.EXAMPLE.com\" is there twice: write it once",
            "host[0]: \"a.example.com:80\" is not a host: hosts are compared without their port, leave it out",
            "host[3]: \"*x\" is not a host: a * stands alone or for the first labels, as in *.example.com",
        ],
    );
    check_labels(
        r#""host":[]"#,
        &["host: is empty: write at least one entry, or leave the field out"],
    );
    for wrong in ["false", "5", "[]"] {
        let shown = if wrong == "[]" { "a list" } else { wrong };
        check_labels(
            &format!(r#""cluster":{wrong}"#),
            &[&format!(
                "cluster: {shown} is not a cluster label: write true, or {{max: 50}}, or leave it out"
            )],
        );
    }
    check_labels(
        r#""cluster":{"max":1001}"#,
        &["cluster.max: 1001 is not an integer from 1 to 1000"],
    );
}

#[test]
fn sets_of_labels_are_bounded() {
    let labels = |routes: usize| format!(r#"{{"labels":{{{},"method":true}}}}"#, templates(routes));
    check(
        &format!(
            r#"{{"labels":{{{},"method":true,"host":["a"]}}}}"#,
            templates(499)
        ),
        &[],
    );
    check(&labels(500), &[]);
    check(
        &format!(
            r#"{{"labels":{{{},"method":true,"host":["a"]}}}}"#,
            templates(500)
        ),
        &[
            "labels: can have 10020 sets (route 501 x method 10 x host 2), and 10000 are the most: leave a label out, or write fewer values of route",
        ],
    );
    check(
        r#"{"labels":{"cluster":{"max":1000},"route":{"name":true},"method":true,"variant":{"header":"x","values":["a"]}}}"#,
        &[
            "labels: can have 3066120 sets (route 102 x method 10 x variant 3 x cluster 1002), and 10000 are the most: leave a label out, or write fewer values of cluster",
        ],
    );
}

#[test]
fn metrics_are_bounded() {
    let config = |bounds: usize| {
        let list: Vec<String> = (1..=bounds).map(|n| format!(r#""{n}ms""#)).collect();
        format!(
            r#"{{"labels":{{{},"method":true}},"envoy_histogram":false,"buckets":[{}]}}"#,
            templates(499),
            list.join(",")
        )
    };
    check(&config(8), &[]);
    check(
        &config(9),
        &[
            "buckets: lead to up to 60006 metrics for 5000 sets of labels, and 60000 are the most: write fewer bounds, phases or values of labels",
        ],
    );
    // Without buckets there are never as many.
    let most = parsed(&format!(
        r#"{{"labels":{{{},"method":true,"host":["a"]}},"phases":["total","upstream","filter"],"sizes":{{"request":true,"response":true}},
            "quantiles":{{"by":["route","host"],"of":["1%","2%","3%","4%","5%","6%","7%","8%"]}}}}"#,
        templates(499)
    ));
    assert_eq!(estimate(&most).metrics, 10_000 * 5 + 1000 * 9 + 6);
}

#[test]
fn quantiles_are_by_labels_that_there_are() {
    check(
        r#"{"quantiles":{"by":["route","status_class","method"]}}"#,
        &[
            "quantiles.by: route is not one of labels: add it there, or leave it out here",
            "quantiles.by: method is not one of labels: add it there, or leave it out here",
        ],
    );
    check(
        r#"{"labels":{"method":false},"quantiles":{"by":["method"]}}"#,
        &["quantiles.by: method is not one of labels: add it there, or leave it out here"],
    );
    // Of broken labels nothing is known.
    check(
        r#"{"labels":{"route":{}},"quantiles":{"by":["route"]}}"#,
        &["labels.route: is not a route label yet: write one of templates or name"],
    );
}

#[test]
fn windows_are_bounded() {
    let config = |routes: usize| {
        format!(
            r#"{{"labels":{{{},"method":true,"status_class":false}},"quantiles":{{"by":["method","route"]}}}}"#,
            templates(routes)
        )
    };
    check(&config(99), &[]);
    check(
        &config(100),
        &[
            "quantiles.by: can have 1010 sets (route 101 x method 10), and 1000 are the most: leave a label out, or write fewer values of route",
        ],
    );
}
