//! Mistakes in conditions, keys and overrides.

use super::*;

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
        &[
            r#".path.regex: "(" is not a regular expression: "(" is not closed; add ")", or write "\(" for the character (at byte 0)"#,
        ],
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
            ": is not a key part yet: write one of header, cookie, query, path, host, method, template, constant, client_ip, jwt_claim, property, baggage or trace_id",
        ],
    );
    check_key(r#""x-api-key""#, &[": \"x-api-key\" is not a key part"]);
    check_key(
        r#"{"path":"/x"}"#,
        &[".path: \"/x\" is not true: leave the field out where it does not hold"],
    );
    check_key(
        r#"{"baggage":"a b"}"#,
        &[".baggage: \"a b\" is not a key of baggage: write letters, digits, _ - and dots, as in user.id"],
    );
    check_key(
        r#"{"trace_id":{"x":1}}"#,
        &[".trace_id: an object is not true: leave the field out where it does not hold"],
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
            "key[1].zzz: unknown field: a key part can have header, cookie, query, path, host, method, template, constant, client_ip, jwt_claim, property, baggage, trace_id, default",
        ],
    );
}
