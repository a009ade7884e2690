//! The schema of the chart's values: written by hand but for the definitions of the filters' configs, which are those of
//! `docs/schema`, in the words that Helm's checker knows.

use std::fs;

use fairlead_tests::modules::workspace;
use serde_json::{Map, Value, json};

use crate::chart::chart;

/// The most that Go's regular expressions repeat.
const MOST: u64 = 1000;

fn published(module: &str) -> Value {
    let path = workspace().join(format!("docs/schema/{module}.schema.json"));
    serde_json::from_str(&fs::read_to_string(&path).expect("a schema")).expect("JSON")
}

/// Definitions of ours begin in lower case, those of `docs/schema` in upper case.
fn by_hand(name: &str) -> bool {
    name.starts_with(char::is_lowercase)
}

/// A schema in the words of Helm's checker, whose regular expressions are Go's: characters by two digits, not four, and no
/// large counts.
fn adapted(schema: &Value) -> Value {
    match schema {
        Value::Array(items) => items.iter().map(adapted).collect(),
        Value::Object(fields) => {
            let mut fields: Map<String, Value> = fields
                .iter()
                .map(|(key, value)| (key.clone(), adapted(value)))
                .collect();
            if let Some(pattern) = fields.get("pattern").and_then(Value::as_str) {
                let pattern = pattern.replace(r"\u00", r"\x");
                assert!(!pattern.contains(r"\u"), "{pattern}");
                let counted = pattern
                    .strip_suffix("}$")
                    .and_then(|rest| rest.rsplit_once("{0,"));
                let large = counted.and_then(|(start, count)| Some((start, count.parse::<u64>().ok()?)));
                if let Some((start, count)) = large.filter(|(_, count)| *count > MOST) {
                    // What stands before the class: one character each.
                    let (before, _) = start.split_once('[').expect("a class of characters");
                    let length = count + before.trim_start_matches('^').len() as u64;
                    let least = fields.get("maxLength").and_then(Value::as_u64).unwrap_or(length);
                    fields.insert("maxLength".to_owned(), json!(least.min(length)));
                    fields.insert("pattern".to_owned(), json!(format!("{start}*$")));
                } else {
                    fields.insert("pattern".to_owned(), json!(pattern));
                }
            }
            Value::Object(fields)
        }
        other => other.clone(),
    }
}

#[test]
fn the_schema_of_the_values_has_the_schemas_of_the_filters() {
    let path = chart().join("values.schema.json");
    let text = fs::read_to_string(&path).expect("a schema");
    let mut schema: Value = serde_json::from_str(&text).expect("JSON");
    let definitions = schema["$defs"].as_object_mut().expect("definitions");
    definitions.retain(|name, _| by_hand(name));
    let suite = adapted(&published("suite"));
    let of_filters = suite["$defs"].as_object().expect("definitions");
    assert!(of_filters.keys().all(|name| !by_hand(name)));
    definitions.extend(of_filters.clone());
    let current = format!("{schema:#}\n");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &current).expect("a file");
    }
    assert!(
        fs::read_to_string(&path).expect("a schema") == current,
        "{} is not current: run this test with UPDATE_GOLDEN=1 in the environment",
        path.display()
    );
}

#[test]
fn a_filter_is_the_same_alone_and_in_the_suite() {
    let suite = published("suite");
    for module in ["rate-limit", "canary", "circuit-breaker", "latency-histogram"] {
        let alone = published(module);
        for (name, definition) in alone["$defs"].as_object().expect("definitions") {
            assert_eq!(&suite["$defs"][name], definition, "{name} of {module}");
        }
    }
}

#[test]
fn all_fields_of_the_chart_are_described() {
    let text = fs::read_to_string(chart().join("values.schema.json")).expect("a schema");
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    let values = fs::read_to_string(chart().join("values.yaml")).expect("values");
    for fields in [&schema["properties"], &schema["$defs"]["plugin"]["properties"]] {
        for (name, field) in fields.as_object().expect("properties") {
            assert!(field["description"].is_string(), "{name}");
            assert!(
                name == "global" || values.contains(&format!("{name}:")),
                "values.yaml does not show {name}"
            );
        }
    }
}
