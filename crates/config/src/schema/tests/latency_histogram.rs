//! The schema of the latency-histogram filter.

use super::*;
use crate::latency_histogram;
use proptest::prelude::*;

fn accepts(config: &str) -> bool {
    super::accepts(Filter::LatencyHistogram, config)
}

#[test]
fn what_the_filter_accepts_the_schema_accepts() {
    let configs = [
        "{}",
        r#"{"apiVersion":"fairlead.dev/v1","mode":false,"match":[{"grpc":{}}],"on_invalid_config":"pass"}"#,
        r#"{"labels":{}}"#,
        r#"{"labels":{"route":{"templates":["/users/{id}","/"]},"method":true,"status_class":false,"grpc_status":true}}"#,
        r#"{"labels":{"route":{"name":true}}}"#,
        r#"{"labels":{"route":{"name":{},"max":1000}}}"#,
        r#"{"labels":{"variant":{"header":"x-a","values":["v2"],"default":"stable"}}}"#,
        r#"{"labels":{"variant":{"response_header":"x-a","max":1.0}}}"#,
        r#"{"labels":{"host":["api.example.com","*.example.com","[::1]"],"cluster":true}}"#,
        r#"{"labels":{"cluster":{}}}"#,
        r#"{"labels":{"cluster":{"max":5}}}"#,
        r#"{"phases":["total","upstream","filter"],"unit":"us","envoy_histogram":false}"#,
        r#"{"buckets":["1us","250us","5ms","1s","2m","3h","1d"]}"#,
        r#"{"buckets":{"from":"1ms","to":"10s"}}"#,
        r#"{"buckets":{"scale":-1,"from":"1us","to":"24h"}}"#,
        r#"{"exclude":{"grpc_streams":true}}"#,
        r#"{"exclude":{"websockets":true,"client_aborts":false,"health_checks":true,"match":[{"path":{"exact":"/"}}]}}"#,
        r#"{"slos":[]}"#,
        r#"{"slos":[{"name":"a","threshold":"500ms","objective":"95%"}]}"#,
        r#"{"slos":[{"name":"a","match":[{"methods":["GET"]}],"threshold":"1us","objective":"0.0001%","phase":"total","failures":"ignore"}]}"#,
        r#"{"slos":[{"name":"a","threshold":"1us","objective":"099.9999%"},{"name":"b","threshold":"1us","objective":"10.0%"}]}"#,
        r#"{"quantiles":{}}"#,
        r#"{"quantiles":{"of":["50%","p99.9"],"window":"1h","by":["status_class"],"phase":"total","scale":5}}"#,
        r#"{"sizes":{"request":true}}"#,
        r#"{"access_log":{}}"#,
        r#"{"access_log":{"sample":"1%","slow_above":"2s","failed":true,"max_per_second":10000,"format":"json"}}"#,
    ];
    for config in configs {
        latency_histogram::parse(config.as_bytes()).expect(config);
        assert!(accepts(config), "{config}");
    }
}

#[test]
fn unknown_fields_and_wrong_types_are_refused_by_both() {
    let configs = [
        r#"{"label":{}}"#,
        r#"{"labels":{"status":true}}"#,
        r#"{"labels":{"method":"true"}}"#,
        r#"{"labels":{"route":{}}}"#,
        r#"{"labels":{"route":true}}"#,
        r#"{"labels":{"route":{"name":false}}}"#,
        r#"{"labels":{"route":{"name":true,"max":1001}}}"#,
        r#"{"labels":{"route":{"name":true,"templates":["/a"]}}}"#,
        r#"{"labels":{"route":{"templates":[]}}}"#,
        r#"{"labels":{"route":{"templates":["users"]}}}"#,
        r#"{"labels":{"variant":{}}}"#,
        r#"{"labels":{"variant":{"header":"x","response_header":"y"}}}"#,
        r#"{"labels":{"variant":{"header":"x y"}}}"#,
        r#"{"labels":{"variant":{"header":"x","values":["a b"]}}}"#,
        r#"{"labels":{"variant":{"header":"x","default":""}}}"#,
        r#"{"labels":{"host":[]}}"#,
        r#"{"labels":{"host":["a:80"]}}"#,
        r#"{"labels":{"cluster":false}}"#,
        r#"{"labels":{"cluster":{"max":0}}}"#,
        r#"{"phases":[]}"#,
        r#"{"phases":["first_byte"]}"#,
        r#"{"phases":["total","total","total","total"]}"#,
        r#"{"unit":"s"}"#,
        r#"{"buckets":[]}"#,
        r#"{"buckets":[5]}"#,
        r#"{"buckets":["5"]}"#,
        r#"{"buckets":{"from":"1ms"}}"#,
        r#"{"buckets":{"scale":6,"from":"1ms","to":"1s"}}"#,
        r#"{"buckets":{"scale":0.5,"from":"1ms","to":"1s"}}"#,
        r#"{"exclude":{}}"#,
        r#"{"exclude":{"streams":true}}"#,
        r#"{"slos":[{"name":"a","threshold":"1ms"}]}"#,
        r#"{"slos":[{"name":"a","threshold":"1ms","objective":"0%"}]}"#,
        r#"{"slos":[{"name":"a","threshold":"1ms","objective":"000.00%"}]}"#,
        r#"{"slos":[{"name":"a","threshold":"1ms","objective":"100.0%"}]}"#,
        r#"{"slos":[{"name":"a","threshold":"1ms","objective":95}]}"#,
        r#"{"slos":[{"name":"a","threshold":500,"objective":"95%"}]}"#,
        r#"{"slos":[{"name":"a","threshold":"1ms","objective":"95%","failures":"good"}]}"#,
        r#"{"quantiles":{"of":[]}}"#,
        r#"{"quantiles":{"of":[95]}}"#,
        r#"{"quantiles":{"window":60}}"#,
        r#"{"quantiles":{"by":["status"]}}"#,
        r#"{"quantiles":{"scale":-2}}"#,
        r#"{"sizes":{}}"#,
        r#"{"access_log":{"format":"text"}}"#,
        r#"{"access_log":{"max_per_second":0}}"#,
    ];
    for config in configs {
        assert!(latency_histogram::parse(config.as_bytes()).is_err(), "{config}");
        assert!(!accepts(config), "{config}");
    }
}

