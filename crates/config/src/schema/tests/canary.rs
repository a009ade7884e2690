//! The schema of the canary filter.

use super::*;
use crate::canary;
use proptest::prelude::*;

fn accepts(config: &str) -> bool {
    super::accepts(Filter::Canary, config)
}

/// Wraps the fields of a config, besides release and variants.
fn with(fields: &str) -> String {
    format!(r#"{{"release":"r1","variants":[{{"name":"v2"}}],{fields}}}"#)
}

#[test]
fn what_the_filter_accepts_the_schema_accepts() {
    let configs = [
        r#"{"release":"r1","variants":[{"name":"v2"}]}"#.to_owned(),
        r#"{"release":"r1","variants":[{"name":"v2","value":"a b","weight":"12.5%"},{"name":"v3","weight":"0.0001%"}]}"#.to_owned(),
        with(r#""mode":false,"header":"X-Variant","match":[{"grpc":{}}],"default":{"name":"v1","value":"one"}"#),
        with(r#""default":{"value":null},"propagate":{"trace":true,"baggage":true},"on_invalid_config":"pass""#),
        with(r#""default":{},"propagate":{"trace":{"max_entries":1,"ttl":"1h"}},"apiVersion":"fairlead.dev/v1""#),
        with(r#""propagate":{"trace":false},"force":{"header":"x-f","cookie":"c","allow_from":[{"cidrs":["::/0"],"trusted_hops":1}]}"#),
        with(r#""force":{"allow_from":[{"cidrs":["10.0.0.0/8"]}]},"rules":[{"match":[{"methods":["GET"]}],"variant":"v2","mode":"shadow"}]"#),
        with(r#""sticky":{"by":[{"header":"x"},[{"cookie":"c"},{"baggage":"user.id","default":""}],{"trace_id":true},{"random":true}]}"#),
        with(r#""sticky":{"hash":"sha256_percent","salt":"","cookie":{"max_age":"400d","domain":"example.com","path":"/a",
            "same_site":"none","http_only":false,"secret":"0123456789abcdef"}}"#),
        with(r#""sticky":{"cookie":{"secret":"😀😀😀😀"}}"#),
        with(r#""ramp":{"start":"2026-11-20T09:00:00Z","steps":[{"at":"0s","weight":"1%"}]}"#),
        with(r#""ramp":{"start":"2026-11-20 09:00:00.123456789+05:45","pause":"2026-11-20t10:00:00z","finish":{"at":"3650d","as":"ended"},
            "steps":[{"at":"250ms","weight":"0%"},{"at":"1d","weight":"100.0%"}]}"#),
        with(r#""guard":{"error_rate":{"max":"5%"},"window":"1s","minimum_requests":1.0,"on_trip":{}}"#),
        with(r#""guard":{"latency":{"max_ratio_to_stable":1.01,"quantile":"p99.9"},"failure_limit":0,
            "on_trip":{"weight":"5%","hold":"30d","then":"resume"},"attempt":7}"#),
        with(r#""guard":{"error_rate":{"or_above_stable_by":"0%"},"latency":{"max":"1ms","quantile":"95%"}}"#),
    ];
    for config in configs {
        assert_eq!(canary::parse(config.as_bytes()).map(|_| ()), Ok(()), "{config}");
        assert!(accepts(&config), "{config}");
    }
}

#[test]
fn unknown_fields_and_wrong_types_are_refused_by_both() {
    let configs = [
        "{}".to_owned(),
        r#"{"release":"r1"}"#.to_owned(),
        r#"{"release":"r1","variants":[]}"#.to_owned(),
        r#"{"release":"r 1","variants":[{"name":"v2"}]}"#.to_owned(),
        r#"{"release":"r1","variants":[{}]}"#.to_owned(),
        r#"{"release":"r1","variants":[{"name":"v2","weight":10}]}"#.to_owned(),
        r#"{"release":"r1","variants":[{"name":"v2","weight":"101%"}]}"#.to_owned(),
        r#"{"release":"r1","variants":[{"name":"v2","value":""}]}"#.to_owned(),
        r#"{"release":"r1","variants":[{"name":"v2","value":" a"}]}"#.to_owned(),
        r#"{"release":"r1","variants":[{"name":"v2","value":null}]}"#.to_owned(),
        with(r#""weights":[]"#),
        with(r#""header":"a b""#),
        with(r#""match":[]"#),
        with(r#""default":null"#),
        with(r#""default":{"nam":"x"}"#),
        with(r#""force":{}"#),
        with(r#""force":{"allow_from":[]}"#),
        with(r#""rules":[{"variant":"v2"}]"#),
        with(r#""rules":[{"match":[{"methods":["GET"]}]}]"#),
        with(r#""sticky":{"by":[]}"#),
        with(r#""sticky":{"by":[[]]}"#),
        with(r#""sticky":{"by":[{"random":false}]}"#),
        with(r#""sticky":{"by":[{"header":"x","cookie":"y"}]}"#),
        with(r#""sticky":{"hash":"md5"}"#),
        with(r#""sticky":{"salt":"a\nb"}"#),
        with(r#""sticky":{"cookie":{"path":"a"}}"#),
        with(r#""sticky":{"cookie":{"domain":".a"}}"#),
        with(r#""sticky":{"cookie":{"max_age":5}}"#),
        with(r#""sticky":{"cookie":{"same_site":"None"}}"#),
        with(r#""sticky":{"cookie":{"secret":"abc"}}"#),
        with(r#""ramp":{"steps":[{"at":"0s","weight":"1%"}]}"#),
        with(r#""ramp":{"start":"2026-11-20","steps":[{"at":"0s","weight":"1%"}]}"#),
        with(r#""ramp":{"start":"2026-11-20T09:00:00Z","steps":[]}"#),
        with(r#""ramp":{"start":"2026-11-20T09:00:00Z","steps":[{"at":"0s"}]}"#),
        with(
            r#""ramp":{"start":"2026-11-20T09:00:00Z","steps":[{"at":"0s","weight":"1%"}],"finish":{"at":"1h"}}"#,
        ),
        with(r#""guard":{}"#),
        with(r#""guard":{"error_rate":{}}"#),
        with(r#""guard":{"latency":{"quantile":"p95"}}"#),
        with(r#""guard":{"latency":{"max":800}}"#),
        with(r#""guard":{"latency":{"max_ratio_to_stable":1}}"#),
        with(r#""guard":{"latency":{"max":"1s","quantile":"median"}}"#),
        with(r#""guard":{"error_rate":{"max":"5%"},"failure_limit":101}"#),
        with(r#""guard":{"error_rate":{"max":"5%"},"on_trip":{"then":"stop"}}"#),
        with(r#""propagate":{"trace":{"max_entries":0}}"#),
        with(r#""propagate":{"trace":"true"}"#),
    ];
    for config in configs {
        assert!(canary::parse(config.as_bytes()).is_err(), "{config}");
        assert!(!accepts(&config), "{config}");
    }
}

#[test]
fn stated_defaults_are_the_real_ones() {
    let schema = json_schema(Filter::Canary);
    let spelled = |name: &str| super::spelled(&schema, name);
    let parsed = |config: Value| {
        format!(
            "{:?}",
            canary::parse(config.to_string().as_bytes()).expect("a config")
        )
    };
    let merged = |mut object: serde_json::Map<String, Value>, more: Value| {
        let Value::Object(more) = more else {
            panic!("an object")
        };
        object.extend(more);
        Value::Object(object)
    };
    let mut root = spelled("Canary");
    assert_eq!(root.len(), 6, "{root:?}");
    let sticky = merged(spelled("Sticky"), json!({ "cookie": spelled("Cookie") }));
    let propagate = merged(spelled("Propagate"), json!({ "trace": spelled("Trace") }));
    let mut guard = merged(
        spelled("Guard"),
        json!({ "error_rate": { "max": "5%" }, "on_trip": spelled("OnTrip") }),
    );
    guard["latency"] = merged(spelled("Latency"), json!({ "max": "1s" }));
    root.extend([
        ("release".to_owned(), json!("r1")),
        (
            "variants".to_owned(),
            json!([merged(spelled("Variant"), json!({ "name": "v2" }))]),
        ),
        ("default".to_owned(), Value::Object(spelled("Default"))),
        (
            "rules".to_owned(),
            json!([merged(
                spelled("Rule"),
                json!({ "variant": "v2", "match": [{ "grpc": {} }] })
            )]),
        ),
        ("sticky".to_owned(), sticky),
        ("guard".to_owned(), guard),
        ("propagate".to_owned(), propagate),
    ]);
    assert_eq!(
        parsed(Value::Object(root)),
        parsed(json!({
            "release": "r1", "variants": [{ "name": "v2" }], "rules": [{ "match": [{ "grpc": {} }], "variant": "v2" }],
            "sticky": { "cookie": {} }, "guard": { "error_rate": { "max": "5%" }, "latency": { "max": "1s" } },
            "propagate": { "trace": true },
        }))
    );
}

proptest! {
    /// Texts are where a pattern and a parser drift apart.
    #[test]
    fn a_text_that_the_filter_accepts_meets_the_pattern(
        text in prop_oneof![
            "\\PC{0,12}", "[a-zA-Z0-9/:.*%{}_ ;-]{1,12}", "0{0,2}[0-9]{1,3}(\\.[0-9]{1,5})?%", "p?[0-9]{1,3}(\\.[0-9]{1,5})?%?",
            "[0-9]{1,6}(ms|s|m|h|d|w)", "20[0-9]{2}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{0,10})?([Zz]|[+-][0-2][0-9]:[0-6][0-9])",
            "[\\x00-\\x20a\u{7f}\u{e9}]{0,4}",
        ],
    ) {
        let steps = json!([{ "at": "0s", "weight": "1%" }]);
        let fields = [
            json!({ "header": text }), json!({ "default": { "value": text } }), json!({ "default": { "name": text } }),
            json!({ "force": { "header": text } }), json!({ "force": { "cookie": text } }), json!({ "sticky": { "salt": text } }),
            json!({ "sticky": { "by": [{ "baggage": text }] } }), json!({ "sticky": { "cookie": { "path": text } } }),
            json!({ "sticky": { "cookie": { "domain": text } } }), json!({ "sticky": { "cookie": { "max_age": text } } }),
            json!({ "sticky": { "cookie": { "secret": text } } }), json!({ "ramp": { "start": text, "steps": steps } }),
            json!({ "ramp": { "start": "2026-11-20T09:00:00Z", "steps": [{ "at": text, "weight": text }] } }),
            json!({ "ramp": { "start": "2026-11-20T09:00:00Z", "steps": [{ "at": text, "weight": "1%" }] } }),
            json!({ "ramp": { "start": "2026-11-20T09:00:00Z", "steps": [{ "at": "0s", "weight": text }] } }),
            json!({ "guard": { "latency": { "max": "1s", "quantile": text } } }),
        ];
        for field in fields {
            let Value::Object(mut config) = field else { panic!("an object") };
            config.insert("release".to_owned(), json!("r1"));
            config.insert("variants".to_owned(), json!([{ "name": "v2" }]));
            let config = Value::Object(config).to_string();
            prop_assert!(canary::parse(config.as_bytes()).is_err() || accepts(&config), "{}", config);
        }
    }
}
