//! Advice on how users are drawn.

use super::*;

/// A config with one drawn variant and this `sticky` gets exactly this advice; lines without `sticky`.
fn check_sticky(sticky: &str, expected: &[&str]) {
    let whole = |line: &&str| line.replacen(": ", ": sticky", 1);
    let expected: Vec<String> = expected.iter().map(whole).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check(
        &format!(r#"{{"release":"r1","variants":[{{"name":"v2","weight":"10%"}}],"sticky":{sticky}}}"#),
        &expected,
    );
}

/// The same for the keys; lines without `sticky.by`.
fn check_by(by: &str, expected: &[&str]) {
    let whole = |line: &&str| line.replacen(": ", ": .by", 1);
    let expected: Vec<String> = expected.iter().map(whole).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check_sticky(&format!(r#"{{"by":{by}}}"#), &expected);
}

const ANEW: &str = "warning: : each request is drawn anew, as weights of a VirtualService are; write sticky.by, or sticky.cookie";
const SECURE: &str =
    "info: .cookie.secure: browsers keep it over HTTPS only; where users come over plain HTTP, write false";

#[test]
fn a_draw_without_a_memory_is_pointed_out() {
    check(
        r#"{"release":"r1","variants":[{"name":"v2","weight":"10%"}]}"#,
        &[&ANEW.replacen(": ", ": sticky", 1)],
    );
    check_sticky("{}", &[ANEW]);
    check_sticky(r#"{"by":[{"random":true}]}"#, &[ANEW]);
    check_by(
        r#"[{"header":"x"},{"random":true}]"#,
        &["info: : requests without any of these keys are drawn anew each time; a sticky.cookie keeps them"],
    );
    // Where nobody is drawn there is nothing to remember.
    check(
        &format!(r#"{{"release":"r1","variants":[{{"name":"v2"}}],"rules":[{RULE}]}}"#),
        &[],
    );
}

#[test]
fn a_cookie_that_other_replicas_do_not_believe_is_pointed_out() {
    check_sticky(
        r#"{"cookie":{}}"#,
        &[
            "warning: .cookie: a proxy believes only cookies that it has signed itself, so that users who come to another replica are drawn anew; write a secret for all",
            SECURE,
        ],
    );
    check_sticky(
        r#"{"by":[{"header":"x"}],"cookie":{"secure":false}}"#,
        &[
            "info: .cookie: a proxy believes only cookies that it has signed itself; where there are several replicas, write a secret for all",
        ],
    );
    check_sticky(
        r#"{"cookie":{"secret":"0123456789abcdef"}}"#,
        &[
            "info: .cookie.secret: whoever can read this config can sign cookies, and with them choose a variant",
            SECURE,
        ],
    );
}

#[test]
fn keys_that_are_no_users_are_pointed_out() {
    check_by(
        r#"[{"header":"X-Forwarded-For"},{"jwt_claim":"sub"},{"client_ip":{}}]"#,
        &[
            "warning: [0].header: this draws by whatever clients write in that header; use client_ip with trusted_hops",
            "info: [1].jwt_claim: the token is not verified here; require authentication (RequestAuthentication and AuthorizationPolicy) before this filter",
            &format!("info: [2].client_ip: {PEER}"),
        ],
    );
    check_by(
        r#"[{"path":true}]"#,
        &["warning: [0].path: each path is drawn by itself, so that a user gets several variants"],
    );
    check_by(
        r#"[{"trace_id":true}]"#,
        &[
            "info: [0].trace_id: each trace is drawn by itself, so that a user gets several variants, and all requests of one trace the same",
        ],
    );
    check_by(
        r#"[{"header":"x-canary"}]"#,
        &["warning: [0].header: is the routing header, which clients that are not trusted cannot send"],
    );
    let many = "is the same for many users, who all get the same variant; name what tells users apart";
    check_by(
        r#"[[{"method":true},{"constant":"c"}]]"#,
        &[&format!("warning: [0]: {many}")],
    );
    check_by(r#"[[{"host":true},{"header":"x"}]]"#, &[]);
    check_sticky(
        r#"{"by":[{"cookie":"fairlead-release"}],"cookie":{"secure":false,"secret":"0123456789abcdef"}}"#,
        &[
            "warning: .by[0].cookie: is the release cookie, which says what was drawn and not who the user is",
            "info: .cookie.secret: whoever can read this config can sign cookies, and with them choose a variant",
        ],
    );
}

#[test]
fn keys_that_are_never_tried_are_pointed_out() {
    let last = "is there for every request, so that no later key is tried; write it last";
    check_by(
        r#"[{"header":"x","default":"none"},{"cookie":"c"}]"#,
        &[&format!("warning: [0]: {last}")],
    );
    check_by(
        r#"[{"client_ip":{"trusted_hops":1}},{"cookie":"c"}]"#,
        &[
            "info: [0].client_ip: a client that reaches this proxy past the 1 trusted in front can claim any address",
            &format!("warning: [0]: {last}"),
        ],
    );
    check_by(r#"[{"header":"x","default":""},{"cookie":"c"}]"#, &[]);
    check_by(r#"[[{"host":true},{"header":"x"}],{"cookie":"c"}]"#, &[]);
    check_by(
        r#"[{"header":"x"},[{"cookie":"c"},{"cookie":"c"}],{"header":"x"}]"#,
        &[
            "warning: [1][1]: an earlier part is the same; remove one",
            "warning: [2]: an earlier key is the same; remove one",
        ],
    );
}

#[test]
fn a_salt_that_outlives_the_release_is_pointed_out() {
    let same = "info: .salt: every release with this salt draws the same users first; the release itself as the salt draws others";
    let by = r#""by":[{"header":"x"}]"#;
    check_sticky(&format!(r#"{{{by},"salt":"s"}}"#), &[same]);
    check_sticky(&format!(r#"{{{by},"salt":""}}"#), &[same]);
    check_sticky(&format!(r#"{{{by},"salt":"r1"}}"#), &[]);
    check_sticky(&format!(r#"{{{by},"hash":"sha256_percent"}}"#), &[same]);
    check_sticky(&format!(r#"{{{by},"hash":"sha256_percent","salt":"r1"}}"#), &[]);
}

#[test]
fn whole_percents_are_all_that_sha256_draws() {
    let whole = "sha256_percent draws whole percents, and a part of one counts as a whole one; write a whole percent, or hash: murmur3";
    let sticky = r#""sticky":{"by":[{"header":"x"}],"hash":"sha256_percent","salt":"r1"}"#;
    check(
        &format!(
            r#"{{"release":"r1","variants":[{{"name":"a","weight":"10%"}},{{"name":"b","weight":"0.5%"}}],{sticky}}}"#
        ),
        &[&format!("warning: variants[1].weight: {whole}")],
    );
    check(
        &format!(
            r#"{{"release":"r1","variants":[{{"name":"a"}}],{sticky},
            "ramp":{{"start":"2026-11-20T09:00:00Z","steps":[{{"at":"0s","weight":"1%"}},{{"at":"1h","weight":"12.5%"}}]}}}}"#
        ),
        &[&format!("warning: ramp.steps[1].weight: {whole}")],
    );
}
