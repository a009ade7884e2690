//! Each mistake with the line that the operator reads.

use super::*;

mod requests;
mod values;

/// The config is refused for exactly these reasons, in this order.
fn check(config: &str, expected: &[&str]) {
    let lines: Vec<String> = match parse(config.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.problems().iter().map(ToString::to_string).collect(),
    };
    assert_eq!(lines, expected, "{config}");
}

/// The same for the fields of one limit, besides name and rate; reasons without `limits[0].`.
fn check_limit(fields: &str, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|line| format!("limits[0].{line}")).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check(
        &format!(r#"{{"limits":[{{"name":"a","rate":"10/s",{fields}}}]}}"#),
        &expected,
    );
}

/// The same for one match entry; reasons without `limits[0].match[0]`.
fn check_match(entry: &str, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|line| format!("match[0]{line}")).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check_limit(&format!(r#""match":[{entry}]"#), &expected);
}

/// The same for one key part; reasons without `limits[0].key[0]`.
fn check_key(part: &str, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|line| format!("key[0]{line}")).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check_limit(&format!(r#""key":[{part}]"#), &expected);
}

#[test]
fn what_is_not_json_is_refused_with_line_and_column() {
    check(
        "{",
        &["not valid JSON: EOF while parsing an object at line 1 column 1"],
    );
    check(
        "{\n  \"a\": 1,\n}",
        &["not valid JSON: trailing comma at line 3 column 1"],
    );
    check(
        "{} {}",
        &["not valid JSON: trailing characters at line 1 column 4"],
    );
    check(
        "limits: []",
        &["not valid JSON: expected value at line 1 column 1"],
    );
    check(
        r#"{"a":1e999}"#,
        &["not valid JSON: number out of range at line 1 column 10"],
    );
    assert!(
        parse(b"\"\xff\"")
            .unwrap_err()
            .message()
            .starts_with("not valid JSON: invalid unicode code point at line 1")
    );
}

#[test]
fn what_is_no_object_is_refused() {
    check("[]", &["a list is not a rate-limit config"]);
    check("null", &["null is not a rate-limit config"]);
    check("5", &["5 is not a rate-limit config"]);
    check(
        r#"{"limits":[5,"x",null,[]]}"#,
        &[
            "limits[0]: 5 is not a limit",
            "limits[1]: \"x\" is not a limit",
            "limits[2]: null is not a limit",
            "limits[3]: a list is not a limit",
        ],
    );
    check(
        r#"{"limits":{},"deny":[]}"#,
        &[
            "limits: an object is not a list: write it in [ ]",
            "deny: a list is not a deny reply",
        ],
    );
}

#[test]
fn unknown_fields_are_refused_at_every_depth() {
    check(
        r#"{"limit":[],"requests_per_second":5,"mod":"x"}"#,
        &[
            "limit: unknown field: did you mean limits?",
            "requests_per_second: unknown field: a rate-limit config can have apiVersion, mode, limits, deny, response_headers, on_invalid_config",
            "mod: unknown field: did you mean mode?",
        ],
    );
    check_limit(
        r#""maxKeys":5"#,
        &["maxKeys: unknown field: did you mean max_keys?"],
    );
    check_limit(
        r#""overrides":[{"key":[],"unlimited":true,"name":"x"}]"#,
        &["overrides[0].name: unknown field: an override can have key, rate, burst, unlimited"],
    );
    check_match(
        r#"{"host":["a"],"headers":{"x":{"exakt":"y"}}}"#,
        &[
            ".host: unknown field: did you mean hosts?",
            ".headers.x.exakt: unknown field: did you mean exact?",
        ],
    );
    check_match(
        r#"{"not":{"path":{"prefix":"/","zzz":1}}}"#,
        &[".not.path.zzz: unknown field: a path condition can have exact, prefix, regex, template"],
    );
    check_match(
        r#"{"client":{"cidrs":["10.0.0.0/8"],"hops":1}}"#,
        &[".client.hops: unknown field: a client condition can have cidrs, trusted_hops"],
    );
    check_key(
        r#"{"client_ip":{"trusted_hop":1}}"#,
        &[".client_ip.trusted_hop: unknown field: did you mean trusted_hops?"],
    );
    check_key(
        r#"{"header":"x","defaults":"y"}"#,
        &[".defaults: unknown field: did you mean default?"],
    );
    check(
        r#"{"deny":{"a b":1}}"#,
        &[
            "deny[\"a b\"]: unknown field: a deny reply can have status, body, content_type, headers, problem_json",
        ],
    );
}

#[test]
fn a_field_that_is_repeated_or_null_is_refused() {
    check(
        r#"{"mode":"off","mode":"enforce"}"#,
        &["mode: is there twice: write it once"],
    );
    check_limit(r#""rate":"1/s""#, &["rate: is there twice: write it once"]);
    check(
        r#"{"mode":null,"limits":[{"name":"a","rate":null}]}"#,
        &[
            "mode: is null: write a value, or leave the field out",
            "limits[0].rate: is null: write a value, or leave the field out",
        ],
    );
    check_limit(
        r#""match":null"#,
        &["match: is null: write a value, or leave the field out"],
    );
    check_limit(
        r#""key":null"#,
        &["key: is null: write a value, or leave the field out"],
    );
    check_match(
        r#"{"headers":{"x-a":{"present":true},"X-A":{"exact":"1"}}}"#,
        &[".headers.X-A: is there twice: write it once"],
    );
}

#[test]
fn a_limit_needs_a_name_and_a_rate() {
    check(
        r#"{"limits":[{}]}"#,
        &[
            "limits[0].name: is missing: a limit needs it",
            "limits[0].rate: is missing: a limit needs it",
        ],
    );
}

#[test]
fn a_long_list_of_mistakes_is_cut_when_it_is_shown() {
    let config = format!(r#"{{"limits":[{}]}}"#, vec!["5"; 150].join(","));
    let errors = parse(config.as_bytes()).unwrap_err();
    assert_eq!(errors.problems().len(), 150);
    let message = errors.message();
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines.len(), 101);
    assert_eq!(
        (lines[99], lines[100]),
        ("limits[99]: 5 is not a limit", "and 50 more")
    );
}

#[test]
fn ten_mistakes_in_a_config_are_ten_lines() {
    check(
        r#"{
          "mod": "shadow",
          "limits": [
            {"name": "a b", "rate": "10/x", "burst": "5"},
            {"name": "c", "rate": "1/s", "match": [{"path": {"prefix": "v1"}, "methods": "GET"}], "key": [{"headr": "x"}]},
            {"name": "c", "rate": "1/s", "scope": "mesh"}
          ],
          "deny": {"status": 200}
        }"#,
        &[
            "mod: unknown field: did you mean mode?",
            "limits[2].name: \"c\" is taken by entry 1: write a unique one",
            "limits[0].name: \"a b\" is not a name: write 1 to 64 of the characters A-Z a-z 0-9 _ . -",
            "limits[0].rate: \"10/x\" is not a rate: write a positive number of requests per s, m, h or d, as in 100/s",
            "limits[0].burst: \"5\" is not an integer from 1 to 4294967295: write it without quotes",
            "limits[1].match[0].path.prefix: \"v1\" is not a path: start it with /",
            "limits[1].match[0].methods: \"GET\" is not a list: write it in [ ]",
            "limits[1].key[0].headr: unknown field: did you mean header?",
            "limits[2].scope: \"mesh\" is not supported by this version: write proxy, and divide the rate by the number of proxies",
            "deny.status: 200 is not an integer from 400 to 599",
        ],
    );
}
