//! Configs of the canary.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{key, matches, maybe, mode, object, parts, pick};

pub(super) fn canary() -> impl Strategy<Value = Value> {
    let variants = pick(json!([
        [{"name": "v2", "weight": "50%"}],
        [{"name": "v2", "weight": "100%"}],
        [{"name": "v2", "weight": "30%"}, {"name": "v3", "value": "three", "weight": "40%"}],
        [{"name": "v2"}],
    ]));
    let force = (
        maybe(Just(json!("x-force"))),
        maybe(Just(json!("canary"))),
        maybe(pick(
            json!([[{"cidrs": ["10.0.0.0/8"]}], [{"cidrs": ["192.0.2.0/24"], "trusted_hops": 1}]]),
        )),
    )
        .prop_map(|(header, cookie, allow_from)| {
            // One of the two must be there.
            let header = if cookie.is_none() {
                Some(json!("x-force"))
            } else {
                header
            };
            object(vec![
                ("header", header),
                ("cookie", cookie),
                ("allow_from", allow_from),
            ])
        });
    let rule =
        (matches(), pick(json!(["v2", "stable"])), maybe(mode())).prop_map(|(matches, variant, mode)| {
            object(vec![
                ("match", Some(matches)),
                ("variant", Some(variant)),
                ("mode", mode),
            ])
        });
    let by = (vec(prop_oneof![pick(parts()), key()], 1..3), any::<bool>()).prop_map(|(mut by, random)| {
        if random {
            by.push(json!({"random": true}));
        }
        Value::Array(by)
    });
    let sticky = (
        maybe(by),
        maybe(pick(json!(["murmur3", "sha256_percent"]))),
        maybe(pick(json!(["", "salt"]))),
        maybe(pick(
            json!([{}, {"max_age": "1h", "same_site": "lax"}, {"secret": "an example of a secret", "path": "/a"}]),
        )),
    )
        .prop_map(|(by, hash, salt, cookie)| {
            object(vec![
                ("by", by),
                ("hash", hash),
                ("salt", salt),
                ("cookie", cookie),
            ])
        });
    let ramp = pick(json!([
        {"start": "2026-01-01T00:00:01Z", "steps": [{"at": "0s", "weight": "10%"}, {"at": "1s", "weight": "60%"}]},
        {"start": "2026-01-01T00:00:00Z", "steps": [{"at": "0s", "weight": "50%"}], "finish": {"at": "3s", "as": "promoted"}},
        {"start": "2026-01-01T00:00:00Z", "steps": [{"at": "0s", "weight": "50%"}], "finish": {"at": "3s", "as": "ended"}},
    ]));
    // Windows that are looked at every 100 ms, 500 ms and 1 s.
    let guard = (
        pick(json!(["1s", "5s", "60s"])),
        pick(json!([2, 5])),
        maybe(pick(
            json!([{"max": "5%"}, {"max": "1%", "or_above_stable_by": "1%"}]),
        )),
        maybe(pick(
            json!([{"max": "5ms"}, {"quantile": "p50", "max": "2ms"}, {"max_ratio_to_stable": 1.5}]),
        )),
        maybe(pick(json!([
            {"hold": "1s"},
            {"hold": "2s", "then": "resume", "weight": "10%"},
            {"hold": "1s", "then": "stay_out"},
        ]))),
    )
        .prop_map(|(window, minimum, error_rate, latency, on_trip)| {
            // There must be a bound.
            let error_rate = if latency.is_none() {
                error_rate.or(Some(json!({"max": "5%"})))
            } else {
                error_rate
            };
            object(vec![
                ("window", Some(window)),
                ("minimum_requests", Some(minimum)),
                ("error_rate", error_rate),
                ("latency", latency),
                ("on_trip", on_trip),
            ])
        });
    let propagate = pick(json!([
        {"baggage": true},
        {"trace": {"max_entries": 8, "ttl": "2s"}},
        {"baggage": true, "trace": true},
    ]));
    (
        variants,
        (maybe(mode()), maybe(matches())),
        maybe(pick(json!([{"name": "stable", "value": "one"}]))),
        maybe(force),
        maybe(vec(rule, 1..3).prop_map(Value::Array)),
        maybe(sticky),
        maybe(ramp),
        maybe(guard),
        maybe(propagate),
    )
        .prop_map(
            |(variants, (mode, matches), default, force, rules, sticky, ramp, guard, propagate)| {
                object(vec![
                    ("release", Some(json!("r"))),
                    ("variants", Some(variants)),
                    ("mode", mode),
                    ("match", matches),
                    ("default", default),
                    ("force", force),
                    ("rules", rules),
                    ("sticky", sticky),
                    ("ramp", ramp),
                    ("guard", guard),
                    ("propagate", propagate),
                ])
            },
        )
}
