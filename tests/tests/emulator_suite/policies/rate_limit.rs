//! Configs of the rate limiter.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{key, matches, maybe, mode, named, object, pick, refusal};

pub(super) fn rate_limit() -> impl Strategy<Value = Value> {
    let limit = (
        pick(json!(["1/s", "5/s", "3/m", "1000/s"])),
        maybe(pick(json!([1, 2, 5]))),
        maybe(matches()),
        maybe(key()),
        maybe(pick(json!(["worker", "proxy"]))),
        maybe(pick(json!(["shared", "deny", "fresh"]))),
        maybe(mode()),
    )
        .prop_map(|(rate, burst, matches, key, scope, on_overflow, mode)| {
            // A table of one set: what happens when it is full is reached.
            let max_keys = key.as_ref().map(|_| json!(8));
            let on_overflow = on_overflow.filter(|_| key.is_some());
            object(vec![
                ("rate", Some(rate)),
                ("burst", burst),
                ("match", matches),
                ("key", key),
                ("max_keys", max_keys),
                ("on_overflow", on_overflow),
                ("scope", scope),
                ("mode", mode),
            ])
        });
    (
        named(&["first", "second", "third"], limit),
        maybe(mode()),
        maybe(refusal()),
        maybe(pick(json!(["ietf", "draft03", "legacy", "none"]))),
    )
        .prop_map(|(limits, mode, deny, response_headers)| {
            object(vec![
                ("limits", Some(limits)),
                ("mode", mode),
                ("deny", deny),
                ("response_headers", response_headers),
            ])
        })
}
