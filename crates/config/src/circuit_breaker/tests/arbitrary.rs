//! Whatever the bytes are: no panic, and no refusal without a reason; and whatever is accepted holds what the types promise.

use super::*;
use crate::arbitrary::{any_json, refusal_has_reasons};
use proptest::prelude::*;
use serde_json::json;

/// What the filter relies on.
fn keeps_its_promises(config: &CircuitBreaker) {
    assert!(config.breakers.len() <= MAX_BREAKERS);
    for breaker in &config.breakers {
        let policy = &breaker.policy;
        let Trip {
            error_rate,
            slow,
            consecutive_failures,
        } = policy.trip;
        assert!(error_rate.is_some() || slow.is_some() || consecutive_failures.is_some());
        assert!(error_rate != Some(Share::NONE) && slow.is_none_or(|slow| slow.rate > Share::NONE));
        assert!(policy.open.max >= policy.open.duration && policy.open.duration >= Duration::from_millis(1));
        assert!((1..=1_000_000).contains(&policy.minimum_requests));
        if let Window::Calls(calls) = policy.window {
            assert!(policy.minimum_requests <= calls.get() && calls.get() <= 1000);
        }
        if breaker.throttle.is_some() {
            assert_eq!((&breaker.per, breaker.preset), (&Per::Rule, None));
            assert!(matches!(policy.window, Window::Time { buckets, .. } if buckets.get() >= 2));
        }
        let Fallback {
            reply,
            stale,
            reroute,
        } = &breaker.fallback;
        assert!((200..=599).contains(&reply.status));
        assert!(stale.is_none() || reroute.is_none());
        if let Some(stale) = stale {
            let bytes = u64::from(stale.max_body_bytes) * u64::from(stale.max_entries.get());
            assert!(stale.max_body_bytes > 0 && bytes <= MAX_STALE_BYTES);
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn no_json_panics_and_no_refusal_is_without_a_reason(
        top in any_json(), one in any_json(), two in any_json(), three in any_json(), four in any_json(),
    ) {
        let typical = json!({ "breakers": [one, { "name": "a", "per": two, "match": three, "window": four }] });
        let tripping = json!({
            "breakers": [{ "name": "a", "trip": one, "open": two, "half_open": three, "failure": four, "ignore": top }],
        });
        let falling = json!({
            "breakers": [{ "name": "a", "fallback": one, "throttle": two, "preset": three, "force": four, "timeout": top },
                { "name": "b", "fallback": { "stale": two, "reroute": three } }],
        });
        for config in [top, typical, tripping, falling] {
            let parsed = parse(config.to_string().as_bytes());
            if let Ok(config) = &parsed {
                keeps_its_promises(config);
            }
            refusal_has_reasons(parsed);
        }
    }

    /// Fields that are nearly always good each, so that it is their company that decides.
    #[test]
    fn what_is_accepted_keeps_its_promises(
        per in prop::option::of(prop::sample::select(vec!["rule", "host"])),
        preset in prop::option::of(prop::sample::select(vec!["opossum", "resilience4j", "gobreaker", "envoy", "hystrix"])),
        window in prop::option::of(prop_oneof![
            (1_u32..60).prop_map(|buckets| json!({ "buckets": buckets })), (1_u32..200).prop_map(|calls| json!({ "calls": calls })),
            (1_u32..60, 1_u32..3).prop_map(|(seconds, buckets)| json!({ "duration": format!("{seconds}s"), "buckets": buckets })),
        ]),
        minimum in prop::option::of(1_u32..200),
        duration in prop::option::of(1_u32..2000), max in prop::option::of(1_u32..2000),
        throttle in any::<bool>(),
        body in 1_u32..1_048_577, entries in 1_u32..1025, reroute in any::<bool>(),
    ) {
        let mut breaker = json!({ "name": "a", "fallback": { "stale": { "max_body": body, "max_entries": entries } } });
        if let Some(per) = per { breaker["per"] = json!(per); }
        if let Some(preset) = preset { breaker["preset"] = json!(preset); }
        if let Some(window) = window { breaker["window"] = window; }
        if let Some(minimum) = minimum { breaker["minimum_requests"] = json!(minimum); }
        if let Some(duration) = duration { breaker["open"]["duration"] = json!(format!("{duration}s")); }
        if let Some(max) = max { breaker["open"]["max"] = json!(format!("{max}s")); }
        if throttle { breaker["throttle"] = json!({}); }
        if reroute { breaker["fallback"] = json!({ "reroute": { "header": "x-a", "value": "1" } }); }
        match parse(json!({ "breakers": [breaker] }).to_string().as_bytes()) {
            Ok(config) => keeps_its_promises(&config),
            Err(errors) => prop_assert!(!errors.problems().is_empty()),
        }
    }
}
