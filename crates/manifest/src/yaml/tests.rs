use super::*;
use proptest::prelude::*;
use saphyr::LoadableYamlNode;

fn texts(texts: &[&str]) -> Yaml {
    texts.to_vec().into()
}

#[test]
fn a_map_keeps_its_order_and_its_comments() {
    let mut inner = Map::from([("b", "one"), ("a", "two")]);
    inner.comment("why");
    inner.comment("and how");
    inner.add("list", texts(&["x", "10s"]));
    let mut item = Map::default();
    item.comment("the first");
    item.add("name", "v2");
    item.add("nested", vec![texts(&["p", "q"]), texts(&[])]);
    let mut map = Map::default();
    map.add("spec", inner);
    map.add("items", vec![Yaml::from(item), Map::default().into(), Yaml::Null]);
    map.add("empty", Map::default());
    map.add("number", 5);
    map.add("flag", true);
    let expected = "\
spec:
  b: one
  a: two
  # why
  # and how
  list:
  - x
  - 10s
items:
# the first
- name: v2
  nested:
  - - p
    - q
  - []
- {}
- null
empty: {}
number: 5
flag: true
";
    assert_eq!(map.document(), expected);
}

#[test]
fn what_might_be_anything_but_text_is_in_quotes() {
    for text in [
        "",
        "5",
        "5e3",
        "0x1f",
        "0b1",
        "0o7",
        "010",
        "1_000",
        "1:30",
        ".5",
        "-",
        "+1",
        "~",
        "null",
        "Off",
        "y",
        "NO",
        "on",
        "true",
        ".inf",
        "NaN",
        "2026-11-20",
        "2026-11-20T09:00:00Z",
        "*.example.com",
        "a: b",
        "a #b",
        "{id}",
        "10.0.0.0/8",
        "1.2.3",
        "a:",
        " a",
        "a b",
        "5xx",
        "1e5",
        "12345678901234567890123456789012",
        "1s.5",
        "=",
        "<<",
        "!x",
        "%a",
        "@a",
        "`a",
        "#",
        "&a",
        "it's",
        "\"",
        "a\nb",
        "\u{2028}",
        "\u{85}",
        "\u{feff}",
        "\u{7f}",
        "😀",
    ] {
        let written = scalar(text);
        assert!(
            written.starts_with('"') && written.ends_with('"'),
            "{text}: {written}"
        );
    }
    for text in [
        "reviews",
        "x-api-key",
        "/api/search",
        "10s",
        "50%",
        "0.5%",
        "100/s",
        "64KiB",
        "e5",
        "oci://registry.example.com/fairlead/suite@sha256:00",
        "FAIL_RELOAD",
    ] {
        assert_eq!(scalar(text), text);
    }
}

#[test]
fn a_comment_stays_on_its_line() {
    let mut map = Map::default();
    map.comment("one\ntwo: \r\u{85}three\u{2028}");
    map.add("a", "b");
    assert_eq!(map.document().lines().count(), 2);
    assert!(map.document().starts_with("# one two:"));
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => any::<String>(),
        2 => "[0-9a-fx_:.+eE-]{0,9}",
        1 => "[a-z/:@.-]{0,6}",
        1 => prop::sample::select(vec!["y", "No", "ON", "null", "~", "true", ".nan", "010", "<<", "=", "1e3", "0b11"])
            .prop_map(str::to_owned),
    ]
}

/// Any value; keys of a map differ.
pub(crate) fn any_yaml() -> impl Strategy<Value = Yaml> {
    let number = prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        // Eighths: readers differ in the last digit of what needs seventeen.
        any::<i32>().prop_map(|value| Number::from_f64(f64::from(value) / 8.0).unwrap()),
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
            prop::collection::btree_map(any_text(), (inner, any::<Option<String>>()), 0..5).prop_map(
                |fields| {
                    let mut map = Map::default();
                    for (key, (value, comment)) in fields {
                        if let Some(comment) = comment {
                            map.comment(comment);
                        }
                        map.add(key, value);
                    }
                    map.into()
                }
            ),
        ]
    })
}

/// As a reader of YAML 1.2 sees it.
fn read(yaml: &saphyr::Yaml<'_>) -> Value {
    use saphyr::{Scalar, Yaml};
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => (*value).into(),
        Yaml::Value(Scalar::Integer(value)) => (*value).into(),
        Yaml::Value(Scalar::FloatingPoint(value)) => value.into_inner().into(),
        Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
        Yaml::Sequence(items) => items.iter().map(read).collect(),
        Yaml::Mapping(fields) => {
            let fields = fields.iter();
            Value::Object(
                fields
                    .map(|(key, value)| (key.as_str().unwrap().to_owned(), read(value)))
                    .collect(),
            )
        }
        other => panic!("{other:?}"),
    }
}

/// Numbers by what they are worth: a reader may keep a large integer as a double.
fn worth(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(items) => items.into_iter().map(worth).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (key, worth(value)))
            .collect(),
        other => other,
    }
}

proptest! {
    #[test]
    fn any_document_reads_back_as_what_it_was(value in any_yaml()) {
        let mut map = Map::default();
        map.add("value", value);
        let text = map.document();
        let documents = saphyr::Yaml::load_from_str(&text).unwrap();
        prop_assert_eq!(documents.len(), 1, "{}", text);
        prop_assert_eq!(worth(read(&documents[0])), worth(Yaml::from(map).to_json()), "{}", text);
    }
}