#[test]
fn stated_defaults_are_the_real_ones() {
    let schema = json_schema(Filter::LatencyHistogram);
    let spelled = |name: &str| Value::Object(super::spelled(&schema, name));
    let parsed = |config: Value| {
        let parsed = latency_histogram::parse(config.to_string().as_bytes()).expect("a config");
        format!("{parsed:?}")
    };
    let mut root = super::spelled(&schema, "LatencyHistogram");
    assert_eq!(root.len(), 8, "{root:?}");
    root.extend([
        ("quantiles".to_owned(), spelled("Quantiles")),
        ("access_log".to_owned(), spelled("AccessLog")),
        ("exclude".to_owned(), spelled("Exclude")),
        ("sizes".to_owned(), spelled("Sizes")),
    ]);
    assert_eq!(
        parsed(Value::Object(root)),
        parsed(json!({ "quantiles": {}, "access_log": {} }))
    );
    let with = |name: &str, fields: Value| {
        let mut all = super::spelled(&schema, name);
        all.extend(fields.as_object().expect("fields").clone());
        Value::Object(all)
    };
    let mut labels = super::spelled(&schema, "Labels");
    let variant = json!({ "header": "x" });
    let (route, cluster) = (json!({ "name": true }), json!({}));
    labels.extend([
        ("variant".to_owned(), with("VariantLabel", variant.clone())),
        ("route".to_owned(), with("Route", route.clone())),
        ("cluster".to_owned(), spelled("Cluster")),
    ]);
    // As many values of three labels are too many: one of them at a time.
    for left in ["variant", "route", "cluster"] {
        let mut labels = labels.clone();
        let mut short = json!({ "variant": variant, "route": route, "cluster": cluster });
        labels.remove(left);
        short.as_object_mut().expect("labels").remove(left);
        if left == "variant" {
            labels.remove("route");
            short.as_object_mut().expect("labels").remove("route");
        }
        assert_eq!(
            parsed(json!({ "labels": labels })),
            parsed(json!({ "labels": short }))
        );
    }
    let slo = json!({ "name": "a", "threshold": "1ms", "objective": "9%" });
    assert_eq!(
        parsed(json!({ "slos": [with("Slo", slo.clone())] })),
        parsed(json!({ "slos": [slo] }))
    );
    let range = json!({ "from": "1ms", "to": "1s" });
    assert_eq!(
        parsed(json!({ "buckets": with("Exponential", range.clone()) })),
        parsed(json!({ "buckets": range }))
    );
}

proptest! {
    /// Texts are where a pattern and a parser drift apart.
    #[test]
    fn a_text_that_the_filter_accepts_meets_the_pattern(
        text in prop_oneof![
            "\\PC{0,12}", "[a-zA-Z0-9/:.*%{}_ ;-]{1,12}", "0{0,2}[0-9]{1,3}(\\.[0-9]{1,5})?%", "[0-9]{1,6}(us|ms|s|m|h|d|w)",
            "p?[0-9]{1,3}(\\.[0-9]{1,4})?%?", "[\\x00-\\x20a\u{7f}\u{e9}]{0,4}",
        ],
    ) {
        let configs = [
            json!({ "labels": { "route": { "templates": [text] } } }), json!({ "labels": { "host": [text] } }),
            json!({ "labels": { "variant": { "header": text } } }), json!({ "labels": { "variant": { "header": "x", "values": [text] } } }),
            json!({ "labels": { "variant": { "response_header": "x", "default": text } } }), json!({ "buckets": [text] }),
            json!({ "buckets": { "from": text, "to": "24h" } }), json!({ "quantiles": { "of": [text] } }),
            json!({ "quantiles": { "window": text } }), json!({ "access_log": { "sample": text, "slow_above": text } }),
            json!({ "slos": [{ "name": text, "threshold": "1ms", "objective": "9%" }] }),
            json!({ "slos": [{ "name": "a", "threshold": text, "objective": "9%" }] }),
            json!({ "slos": [{ "name": "a", "threshold": "1ms", "objective": text }] }),
        ];
        for config in configs {
            let config = config.to_string();
            prop_assert!(latency_histogram::parse(config.as_bytes()).is_err() || accepts(&config), "{}", config);
        }
    }
}
