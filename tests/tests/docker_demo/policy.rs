//! The policy of the command and the configuration of Envoy say the same. No engine is needed for that.

use std::collections::BTreeMap;

use fairlead_tests::modules;
use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value, json};

#[test]
fn envoy_is_told_what_the_policy_says_in_its_order() {
    let policy = read("policy.yaml");
    let envoy = read("envoy.yaml");
    let manager =
        &envoy["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let (mut order, mut told) = (Vec::new(), BTreeMap::new());
    for filter in manager["http_filters"].as_array().expect("filters") {
        let config = &filter["typed_config"]["config"];
        let Some(text) = config["configuration"]["value"].as_str() else {
            assert_eq!(filter["name"], "router");
            continue;
        };
        let name = config["root_id"].as_str().expect("a name").replace('-', "_");
        let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        order.push(name.clone());
        told.insert(name, value);
    }
    assert_eq!(json!(order), policy["order"]);
    for (name, value) in told {
        assert_eq!(value, policy[&name], "{name}");
    }
}

fn read(file: &str) -> Value {
    let path = modules::workspace().join("examples/docker").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let documents = Yaml::load_from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let [document] = documents.as_slice() else {
        panic!("{file}: {} documents", documents.len());
    };
    value(document)
}

fn value(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(it)) => json!(it),
        Yaml::Value(Scalar::Integer(it)) => json!(it),
        Yaml::Value(Scalar::FloatingPoint(it)) => json!(it.into_inner()),
        Yaml::Value(Scalar::String(it)) => json!(it),
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Mapping(fields) => {
            let named = |(name, field): (&Yaml<'_>, &Yaml<'_>)| {
                (name.as_str().expect("a name").to_owned(), value(field))
            };
            Value::Object(fields.iter().map(named).collect::<Map<_, _>>())
        }
        other => panic!("not expected: {other:?}"),
    }
}
