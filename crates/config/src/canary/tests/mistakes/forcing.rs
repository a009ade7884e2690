//! Mistakes in who may choose.

use super::*;

#[test]
fn there_is_at_least_one_way_to_force() {
    check_fields(
        r#""force":{}"#,
        &["force: is not a way to force a variant yet: write at least one of header, cookie or allow_from"],
    );
    check_fields(
        r#""force":true"#,
        &["force: true is not a way to force a variant"],
    );
    for one in [
        r#""header":"x-a""#,
        r#""cookie":"a""#,
        r#""allow_from":[{"cidrs":["::/0"]}]"#,
    ] {
        check_fields(&format!(r#""force":{{{one}}}"#), &[]);
    }
}

#[test]
fn what_forces_is_not_what_routes_or_remembers() {
    let routing = "is the routing header: write another one, as in x-canary-force";
    check_fields(
        r#""force":{"header":"X-Canary"}"#,
        &[&format!("force.header: \"x-canary\" {routing}")],
    );
    check_fields(
        r#""header":"x-v","force":{"header":"X-V"}"#,
        &[&format!("force.header: \"x-v\" {routing}")],
    );
    check_fields(r#""header":"x-v","force":{"header":"x-canary"}"#, &[]);
    // A routing header that cannot be read is not taken for the default one.
    check_fields(
        r#""header":5,"force":{"header":"x-canary"}"#,
        &["header: 5 is not text: put it in quotes"],
    );
    let release = "is the release cookie, sticky.cookie.name: write another one";
    check_fields(
        r#""force":{"cookie":"rel"},"sticky":{"cookie":{"name":"rel"}}"#,
        &[&format!("force.cookie: \"rel\" {release}")],
    );
    check_fields(
        r#""force":{"cookie":"fairlead-release"},"sticky":{"cookie":{}}"#,
        &[&format!("force.cookie: \"fairlead-release\" {release}")],
    );
    check_fields(r#""force":{"cookie":"fairlead-release"},"sticky":{}"#, &[]);
    check_fields(
        r#""force":{"cookie":"REL"},"sticky":{"cookie":{"name":"rel"}}"#,
        &[],
    );
}

#[test]
fn names_and_clients_are_checked() {
    check_fields(
        r#""force":{"header":"cookie","cookie":"a=b","allow_from":[{"cidrs":["10.0.0.0/33"]},{"trusted_hops":1},{"cidrs":[]}]}"#,
        &[
            "force.header: \"cookie\" is not the name of a header of your own: it means something to proxies, so write another one, as in x-canary",
            "force.cookie: \"a=b\" is not a cookie name: write letters, digits, _ and -, as in session_id",
            "force.allow_from[0].cidrs[0]: \"10.0.0.0/33\" is not a network: write a prefix from 0 to 32",
            "force.allow_from[1].cidrs: is missing: a client condition needs it",
            "force.allow_from[2].cidrs: is empty: write at least one entry, or leave the field out",
        ],
    );
    check_fields(
        r#""force":{"allow_from":[]}"#,
        &["force.allow_from: is empty: write at least one entry, or leave the field out"],
    );
}
