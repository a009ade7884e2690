use super::*;
use fairlead_matching::{ClientAddress, KeySource, PathSpec, TextSpec};

mod arbitrary;
mod mistakes;

fn parsed(config: &str) -> RateLimit {
    parse(config.as_bytes()).unwrap_or_else(|errors| panic!("{config}\n{errors}"))
}

/// A config with one limit that has these fields besides name and rate.
fn limit(fields: &str) -> Limit {
    let comma = if fields.is_empty() { "" } else { "," };
    parsed(&format!(
        r#"{{"limits":[{{"name":"a","rate":"10/s"{comma}{fields}}}]}}"#
    ))
    .limits
    .remove(0)
}

#[test]
fn nothing_is_a_config_that_does_nothing() {
    for config in ["", " ", "{}", r#"{"limits":[]}"#] {
        let config = parsed(config);
        assert!(config.limits.is_empty());
        assert_eq!(config.mode, Mode::Enforce);
        assert_eq!(config.deny, Reply::empty(429));
        assert_eq!(config.response_headers, ResponseHeaders::Ietf);
        assert_eq!(config.on_invalid_config, OnInvalidConfig::Refuse);
    }
}

#[test]
fn the_documented_example_is_read_field_by_field() {
    let config = parsed(
        r#"{
          "apiVersion": "fairlead.dev/v1",
          "mode": "shadow",
          "limits": [{
            "name": "per-key",
            "match": [
              {"hosts": ["api.example.com", "*.shop.example.com"], "path": {"prefix": "/v1/"}, "methods": ["GET", "POST"],
               "headers": {"X-Tier": {"exact": "gold"}}, "query": {"debug": {"present": true}},
               "cookies": {"beta": {"in": ["1", "2"]}}, "client": {"cidrs": ["10.0.0.0/8", "2001:db8::/32"], "trusted_hops": 1},
               "not": {"path": {"exact": "/v1/healthz"}}},
              {"grpc": {"service": "demo.Trips", "methods": ["Create"]}}
            ],
            "key": [{"header": "X-Api-Key"}, {"client_ip": {"trusted_hops": 2, "ipv4_prefix": 24}}, {"path": true, "default": "-"}],
            "rate": "100/s", "burst": 200,
            "overrides": [
              {"key": ["partner-1", "192.0.2.0", "/"], "rate": "1000/s"},
              {"key": ["internal", "10.0.0.0", "/"], "unlimited": true}
            ],
            "cost": 1, "scope": "worker", "exactness": "exact", "max_keys": 8192, "on_overflow": "deny", "mode": "enforce"
          }],
          "deny": {"status": 503, "body": "slow down", "content_type": "text/html; charset=utf-8", "headers": {"X-Why": "rate"}},
          "response_headers": "draft03",
          "on_invalid_config": "pass"
        }"#,
    );
    assert_eq!(config.mode, Mode::Shadow);
    assert_eq!(config.response_headers, ResponseHeaders::Draft03);
    assert_eq!(config.on_invalid_config, OnInvalidConfig::Pass);
    assert_eq!(
        config.deny,
        Reply {
            status: 503,
            body: "slow down".to_owned(),
            content_type: "text/html; charset=utf-8".to_owned(),
            headers: vec![("x-why".to_owned(), "rate".to_owned())],
            problem_json: false,
        }
    );
    let [limit] = &config.limits[..] else {
        panic!("one limit")
    };
    assert_eq!(config.effective(limit), Mode::Shadow);
    assert_eq!(
        (limit.name.as_str(), limit.mode, limit.scope),
        ("per-key", Mode::Enforce, Scope::Worker)
    );
    assert_eq!(
        (limit.max_keys.get(), limit.on_overflow),
        (8192, OnOverflow::Deny)
    );
    assert_eq!(
        (limit.quota.rate().to_string().as_str(), limit.quota.burst().get()),
        ("100/s", 200)
    );

    let [http, grpc] = &limit.matches[..] else {
        panic!("two entries")
    };
    assert_eq!(http.hosts.len(), 2);
    assert_eq!(http.path, Some(PathSpec::Prefix("/v1/".to_owned())));
    assert_eq!(http.methods, ["GET", "POST"]);
    assert_eq!(
        http.headers,
        [("x-tier".to_owned(), TextSpec::Exact("gold".to_owned()))]
    );
    assert_eq!(http.query, [("debug".to_owned(), TextSpec::Present)]);
    assert_eq!(
        http.cookies,
        [(
            "beta".to_owned(),
            TextSpec::In(vec!["1".to_owned(), "2".to_owned()])
        )]
    );
    let client = http.client.as_ref().expect("a client condition");
    assert_eq!(
        (client.cidrs.len(), client.address),
        (2, ClientAddress { trusted_hops: 1 })
    );
    let not = http.not.as_ref().expect("an exception");
    assert_eq!(not.path, Some(PathSpec::Exact("/v1/healthz".to_owned())));
    let service = grpc.grpc.as_ref().expect("a gRPC condition");
    assert_eq!(
        (service.service.as_str(), &service.methods[..]),
        ("demo.Trips", &["Create".to_owned()][..])
    );

    let key: Vec<_> = limit
        .key
        .iter()
        .flatten()
        .map(|part| (&part.source, part.default.as_deref()))
        .collect();
    assert_eq!(
        key,
        [
            (&KeySource::Header("x-api-key".to_owned()), None),
            (
                &KeySource::ClientIp {
                    address: ClientAddress { trusted_hops: 2 },
                    ipv4_prefix: 24,
                    ipv6_prefix: 64
                },
                None
            ),
            (&KeySource::Path, Some("-")),
        ]
    );
    let [partner, internal] = &limit.overrides[..] else {
        panic!("two overrides")
    };
    assert_eq!(partner.key, ["partner-1", "192.0.2.0", "/"]);
    let OverrideQuota::Quota(quota) = partner.quota else {
        panic!("a quota")
    };
    assert_eq!(
        (quota.rate().to_string().as_str(), quota.burst().get()),
        ("1000/s", 1000)
    );
    assert!(matches!(internal.quota, OverrideQuota::Unlimited));
}

