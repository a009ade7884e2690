//! Whatever the bytes are: no panic, and no refusal without a reason.

use super::*;
use crate::arbitrary::{any_json, refusal_has_reasons};
use proptest::prelude::*;

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn no_json_panics_and_no_refusal_is_without_a_reason(
        top in any_json(), limits in any_json(), limit in any_json(), matches in any_json(), key in any_json(),
    ) {
        let typical = serde_json::json!({
            "limits": [{"name": "a", "rate": "1/s", "match": matches, "key": key}, limit], "deny": top,
        });
        for config in [top, serde_json::json!({ "limits": limits }), typical] {
            refusal_has_reasons(parse(config.to_string().as_bytes()));
        }
    }
}
