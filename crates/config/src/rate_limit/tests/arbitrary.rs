//! Whatever the bytes are: no panic, and no refusal without a reason.

use super::*;
use proptest::prelude::*;

/// JSON of known and unknown field names, so that arbitrary values reach every reader.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let word = prop::sample::select(vec![
        "",
        "a",
        "GET",
        "/",
        "/{a}",
        "100/s",
        "0/s",
        "shadow",
        "worker",
        "10.0.0.0/8",
        "x-a",
        "*",
        "pass",
        "(",
        "\n",
        "é",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (0_u32..5).prop_map(Into::into),
        word.prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    let key = prop::sample::select(vec![
        "apiVersion",
        "mode",
        "limits",
        "deny",
        "response_headers",
        "on_invalid_config",
        "mesh",
        "name",
        "match",
        "key",
        "rate",
        "burst",
        "overrides",
        "cost",
        "scope",
        "exactness",
        "max_keys",
        "on_overflow",
        "also",
        "status",
        "body",
        "content_type",
        "headers",
        "problem_json",
        "unlimited",
        "hosts",
        "path",
        "methods",
        "query",
        "cookies",
        "client",
        "grpc",
        "not",
        "exact",
        "prefix",
        "suffix",
        "regex",
        "present",
        "absent",
        "in",
        "template",
        "cidrs",
        "trusted_hops",
        "header",
        "cookie",
        "host",
        "method",
        "constant",
        "client_ip",
        "jwt_claim",
        "property",
        "default",
        "ipv4_prefix",
        "service",
        "zzz",
    ]);
    leaf.prop_recursive(8, 128, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec((key.clone(), inner), 0..8)
                .prop_map(|fields| fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
        let _ = pass_at_first_load(&bytes);
    }

    #[test]
    fn no_json_panics_and_no_refusal_is_without_a_reason(
        top in any_json(), limits in any_json(), limit in any_json(), matches in any_json(), key in any_json(),
    ) {
        let typical = serde_json::json!({
            "limits": [{"name": "a", "rate": "1/s", "match": matches, "key": key}, limit], "deny": top,
        });
        for config in [top, serde_json::json!({ "limits": limits }), typical] {
            if let Err(errors) = parse(config.to_string().as_bytes()) {
                prop_assert!(!errors.problems().is_empty());
                prop_assert!(errors.problems().iter().all(|p| !p.message.is_empty() && !p.message.contains('\n')));
            }
        }
    }
}
