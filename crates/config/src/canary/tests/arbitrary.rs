//! Whatever the bytes are: no panic, and no refusal without a reason.

use super::*;
use crate::arbitrary::{any_json, refusal_has_reasons};
use proptest::prelude::*;
use serde_json::json;

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn no_json_panics_and_no_refusal_is_without_a_reason(
        top in any_json(), one in any_json(), two in any_json(), three in any_json(), four in any_json(),
    ) {
        let typical = json!({
            "release": "r", "variants": [{ "name": "v2" }, one], "default": two, "force": three, "rules": [four],
        });
        let drawn = json!({
            "release": "r", "variants": [{ "name": "v2", "weight": one }],
            "sticky": { "by": [two, [three]], "cookie": four }, "propagate": top,
        });
        let watched = json!({
            "release": "r", "variants": [{ "name": "v2" }], "ramp": { "start": "2026-11-20T09:00:00Z", "steps": [one, two] },
            "guard": { "error_rate": { "max": "5%" }, "latency": three, "on_trip": four, "window": top },
        });
        for config in [top, typical, drawn, watched] {
            refusal_has_reasons(parse(config.to_string().as_bytes()));
        }
    }
}
