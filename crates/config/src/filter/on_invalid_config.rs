//! What a filter does with a config that cannot be used.

use crate::json::Json;

/// What a filter does when its first config cannot be used. A later config that cannot be used never replaces a good one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnInvalidConfig {
    /// Refuses it: the proxy answers 500 to every request until the config is mended.
    #[default]
    Refuse,
    /// Lets all requests pass and says so in its log and metrics.
    Pass,
}

words! {
    OnInvalidConfig, "an answer to an invalid config" {
        /// The proxy answers 500 until the config is mended.
        "refuse" => OnInvalidConfig::Refuse;
        /// All requests pass, and the filter's metrics and log say so.
        "pass" => OnInvalidConfig::Pass;
    }
}

/// Whether a config that cannot be used asks for all requests to pass: `on_invalid_config` is `pass`. For every filter.
///
/// Looks past every other mistake. Where the bytes are not JSON it takes the text `"on_invalid_config": "pass"` for the
/// field, unless the same field says something else in another place.
#[must_use]
#[inline(never)]
pub fn pass_at_first_load(bytes: &[u8]) -> bool {
    match Json::parse(bytes) {
        Ok(json) => says_pass(&json),
        Err(_) => {
            let key = ["\"", KEY, "\""].concat();
            let tail = |start: usize| bytes.get(start..).unwrap_or_default();
            let starts = (0..bytes.len())
                .map(tail)
                .filter_map(|rest| rest.strip_prefix(key.as_bytes()));
            only_true(starts.map(|rest| precedes_pass(rest.trim_ascii_start())))
        }
    }
}

const KEY: &str = "on_invalid_config";

/// Whether a config says `pass`, whatever else is wrong with it.
#[inline(never)]
pub(crate) fn says_pass(config: &Json) -> bool {
    let Json::Object(fields) = config else {
        return false;
    };
    let is_pass = |value: &Json| matches!(value, Json::Text(text) if text == "pass");
    let said = fields.iter().filter(|(key, _)| key == KEY);
    only_true(said.map(|(_, value)| is_pass(value)))
}

/// Whether there is one, and all are true.
fn only_true(said: impl Iterator<Item = bool>) -> bool {
    let mut said = said.peekable();
    said.peek().is_some() && said.all(|it| it)
}

/// Whether what follows a key is a colon and `"pass"`.
fn precedes_pass(rest: &[u8]) -> bool {
    let value = rest.strip_prefix(b":").unwrap_or_default();
    value.trim_ascii_start().starts_with(b"\"pass\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn on_invalid_config_is_found_in_whatever_else_is_wrong() {
        for (config, pass) in [
            ("", false),
            ("{}", false),
            ("[]", false),
            (r#"{"on_invalid_config":"pass"}"#, true),
            (r#"{"on_invalid_config":"refuse"}"#, false),
            (r#"{"on_invalid_config":true}"#, false),
            (r#"{"limits":5,"nonsense":[],"on_invalid_config":"pass"}"#, true),
            (r#"{"deny":{"on_invalid_config":"pass"}}"#, false),
            (
                r#"{"on_invalid_config":"pass","on_invalid_config":"refuse"}"#,
                false,
            ),
            (r#"{"limits":[{,"on_invalid_config" : "pass"}"#, true),
            (r#"{"limits":[{,"on_invalid_config":"refuse"}"#, false),
            (r#"{"limits":[{,"on_invalid_config""#, false),
            (
                r#"{"a":"b"; "on_invalid_config":"pass", "on_invalid_config":"refuse""#,
                false,
            ),
            (r#"{{"deny":{"body":"\"on_invalid_config\":\"pass\""}}"#, false),
            ("\u{1}\"on_invalid_config\"\n:\n\"pass\"", true),
        ] {
            assert_eq!(pass_at_first_load(config.as_bytes()), pass, "{config}");
        }
        assert!(pass_at_first_load(b"\xff\xfe{\"on_invalid_config\":\"pass\"}"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = pass_at_first_load(&bytes);
        }
    }
}
