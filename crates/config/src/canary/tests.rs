use super::*;
use fairlead_matching::{ClientAddress, KeySource, PathSpec};
use fairlead_rollout::guard::{ErrorRate, Latency, OnTrip, Then};
use fairlead_rollout::{Finish, Standing};
use fairlead_stage::Timestamp;

mod arbitrary;
mod defaults;
mod mistakes;

fn parsed(config: &str) -> Canary {
    parse(config.as_bytes()).unwrap_or_else(|errors| panic!("{config}\n{errors}"))
}

/// A config of one variant, `v2`, that has these fields besides release and variants.
fn canary(fields: &str) -> Canary {
    let comma = if fields.is_empty() { "" } else { "," };
    parsed(&format!(
        r#"{{"release":"r1","variants":[{{"name":"v2"}}]{comma}{fields}}}"#
    ))
}

fn share(text: &str) -> Share {
    text.parse().unwrap()
}

fn part(source: KeySource) -> KeyPartSpec {
    KeyPartSpec {
        source,
        default: None,
    }
}

#[test]
fn the_documented_example_is_read_field_by_field() {
    let config = parsed(
        r#"{
          "apiVersion": "fairlead.dev/v1",
          "mode": "shadow",
          "release": "checkout-2026-11",
          "header": "X-Variant",
          "match": [{"path": {"prefix": "/shop/"}}],
          "variants": [{"name": "v2", "value": "two", "weight": "10%"}, {"name": "v3", "weight": "0.5%"}],
          "default": {"name": "v1", "value": "one"},
          "force": {"header": "X-Canary-Force", "cookie": "canary", "allow_from": [{"cidrs": ["10.0.0.0/8"], "trusted_hops": 1}]},
          "rules": [
            {"match": [{"headers": {"x-tester": {"present": true}}}], "variant": "v3", "mode": "shadow"},
            {"match": [{"path": {"exact": "/healthz"}}, {"methods": ["OPTIONS"]}], "variant": "v1"}
          ],
          "sticky": {
            "by": [{"header": "X-User-Id"}, [{"cookie": "sid"}, {"query": "t", "default": "-"}], {"baggage": "user.id"}, {"trace_id": true}, {"random": true}],
            "hash": "sha256_percent", "salt": "pepper",
            "cookie": {"name": "rel", "max_age": "24h", "path": "/shop", "domain": "Example.com", "secure": true,
              "http_only": false, "same_site": "none", "secret": "0123456789abcdef"}
          },
          "ramp": {
            "start": "2026-11-20T09:00:00Z",
            "steps": [{"at": "0s", "weight": "1%"}, {"at": "30m", "weight": "10%"}, {"at": "2h", "weight": "50%"}],
            "finish": {"at": "6h", "as": "promoted"}
          },
          "guard": {
            "window": "30s", "minimum_requests": 20,
            "error_rate": {"max": "5%", "or_above_stable_by": "2%"},
            "latency": {"quantile": "p99.9", "max": "800ms", "max_ratio_to_stable": 1.5},
            "failure_limit": 2,
            "on_trip": {"weight": "1%", "hold": "5m", "then": "stay_out"},
            "attempt": 3
          },
          "propagate": {"baggage": true, "trace": {"max_entries": 1024, "ttl": "10s"}},
          "on_invalid_config": "pass"
        }"#,
    );
    assert_eq!(
        (config.mode, config.on_invalid_config),
        (Mode::Shadow, OnInvalidConfig::Pass)
    );
    assert_eq!(
        (config.release.as_str(), config.header.as_str()),
        ("checkout-2026-11", "x-variant")
    );
    assert_eq!(config.matches.len(), 1);
    assert_eq!(
        config.matches[0].path,
        Some(PathSpec::Prefix("/shop/".to_owned()))
    );
    let variant = |name: &str, value: &str, weight: &str| Variant {
        name: name.to_owned(),
        value: value.to_owned(),
        weight: share(weight),
    };
    assert_eq!(
        config.variants,
        [variant("v2", "two", "10%"), variant("v3", "v3", "0.5%")]
    );
    assert_eq!(
        config.default,
        DefaultVariant {
            name: "v1".to_owned(),
            value: Some("one".to_owned())
        }
    );

    let force = config.force.as_ref().expect("a force");
    assert_eq!(
        (force.header.as_deref(), force.cookie.as_deref()),
        (Some("x-canary-force"), Some("canary"))
    );
    let [clients] = force.allow_from.as_deref().expect("clients") else {
        panic!("one entry")
    };
    assert_eq!(
        (clients.cidrs.len(), clients.address),
        (1, ClientAddress { trusted_hops: 1 })
    );

    let [testers, probes] = &config.rules[..] else {
        panic!("two rules")
    };
    assert_eq!(
        (testers.mode, testers.variant),
        (Mode::Shadow, Choice::Variant(1))
    );
    assert_eq!(
        (probes.mode, probes.variant, probes.matches.len()),
        (Mode::Enforce, Choice::Default, 2)
    );
    assert_eq!(config.effective(probes), Mode::Shadow);

    let sid = KeyPartSpec {
        source: KeySource::Query("t".to_owned()),
        default: Some("-".to_owned()),
    };
    assert_eq!(
        config.sticky.by,
        [
            StickyKey::Parts(vec![part(KeySource::Header("x-user-id".to_owned()))]),
            StickyKey::Parts(vec![part(KeySource::Cookie("sid".to_owned())), sid]),
            StickyKey::Parts(vec![part(KeySource::Baggage("user.id".to_owned()))]),
            StickyKey::Parts(vec![part(KeySource::TraceId)]),
            StickyKey::Random,
        ]
    );
    assert_eq!(
        (config.sticky.hash, config.sticky.salt.as_str()),
        (Hash::Sha256Percent, "pepper")
    );
    assert_eq!(
        config.sticky.cookie,
        Some(ReleaseCookie {
            name: "rel".to_owned(),
            max_age: Some(Duration::from_secs(86_400)),
            path: "/shop".to_owned(),
            domain: Some("example.com".to_owned()),
            secure: true,
            http_only: false,
            same_site: Some(SameSite::None),
            secret: Some("0123456789abcdef".to_owned()),
        })
    );

    assert_eq!(
        config.guard,
        Some(GuardConfig {
            guard: Guard {
                window: Duration::from_secs(30),
                minimum_requests: 20,
                error_rate: Some(ErrorRate {
                    max: Some(share("5%")),
                    above_stable: Some(share("2%")),
                }),
                latency: Some(Latency {
                    quantile: share("99.9%"),
                    max: Some(Duration::from_millis(800)),
                    max_ratio_to_stable_permille: Some(1500),
                }),
                failure_limit: 2,
                on_trip: OnTrip {
                    weight: share("1%"),
                    hold: Duration::from_secs(300),
                    then: Then::StayOut,
                },
            },
            attempt: 3,
        })
    );
    assert_eq!(
        config.propagate,
        Propagate {
            baggage: true,
            trace: Some(TraceTable {
                max_entries: NonZeroU32::new(1024).unwrap(),
                ttl: Duration::from_secs(10),
            }),
        }
    );
}

