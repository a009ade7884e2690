//! Each mistake with the line that the operator reads.

use super::*;

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
fn an_empty_condition_is_refused() {
    let stands = "is empty and would stand for every request: write a condition, or leave it out";
    check_limit(
        r#""match":[]"#,
        &["match: is empty: write at least one entry, or leave the field out"],
    );
    check_limit(
        r#""key":[]"#,
        &["key: is empty: write at least one entry, or leave the field out"],
    );
    check_match("{}", &[&format!(": {stands}")]);
    check_match(r#"{"not":{}}"#, &[&format!(".not: {stands}")]);
    let entry = "is empty: write at least one entry, or leave the field out";
    check_match(
        r#"{"hosts":[],"methods":[],"headers":{},"query":{},"cookies":{},"client":{"cidrs":[]},"grpc":{"methods":[]}}"#,
        &[
            &format!(".hosts: {entry}"),
            &format!(".methods: {entry}"),
            &format!(".headers: {entry}"),
            &format!(".query: {entry}"),
            &format!(".cookies: {entry}"),
            &format!(".client.cidrs: {entry}"),
            &format!(".grpc.methods: {entry}"),
        ],
    );
    check_match(
        r#"{"path":{},"headers":{"x":{}}}"#,
        &[
            ".path: is not a path condition yet: write one of exact, prefix, regex or template",
            ".headers.x: is not a text condition yet: write one of exact, prefix, suffix, regex, present, absent or in",
        ],
    );
    check_match(
        r#"{"client":{}}"#,
        &[".client.cidrs: is missing: a client condition needs it"],
    );
}

#[test]
fn conditions_that_exclude_each_other_are_refused() {
    check_match(
        r#"{"path":{"exact":"/a","prefix":"/b"}}"#,
        &[".path: has exact and prefix together: write one of them"],
    );
    check_match(
        r#"{"headers":{"x":{"exact":"a","regex":"b","in":["c"]}}}"#,
        &[".headers.x: has exact and regex and in together: write one of them"],
    );
    check_key(
        r#"{"header":"x","cookie":"y"}"#,
        &[": has header and cookie together: write one of them"],
    );
    check_limit(
        r#""key":[{"header":"x"}],"overrides":[{"key":["a"],"rate":"1/s","unlimited":true},{"key":["b"]}]"#,
        &[
            "overrides[0]: has rate and unlimited together: write one of them",
            "overrides[1]: is not an override yet: write one of rate or unlimited",
        ],
    );
}

#[test]
fn conditions_that_no_request_meets_are_refused() {
    check_match(
        r#"{"hosts":["a:80","a.*.b","","a b","*.x.y"]}"#,
        &[
            ".hosts[0]: \"a:80\" is not a host: hosts are compared without their port, leave it out",
            ".hosts[1]: \"a.*.b\" is not a host: a * stands alone or for the first labels, as in *.example.com",
            ".hosts[2]: \"\" is not a host: write a DNS name or an address, as in api.example.com or *.example.com",
            ".hosts[3]: \"a b\" is not a host: write a DNS name or an address, as in api.example.com or *.example.com",
        ],
    );
    check_match(
        r#"{"path":{"prefix":"v1"}}"#,
        &[".path.prefix: \"v1\" is not a path: start it with /"],
    );
    check_match(
        r#"{"path":{"exact":"/a?b=c"}}"#,
        &[
            ".path.exact: \"/a?b=c\" is not a path: paths are compared without query and fragment, use the field query",
        ],
    );
    check_match(
        r#"{"path":{"exact":"/a\n"}}"#,
        &[
            ".path.exact: \"/a\\n\" is not a path: requests carry spaces and control characters as %20, %0A and so on",
        ],
    );
    check_match(
        r#"{"path":{"template":"/u/{id}/x{y}"}}"#,
        &[
            ".path.template: \"/u/{id}/x{y}\" is not a path template: write /users/{id}, each variable a whole segment and named once",
        ],
    );
    check_match(
        r#"{"path":{"template":"*"}}"#,
        &[".path.template: \"*\" is not a path template: start it with /"],
    );
    check_match(
        r#"{"path":{"regex":"("}}"#,
        &[".path.regex: \"(\" is not a regular expression: found open group without closing ')'"],
    );
    check_match(
        r#"{"path":{"regex":""}}"#,
        &[".path.regex: \"\" is not a regular expression: write one that can match more than an empty value"],
    );
    check_match(
        r#"{"methods":["get","G T",""]}"#,
        &[
            ".methods[0]: \"get\" is not a method: methods are compared with case, write it in upper case",
            ".methods[1]: \"G T\" is not a method: write a name in upper case, as in GET",
            ".methods[2]: \"\" is not a method: write a name in upper case, as in GET",
        ],
    );
    check_match(
        r#"{"headers":{"x":{"exact":"gold\n"},"y":{"prefix":""},"z":{"in":["a",1]}}}"#,
        &[
            ".headers.x.exact: \"gold\\n\" is not a value of a request: write it on one line",
            ".headers.y.prefix: \"\" is not a value of a request: write at least one character, on one line",
            ".headers.z.in[1]: 1 is not text: put it in quotes",
        ],
    );
    check_match(
        r#"{"headers":{"x":{"present":false},"y":{"absent":"yes"}}}"#,
        &[
            ".headers.x.present: false is not true: leave the field out where it does not hold",
            ".headers.y.absent: \"yes\" is not true: leave the field out where it does not hold",
        ],
    );
    check_match(
        r#"{"headers":{"x y":{"present":true},":path":{"present":true},"":{"present":true}}}"#,
        &[
            ".headers[\"x y\"]: \"x y\" is not a header name: write letters, digits and -, as in x-api-key",
            ".headers[\":path\"]: \":path\" is not a header name: the field for the request's path is path",
            ".headers[\"\"]: \"\" is not a header name: write letters, digits and -, as in x-api-key",
        ],
    );
    check_match(
        r#"{"cookies":{"a=b":{"present":true}},"query":{"":{"present":true}}}"#,
        &[
            ".query[\"\"]: \"\" is not a value of a request: write at least one character, on one line",
            ".cookies[\"a=b\"]: \"a=b\" is not a cookie name: write letters, digits, _ and -, as in session_id",
        ],
    );
    check_match(
        r#"{"client":{"cidrs":["10.0.0.0/33","x","2001:db8::/200",10]}}"#,
        &[
            ".client.cidrs[0]: \"10.0.0.0/33\" is not a network: write a prefix from 0 to 32",
            ".client.cidrs[1]: \"x\" is not a network: write 10.0.0.0/8, 2001:db8::/32 or one address",
            ".client.cidrs[2]: \"2001:db8::/200\" is not a network: write a prefix from 0 to 128",
            ".client.cidrs[3]: 10 is not a network: write 10.0.0.0/8, 2001:db8::/32 or one address",
        ],
    );
    check_match(
        r#"{"grpc":{"service":"/demo.Trips","methods":["Create","a/b"]}}"#,
        &[
            ".grpc.service: \"/demo.Trips\" is not a gRPC name: write letters, digits, _ and dots, as in demo.Trips",
            ".grpc.methods[1]: \"a/b\" is not a gRPC name: write letters, digits, _ and dots, as in demo.Trips",
        ],
    );
    check_match(
        r#"{"methods":"GET"}"#,
        &[".methods: \"GET\" is not a list: write it in [ ]"],
    );
}

#[test]
fn a_key_part_has_one_usable_source() {
    check_key(
        "{}",
        &[
            ": is not a key part yet: write one of header, cookie, query, path, host, method, template, constant, client_ip, jwt_claim or property",
        ],
    );
    check_key(r#""x-api-key""#, &[": \"x-api-key\" is not a key part"]);
    check_key(
        r#"{"path":"/x"}"#,
        &[".path: \"/x\" is not true: leave the field out where it does not hold"],
    );
    check_key(
        r#"{"property":["a",""]}"#,
        &[".property[1]: \"\" is not a value of a request: write at least one character, on one line"],
    );
    check_key(
        r#"{"header":"x y","default":5}"#,
        &[
            ".header: \"x y\" is not a header name: write letters, digits and -, as in x-api-key",
            ".default: 5 is not text: put it in quotes",
        ],
    );
}

#[test]
fn an_override_must_be_the_key_of_a_request() {
    check_limit(
        r#""overrides":[{"key":["a"],"rate":"1/s"}]"#,
        &["overrides[0].key: has 1 values, and the key of the limit has 0 parts: write one for each"],
    );
    check_limit(
        r#""key":[{"client_ip":{"ipv4_prefix":24}},{"constant":"c"}],
        "overrides":[{"key":["10.0.0.1","c"],"rate":"1/s"},{"key":["10.0.0.0/24","d"],"rate":"1/s"},{"key":["10.0.0.0"],"rate":"1/s"},
        {"key":["10.0.0.0","c"],"rate":"0/s","burst":0},{"key":["10.0.0.0","c"],"unlimited":true,"burst":1},{"key":["10.0.0.0","c"],"rate":"1/s"},
        {"key":[1,"c"],"rate":"1/s"},5]"#,
        &[
            "overrides[3].rate: \"0/s\" is not a rate: write a positive number of requests per s, m, h or d, as in 100/s",
            "overrides[3].burst: 0 is not an integer from 1 to 4294967295",
            "overrides[6].key[0]: 1 is not text: put it in quotes",
            "overrides[7]: 5 is not an override",
            "overrides[0].key[0]: \"10.0.0.1\" is not a key: the key part keeps fewer bits of an address; write \"10.0.0.0\"",
            "overrides[1].key[0]: \"10.0.0.0/24\" is not an address: write one without a prefix, as in 192.0.2.7",
            "overrides[1].key[1]: \"d\" is not the constant of this part: write \"c\"",
            "overrides[2].key: has 1 values, and the key of the limit has 2 parts: write one for each",
            "overrides[4].burst: means nothing with unlimited: leave it out",
            "overrides[5].key: has an override already: write each key once",
        ],
    );
    // A broken key says nothing about its overrides.
    check_limit(
        r#""key":[{"header":"x"},{"zzz":1}],"overrides":[{"key":["a","b"],"rate":"1/s"}]"#,
        &[
            "key[1].zzz: unknown field: a key part can have header, cookie, query, path, host, method, template, constant, client_ip, jwt_claim, property, default",
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
    check(&limits(256), &[]);
    check(&limits(257), &["limits: has 257 limits, and 256 are the most"]);
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
