//! What an object of Envoy Gateway says about Wasm filters: which, and with which pluginConfig.
//!
//! The kind is `EnvoyExtensionPolicy`; its filters stand in a list under `wasm` and run in that order. Envoy Gateway itself
//! checks these objects, so that fields which do not matter here are ignored.

use crate::json::Json;
use crate::leaf::Text;
use crate::problem::{Errors, Problems};
use crate::read::{List, Read};
use serde::Deserialize;
use serde_json::Value;

/// A Wasm filter of an `EnvoyExtensionPolicy`.
#[derive(Clone, Debug, PartialEq)]
pub struct Extension {
    /// What Envoy calls the plugin; where it is absent, Envoy Gateway makes a name of the object's and the place in it.
    pub name: Option<String>,
    /// Name of the plugin in its module.
    pub root_id: Option<String>,
    /// The image or the file that the module comes from.
    pub url: Option<String>,
    /// Empty where the object has none.
    pub config: Value,
}

/// Reads the `spec` of an `EnvoyExtensionPolicy`: its Wasm filters in their order, perhaps none.
///
/// # Errors
/// Every mistake in the fields that matter here, each with its path in the spec.
pub fn extensions(spec: &Value) -> Result<Vec<Extension>, Errors> {
    let mut at = Problems::default();
    let extensions = match Json::deserialize(spec) {
        Ok(json) => read(&json, spec, &mut at),
        Err(error) => {
            at.say(&["cannot be read: ", &error.to_string()]);
            None
        }
    };
    at.finish(extensions)
}

fn read(json: &Json, spec: &Value, at: &mut Problems) -> Option<Vec<Extension>> {
    let Json::Object(fields) = json else {
        at.wrong(json, "the spec of an EnvoyExtensionPolicy");
        return None;
    };
    let found = at.field(fields, "wasm", List::<Entry>::read).unwrap_or_default();
    let configs = spec.get("wasm").and_then(Value::as_array);
    let config = |index: usize| {
        let config = configs.and_then(|all| all.get(index)?.get("config"));
        let config = config.filter(|config| !config.is_null()).cloned();
        config.unwrap_or_else(|| Value::Object(serde_json::Map::new()))
    };
    let whole = found.into_iter().enumerate();
    let whole = whole.map(|(index, entry)| Extension {
        config: config(index),
        ..entry
    });
    Some(whole.collect())
}

/// An item of `wasm`, without its config.
struct Entry;

impl Read for Entry {
    type Out = Extension;

    fn read(value: &Json, at: &mut Problems) -> Option<Extension> {
        let Json::Object(fields) = value else {
            at.wrong(value, "an object");
            return None;
        };
        let name = at.field(fields, "name", Text::read);
        let root_id = at.field(fields, "rootID", Text::read);
        let url = at.field(fields, "code", read_code).flatten();
        Some(Extension {
            name,
            root_id,
            url,
            config: Value::Null,
        })
    }
}

/// `code: {type: Image, image: {url: ..}}` or `{type: HTTP, http: {url: ..}}`.
fn read_code(value: &Json, at: &mut Problems) -> Option<Option<String>> {
    let Json::Object(fields) = value else {
        at.wrong(value, "an object");
        return None;
    };
    let image = at.field(fields, "image", read_url).flatten();
    let http = at.field(fields, "http", read_url).flatten();
    Some(image.or(http))
}

fn read_url(value: &Json, at: &mut Problems) -> Option<Option<String>> {
    let Json::Object(fields) = value else {
        at.wrong(value, "an object");
        return None;
    };
    Some(at.field(fields, "url", Text::read))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn filters_keep_their_order_and_their_configs() {
        let spec = json!({
            "targetRefs": [{ "kind": "HTTPRoute", "name": "reviews" }],
            "wasm": [
                { "name": "edge", "rootID": "suite", "config": { "rate_limit": {} },
                  "code": { "type": "Image", "image": { "url": "registry.example.com/fairlead/suite:1" } } },
                { "code": { "type": "HTTP", "http": { "url": "https://example.com/canary.wasm", "sha256": "00" } } },
            ],
        });
        let expected = [
            Extension {
                name: Some("edge".to_owned()),
                root_id: Some("suite".to_owned()),
                url: Some("registry.example.com/fairlead/suite:1".to_owned()),
                config: json!({ "rate_limit": {} }),
            },
            Extension {
                name: None,
                root_id: None,
                url: Some("https://example.com/canary.wasm".to_owned()),
                config: json!({}),
            },
        ];
        assert_eq!(extensions(&spec).unwrap(), expected);
    }

    #[test]
    fn an_object_without_wasm_has_no_filter() {
        assert_eq!(extensions(&json!({ "lua": [] })), Ok(Vec::new()));
        assert_eq!(extensions(&json!({ "wasm": null })), Ok(Vec::new()));
    }

    #[test]
    fn mistakes_are_reported_together() {
        let errors = extensions(&json!({ "wasm": [5, { "name": 1, "code": { "image": { "url": true } } }] }))
            .unwrap_err();
        let lines: Vec<String> = errors.problems().iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "wasm[0]: 5 is not an object",
                "wasm[1].name: 1 is not text: put it in quotes",
                "wasm[1].code.image.url: true is not text: put it in quotes",
            ]
        );
        assert!(extensions(&json!("")).is_err());
    }
}
