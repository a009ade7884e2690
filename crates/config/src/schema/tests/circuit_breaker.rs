//! The schema of the circuit-breaker filter.

use super::*;
use crate::circuit_breaker;
use proptest::prelude::*;

fn accepts(config: &str) -> bool {
    super::accepts(Filter::CircuitBreaker, config)
}

/// Wraps the fields of a breaker, besides its name.
fn with(fields: &str) -> String {
    format!(r#"{{"breakers":[{{"name":"a",{fields}}}]}}"#)
}

#[test]
fn what_the_filter_accepts_the_schema_accepts() {
    let configs = [
        "{}".to_owned(),
        r#"{"apiVersion":"fairlead.dev/v1","mode":false,"breakers":[],"on_invalid_config":"pass"}"#
            .to_owned(),
        with(r#""mode":"shadow","match":[{"grpc":{}}],"per":"cluster","max_keys":65536,"preset":"hystrix""#),
        with(r#""per":{"key":[{"header":"x"},{"host":true,"default":"-"}]},"force":"closed""#),
        with(r#""window":{"duration":"1h","buckets":60.0},"minimum_requests":1e6"#),
        with(r#""window":{"buckets":1}"#),
        with(r#""window":{"calls":1000},"trip":{"consecutive_failures":5}"#),
        with(r#""trip":{"error_rate":"0.0001%","slow":{"above":"1ms"}}"#),
        with(r#""trip":{"slow":{"above":"10m","rate":"100.0%"}}"#),
        with(r#""failure":{},"ignore":{}"#),
        with(
            r#""failure":{"status":["5xx",503,503.0,"503","500-504"],"grpc":["UNAVAILABLE",16,1],"reset":false,"truncated":true,"local_replies":["UF","UH"]}"#,
        ),
        with(
            r#""failure":{"status":[],"grpc":[],"local_replies":[]},"ignore":{"status":["1xx"],"grpc":["OK",0],"client_abort":false}"#,
        ),
        with(r#""open":{},"half_open":{}"#),
        with(
            r#""open":{"duration":"1h","backoff":1.5,"max":"24h","jitter":"100%"},"half_open":{"probes":0,"success_rate":"0%","max_wait":"1ms","then":"close"}"#,
        ),
        with(
            r#""open":{"backoff":"linear"},"recovery_ramp":"0s","warm_up":"1h","timeout":"1ms","max_in_flight":100000"#,
        ),
        with(r#""throttle":{}"#),
        with(r#""throttle":{"success_rate":"100%","aggression":100,"max_rejection":"0.1%"}"#),
        with(r#""fallback":{}"#),
        with(
            r#""fallback":{"status":200,"body":"x","content_type":"text/html","headers":{"x-a":"b"},"stale":{}}"#,
        ),
        with(
            r#""fallback":{"problem_json":true,"stale":{"max_age":"24h","max_body":"1MiB","max_entries":64}}"#,
        ),
        with(r#""fallback":{"stale":{"max_age":"1s","max_body":4096,"max_entries":1}}"#),
        with(r#""fallback":{"reroute":{"header":"X-Fallback","value":"1"}}"#),
    ];
    for config in configs {
        assert_eq!(
            circuit_breaker::parse(config.as_bytes()).map(|_| ()),
            Ok(()),
            "{config}"
        );
        assert!(accepts(&config), "{config}");
    }
}

#[test]
fn unknown_fields_and_wrong_types_are_refused_by_both() {
    let configs = [
        r#"{"breaker":[]}"#.to_owned(),
        r#"{"breakers":[{}]}"#.to_owned(),
        r#"{"breakers":[{"name":"a b"}]}"#.to_owned(),
        with(r#""per":"key""#),
        with(r#""per":{}"#),
        with(r#""per":{"key":[]}"#),
        with(r#""per":["host"]"#),
        with(r#""per":"host","max_keys":65537"#),
        with(r#""preset":"polly""#),
        with(r#""window":{}"#),
        with(r#""window":{"calls":1001}"#),
        with(r#""window":{"duration":10}"#),
        with(r#""window":{"buckets":61}"#),
        with(r#""minimum_requests":0"#),
        with(r#""trip":{}"#),
        with(r#""trip":{"error_rate":"0%"}"#),
        with(r#""trip":{"error_rate":"00.00%"}"#),
        with(r#""trip":{"error_rate":50}"#),
        with(r#""trip":{"slow":{}}"#),
        with(r#""trip":{"slow":{"above":3}}"#),
        with(r#""trip":{"slow":{"above":"1s","rate":"0%"}}"#),
        with(r#""trip":{"consecutive_failures":0}"#),
        with(r#""failure":{"status":["6xx"]}"#),
        with(r#""failure":{"status":[600]}"#),
        with(r#""failure":{"status":503}"#),
        with(r#""failure":{"status":["50x"]}"#),
        with(r#""failure":{"grpc":["unavailable"]}"#),
        with(r#""failure":{"grpc":[17]}"#),
        with(r#""failure":{"grpc":["OK"]}"#),
        with(r#""failure":{"grpc":[0]}"#),
        with(r#""failure":{"local_replies":["XX"]}"#),
        with(r#""failure":{"client_abort":true}"#),
        with(r#""ignore":{"reset":true}"#),
        with(r#""open":{"backoff":0.5}"#),
        with(r#""open":{"backoff":"exponential"}"#),
        with(r#""open":{"duration":30}"#),
        with(r#""half_open":{"probes":1001}"#),
        with(r#""half_open":{"then":"closed"}"#),
        with(r#""timeout":3000"#),
        with(r#""max_in_flight":0"#),
        with(r#""throttle":true"#),
        with(r#""throttle":{"aggression":0}"#),
        with(r#""throttle":{"success_rate":"0%"}"#),
        with(r#""fallback":{"status":199}"#),
        with(r#""fallback":{"headers":{}}"#),
        with(r#""fallback":{"stale":true}"#),
        with(r#""fallback":{"stale":{"max_body":0}}"#),
        with(r#""fallback":{"stale":{"max_body":1.5}}"#),
        with(r#""fallback":{"stale":{"max_body":"64KB"}}"#),
        with(r#""fallback":{"stale":{"max_body":1048577}}"#),
        with(r#""fallback":{"stale":{"max_entries":1025}}"#),
        with(r#""fallback":{"reroute":{"header":"x-fallback"}}"#),
        with(r#""fallback":{"reroute":{"header":"x fallback","value":"1"}}"#),
        with(r#""fallback":{"reroute":{"header":"x-fallback","value":""}}"#),
        with(r#""force":"half_open""#),
    ];
    for config in configs {
        assert!(circuit_breaker::parse(config.as_bytes()).is_err(), "{config}");
        assert!(!accepts(&config), "{config}");
    }
}

#[test]
fn stated_defaults_are_the_real_ones() {
    let schema = json_schema(Filter::CircuitBreaker);
    let spelled = |name: &str| Value::Object(super::spelled(&schema, name));
    let parsed = |config: Value| {
        let parsed = circuit_breaker::parse(config.to_string().as_bytes()).expect("a config");
        format!("{parsed:?}")
    };
    let mut breaker = super::spelled(&schema, "Breaker");
    assert_eq!(breaker.len(), 8, "{breaker:?}");
    // What stands in the schema for a rule without keys.
    assert_eq!(breaker.remove("max_keys"), Some(json!(1024)));
    let mut fallback = super::spelled(&schema, "Fallback");
    fallback.insert("stale".to_owned(), spelled("Stale"));
    breaker.extend([
        ("name".to_owned(), json!("a")),
        ("failure".to_owned(), spelled("Failure")),
        ("ignore".to_owned(), spelled("Ignore")),
        ("open".to_owned(), spelled("Open")),
        ("half_open".to_owned(), spelled("HalfOpen")),
        ("fallback".to_owned(), Value::Object(fallback)),
    ]);
    let mut root = super::spelled(&schema, "CircuitBreaker");
    root.insert("breakers".to_owned(), json!([breaker]));
    assert_eq!(
        parsed(Value::Object(root)),
        parsed(json!({ "breakers": [{ "name": "a", "fallback": { "stale": {} } }] }))
    );
    let one = |breaker: Value| parsed(json!({ "breakers": [breaker] }));
    assert_eq!(
        one(json!({ "name": "a", "throttle": spelled("Throttle") })),
        one(json!({ "name": "a", "throttle": {} }))
    );
    assert_eq!(
        one(json!({ "name": "a", "per": "host", "max_keys": 1024 })),
        one(json!({ "name": "a", "per": "host" }))
    );
    let mut slow = super::spelled(&schema, "Slow");
    slow.insert("above".to_owned(), json!("3s"));
    assert_eq!(
        one(json!({ "name": "a", "trip": { "slow": slow } })),
        one(json!({ "name": "a", "trip": { "slow": { "above": "3s" } } }))
    );
}

proptest! {
    /// Texts are where a pattern and a parser drift apart.
    #[test]
    fn a_text_that_the_filter_accepts_meets_the_pattern(
        text in prop_oneof![
            "\\PC{0,12}", "[a-zA-Z0-9/:.*%{}_ ;-]{1,12}", "0{0,2}[0-9]{1,3}(\\.[0-9]{1,5})?%", "[0-9]{1,6}(ms|s|m|h|d|w)",
            "[0-9]{1,7}(B|KiB|MiB|KB)?", "[0-6][0-9x]{2}(-[0-6][0-9x]{2})?", "[\\x00-\\x20a\u{7f}\u{e9}]{0,4}",
        ],
    ) {
        let fields = [
            json!({ "trip": { "error_rate": text } }), json!({ "trip": { "slow": { "above": text } } }),
            json!({ "failure": { "status": [text] } }), json!({ "failure": { "grpc": [text] } }),
            json!({ "failure": { "local_replies": [text] } }), json!({ "open": { "backoff": text } }),
            json!({ "open": { "duration": text, "max": "24h" } }), json!({ "open": { "jitter": text } }),
            json!({ "fallback": { "stale": { "max_body": text } } }), json!({ "fallback": { "reroute": { "header": text, "value": "1" } } }),
            json!({ "fallback": { "reroute": { "header": "x-a", "value": text } } }), json!({ "per": text }),
            json!({ "throttle": { "success_rate": text } }), json!({ "window": { "duration": text } }),
        ];
        for field in fields {
            let Value::Object(mut breaker) = field else { panic!("an object") };
            breaker.insert("name".to_owned(), json!("a"));
            let config = json!({ "breakers": [breaker] }).to_string();
            prop_assert!(circuit_breaker::parse(config.as_bytes()).is_err() || accepts(&config), "{}", config);
        }
    }
}
