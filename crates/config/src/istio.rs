//! What an Istio object says about a Wasm filter: where in the chain it runs, and with which pluginConfig.
//!
//! Istio up to 1.29 has the kind `WasmPlugin`; 1.30 added `TrafficExtension`, in which the same fields stand under `wasm`.
//! Istio itself checks these objects, so that fields which do not matter here are ignored.

use crate::json::Json;
use crate::leaf::Text;
use crate::problem::{Errors, Problems};
use crate::read::Read;
use serde::Deserialize;
use serde_json::Value;
use std::cmp::Reverse;

/// A Wasm filter as an Istio object attaches it.
#[derive(Clone, Debug, PartialEq)]
pub struct Attachment {
    /// Name of the plugin in its module; Envoy calls it the root id.
    pub plugin_name: Option<String>,
    /// Where the module comes from.
    pub url: Option<String>,
    /// Where in the chain.
    pub phase: Phase,
    /// Where in the phase: the greater first. Istio sorts an object without a priority last, not as 0.
    pub priority: Option<i32>,
    /// An object; empty where the object has none.
    pub plugin_config: Value,
}

impl Attachment {
    /// The place in a chain: sort by this, and objects of the same place by creation time, name and namespace.
    #[must_use]
    pub fn place(&self) -> (Phase, Reverse<i32>) {
        (self.phase, Reverse(self.priority.unwrap_or(i32::MIN)))
    }
}

/// Where in Istio's filter chain a Wasm filter runs. Ordered as requests meet them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Before Istio's authentication filters.
    Authn,
    /// Before Istio's authorisation filters.
    Authz,
    /// Before Istio's statistics filter.
    Stats,
    /// At the end.
    #[default]
    Unspecified,
}

/// Reads the `spec` of a `WasmPlugin` or a `TrafficExtension`.
///
/// # Errors
/// Every mistake in the fields that matter here, each with its path in the spec.
pub fn attachment(spec: &Value) -> Result<Attachment, Errors> {
    let mut at = Problems::default();
    let attachment = match Json::deserialize(spec) {
        Ok(json) => read(&json, spec, &mut at),
        Err(error) => {
            at.say(&["cannot be read: ", &error.to_string()]);
            None
        }
    };
    at.finish(attachment)
}

fn read(json: &Json, spec: &Value, at: &mut Problems) -> Option<Attachment> {
    let Json::Object(fields) = json else {
        at.wrong(json, "the spec of a WasmPlugin or a TrafficExtension");
        return None;
    };
    let phase = at.field(fields, "phase", read_phase).unwrap_or_default();
    let priority = at.field(fields, "priority", read_priority);
    let (wasm, mark) = match fields.iter().find(|(key, _)| key == "wasm") {
        Some((_, wasm)) => (wasm, Some(at.enter("wasm"))),
        None => (json, None),
    };
    let Json::Object(fields) = wasm else {
        at.wrong(wasm, "an object");
        return None;
    };
    let plugin_name = at.field(fields, "pluginName", Text::read);
    let url = at.field(fields, "url", Text::read);
    at.field(fields, "pluginConfig", read_object);
    if let Some(mark) = mark {
        at.leave(mark);
    }
    let plugin_config = spec
        .get("wasm")
        .unwrap_or(spec)
        .get("pluginConfig")
        .filter(|config| !config.is_null());
    let plugin_config = plugin_config
        .cloned()
        .unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    Some(Attachment {
        plugin_name,
        url,
        phase,
        priority,
        plugin_config,
    })
}

fn read_phase(value: &Json, at: &mut Problems) -> Option<Phase> {
    // The last but one is WasmPlugin's word, the last TrafficExtension's.
    let words = ["AUTHN", "AUTHZ", "STATS", "UNSPECIFIED_PHASE", "UNSPECIFIED"];
    let index = at.word(value, "a phase", &words, &[])?;
    let phases = [Phase::Authn, Phase::Authz, Phase::Stats];
    Some(phases.into_iter().nth(index).unwrap_or(Phase::Unspecified))
}

fn read_priority(value: &Json, at: &mut Problems) -> Option<i32> {
    match value {
        Json::Number(n) if n.fract() == 0.0 && *n >= f64::from(i32::MIN) && *n <= f64::from(i32::MAX) => {
            Some(*n as i32)
        }
        _ => {
            at.wrong(value, "a priority: write an integer");
            None
        }
    }
}

fn read_object(value: &Json, at: &mut Problems) -> Option<()> {
    if matches!(value, Json::Object(_)) {
        return Some(());
    }
    at.wrong(
        value,
        "an object: Istio takes a pluginConfig as fields, not as text",
    );
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_kinds_say_the_same() {
        let config = json!({ "limits": [] });
        let plugin = json!({ "url": "oci://r/a:1", "pluginName": "rate-limit", "phase": "AUTHN", "priority": 10.0,
            "failStrategy": "FAIL_OPEN", "pluginConfig": config });
        let extension = json!({ "phase": "AUTHN", "priority": 10,
            "wasm": { "url": "oci://r/a:1", "pluginName": "rate-limit", "pluginConfig": config } });
        let expected = Attachment {
            plugin_name: Some("rate-limit".to_owned()),
            url: Some("oci://r/a:1".to_owned()),
            phase: Phase::Authn,
            priority: Some(10),
            plugin_config: config,
        };
        assert_eq!(attachment(&plugin), Ok(expected.clone()));
        assert_eq!(attachment(&extension), Ok(expected));
    }

    #[test]
    fn an_absent_config_is_an_empty_object() {
        for spec in [json!({}), json!({ "pluginConfig": null }), json!({ "wasm": {} })] {
            assert_eq!(attachment(&spec).unwrap().plugin_config, json!({}), "{spec}");
        }
    }

    #[test]
    fn filters_run_by_phase_and_then_by_falling_priority() {
        let place = |spec: Value| attachment(&spec).unwrap().place();
        let places = [
            place(json!({ "phase": "AUTHN" })),
            place(json!({ "phase": "AUTHZ", "priority": 1 })),
            place(json!({ "phase": "STATS", "priority": 5 })),
            place(json!({ "phase": "STATS", "priority": -7 })),
            place(json!({ "phase": "STATS" })),
            place(json!({ "priority": 100 })),
            place(json!({ "phase": "UNSPECIFIED_PHASE" })),
        ];
        assert!(
            places.is_sorted() && places.windows(2).all(|pair| pair[0] != pair[1]),
            "{places:?}"
        );
        assert_eq!(place(json!({ "phase": "UNSPECIFIED" })), places[6]);
    }

    #[test]
    fn mistakes_are_reported_together() {
        let check = |spec: Value, expected: &[&str]| {
            let errors = attachment(&spec).unwrap_err();
            let lines: Vec<String> = errors.problems().iter().map(ToString::to_string).collect();
            assert_eq!(lines, expected);
        };
        check(
            json!({ "phase": "authn", "priority": 1.5, "wasm": { "pluginName": 5, "pluginConfig": "{}" } }),
            &[
                "phase: \"authn\" is not a phase: write AUTHN, AUTHZ, STATS, UNSPECIFIED_PHASE or UNSPECIFIED",
                "priority: 1.5 is not a priority: write an integer",
                "wasm.pluginName: 5 is not text: put it in quotes",
                "wasm.pluginConfig: \"{}\" is not an object: Istio takes a pluginConfig as fields, not as text",
            ],
        );
        check(
            json!([]),
            &["a list is not the spec of a WasmPlugin or a TrafficExtension"],
        );
        check(json!({ "wasm": 5 }), &["wasm: 5 is not an object"]);
    }
}
