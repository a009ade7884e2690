//! The JSON Schema (draft 2020-12) of a module's pluginConfig, from the same declarations that read it.
//!
//! A schema is for editors and for charts: it accepts whatever the filter accepts, and refuses unknown fields, wrong types,
//! numbers out of range and texts of the wrong form. What takes knowledge of several fields at once (an override's key, two
//! limits of one name) only the filter itself checks.

use crate::read::{Each, Int, Leaf, List, List1, Map, Need, True};
use crate::{Filter, Module};
use serde_json::{Value, json};

/// The schema of a module's pluginConfig: of a filter, or of the suite.
#[must_use]
pub fn json_schema(module: impl Into<Module>) -> Value {
    let module = module.into();
    let mut definitions = Definitions::default();
    let root = match module {
        Module::Filter(filter) => describe(filter, &mut definitions),
        Module::Suite => crate::suite::Suite::describe(&mut definitions),
    };
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Fairlead {}", match module {
            Module::Filter(filter) => filter.name(),
            Module::Suite => module.file_name(),
        }),
    });
    merge(&mut schema, root);
    merge(&mut schema, json!({ "$defs": definitions.0 }));
    schema
}

/// The config of a filter, as it stands by itself or in the suite's.
pub(crate) fn describe(filter: Filter, definitions: &mut Definitions) -> Value {
    match filter {
        Filter::LatencyHistogram => crate::latency_histogram::LatencyHistogram::describe(definitions),
        Filter::RateLimit => crate::rate_limit::RateLimit::describe(definitions),
        Filter::Canary => crate::canary::Canary::describe(definitions),
        Filter::CircuitBreaker => crate::circuit_breaker::CircuitBreaker::describe(definitions),
    }
}

/// Something that can stand in a config.
pub(crate) trait Describe {
    fn describe(definitions: &mut Definitions) -> Value;
}

/// The objects described so far, by name. Others refer to them, so that a condition can contain itself.
#[derive(Default)]
pub(crate) struct Definitions(serde_json::Map<String, Value>);

impl Definitions {
    /// Describes an object once and returns a reference to it.
    pub(crate) fn object(
        &mut self,
        type_name: &str,
        docs: &[&str],
        fill: impl FnOnce(&mut Self, &mut Object),
    ) -> Value {
        let name = type_name.trim_end_matches("Fields");
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), Value::Null);
            let mut object = Object::default();
            fill(self, &mut object);
            self.0.insert(name.to_owned(), object.finish(docs));
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }
}

/// An object while its fields are added.
#[derive(Default)]
pub(crate) struct Object {
    properties: serde_json::Map<String, Value>,
    required: Vec<Value>,
    either: Vec<Value>,
    some: Vec<Value>,
}

impl Object {
    pub(crate) fn field(
        &mut self,
        key: &str,
        need: Need,
        docs: &[&str],
        mut schema: Value,
        default: Option<Value>,
    ) {
        let mut text = join(docs);
        if let Some(words) = schema.get("description").and_then(Value::as_str) {
            text = [&text, "\n\n", words].concat();
        }
        merge(&mut schema, json!({ "description": text }));
        if let Some(default) = default {
            merge(&mut schema, json!({ "default": default }));
        }
        match need {
            Need::Required => self.required.push(key.into()),
            Need::Either => self.either.push(json!({ "required": [key] })),
            Need::AnyOf => self.some.push(json!({ "required": [key] })),
            Need::Nullable => {
                let types = json!([schema.get("type"), "null"]);
                merge(&mut schema, json!({ "type": types }));
            }
            Need::Optional => {}
        }
        self.properties.insert(key.to_owned(), schema);
    }

    fn finish(self, docs: &[&str]) -> Value {
        let mut schema = json!({
            "type": "object",
            "description": join(docs),
            "properties": self.properties,
            "additionalProperties": false,
        });
        if !self.required.is_empty() {
            merge(&mut schema, json!({ "required": self.required }));
        }
        if !self.either.is_empty() {
            merge(&mut schema, json!({ "oneOf": self.either }));
        }
        if !self.some.is_empty() {
            merge(&mut schema, json!({ "anyOf": self.some }));
        }
        schema
    }
}

/// A closed set of words, each with what it means.
pub(crate) fn words(words: &[(&str, &[&str])]) -> Value {
    let meanings: Vec<String> = words
        .iter()
        .map(|(word, docs)| ["- ", word, ": ", &join(docs)].concat())
        .collect();
    let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    json!({ "enum": words, "description": meanings.join("\n") })
}

/// Doc comments as one text.
fn join(docs: &[&str]) -> String {
    docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n")
}

/// Adds the keywords of one schema to another.
pub(crate) fn merge(schema: &mut Value, more: Value) {
    if let (Value::Object(schema), Value::Object(more)) = (schema, more) {
        schema.extend(more);
    }
}

impl<T: Leaf> Describe for T {
    fn describe(_: &mut Definitions) -> Value {
        match T::PATTERN {
            "" => json!({ "type": "string" }),
            pattern => json!({ "type": "string", "pattern": pattern }),
        }
    }
}

impl Describe for bool {
    fn describe(_: &mut Definitions) -> Value {
        json!({ "type": "boolean" })
    }
}

impl Describe for True {
    fn describe(_: &mut Definitions) -> Value {
        json!({ "enum": [true, {}] })
    }
}

impl<const MIN: u32, const MAX: u32> Describe for Int<MIN, MAX> {
    fn describe(_: &mut Definitions) -> Value {
        json!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

impl<T: Describe> Describe for List<T> {
    fn describe(definitions: &mut Definitions) -> Value {
        json!({ "type": "array", "items": T::describe(definitions) })
    }
}

impl<T: Describe> Describe for Each<T> {
    fn describe(definitions: &mut Definitions) -> Value {
        List::<T>::describe(definitions)
    }
}

impl<T: Describe> Describe for List1<T> {
    fn describe(definitions: &mut Definitions) -> Value {
        json!({ "type": "array", "items": T::describe(definitions), "minItems": 1 })
    }
}

impl<K: Leaf, V: Describe> Describe for Map<K, V> {
    fn describe(definitions: &mut Definitions) -> Value {
        json!({
            "type": "object",
            "propertyNames": { "pattern": K::PATTERN },
            "additionalProperties": V::describe(definitions),
            "minProperties": 1,
        })
    }
}

#[cfg(test)]
mod tests;
