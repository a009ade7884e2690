//! JSON for people: fields in their order, and on one line what fits there.

use crate::yaml::{Map, Yaml, is_plain};

/// How wide a line may be.
const WIDE: usize = 100;

/// A config as JSON. All characters are plain ones, so that it can stand in any document.
pub(super) fn pretty(map: &Map) -> String {
    let mut out = String::new();
    write(&mut out, &Yaml::Map(map.clone()), 0);
    out
}

fn write(out: &mut String, value: &Yaml, indent: usize) {
    let line = flat(value);
    let inside = indent.saturating_add(2);
    let parts: Vec<(String, &Yaml)> = match value {
        // The whole is always on lines of its own.
        _ if indent > 0 && indent.saturating_add(line.chars().count()) < WIDE => Vec::new(),
        Yaml::Map(map) => map
            .fields()
            .map(|(key, value)| (format!("{}: ", text(key)), value))
            .collect(),
        Yaml::List(items) => items.iter().map(|item| (String::new(), item)).collect(),
        _ => Vec::new(),
    };
    if parts.is_empty() {
        out.push_str(&line);
        return;
    }
    let (begin, end) = if matches!(value, Yaml::Map(_)) {
        ('{', '}')
    } else {
        ('[', ']')
    };
    out.push(begin);
    for (index, (key, value)) in parts.into_iter().enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.extend(std::iter::repeat_n(' ', inside));
        out.push_str(&key);
        write(out, value, inside);
    }
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
    out.push(end);
}

/// A value on one line.
fn flat(value: &Yaml) -> String {
    match value {
        Yaml::Null => "null".to_owned(),
        Yaml::Bool(value) => value.to_string(),
        Yaml::Number(number) => number.to_string(),
        Yaml::Text(value) | Yaml::Block(value) => text(value),
        Yaml::List(items) => format!("[{}]", items.iter().map(flat).collect::<Vec<_>>().join(", ")),
        Yaml::Map(map) => {
            let field = |(key, value): (&str, &Yaml)| format!("{}: {}", text(key), flat(value));
            format!("{{{}}}", map.fields().map(field).collect::<Vec<_>>().join(", "))
        }
    }
}

fn text(value: &str) -> String {
    let mut out = String::new();
    for c in serde_json::Value::from(value).to_string().chars() {
        if is_plain(c) {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::tests::any_yaml;
    use proptest::prelude::*;

    #[test]
    fn what_fits_is_on_one_line() {
        let variant = Map::from([("name", "v2"), ("weight", "10%")]);
        let mut map = Map::from([("release", "r")]);
        map.add("variants", vec![variant; 4]);
        let expected = r#"{
  "release": "r",
  "variants": [
    {"name": "v2", "weight": "10%"},
    {"name": "v2", "weight": "10%"},
    {"name": "v2", "weight": "10%"},
    {"name": "v2", "weight": "10%"}
  ]
}"#;
        assert_eq!(pretty(&map), expected);
        assert_eq!(pretty(&Map::default()), "{}");
    }

    proptest! {
        #[test]
        fn any_config_reads_back_as_what_it_was(value in any_yaml()) {
            let mut map = Map::default();
            map.add("value", value);
            let json = pretty(&map);
            let read: serde_json::Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&read, &Yaml::Map(map).to_json());
            let mut document = Map::default();
            document.add("config", Yaml::Block(json.clone()));
            let documents = <saphyr::Yaml as saphyr::LoadableYamlNode>::load_from_str(&document.document()).unwrap();
            prop_assert_eq!(documents[0]["config"].as_str(), Some(json.as_str()));
        }
    }
}
