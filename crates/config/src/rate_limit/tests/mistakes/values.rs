//! Mistakes in names, numbers, words and replies, and what this version does not have.

use super::*;

#[test]
fn names_are_unique_and_fit_labels() {
    check(
        r#"{"limits":[{"name":"a","rate":"1/s"},{"name":"b","rate":"0/s"},{"name":"a","rate":"1/s"},{"name":"b","rate":"1/s"}]}"#,
        &[
            "limits[2].name: \"a\" is taken by entry 0: write a unique one",
            "limits[3].name: \"b\" is taken by entry 1: write a unique one",
            "limits[1].rate: \"0/s\" is not a rate: write a positive number of requests per s, m, h or d, as in 100/s",
        ],
    );
    for (name, shown) in [
        ("", "\"\""),
        ("a;b", "\"a;b\""),
        ("a b", "\"a b\""),
        ("ü", "\"ü\""),
        ("a\\n", "\"a\\n\""),
    ] {
        check(
            &format!(r#"{{"limits":[{{"name":"{name}","rate":"1/s"}}]}}"#),
            &[&format!(
                "limits[0].name: {shown} is not a name: write 1 to 64 of the characters A-Z a-z 0-9 _ . -"
            )],
        );
    }
    let long = |length: usize| {
        format!(
            r#"{{"limits":[{{"name":"{}","rate":"1/s"}}]}}"#,
            "n".repeat(length)
        )
    };
    assert!(parse(long(64).as_bytes()).is_ok());
    assert!(parse(long(65).as_bytes()).is_err());
    check(
        r#"{"limits":[{"name":5,"rate":"1/s"},{"name":true,"rate":"1/s"}]}"#,
        &[
            "limits[0].name: 5 is not text: put it in quotes",
            "limits[1].name: true is not text: put it in quotes",
        ],
    );
}

#[test]
fn rates_and_bursts_are_checked() {
    let not_a_rate = "is not a rate: write a positive number of requests per s, m, h or d, as in 100/s";
    for (rate, shown) in [
        (r#""0/s""#, r#""0/s""#),
        (r#""10""#, r#""10""#),
        (r#""-1/s""#, r#""-1/s""#),
        (r#""1.5/s""#, r#""1.5/s""#),
        (r#""10/w""#, r#""10/w""#),
        (r#""10 / s""#, r#""10 / s""#),
        ("10", "10"),
        ("true", "true"),
        ("[]", "a list"),
        (r#"{"requests":1}"#, "an object"),
    ] {
        check(
            &format!(r#"{{"limits":[{{"name":"a","rate":{rate}}}]}}"#),
            &[&format!("limits[0].rate: {shown} {not_a_rate}")],
        );
    }
    check(
        r#"{"limits":[{"name":"a","rate":"1000001/s"}]}"#,
        &["limits[0].rate: \"1000001/s\" is not a rate: write at most 1000000/s, or leave the limit out"],
    );
    for (burst, shown) in [
        ("0", "0"),
        ("-1", "-1"),
        ("1.5", "1.5"),
        ("4294967296", "4294967296"),
        ("1e21", "a number above 1e15"),
        ("true", "true"),
        ("[5]", "a list"),
        (r#""many""#, r#""many""#),
    ] {
        check_limit(
            &format!(r#""burst":{burst}"#),
            &[&format!("burst: {shown} is not an integer from 1 to 4294967295")],
        );
    }
    check_limit(
        r#""burst":"200""#,
        &["burst: \"200\" is not an integer from 1 to 4294967295: write it without quotes"],
    );
    check(
        r#"{"limits":[{"name":"a","rate":"1/d","burst":5000}]}"#,
        &["limits[0].burst: 5000 takes more than ten years to fill at this rate; the largest burst is 3650"],
    );
}

#[test]
fn numbers_have_bounds() {
    check_limit(
        r#""max_keys":0"#,
        &["max_keys: 0 is not an integer from 1 to 1048576"],
    );
    check_limit(
        r#""max_keys":1048577"#,
        &["max_keys: 1048577 is not an integer from 1 to 1048576"],
    );
    check_limit(r#""max_keys":1048576"#, &[]);
    for status in ["399", "600", "200", "429.5"] {
        check(
            &format!(r#"{{"deny":{{"status":{status}}}}}"#),
            &[&format!(
                "deny.status: {status} is not an integer from 400 to 599"
            )],
        );
    }
    check_key(
        r#"{"client_ip":{"trusted_hops":11,"ipv4_prefix":33,"ipv6_prefix":0}}"#,
        &[
            ".client_ip.trusted_hops: 11 is not an integer from 0 to 10",
            ".client_ip.ipv4_prefix: 33 is not an integer from 1 to 32",
            ".client_ip.ipv6_prefix: 0 is not an integer from 1 to 128",
        ],
    );
    check_match(
        r#"{"client":{"cidrs":["10.0.0.0/8"],"trusted_hops":-1}}"#,
        &[".client.trusted_hops: -1 is not an integer from 0 to 10"],
    );
}

#[test]
fn words_are_checked_and_listed() {
    check(
        r#"{"mode":"enforced","response_headers":"x","on_invalid_config":"pas","apiVersion":"v2"}"#,
        &[
            "apiVersion: \"v2\" is not an API version: write fairlead.dev/v1",
            "mode: \"enforced\" is not a mode: write enforce, shadow or off",
            "response_headers: \"x\" is not a header style: write ietf, draft03, legacy or none",
            "on_invalid_config: \"pas\" is not an answer to an invalid config: write refuse or pass",
        ],
    );
    check(
        r#"{"mode":true}"#,
        &["mode: true is not a mode: write enforce, shadow or off"],
    );
    check_limit(
        r#""scope":"global","on_overflow":"lru""#,
        &[
            "scope: \"global\" is not a scope: write worker or proxy",
            "on_overflow: \"lru\" is not an answer to an overflow: write shared, deny or fresh",
        ],
    );
}

#[test]
fn what_comes_later_is_refused_with_a_way_out() {
    check(
        r#"{"mesh":{"rls":{}}}"#,
        &[
            "mesh: limits over all proxies are not supported by this version: divide the rate by the number of proxies",
        ],
    );
    check_limit(
        r#""also":[{"rate":"5000/h"}],"concurrency":50"#,
        &[
            "also: further windows are not supported by this version: use one limit per window",
            "concurrency: limits of requests in flight are not supported by this version: leave the field out",
        ],
    );
    check_limit(
        r#""cost":2"#,
        &["cost: 2 is not supported by this version: each request costs 1; leave the field out"],
    );
    check_limit(
        r#""cost":{"header":"x-cost","max":50}"#,
        &["cost: an object is not supported by this version: each request costs 1; leave the field out"],
    );
    check_limit(r#""cost":1.0,"exactness":"exact""#, &[]);
    check_limit(
        r#""exactness":"leased","scope":"mesh""#,
        &[
            "scope: \"mesh\" is not supported by this version: write proxy, and divide the rate by the number of proxies",
            "exactness: \"leased\" is not supported by this version: write exact or auto",
        ],
    );
}

#[test]
fn a_reply_that_cannot_be_sent_is_refused() {
    check(
        r#"{"deny":{"content_type":"json","headers":{"x-a":"b\r\nset-cookie: c","x\n":"v","Content-Type":"text/html",
        "Retry-After":"5","content-length":"0","x-b":"\u0000","X-A":"2"},"problem_json":"yes"}}"#,
        &[
            "deny.content_type: \"json\" is not a content type: write type/subtype, as in application/json",
            "deny.headers.x-a: \"b\\r\\nset-cookie: c\" is not a header value: write at most 4096 bytes on one line",
            "deny.headers[\"x\\n\"]: \"x\\n\" is not a header name: write letters, digits and -, as in x-api-key",
            "deny.headers.x-b: \"\\0\" is not a header value: write at most 4096 bytes on one line",
            "deny.headers.X-A: is there twice: write it once",
            "deny.problem_json: \"yes\" is not true or false",
            "deny.headers.content-type: has a field of its own: write deny.content_type",
            "deny.headers.retry-after: is written by the filter or by the proxy: leave it out",
            "deny.headers.content-length: is written by the filter or by the proxy: leave it out",
        ],
    );
    check(
        r#"{"deny":{"problem_json":true,"body":"x","content_type":"text/plain"}}"#,
        &[
            "deny.body: does not go with problem_json, which writes the body: leave one of them out",
            "deny.content_type: is application/problem+json with problem_json: leave it out",
        ],
    );
    let body = |length: usize| format!(r#"{{"deny":{{"body":"{}"}}}}"#, "x".repeat(length));
    check(&body(65_536), &[]);
    check(
        &body(65_537),
        &["deny.body: is too long: 65537 bytes, and 65536 are the most"],
    );
}

#[test]
fn a_config_has_bounds() {
    let limits = |count: usize| {
        let limits: Vec<String> = (0..count)
            .map(|i| format!(r#"{{"name":"n{i}","rate":"1/s"}}"#))
            .collect();
        format!(r#"{{"limits":[{}]}}"#, limits.join(","))
    };
    check(&limits(1024), &[]);
    check(&limits(1025), &["limits: has 1025 limits, and 1024 are the most"]);
    let fields = |count: usize| -> String {
        let fields: Vec<String> = (0..count)
            .map(|i| format!(r#""h{i}":{{"present":true}}"#))
            .collect();
        format!("{{{}}}", fields.join(","))
    };
    check_match(&format!(r#"{{"headers":{}}}"#, fields(256)), &[]);
    check_match(
        &format!(r#"{{"headers":{}}}"#, fields(257)),
        &[".headers: has 257 fields, and 256 are the most"],
    );
    check(&fields(100_000), &["has 100000 fields, and 256 are the most"]);
    let nested = |depth: usize| {
        format!(
            "{}{{\"grpc\":{{}}}}{}",
            r#"{"not":"#.repeat(depth),
            "}".repeat(depth)
        )
    };
    check_match(&nested(120), &[]);
    let too_deep = format!(r#"{{"limits":[{{"match":[{}]}}]}}"#, nested(200));
    assert!(
        parse(too_deep.as_bytes())
            .unwrap_err()
            .message()
            .contains("recursion limit exceeded")
    );
    let overrides = |count: usize| {
        let list: Vec<String> = (0..count)
            .map(|i| format!(r#"{{"key":["{i}"],"rate":"1/s"}}"#))
            .collect();
        format!(r#""key":[{{"header":"x"}}],"overrides":[{}]"#, list.join(","))
    };
    check_limit(&overrides(4096), &[]);
    check_limit(
        &overrides(4097),
        &["overrides: has 4097 overrides, and 4096 are the most"],
    );
}
