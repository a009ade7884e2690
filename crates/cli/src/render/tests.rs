use super::input::value;
use crate::yaml;
use fairlead_manifest::{Map, Yaml};
use proptest::prelude::*;
use serde_json::Number;

fn any_text() -> impl Strategy<Value = String> {
    let taken = vec![
        "y", "No", "ON", "off", "null", "~", "true", ".nan", "010", "<<", "=", "1e3", "0b11", "1_000", "1:30",
    ];
    prop_oneof![
        3 => any::<String>(),
        2 => "[0-9a-fx_:.+eE-]{0,9}",
        1 => "[a-z/:@.-]{0,6}",
        1 => prop::sample::select(taken).prop_map(str::to_owned),
    ]
}

/// Any value; keys of a map differ.
fn any_yaml() -> impl Strategy<Value = Yaml> {
    let number = prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        any::<f64>().prop_filter_map("finite", Number::from_f64),
    ];
    let leaf = prop_oneof![
        Just(Yaml::Null),
        any::<bool>().prop_map(Yaml::Bool),
        number.prop_map(Yaml::Number),
        any_text().prop_map(Yaml::Text),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Yaml::List),
            // A key `<<` merges, in quotes too: no config has one.
            prop::collection::btree_map(any_text().prop_filter("merges", |key| key != "<<"), inner, 0..5)
                .prop_map(|fields| {
                    let mut map = Map::default();
                    for (key, value) in fields {
                        map.comment(&key);
                        map.add(key, value);
                    }
                    map.into()
                }),
        ]
    })
}

proptest! {
    /// As a cluster reads it: YAML 1.1.
    #[test]
    fn whatever_is_written_reads_back_as_what_it_was(written in any_yaml()) {
        let mut map = Map::default();
        map.add("value", written.clone());
        let text = map.document();
        let read = yaml::documents(&text).unwrap();
        prop_assert_eq!(read.len(), 1, "{}", &text);
        prop_assert_eq!(value(read[0].get("value").unwrap()).to_json(), written.to_json(), "{}", &text);
    }
}
