use super::*;

/// The config gets exactly this advice, in this order.
fn check(config: &str, expected: &[&str]) {
    let config = super::super::parse(config.as_bytes()).unwrap_or_else(|errors| panic!("{config}\n{errors}"));
    let lines: Vec<String> = warnings(&config).iter().map(ToString::to_string).collect();
    assert_eq!(lines, expected);
}

/// The same for a config of one limit.
fn check_limit(fields: &str, expected: &[&str]) {
    check(
        &format!(r#"{{"limits":[{{"name":"a","rate":"10/s"{fields}}}]}}"#),
        expected,
    );
}

const ROTATION: &str = "clients choose this value, and with a new one for each request they are never limited; add a limit for the same requests without a key, or by client_ip";
const MEMORY: &str = "info: limits[0].max_keys: takes up to 69 KiB of memory";
const PEER: &str = "the peer counts as the client; behind a gateway or a load balancer that is the gateway, so set trusted_hops to the number of proxies in front";

#[test]
fn a_plain_limit_needs_no_advice() {
    check_limit("", &[]);
    check_limit(r#","match":[{"path":{"prefix":"/v1/"}}]"#, &[]);
}

#[test]
fn a_config_that_limits_nobody_says_so() {
    check(
        "{}",
        &["warning: limits: there are none, so the filter does nothing"],
    );
    check(
        r#"{"mode":"shadow","limits":[{"name":"a","rate":"1/s"}]}"#,
        &["info: mode: limits are counted and not enforced; write enforce to refuse requests"],
    );
    check_limit(
        r#","mode":"shadow""#,
        &["info: limits[0].mode: this limit is counted and not enforced"],
    );
    check_limit(
        r#","mode":"off""#,
        &["info: limits[0].mode: this limit does nothing"],
    );
}

#[test]
fn a_key_that_clients_choose_asks_for_a_limit_beside_it() {
    check_limit(
        r#","key":[{"header":"x-api-key"}]"#,
        &[MEMORY, &format!("warning: limits[0].key[0]: {ROTATION}")],
    );
    for part in [r#"{"baggage":"user.id"}"#, r#"{"trace_id":true}"#] {
        check_limit(
            &format!(r#","key":[{part}]"#),
            &[MEMORY, &format!("warning: limits[0].key[0]: {ROTATION}")],
        );
    }
    let two = |second: &str| {
        format!(
            r#"{{"limits":[{{"name":"a","rate":"10/s","match":[{{"methods":["GET"]}}],"key":[{{"header":"x-api-key"}}]}},
        {{"name":"b","rate":"99/s"{second}}}]}}"#
        )
    };
    check(&two(""), &[MEMORY]);
    check(&two(r#","match":[{"methods":["GET"]}]"#), &[MEMORY]);
    check(
        &two(r#","match":[{"methods":["POST"]}]"#),
        &[MEMORY, &format!("warning: limits[0].key[0]: {ROTATION}")],
    );
    check(
        &two(r#","mode":"shadow""#),
        &[
            MEMORY,
            &format!("warning: limits[0].key[0]: {ROTATION}"),
            "info: limits[1].mode: this limit is counted and not enforced",
        ],
    );
}

#[test]
fn addresses_that_clients_can_claim_are_pointed_out() {
    check_limit(
        r#","key":[{"header":"X-Forwarded-For"}]"#,
        &[
            "warning: limits[0].key[0].header: this counts by whatever clients write in that header; use client_ip with trusted_hops",
            MEMORY,
            &format!("warning: limits[0].key[0]: {ROTATION}"),
        ],
    );
    check_limit(
        r#","match":[{"headers":{"x-real-ip":{"prefix":"10."}}}]"#,
        &[
            "warning: limits[0].match[0].headers.x-real-ip: clients can write this header themselves; use client.cidrs with trusted_hops",
        ],
    );
    check_limit(
        r#","match":[{"headers":{"x-forwarded-for":{"absent":true}}}]"#,
        &[],
    );
    check_limit(
        r#","key":[{"client_ip":{}}]"#,
        &[&format!("info: limits[0].key[0].client_ip: {PEER}"), MEMORY],
    );
    check_limit(
        r#","key":[{"client_ip":{"trusted_hops":1}}]"#,
        &[
            "info: limits[0].key[0].client_ip: a client that reaches this proxy past the 1 trusted in front can claim any address",
            MEMORY,
        ],
    );
    check_limit(
        r#","match":[{"not":{"client":{"cidrs":["10.0.0.0/8"]}}}]"#,
        &[&format!("info: limits[0].match[0].not.client: {PEER}")],
    );
}

#[test]
fn a_key_by_path_is_pointed_out() {
    check_limit(
        r#","key":[{"path":true},{"client_ip":{"trusted_hops":1}}]"#,
        &[
            "info: limits[0].key[0].path: each path is a key, also each that does not exist; a template has a key for each value of its variables",
            "info: limits[0].key[1].client_ip: a client that reaches this proxy past the 1 trusted in front can claim any address",
            MEMORY,
            &format!("warning: limits[0].key[0]: {ROTATION}"),
        ],
    );
}

#[test]
fn what_happens_at_the_bounds_is_pointed_out() {
    let key = r#","key":[{"jwt_claim":"sub"}]"#;
    let verified = "info: limits[0].key[0].jwt_claim: the token is not verified here; require authentication (RequestAuthentication and AuthorizationPolicy) before this filter";
    check_limit(
        &format!(r#"{key},"on_overflow":"fresh""#),
        &[
            verified,
            "warning: limits[0].on_overflow: a flood of new keys empties the buckets of all others, so that this limit no longer limits; write shared",
            "info: limits[0].max_keys: takes up to 69 KiB of memory",
        ],
    );
    check_limit(
        &format!(r#"{key},"on_overflow":"deny""#),
        &[
            verified,
            "info: limits[0].on_overflow: while all buckets are taken, every new client is refused; a flood of new keys is enough for that",
            "info: limits[0].max_keys: takes up to 69 KiB of memory",
        ],
    );
    check_limit(
        &format!(r#"{key},"scope":"worker","max_keys":8"#),
        &[
            verified,
            "info: limits[0].max_keys: takes up to 1 KiB of memory in each worker",
            "info: limits[0].scope: each worker counts for itself, so a client gets up to the number of workers times the rate",
        ],
    );
}

#[test]
fn an_unlimited_key_that_anyone_can_send_is_pointed_out() {
    check_limit(
        r#","key":[{"header":"x"}],"overrides":[{"key":["vip"],"unlimited":true},{"key":["b"],"rate":"1/s"}]"#,
        &[
            MEMORY,
            "warning: limits[0].overrides[0].unlimited: whoever sends this value is never limited; make sure that it is a secret, or that it is checked before",
            &format!("warning: limits[0].key[0]: {ROTATION}"),
        ],
    );
}

#[test]
fn conditions_that_say_more_or_less_than_meant_are_pointed_out() {
    check_limit(
        r#","match":[{"path":{"prefix":"/v1"}},{"path":{"regex":"/v2/.*"}},{"path":{"prefix":"/v1"}}]"#,
        &[
            "info: limits[0].match[0].path.prefix: /v1 also matches /v1x; write /v1/ for whole segments",
            "info: limits[0].match[1].path.regex: the same, cheaper: prefix: /v2/",
            "warning: limits[0].match[2]: an earlier entry is the same; remove one",
            "info: limits[0].match[2].path.prefix: /v1 also matches /v1x; write /v1/ for whole segments",
        ],
    );
    check_limit(
        r#","key":[{"method":true,"default":"x"},{"method":true,"default":"x"}]"#,
        &[
            "info: limits[0].key[0].default: is never used, as every request has this value",
            "warning: limits[0].key[1]: an earlier part is the same; remove one",
            "info: limits[0].key[1].default: is never used, as every request has this value",
            MEMORY,
        ],
    );
}

#[test]
fn a_limit_that_never_decides_is_pointed_out() {
    let two = |first: &str, second: &str| {
        format!(r#"{{"limits":[{{"name":"a","rate":"{first}"}},{{"name":"b","rate":"{second}"}}]}}"#)
    };
    let never = |index: usize, other: &str| {
        format!(
            "warning: limits[{index}]: never decides: the limit {other} is as strict for the same requests and key"
        )
    };
    check(&two("1/s", "2/s"), &[&never(1, "a")]);
    check(&two("2/s", "1/s"), &[&never(0, "b")]);
    check(&two("1/s", "1/s"), &[&never(1, "a")]);
    check(&two("10/s", "100/m"), &[&never(0, "b")]);
    // The first has the smaller burst, the second the smaller rate.
    check(
        r#"{"limits":[{"name":"a","rate":"10/s"},{"name":"b","rate":"100/m","burst":100}]}"#,
        &[],
    );
}

#[test]
fn a_reply_that_invites_retries_is_pointed_out() {
    check(
        r#"{"limits":[{"name":"a","rate":"1/s"}],"deny":{"status":503},"on_invalid_config":"pass"}"#,
        &[
            "warning: deny.status: proxies and clients retry a 503 by default, so that refused requests come back at once; write 429",
            "info: on_invalid_config: a proxy that starts with a config that cannot be used limits nothing",
        ],
    );
}
