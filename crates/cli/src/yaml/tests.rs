use super::*;
use serde_json::{Value, json};

fn values(text: &str) -> Vec<Value> {
    documents(text).unwrap().iter().map(Node::to_value).collect()
}

/// The file is refused for these reasons, at these lines.
fn check_wrong(text: &str, expected: &[&str]) {
    let shown: Vec<String> = match documents(text) {
        Ok(documents) => documents
            .iter()
            .flat_map(Node::repeated)
            .map(|mistake| mistake.show("f"))
            .collect(),
        Err(mistakes) => mistakes.iter().map(|mistake| mistake.show("f")).collect(),
    };
    assert_eq!(shown, expected, "{text}");
}

#[test]
fn plain_words_mean_what_they_mean_to_kubernetes() {
    for (word, expected) in [
        ("off", json!(false)),
        ("On", json!(true)),
        ("yes", json!(true)),
        ("n", json!(false)),
        ("oN", json!("oN")),
        ("'off'", json!("off")),
        ("\"1\"", json!("1")),
        ("!!str 1", json!("1")),
        ("~", json!(null)),
        ("5", json!(5)),
        ("-5", json!(-5)),
        ("010", json!(8)),
        ("0x1F", json!(31)),
        ("1_000", json!(1000)),
        ("1.5", json!(1.5)),
        ("1e3", json!(1000.0)),
        ("5/s", json!("5/s")),
        ("10.0.0.0/8", json!("10.0.0.0/8")),
        ("2026-11-20", json!("2026-11-20")),
        ("1:30", json!("1:30")),
        ("-x", json!("-x")),
        (".", json!(".")),
        ("v1", json!("v1")),
    ] {
        assert_eq!(
            values(&format!("a: {word}")),
            [json!({ "a": expected })],
            "{word}"
        );
    }
}

#[test]
fn json_is_read_too() {
    assert_eq!(
        values("{\"a\": [1, \"b\\n\", true, null],\n\t\"c\": {\"d\": \"off\"}}"),
        [json!({ "a": [1, "b\n", true, null], "c": { "d": "off" } })]
    );
}

#[test]
fn a_file_holds_several_documents_and_empty_ones_do_not_count() {
    assert_eq!(
        values("---\na: 1\n---\n---\n# only a comment\n---\nb: 2\n"),
        [json!({ "a": 1 }), json!({ "b": 2 })]
    );
    assert_eq!(values(""), [Value::Null; 0]);
}

#[test]
fn own_fields_win_over_merged_ones_wherever_the_merge_stands() {
    let text = "base: &b {rate: 1/s, burst: 2}\none: {<<: *b, burst: 5}\ntwo: {burst: 6, <<: *b}\n";
    let [document] = &values(text)[..] else {
        panic!("one document")
    };
    assert_eq!(document["one"], json!({ "rate": "1/s", "burst": 5 }));
    assert_eq!(document["two"], json!({ "rate": "1/s", "burst": 6 }));
    check_wrong(text, &[]);
}

#[test]
fn mistakes_have_their_lines() {
    check_wrong(
        "a: 1\nb:\n  c: 1\n  c: 2\na: 3\n",
        &[
            "f:4: b.c: is there twice: write it once",
            "f:5: a: is there twice: write it once",
        ],
    );
    check_wrong(
        "{\"a\": 1,\n\"a\": 2}",
        &["f:2: a: is there twice: write it once"],
    );
    check_wrong(
        "x: 1\non: 2\n",
        &["f:2: this key is the boolean true in YAML 1.1: put it in quotes"],
    );
    check_wrong(
        "? [a]\n: 1\n",
        &["f:1: a key cannot be a list or an object: write a name"],
    );
    check_wrong(
        "a: !secret x\n",
        &["f:1: the tag !secret means nothing here: leave it out"],
    );
    check_wrong(
        "a: {<<: 5}\n",
        &["f:1: << merges objects only: write an alias to one"],
    );
    let unclosed = documents("a: [1, 2\nb: 3\n").unwrap_err();
    assert!(
        unclosed[0].line >= 2 && unclosed[0].message.starts_with("cannot be read: "),
        "{unclosed:?}"
    );
}

#[test]
fn what_unfolds_without_end_is_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let below = format!("*a{}", level - 1);
        bomb.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            [below.as_str(); 10].join(", ")
        ));
    }
    check_wrong(&bomb, &["f: is too large or too deep for a policy"]);
    assert!(documents(&"[".repeat(10_000)).is_err());
}

#[test]
fn a_path_is_on_the_line_of_what_it_names_or_of_what_is_around_it() {
    let documents = documents(
        "rate_limit:\n  limits:\n  - name: a\n    rate: 5/s\n  - name: b\n    headers: {'a b': 1}\n",
    )
    .unwrap();
    let lines = documents[0].lines();
    for (path, line) in [
        ("rate_limit", 1),
        ("rate_limit.limits", 2),
        ("rate_limit.limits[0].rate", 4),
        ("rate_limit.limits[1]", 5),
        ("rate_limit.limits[1].rate", 5),
        ("rate_limit.limits[1].headers[\"a b\"]", 6),
        ("rate_limit.mode", 1),
        ("", 1),
    ] {
        assert_eq!(lines.of(path), line, "{path}");
    }
}
