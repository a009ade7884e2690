//! The schema of the rate-limit filter.

use super::*;
use crate::rate_limit;
use proptest::prelude::*;

fn accepts(config: &str) -> bool {
    super::accepts(Filter::RateLimit, config)
}

/// Wraps the fields of a limit, besides its name and rate.
fn limit(fields: &str) -> String {
    format!(r#"{{"limits":[{{"name":"a","rate":"10/s",{fields}}}]}}"#)
}

#[test]
fn what_the_filter_accepts_the_schema_accepts() {
    let configs = [
        "{}".to_owned(),
        r#"{"mode":false,"limits":[],"deny":{"status":503.0,"headers":{"X-A":"b"}},"response_headers":"none"}"#.to_owned(),
        r#"{"apiVersion":"fairlead.dev/v1","deny":{"problem_json":true},"on_invalid_config":"pass"}"#.to_owned(),
        limit(r#""burst":1e3,"cost":1.0,"exactness":"exact","scope":"worker","max_keys":1,"on_overflow":"fresh""#),
        limit(r#""match":[{"hosts":["*.a.example","192.0.2.1","[::1]"],"path":{"template":"/u/{id}"},"methods":["GET"],
            "headers":{"x":{"in":["a",""]}},"query":{"q r":{"present":true}},"cookies":{"c":{"absent":true}},
            "client":{"cidrs":["10.0.0.0/8","2001:db8::/32"],"trusted_hops":1},"grpc":{},
            "not":{"not":{"path":{"prefix":"/"}}}}]"#),
        limit(r#""key":[{"header":"X-A","default":""},{"client_ip":{}},{"property":["xds","route_name"]},{"path":true}],
            "overrides":[{"key":["a","10.0.0.1","b","/"],"rate":"1000000/s","burst":1},{"key":["b","2001:db8:0:1::","c","/"],"unlimited":true}]"#),
    ];
    for config in configs {
        assert!(rate_limit::parse(config.as_bytes()).is_ok(), "{config}");
        assert!(accepts(&config), "{config}");
    }
}

#[test]
fn unknown_fields_and_wrong_types_are_refused_by_both() {
    let configs = [
        r#"{"mod":"off"}"#.to_owned(),
        r#"{"mesh":{}}"#.to_owned(),
        r#"{"mode":"on"}"#.to_owned(),
        r#"{"mode":null}"#.to_owned(),
        r#"{"limits":{}}"#.to_owned(),
        r#"{"limits":[{"name":"a"}]}"#.to_owned(),
        r#"{"limits":[{"name":"a b","rate":"1/s"}]}"#.to_owned(),
        r#"{"limits":[{"name":"a","rate":"0/s"}]}"#.to_owned(),
        r#"{"deny":{"status":200}}"#.to_owned(),
        r#"{"deny":{"headers":{"a b":"c"}}}"#.to_owned(),
        r#"{"deny":{"headers":{"a":"b\nc"}}}"#.to_owned(),
        limit(r#""also":[]"#),
        limit(r#""cost":2"#),
        limit(r#""burst":1.5"#),
        limit(r#""max_keys":1048577"#),
        limit(r#""match":[]"#),
        limit(r#""match":[{}]"#),
        limit(r#""match":[{"not":{}}]"#),
        limit(r#""match":[{"not":{"hots":["a"]}}]"#),
        limit(r#""match":[{"path":{"prefix":"v1"}}]"#),
        limit(r#""match":[{"path":{"exact":"/a","prefix":"/b"}}]"#),
        limit(r#""match":[{"headers":{"x":{}}}]"#),
        limit(r#""match":[{"headers":{"x":{"present":false}}}]"#),
        limit(r#""match":[{"methods":["get"]}]"#),
        limit(r#""match":[{"hosts":["a:80"]}]"#),
        limit(r#""key":[{"header":"x","cookie":"y"}]"#),
        limit(r#""key":[{"client_ip":{"ipv4_prefix":33}}]"#),
        limit(r#""key":[{"client_ip":{"trusted_hops":99}}]"#),
        limit(r#""key":[{"header":"x"}],"overrides":[{"key":["a"]}]"#),
    ];
    for config in configs {
        assert!(rate_limit::parse(config.as_bytes()).is_err(), "{config}");
        assert!(!accepts(&config), "{config}");
    }
}

#[test]
fn stated_defaults_are_the_real_ones() {
    let schema = json_schema(Filter::RateLimit);
    let spelled = |name: &str| super::spelled(&schema, name);
    let parsed = |config: Value| {
        format!(
            "{:?}",
            rate_limit::parse(config.to_string().as_bytes()).expect("a config")
        )
    };
    let mut limit = spelled("Limit");
    assert_eq!(limit.len(), 7, "{limit:?}");
    limit.insert("name".to_owned(), json!("a"));
    limit.insert("rate".to_owned(), json!("1/s"));
    limit.insert("key".to_owned(), json!([{ "client_ip": spelled("ClientIp") }]));
    let mut root = spelled("RateLimit");
    root.insert("deny".to_owned(), Value::Object(spelled("Deny")));
    root.insert("limits".to_owned(), json!([limit]));
    assert_eq!(
        parsed(Value::Object(root)),
        parsed(json!({ "limits": [{ "name": "a", "rate": "1/s", "key": [{ "client_ip": {} }] }] }))
    );
}

/// Texts at the edges of several syntaxes.
const SPECIAL: [&str; 16] = [
    "",
    "*",
    "*.",
    "*.a",
    ".",
    "a.",
    "[::1]",
    "[]",
    "::",
    "::/0",
    "0.0.0.0/0",
    "/",
    "//",
    "/*",
    "00001/s",
    "1/d",
];

proptest! {
    /// Texts are where a pattern and a parser drift apart.
    #[test]
    fn a_text_that_the_filter_accepts_meets_the_pattern(
        text in prop_oneof!["\\PC{0,12}", prop::sample::select(SPECIAL.to_vec()).prop_map(str::to_owned), "[a-zA-Z0-9/:.*%{}_ -]{1,12}", "[0-9]{1,7}/[smhd]", "[a-f0-9:.]{1,12}(/[0-9]{1,3})?"],
    ) {
        let text = json!(text);
        let conditions = [
            json!({ "hosts": [text] }), json!({ "path": { "exact": text } }), json!({ "path": { "regex": text } }),
            json!({ "path": { "template": text } }), json!({ "methods": [text] }), json!({ "client": { "cidrs": [text] } }),
            json!({ "headers": { "x": { "exact": text } } }), json!({ "headers": { "x": { "prefix": text } } }),
            json!({ "grpc": { "service": text } }), json!({ "headers": { (text.as_str().unwrap()): { "present": true } } }),
            json!({ "cookies": { (text.as_str().unwrap()): { "present": true } } }),
        ];
        let limits = conditions.into_iter().map(|one| json!({ "name": "a", "rate": "1/s", "match": [one] }));
        let more = [json!({ "name": text, "rate": "1/s" }), json!({ "name": "a", "rate": text })];
        for limit in limits.chain(more) {
            let config = json!({ "limits": [limit] }).to_string();
            prop_assert!(rate_limit::parse(config.as_bytes()).is_err() || accepts(&config), "{}", config);
        }
        let deny = json!({ "deny": { "content_type": text, "headers": { "x": text } } }).to_string();
        prop_assert!(rate_limit::parse(deny.as_bytes()).is_err() || accepts(&deny), "{}", deny);
    }
}
