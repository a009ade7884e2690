use super::*;
use std::net::IpAddr;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Asserts that a text is refused and that the message names what is wrong and what to do.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, SpecError>, words: &[&str]) {
    let message = result.unwrap_err().to_string();
    for word in words {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
}

#[test]
fn a_bad_host_is_refused_with_the_fix() {
    refused(HostSpec::parse(""), &["empty", "DNS name"]);
    refused(
        HostSpec::parse("a.example:80"),
        &["a.example:80", "port", "remove"],
    );
    refused(HostSpec::parse("[::1]:80"), &["port", "remove"]);
    for wildcard in ["a.*.example", "*a.example", "**", "*.*.example", "a.*", "*."] {
        refused(HostSpec::parse(wildcard), &[wildcard, "*.example.com"]);
    }
    for label in [
        "a..b",
        ".a",
        "a b",
        "bücher.example",
        "a/b",
        "[::g]",
        "[::1",
        "[::1]x",
        ".",
    ] {
        refused(HostSpec::parse(label), &["not a host"]);
    }
    refused(HostSpec::parse(&"a".repeat(254)), &["254", "253"]);
    assert!(HostSpec::parse(&"a".repeat(253)).is_ok());
}

#[test]
fn hosts_that_are_written_differently_are_the_same() {
    assert_eq!(HostSpec::parse("A.Example."), HostSpec::parse("a.example"));
    assert_eq!(HostSpec::parse("*.A.example"), HostSpec::parse("*.a.example"));
    assert_ne!(HostSpec::parse("*.a.example"), HostSpec::parse("a.example"));
    assert!(HostSpec::parse("my_svc.ns.svc.cluster.local").is_ok());
}

#[test]
fn a_bad_template_is_refused_with_the_fix() {
    for text in [
        "/{}", "/{a", "/a}", "/x{a}", "/{a}x", "/{a}/{a}", "/{a{b}}", "/{a}{b}",
    ] {
        refused(Template::parse(text), &[text, "{name}", "regex"]);
    }
    refused(Template::parse("users/{id}"), &["start it with \"/\""]);
    refused(Template::parse("/users/{id}?x={y}"), &["query"]);
    let template = Template::parse("/users/{id}/orders/{order}").unwrap();
    assert_eq!(template.variables().collect::<Vec<_>>(), ["id", "order"]);
    assert_eq!(template.as_str(), "/users/{id}/orders/{order}");
}

#[test]
fn a_regex_matches_the_whole_value_or_is_refused() {
    refused(Pattern::parse("a)|(b"), &["a)|(b", "whole value"]);
    refused(Pattern::parse("("), &["cannot be used"]);
    refused(Pattern::parse(r"\p{L}"), &["cannot be used"]);
    refused(Pattern::parse("(?:a{1,100}){1,100}"), &["cannot be used"]);
    let cases = [
        ("a|b", "a", true),
        ("a|b", "ab", false),
        ("^a$", "a", true),
        ("a", "a\n", false),
        ("(?i)GOLD", "gold", true),
        ("(?m)a$|x", "a\nb", false),
        (".*", "", true),
        (".*", "a\nb", false),
        ("[a-z]+-[0-9]{2}", "ab-12", true),
    ];
    for (pattern, value, expect) in cases {
        assert_eq!(
            Pattern::parse(pattern).unwrap().is_match(value.as_bytes()),
            expect,
            "{pattern} {value}"
        );
    }
    assert!(Pattern::parse("(?s).").unwrap().is_match(b"\xff"));
    assert_eq!(Pattern::parse("a.c"), Pattern::parse("a.c"));
    assert_ne!(Pattern::parse("a.c"), Pattern::parse("a.d"));
}

#[test]
fn a_network_holds_the_addresses_with_its_prefix() {
    let cases = [
        ("10.0.0.0/8", "10.255.0.1", true),
        ("10.0.0.0/8", "11.0.0.0", false),
        ("10.1.2.3/8", "10.9.9.9", true),
        ("10.0.0.1", "10.0.0.1", true),
        ("10.0.0.1", "10.0.0.2", false),
        ("0.0.0.0/0", "255.1.1.1", true),
        ("0.0.0.0/0", "::1", false),
        ("::/0", "10.0.0.1", false),
        ("::/0", "2001:db8::1", true),
        ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::", false),
        ("2001:db8::/33", "2001:db8:8000::", false),
        ("10.0.0.0/8", "::ffff:10.0.0.1", true),
        ("::ffff:10.0.0.0/104", "10.0.0.1", true),
        ("::ffff:10.0.0.0/104", "11.0.0.1", false),
        ("::ffff:10.0.0.1", "10.0.0.1", true),
        ("10.0.0.0/31", "10.0.0.1", true),
    ];
    for (cidr, address, expect) in cases {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(
            Cidr::parse(cidr).unwrap().contains(address),
            expect,
            "{cidr} {address}"
        );
    }
    for text in ["", "/8", "10.0.0/8", "example.com", "10.0.0.0 /8", "[::1]/64"] {
        refused(Cidr::parse(text), &["10.0.0.0/8"]);
    }
    for text in [
        "10.0.0.0/33",
        "10.0.0.0/",
        "10.0.0.0/+8",
        "10.0.0.0/-1",
        "10.0.0.0/x",
    ] {
        refused(Cidr::parse(text), &[text, "0 to 32"]);
    }
    refused(Cidr::parse("::/129"), &["0 to 128"]);
}

#[test]
fn names_are_checked() {
    assert_eq!(header_name("x-api_key.1").as_deref(), Ok("x-api_key.1"));
    assert_eq!(header_name(":authority").as_deref(), Ok(":authority"));
    refused(header_name("X-Api-Key"), &["X-Api-Key", "\"x-api-key\""]);
    for name in ["", "x y", "x:", ":x", "naïve", "x\n"] {
        refused(header_name(name), &["not a header name"]);
    }
    assert_eq!(method("GET").as_deref(), Ok("GET"));
    assert_eq!(method("M-SEARCH").as_deref(), Ok("M-SEARCH"));
    refused(method("get"), &["\"get\"", "\"GET\""]);
    refused(method("GET POST"), &["not a method"]);
    assert_eq!(path_literal("/a").as_deref(), Ok("/a"));
    assert_eq!(path_literal("*").as_deref(), Ok("*"));
    refused(path_literal("a"), &["start it with \"/\""]);
    refused(path_literal("/a?b"), &["query condition"]);
}
