//! Mistakes in what a refused request gets.

use super::*;

/// The same for the fields of a fallback; reasons without `breakers[0].fallback.`.
fn check_fallback(fields: &str, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|line| format!("fallback.{line}")).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check_breaker(&format!(r#""fallback":{{{fields}}}"#), &expected);
}

#[test]
fn a_reply_is_one_that_http_has() {
    check_fallback(
        r#""status":199,"body":5,"content_type":"json","headers":{"a b":"c"},"problem_json":"yes""#,
        &[
            "status: 199 is not an integer from 200 to 599",
            "body: 5 is not text: put it in quotes",
            "content_type: \"json\" is not a content type: write type/subtype, as in application/json",
            "headers[\"a b\"]: \"a b\" is not a header name: write letters, digits and -, as in x-api-key",
            "problem_json: \"yes\" is not true or false",
        ],
    );
    check_fallback(
        r#""status":600"#,
        &["status: 600 is not an integer from 200 to 599"],
    );
    check_fallback(
        &format!(r#""body":"{}""#, "x".repeat(65_537)),
        &["body: is too long: 65537 bytes, and 65536 are the most"],
    );
}

#[test]
fn a_problem_document_writes_itself() {
    check_fallback(
        r#""problem_json":true,"body":"x","content_type":"text/html""#,
        &[
            "body: does not go with problem_json, which writes the body: leave one of them out",
            "content_type: is application/problem+json with problem_json: leave it out",
        ],
    );
}

#[test]
fn headers_with_a_meaning_are_left_alone() {
    check_fallback(
        r#""headers":{"Content-Type":"text/html","Retry-After":"5"}"#,
        &[
            "headers.content-type: has a field of its own: write fallback.content_type",
            "headers.retry-after: is written by the filter or by the proxy: leave it out",
        ],
    );
}

#[test]
fn kept_responses_are_bounded() {
    check_fallback(
        r#""stale":{"max_age":"25h","max_body":"2MiB","max_entries":1025}"#,
        &[
            "stale.max_age: \"25h\" is not a duration from 1s to 1d",
            "stale.max_body: \"2MiB\" is not a size from 1B to 1MiB",
            "stale.max_entries: 1025 is not an integer from 1 to 1024",
        ],
    );
    check_fallback(
        r#""stale":{"max_body":"1MiB","max_entries":65}"#,
        &["stale: may take more than 64MiB: write a smaller max_body or fewer max_entries"],
    );
    check_fallback(r#""stale":{"max_body":"1MiB","max_entries":64}"#, &[]);
    check_fallback(r#""stale":true"#, &["stale: true is not a stale fallback"]);
}

#[test]
fn sizes_have_a_unit_or_are_bytes() {
    for (written, message) in [
        ("0", "0 is not a size from 1B to 1MiB"),
        ("-5", "-5 is not a size from 1B to 1MiB"),
        ("1.5", "1.5 is not a size from 1B to 1MiB"),
        ("1e300", "a number above 1e15 is not a size from 1B to 1MiB"),
        (r#""0B""#, "\"0B\" is not a size from 1B to 1MiB"),
        (
            r#""64KB""#,
            "\"64KB\" is not a size: write a whole number and its unit, B KiB or MiB, as in 64KiB",
        ),
        (
            r#""4096""#,
            "\"4096\" is not a size: write a whole number and its unit, B KiB or MiB, as in 64KiB",
        ),
        (
            "true",
            "true is not a size: write a whole number and its unit, B KiB or MiB, as in 64KiB",
        ),
    ] {
        check_fallback(
            &format!(r#""stale":{{"max_body":{written}}}"#),
            &[&format!("stale.max_body: {message}")],
        );
    }
}

#[test]
fn a_reroute_gives_no_reply() {
    let alone =
        |key: &str| format!("{key}: does not go with reroute, which gives no reply: leave one of them out");
    let expected: Vec<String> = [
        "status",
        "body",
        "content_type",
        "headers",
        "problem_json",
        "stale",
    ]
    .map(alone)
    .into();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check_fallback(
        r#""reroute":{"header":"x-a","value":"1"},"status":503,"body":"x","content_type":"text/html","headers":{"x":"y"},
        "problem_json":false,"stale":{}"#,
        &expected,
    );
}

#[test]
fn a_reroute_sets_a_header_that_means_nothing_to_proxies() {
    let reserved = "means something to proxies, so write another one, as in x-fallback";
    for header in [
        "host",
        "Host",
        "content-length",
        "transfer-encoding",
        "connection",
        "te",
        "upgrade",
        "authorization",
        "cookie",
        "x-envoy-upstream-rq-timeout-ms",
        "x-forwarded-for",
    ] {
        check_fallback(
            &format!(r#""reroute":{{"header":"{header}","value":"1"}}"#),
            &[&format!(
                "reroute.header: \"{header}\" is not the name of a header of your own: it {reserved}"
            )],
        );
    }
    let syntax = "is not the name of a header of your own: write letters, digits and -, as in x-fallback";
    for header in [":path", ":authority", "", "a b"] {
        check_fallback(
            &format!(r#""reroute":{{"header":"{header}","value":"1"}}"#),
            &[&format!("reroute.header: \"{header}\" {syntax}")],
        );
    }
    check_fallback(
        r#""reroute":{"header":"x-a","value":""}"#,
        &[
            "reroute.value: \"\" is not a value of the routing header: write at least one character, on one line, without spaces around it",
        ],
    );
    check_fallback(
        r#""reroute":{"header":"x-a"}"#,
        &["reroute.value: is missing: a reroute needs it"],
    );
}
