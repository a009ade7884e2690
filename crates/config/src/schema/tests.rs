use super::*;
use crate::{Filter, Module};
use regex_lite::Regex;
use std::path::Path;
use std::sync::LazyLock;

mod canary;
mod circuit_breaker;
mod latency_histogram;
mod rate_limit;
mod suite;

/// Whether `value` meets `schema`, for the keywords that this crate writes. Any other keyword fails the test.
fn valid(root: &Value, schema: &Value, value: &Value) -> bool {
    let keywords = schema.as_object().expect("a schema is an object");
    let number = |limit: &Value| limit.as_f64().expect("a number");
    let length = |limit: &Value| usize::try_from(limit.as_u64().expect("a length")).expect("a small length");
    keywords.iter().all(|(keyword, wanted)| match keyword.as_str() {
        "$schema" | "title" | "description" | "default" | "$defs" => true,
        "$ref" => {
            let name = wanted
                .as_str()
                .and_then(|r| r.strip_prefix("#/$defs/"))
                .expect("a local reference");
            valid(root, &root["$defs"][name], value)
        }
        "type" => match wanted {
            Value::Array(types) => types.iter().any(|one| is_type(one, value)),
            one => is_type(one, value),
        },
        "const" => same(value, wanted),
        "enum" => wanted
            .as_array()
            .expect("words")
            .iter()
            .any(|word| same(value, word)),
        "pattern" => {
            let pattern = Regex::new(wanted.as_str().expect("a pattern")).expect("a pattern that compiles");
            value.as_str().is_none_or(|text| pattern.is_match(text))
        }
        "minLength" => value
            .as_str()
            .is_none_or(|text| text.chars().count() >= length(wanted)),
        "maxLength" => value
            .as_str()
            .is_none_or(|text| text.chars().count() <= length(wanted)),
        "minimum" => value.as_f64().is_none_or(|n| n >= number(wanted)),
        "maximum" => value.as_f64().is_none_or(|n| n <= number(wanted)),
        "items" => value
            .as_array()
            .is_none_or(|items| items.iter().all(|item| valid(root, wanted, item))),
        "minItems" => value.as_array().is_none_or(|items| items.len() >= length(wanted)),
        "maxItems" => value.as_array().is_none_or(|items| items.len() <= length(wanted)),
        "uniqueItems" => value.as_array().is_none_or(|items| {
            let mut rest = items.iter();
            std::iter::from_fn(|| {
                rest.next()
                    .map(|item| !rest.clone().any(|other| same(item, other)))
            })
            .all(|it| it)
        }),
        "minProperties" => value
            .as_object()
            .is_none_or(|fields| fields.len() >= length(wanted)),
        "required" => value.as_object().is_none_or(|fields| {
            wanted
                .as_array()
                .expect("names")
                .iter()
                .all(|name| fields.contains_key(name.as_str().expect("a name")))
        }),
        "properties" => value.as_object().is_none_or(|fields| {
            fields
                .iter()
                .all(|(name, field)| wanted.get(name).is_none_or(|schema| valid(root, schema, field)))
        }),
        "propertyNames" => value.as_object().is_none_or(|fields| {
            fields
                .keys()
                .all(|name| valid(root, wanted, &Value::from(name.as_str())))
        }),
        "additionalProperties" => value.as_object().is_none_or(|fields| {
            fields
                .iter()
                .filter(|(name, _)| {
                    schema
                        .get("properties")
                        .is_none_or(|known| known.get(name).is_none())
                })
                .all(|(_, field)| *wanted != Value::Bool(false) && valid(root, wanted, field))
        }),
        "oneOf" => {
            wanted
                .as_array()
                .expect("schemas")
                .iter()
                .filter(|one| valid(root, one, value))
                .count()
                == 1
        }
        "anyOf" => {
            let schemas = wanted.as_array().expect("schemas");
            schemas.iter().any(|one| valid(root, one, value))
        }
        "not" => !valid(root, wanted, value),
        other => panic!("keyword {other}"),
    })
}

fn is_type(name: &Value, value: &Value) -> bool {
    match name.as_str().expect("a type") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|n| n.fract() == 0.0),
        other => panic!("type {other}"),
    }
}

/// Equal as JSON Schema has it: numbers by value, so that `1` and `1.0` are the same.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

static SCHEMAS: LazyLock<[(Module, Value); Module::ALL.len()]> =
    LazyLock::new(|| Module::ALL.map(|module| (module, json_schema(module))));

fn accepts(module: impl Into<Module>, config: &str) -> bool {
    let module = module.into();
    let (_, schema) = SCHEMAS
        .iter()
        .find(|(known, _)| *known == module)
        .expect("a schema for each module");
    valid(schema, schema, &serde_json::from_str(config).expect("JSON"))
}

/// The fields of an object that have a default, with it.
fn spelled(schema: &Value, name: &str) -> serde_json::Map<String, Value> {
    let properties = schema["$defs"][name]["properties"]
        .as_object()
        .expect("properties");
    let with_default = |(key, field): (&String, &Value)| Some((key.clone(), field.get("default")?.clone()));
    properties.iter().filter_map(with_default).collect()
}

#[test]
fn the_published_schemas_are_current() {
    for module in Module::ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema");
        let path = folder.join(format!("{}.schema.json", module.file_name()));
        let current = format!("{:#}\n", json_schema(module));
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::create_dir_all(&folder).expect("the folder can be made");
            std::fs::write(&path, &current).expect("the schema can be written");
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            published == current,
            "{} is not current: run this test with UPDATE_SCHEMA=1 in the environment",
            path.display()
        );
    }
}

#[test]
fn each_field_is_described() {
    let schemas = Module::ALL.map(json_schema);
    let definitions = schemas
        .iter()
        .flat_map(|schema| schema["$defs"].as_object().expect("definitions"));
    for (name, definition) in definitions {
        assert!(
            definition["description"]
                .as_str()
                .is_some_and(|text| text.ends_with('.')),
            "{name}"
        );
        for (key, field) in definition["properties"].as_object().expect("properties") {
            assert!(
                field["description"]
                    .as_str()
                    .is_some_and(|text| text.ends_with('.')),
                "{name}.{key}"
            );
        }
    }
}