#[test]
fn a_limit_of_name_and_rate_has_the_documented_defaults() {
    let limit = limit("");
    assert_eq!((limit.mode, limit.scope), (Mode::Enforce, Scope::Proxy));
    assert_eq!(
        (limit.max_keys.get(), limit.on_overflow),
        (4096, OnOverflow::Shared)
    );
    assert_eq!(limit.quota.burst().get(), 10);
    assert!(limit.matches.is_empty() && limit.key.is_none() && limit.overrides.is_empty());
    let spelled =
        self::limit(r#""burst":10,"mode":"enforce","scope":"proxy","max_keys":4096,"on_overflow":"shared""#);
    assert_eq!(format!("{limit:?}"), format!("{spelled:?}"));
}

#[test]
fn the_weaker_mode_of_filter_and_limit_wins() {
    for (filter, own, effective) in [
        ("enforce", "enforce", Mode::Enforce),
        ("enforce", "shadow", Mode::Shadow),
        ("shadow", "enforce", Mode::Shadow),
        ("shadow", "off", Mode::Off),
        ("off", "shadow", Mode::Off),
        ("enforce", "off", Mode::Off),
    ] {
        let config = parsed(&format!(
            r#"{{"mode":"{filter}","limits":[{{"name":"a","rate":"1/s","mode":"{own}"}}]}}"#
        ));
        assert_eq!(config.effective(&config.limits[0]), effective, "{filter} {own}");
    }
}

#[test]
fn mode_off_without_quotes_arrives_as_false_and_means_off() {
    assert_eq!(parsed(r#"{"mode":false}"#).mode, Mode::Off);
    assert_eq!(limit(r#""mode":false"#).mode, Mode::Off);
}

#[test]
fn an_integer_may_be_written_as_any_number() {
    for (written, meant) in [
        ("5", 5),
        ("5.0", 5),
        ("5e0", 5),
        ("1e3", 1000),
        ("3153600000", 3_153_600_000),
    ] {
        assert_eq!(
            limit(&format!(r#""burst":{written}"#)).quota.burst().get(),
            meant,
            "{written}"
        );
    }
}

#[test]
fn every_source_of_a_key_can_be_written() {
    let limit = limit(
        r#""key":[{"header":"a"},{"cookie":"B"},{"query":"q r"},{"path":true},{"host":true},{"method":true},
        {"template":"/u/{id}"},{"constant":"c"},{"client_ip":{}},{"jwt_claim":"sub"},{"property":["xds","route_name"]},
        {"baggage":"user.id"},{"trace_id":true}]"#,
    );
    let sources: Vec<_> = limit.key.into_iter().flatten().map(|part| part.source).collect();
    let text = str::to_owned;
    assert_eq!(
        sources,
        [
            KeySource::Header(text("a")),
            KeySource::Cookie(text("B")),
            KeySource::Query(text("q r")),
            KeySource::Path,
            KeySource::Host,
            KeySource::Method,
            KeySource::Template(fairlead_matching::Template::parse("/u/{id}").unwrap()),
            KeySource::Constant(text("c")),
            KeySource::ClientIp {
                address: ClientAddress { trusted_hops: 0 },
                ipv4_prefix: 32,
                ipv6_prefix: 64
            },
            KeySource::JwtClaim(text("sub")),
            KeySource::Property(vec![text("xds"), text("route_name")]),
            KeySource::Baggage(text("user.id")),
            KeySource::TraceId,
        ]
    );
}

#[test]
fn every_text_and_path_condition_can_be_written() {
    let limit = limit(
        r#""match":[{"headers":{"a":{"exact":""},"b":{"prefix":"x"},"c":{"suffix":"y"},"d":{"regex":"z+"},
        "e":{"present":true},"f":{"absent":true},"g":{"in":["1"]}}},
        {"path":{"regex":"/v[0-9]+/.*"}},{"path":{"template":"/u/{id}"}},{"grpc":{}}]"#,
    );
    let [texts, regex, template, grpc] = &limit.matches[..] else {
        panic!("four entries")
    };
    let conditions: Vec<_> = texts
        .headers
        .iter()
        .map(|(name, text)| (name.as_str(), text.clone()))
        .collect();
    let text = str::to_owned;
    assert_eq!(
        conditions,
        [
            ("a", TextSpec::Exact(String::new())),
            ("b", TextSpec::Prefix(text("x"))),
            ("c", TextSpec::Suffix(text("y"))),
            (
                "d",
                TextSpec::Regex(fairlead_matching::Pattern::parse("z+").unwrap())
            ),
            ("e", TextSpec::Present),
            ("f", TextSpec::Absent),
            ("g", TextSpec::In(vec![text("1")])),
        ]
    );
    assert!(matches!(&regex.path, Some(PathSpec::Regex(p)) if p.as_str() == "/v[0-9]+/.*"));
    assert!(matches!(&template.path, Some(PathSpec::Template(t)) if t.as_str() == "/u/{id}"));
    assert!(
        grpc.grpc
            .as_ref()
            .is_some_and(|grpc| grpc.service.is_empty() && grpc.methods.is_empty())
    );
}

#[test]
fn override_keys_take_the_form_in_which_requests_have_them() {
    let limit = limit(
        r#""key":[{"client_ip":{"ipv4_prefix":24}},{"host":true}],
        "overrides":[{"key":["192.0.2.0","API.Example.com"],"unlimited":true},{"key":["2001:DB8:0::","b"],"rate":"1/s"},
                     {"key":["::ffff:10.1.2.0","c"],"rate":"1/s"}]"#,
    );
    let keys: Vec<Vec<String>> = limit.overrides.into_iter().map(|o| o.key).collect();
    assert_eq!(
        keys,
        [
            ["192.0.2.0", "api.example.com"],
            ["2001:db8::", "b"],
            ["10.1.2.0", "c"]
        ]
    );
}

#[test]
fn a_problem_document_has_its_own_content_type() {
    let deny = parsed(r#"{"deny":{"problem_json":true}}"#).deny;
    assert!(deny.problem_json && deny.body.is_empty());
    assert_eq!(deny.content_type, "application/problem+json");
}
