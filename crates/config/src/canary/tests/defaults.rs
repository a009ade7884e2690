//! What holds where the config does not say.

use super::*;

#[test]
fn a_release_with_a_variant_has_the_documented_defaults() {
    let config = canary("");
    let spelled = canary(
        r#""apiVersion":"fairlead.dev/v1","mode":"enforce","header":"x-canary","default":{"name":"stable","value":null},
        "rules":[],"sticky":{"by":[{"random":true}],"hash":"murmur3","salt":"r1"},"propagate":{"baggage":false,"trace":false},
        "on_invalid_config":"refuse""#,
    );
    assert_eq!(format!("{config:?}"), format!("{spelled:?}"));
    assert_eq!((config.mode, config.header.as_str()), (Mode::Enforce, "x-canary"));
    assert_eq!(
        config.variants,
        [Variant {
            name: "v2".to_owned(),
            value: "v2".to_owned(),
            weight: Share::NONE
        }]
    );
    assert_eq!(
        (config.default.name.as_str(), &config.default.value),
        ("stable", &None)
    );
    assert!(config.matches.is_empty() && config.rules.is_empty());
    assert!(config.force.is_none() && config.ramp.is_none() && config.guard.is_none());
    assert_eq!(config.sticky.by, [StickyKey::Random]);
    assert_eq!(config.propagate, Propagate::default());
    assert_eq!(config.on_invalid_config, OnInvalidConfig::Refuse);
}

#[test]
fn the_pieces_have_the_documented_defaults() {
    for (short, long) in [
        (
            r#""sticky":{"cookie":{}}"#,
            r#""sticky":{"cookie":{"name":"fairlead-release","path":"/","secure":true,"http_only":true}}"#,
        ),
        (
            r#""guard":{"error_rate":{"max":"5%"}}"#,
            r#""guard":{"window":"60s","minimum_requests":50,"error_rate":{"max":"5%"},"failure_limit":0,
            "on_trip":{"weight":"0%","hold":"10m","then":"step_down"},"attempt":1}"#,
        ),
        (
            r#""guard":{"latency":{"max":"1s"},"on_trip":{}}"#,
            r#""guard":{"latency":{"quantile":"p95","max":"1000ms"},"on_trip":{"hold":"600s"}}"#,
        ),
        (
            r#""propagate":{"trace":true}"#,
            r#""propagate":{"trace":{"max_entries":4096,"ttl":"60s"}}"#,
        ),
        (r#""propagate":{"trace":{}}"#, r#""propagate":{"trace":true}"#),
        (r#""default":{}"#, r#""default":{"name":"stable"}"#),
    ] {
        assert_eq!(
            format!("{:?}", canary(short)),
            format!("{:?}", canary(long)),
            "{short}"
        );
    }
    let cookie = canary(r#""sticky":{"cookie":{}}"#)
        .sticky
        .cookie
        .expect("a cookie");
    assert_eq!(
        (cookie.max_age, cookie.domain, cookie.same_site, cookie.secret),
        (None, None, None, None)
    );
}

#[test]
fn the_salt_is_the_release_where_that_is_not_how_higress_draws() {
    for (sticky, salt) in [
        (r#"{}"#, "r1"),
        (r#"{"hash":"murmur3"}"#, "r1"),
        (r#"{"hash":"sha256_percent"}"#, ""),
        (r#"{"salt":""}"#, ""),
        (r#"{"hash":"sha256_percent","salt":"a b"}"#, "a b"),
    ] {
        assert_eq!(
            canary(&format!(r#""sticky":{sticky}"#)).sticky.salt,
            salt,
            "{sticky}"
        );
    }
}