#[test]
fn a_ramp_stands_where_its_clock_says() {
    let ramp = |more: &str| {
        canary(&format!(
            r#""ramp":{{"start":"2026-11-20T09:00:00Z","steps":[{{"at":"0s","weight":"1%"}},{{"at":"30m","weight":"10%"}}]{more}}}"#
        ))
        .ramp
        .expect("a ramp")
    };
    let start = Timestamp::from_unix_nanos(1_795_165_200_000_000_000);
    let after = |hours: u64| start.saturating_add(Duration::from_secs(hours * 3600));
    let plain = ramp("");
    assert_eq!(plain.start(), start);
    assert_eq!(plain.standing(after(0)), Standing::Step(0));
    assert_eq!(plain.standing(after(1)), Standing::Step(1));
    assert_eq!(plain.weight(after(100), 0), share("10%"));
    assert_eq!(plain.finish(), None);
    let paused = ramp(r#","pause":"2026-11-20 10:10:00+01:00""#);
    assert_eq!(paused.standing(after(100)), Standing::Step(0));
    for (word, finish) in [("promoted", Finish::Promoted), ("ended", Finish::Ended)] {
        let over = ramp(&format!(r#","finish":{{"at":"6h","as":"{word}"}}"#));
        assert_eq!(over.finish(), Some((Duration::from_secs(6 * 3600), finish)));
        assert_eq!(over.standing(after(6)), Standing::Finished(finish));
    }
}

#[test]
fn a_rule_may_lead_to_any_variant() {
    let config = parsed(
        r#"{"release":"r","variants":[{"name":"a"},{"name":"b"}],"default":{"name":"c"},"rules":[
        {"match":[{"methods":["GET"]}],"variant":"b"},{"match":[{"methods":["GET"]}],"variant":"c"},
        {"match":[{"methods":["GET"]}],"variant":"a","mode":false}]}"#,
    );
    let targets: Vec<(Choice, Mode)> = config
        .rules
        .iter()
        .map(|rule| (rule.variant, rule.mode))
        .collect();
    assert_eq!(
        targets,
        [
            (Choice::Variant(1), Mode::Enforce),
            (Choice::Default, Mode::Enforce),
            (Choice::Variant(0), Mode::Off)
        ]
    );
}

#[test]
fn trusted_callers_may_be_all_that_can_force() {
    let force = canary(r#""force":{"allow_from":[{"cidrs":["10.0.0.0/8"]}]}"#)
        .force
        .expect("a force");
    assert_eq!((force.header, force.cookie), (None, None));
    assert_eq!(force.allow_from.map(|clients| clients.len()), Some(1));
}

#[test]
fn a_quantile_may_be_written_as_a_percentage() {
    for (written, percent) in [("p50", "50%"), ("p99.9", "99.9%"), ("95%", "95%"), ("p95", "95%")] {
        let guard = canary(&format!(
            r#""guard":{{"latency":{{"quantile":"{written}","max":"1s"}}}}"#
        ))
        .guard;
        let latency = guard.and_then(|guard| guard.guard.latency).expect("a bound");
        assert_eq!(latency.quantile, share(percent), "{written}");
    }
}

#[test]
fn variants_may_share_all_users_and_no_more() {
    let config = parsed(
        r#"{"release":"r","variants":[{"name":"a","weight":"33.3333%"},{"name":"b","weight":"66.6667%"}]}"#,
    );
    let sum: u32 = config.variants.iter().map(|variant| variant.weight.ppm()).sum();
    assert_eq!(sum, Share::WHOLE_PPM);
}

#[test]
fn another_order_of_variants_is_another_fingerprint() {
    let of = |variants: &str| fingerprint(&parsed(&format!(r#"{{"release":"r","variants":[{variants}]}}"#)));
    let (a, b) = (r#"{"name":"a"}"#, r#"{"name":"b"}"#);
    assert_eq!(of(a), of(r#"{"name":"a","weight":"10%"}"#));
    assert_ne!(of(a), of(b));
    assert_ne!(of(&format!("{a},{b}")), of(&format!("{b},{a}")));
}
