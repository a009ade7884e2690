//! Mistakes in how users are drawn.

use super::*;

/// The sticky draw is refused for these reasons, without `sticky.`.
fn check_sticky(fields: &str, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|line| format!("sticky.{line}")).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check_fields(&format!(r#""sticky":{{{fields}}}"#), &expected);
}

/// The same for the cookie.
fn check_cookie(fields: &str, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|line| format!("cookie.{line}")).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check_sticky(&format!(r#""cookie":{{{fields}}}"#), &expected);
}

#[test]
fn a_random_draw_stands_alone_and_last() {
    check_sticky(r#""by":[{"random":true}]"#, &[]);
    check_sticky(r#""by":[{"header":"x"},{"random":{}}]"#, &[]);
    let last = "draws every request, so that no later key is tried: write it last";
    check_sticky(
        r#""by":[{"random":true},{"header":"x"},{"random":true},{"cookie":"c"}]"#,
        &[&format!("by[0]: {last}"), &format!("by[2]: {last}")],
    );
    check_sticky(
        r#""by":[[{"header":"x"},{"random":true}]]"#,
        &["by[0][1]: is no part of a key: write it as the last entry of by"],
    );
    check_sticky(
        r#""by":[{"random":false}]"#,
        &["by[0].random: false is not true: leave the field out where it does not hold"],
    );
    check_sticky(
        r#""by":[{"random":true,"header":"x"}]"#,
        &["by[0].header: unknown field: a draw at random can have random"],
    );
}

#[test]
fn keys_are_parts_or_lists_of_parts() {
    let entry = "is empty: write at least one entry, or leave the field out";
    check_sticky(r#""by":[]"#, &[&format!("by: {entry}")]);
    check_sticky(r#""by":[[]]"#, &[&format!("by[0]: {entry}")]);
    check_sticky(
        r#""by":{"header":"x"}"#,
        &["by: an object is not a list: write it in [ ]"],
    );
    check_sticky(
        r#""by":["x-user-id",{},{"header":"x","cookie":"y"},[{"baggage":"a,b"},5]]"#,
        &[
            "by[0]: \"x-user-id\" is not a key part",
            "by[1]: is not a key part yet: write one of header, cookie, query, path, host, method, template, constant, client_ip, jwt_claim, property, baggage or trace_id",
            "by[2]: has header and cookie together: write one of them",
            "by[3][0].baggage: \"a,b\" is not a key of baggage: write letters, digits, _ - and dots, as in user.id",
            "by[3][1]: 5 is not a key part",
        ],
    );
    let keys = |count: usize| {
        let list: Vec<String> = (0..count).map(|i| format!(r#"{{"header":"h{i}"}}"#)).collect();
        format!(r#""by":[{}]"#, list.join(","))
    };
    check_sticky(&keys(8), &[]);
    check_sticky(&keys(9), &["by: has 9 keys, and 8 are the most"]);
}

#[test]
fn the_salt_is_one_line() {
    check_sticky(r#""salt":"""#, &[]);
    check_sticky(r#""salt":"a b|ü""#, &[]);
    check_sticky(
        r#""salt":"a\nb""#,
        &["salt: \"a\\nb\" is not a salt: write at most 4096 bytes on one line"],
    );
    check_sticky(r#""salt":5"#, &["salt: 5 is not text: put it in quotes"]);
}

#[test]
fn a_cookie_has_attributes_that_browsers_keep() {
    check_cookie(
        r#""name":"a b","path":"shop","domain":".example.com","secure":"yes","same_site":"Lax""#,
        &[
            "name: \"a b\" is not a cookie name: write letters, digits, _ and -, as in session_id",
            "path: \"shop\" is not a path of cookies: start it with /, without spaces and ;",
            "domain: \".example.com\" is not a domain: leave the leading dot out, hosts below are included without it",
            "secure: \"yes\" is not true or false",
            "same_site: \"Lax\" is not an answer to other sites: write strict, lax or none",
        ],
    );
    for path in ["", "/a;b", "/a b", "/ü", "/a\\n"] {
        check_cookie(
            &format!(r#""path":"{path}""#),
            &[&format!(
                "path: \"{path}\" is not a path of cookies: start it with /, without spaces and ;"
            )],
        );
    }
    for domain in ["", "a..b", "a:80", "*.a", "a b", "a.", "a;b"] {
        check_cookie(
            &format!(r#""domain":"{domain}""#),
            &[&format!(
                "domain: \"{domain}\" is not a domain: write a DNS name, as in example.com"
            )],
        );
    }
    for age in ["0s", "999ms", "401d", "99999999999999999999d"] {
        check_cookie(
            &format!(r#""max_age":"{age}""#),
            &[&format!("max_age: \"{age}\" is not a duration from 1s to 400d")],
        );
    }
    check_cookie(r#""max_age":"400d","path":"/","domain":"localhost""#, &[]);
}

#[test]
fn a_cookie_for_other_sites_is_secure() {
    let needs =
        "same_site: none needs secure: browsers drop the cookie otherwise; write lax, or leave secure out";
    check_cookie(r#""same_site":"none","secure":false"#, &[needs]);
    check_cookie(r#""same_site":"none","secure":true"#, &[]);
    check_cookie(r#""same_site":"none""#, &[]);
    check_cookie(r#""same_site":"lax","secure":false"#, &[]);
}

#[test]
fn a_name_that_promises_attributes_has_them() {
    let host = "name: __Host- needs secure, the path / and no domain: browsers drop the cookie otherwise";
    check_cookie(r#""name":"__Host-rel""#, &[]);
    for fields in [
        r#""secure":false"#,
        r#""path":"/shop""#,
        r#""domain":"example.com""#,
    ] {
        check_cookie(&format!(r#""name":"__host-rel",{fields}"#), &[host]);
    }
    check_cookie(r#""name":"__Secure-rel","domain":"example.com""#, &[]);
    check_cookie(
        r#""name":"__Secure-rel","secure":false"#,
        &["name: __Secure- needs secure: browsers drop the cookie otherwise"],
    );
    check_cookie(r#""name":"__Hos","secure":false"#, &[]);
}

#[test]
fn a_secret_is_long_and_never_shown() {
    let short = "secret: is too short: write at least 16 bytes that nobody can guess";
    check_cookie(r#""secret":"""#, &[short]);
    check_cookie(r#""secret":"hunter2hunter2h""#, &[short]);
    check_cookie(r#""secret":"hunter2hunter2hu""#, &[]);
    check_cookie(r#""secret":"üüüüüüüü""#, &[]);
    check_cookie(
        r#""secret":1234567890123456"#,
        &["secret: is not text: write at least 16 bytes in quotes"],
    );
    check_cookie(
        r#""secret":["hunter2hunter2hunter2"]"#,
        &["secret: is not text: write at least 16 bytes in quotes"],
    );
}
