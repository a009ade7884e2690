use super::*;
use fairlead_breaker::classes::{GrpcStatuses, LocalReplies, Statuses};
use fairlead_breaker::policy::{Backoff, HalfOpen, Open, Rules, Slow, Then, Trip, Window};
use fairlead_matching::PathSpec;
use fairlead_stage::Share;

mod arbitrary;
mod mistakes;
mod outcomes;
mod presets;
mod values;

fn parsed(config: &str) -> CircuitBreaker {
    parse(config.as_bytes()).unwrap_or_else(|errors| panic!("{config}\n{errors}"))
}

/// The only breaker of a config, which has these fields besides its name.
fn breaker(fields: &str) -> Breaker {
    let comma = if fields.is_empty() { "" } else { "," };
    let mut config = parsed(&format!(r#"{{"breakers":[{{"name":"a"{comma}{fields}}}]}}"#));
    assert_eq!(config.breakers.len(), 1);
    config.breakers.remove(0)
}

fn share(text: &str) -> Share {
    text.parse().unwrap()
}

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn time(duration: u64, buckets: u32) -> Window {
    Window::Time {
        duration: seconds(duration),
        buckets: number(buckets),
    }
}

fn key(source: KeySource) -> Vec<KeyPartSpec> {
    vec![KeyPartSpec {
        source,
        default: None,
    }]
}

#[test]
fn the_documented_example_is_read_field_by_field() {
    let config = parsed(
        r#"{
          "apiVersion": "fairlead.dev/v1",
          "mode": "shadow",
          "breakers": [{
            "name": "trips",
            "mode": "enforce",
            "match": [{"path": {"prefix": "/trips/"}}],
            "per": {"key": [{"header": "X-Tenant"}]},
            "max_keys": 2048,
            "window": {"duration": "20s", "buckets": 5},
            "minimum_requests": 30,
            "trip": {"error_rate": "40%", "slow": {"above": "3s", "rate": "80%"}, "consecutive_failures": 5},
            "failure": {"status": ["5xx", 429], "grpc": ["UNAVAILABLE", 8], "reset": false, "truncated": true, "local_replies": ["UF"]},
            "ignore": {"status": ["501-503"], "grpc": ["UNIMPLEMENTED"], "client_abort": false},
            "open": {"duration": "45s", "backoff": 1.5, "max": "10m", "jitter": "10%"},
            "half_open": {"probes": 3, "success_rate": "66%", "max_wait": "90s", "then": "close"},
            "recovery_ramp": "10s",
            "warm_up": "5s",
            "timeout": "4s",
            "max_in_flight": 100,
            "fallback": {"status": 200, "body": "[]", "content_type": "application/json", "headers": {"X-Fallback": "1"},
              "stale": {"max_age": "10m", "max_body": "1MiB", "max_entries": 16}},
            "force": "closed"
          }],
          "on_invalid_config": "pass"
        }"#,
    );
    assert_eq!(
        (config.mode, config.on_invalid_config),
        (Mode::Shadow, OnInvalidConfig::Pass)
    );
    let [breaker] = &config.breakers[..] else {
        panic!("one breaker")
    };
    assert_eq!((breaker.name.as_str(), breaker.mode), ("trips", Mode::Enforce));
    assert_eq!(config.effective(breaker), Mode::Shadow);
    assert_eq!(
        breaker.matches[0].path,
        Some(PathSpec::Prefix("/trips/".to_owned()))
    );
    assert_eq!(
        breaker.per,
        Per::Key(key(KeySource::Header("x-tenant".to_owned())))
    );
    assert_eq!(breaker.max_keys, number(2048));
    assert_eq!(
        breaker.policy,
        Policy {
            window: time(20, 5),
            minimum_requests: 30,
            trip: Trip {
                error_rate: Some(share("40%")),
                slow: Some(Slow {
                    above: seconds(3),
                    rate: share("80%"),
                }),
                consecutive_failures: Some(number(5)),
            },
            open: Open {
                duration: seconds(45),
                backoff: Backoff::Factor { permille: 1500 },
                max: seconds(600),
                jitter: share("10%"),
            },
            half_open: HalfOpen {
                probes: 3,
                success_rate: share("66%"),
                max_wait: seconds(90),
                then: Then::Close,
            },
            recovery_ramp: seconds(10),
            warm_up: seconds(5),
            rules: Rules::default(),
        }
    );
    assert_eq!(
        breaker.classes,
        Classes {
            failures: Statuses::default().with(500, 599).with(429, 429),
            ignored: Statuses::default().with(501, 503),
            grpc_failures: GrpcStatuses::default().with(14).with(8),
            grpc_ignored: GrpcStatuses::default().with(12),
            reset: false,
            truncated: true,
            local_replies: LocalReplies::NONE.with(LocalReplies::UF),
            ignore_client_abort: false,
        }
    );
    assert_eq!(
        (breaker.timeout, breaker.max_in_flight),
        (Some(seconds(4)), Some(number(100)))
    );
    assert_eq!(
        breaker.fallback,
        Fallback {
            reply: Reply {
                status: 200,
                body: "[]".to_owned(),
                content_type: "application/json".to_owned(),
                headers: vec![("x-fallback".to_owned(), "1".to_owned())],
                problem_json: false,
            },
            stale: Some(Stale {
                max_age: seconds(600),
                max_body_bytes: 1 << 20,
                max_entries: number(16),
            }),
            reroute: None,
        }
    );
    assert_eq!(
        (breaker.force, breaker.throttle, breaker.preset),
        (Some(Force::Closed), None, None)
    );
}

#[test]
fn a_breaker_with_a_name_has_the_documented_defaults() {
    for nothing in ["", "{}", r#"{"breakers":[]}"#] {
        let config = parsed(nothing);
        assert!(config.breakers.is_empty());
        assert_eq!(
            (config.mode, config.on_invalid_config),
            (Mode::Enforce, OnInvalidConfig::Refuse)
        );
    }
    let plain = breaker("");
    assert_eq!(
        plain.policy,
        Policy {
            window: time(10, 10),
            minimum_requests: 20,
            trip: Trip {
                error_rate: Some(share("50%")),
                slow: None,
                consecutive_failures: None,
            },
            open: Open {
                duration: seconds(30),
                backoff: Backoff::Factor { permille: 1000 },
                max: seconds(300),
                jitter: Share::NONE,
            },
            half_open: HalfOpen {
                probes: 1,
                success_rate: Share::ALL,
                max_wait: seconds(60),
                then: Then::Open,
            },
            recovery_ramp: Duration::ZERO,
            warm_up: Duration::ZERO,
            rules: Rules::default(),
        }
    );
    assert_eq!(
        (plain.per, plain.max_keys, plain.mode),
        (Per::Rule, number(1024), Mode::Enforce)
    );
    assert_eq!(
        plain.fallback,
        Fallback {
            reply: Reply::empty(503),
            stale: None,
            reroute: None
        }
    );
    assert!(plain.matches.is_empty());
    assert_eq!(
        (plain.timeout, plain.max_in_flight, plain.force, plain.throttle),
        (None, None, None, None)
    );
}

#[test]
fn what_has_a_breaker_of_its_own_is_a_word_or_a_key() {
    let property = |name: &str| KeySource::Property(vec!["xds".to_owned(), name.to_owned()]);
    for (written, per, parts) in [
        (r#""rule""#, Per::Rule, None),
        (r#""cluster""#, Per::Cluster, Some(key(property("cluster_name")))),
        (r#""route""#, Per::Route, Some(key(property("route_name")))),
        (r#""host""#, Per::Host, Some(key(KeySource::Host))),
        (
            r#"{"key":[{"method":true}]}"#,
            Per::Key(key(KeySource::Method)),
            Some(key(KeySource::Method)),
        ),
    ] {
        let read = breaker(&format!(r#""per":{written}"#)).per;
        assert_eq!((read.clone().into_key(), read), (parts, per), "{written}");
    }
}
