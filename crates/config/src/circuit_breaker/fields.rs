//! The fields of the circuit-breaker filter's config as they are written, and how they become a [`CircuitBreaker`].

use super::classes::{FailureFields, IgnoreFields};
use super::opening::{WrittenOpen, opening};
use super::recovery::{HalfOpenFields, half_open};
use super::window::{WindowFields, WrittenWindow, minimum_requests, window};
use super::{Breaker, CircuitBreaker, DEFAULT_MAX_KEYS, FALLBACK_STATUS, Fallback, Force, MAX_BREAKERS, Per};
use crate::filter::{ApiVersion, Mode, OnInvalidConfig};
use crate::json::Json;
use crate::leaf::{HOUR, Name, Span};
use crate::problem::Problems;
use crate::read::{Int, List, List1, Read};
use crate::reply::Reply;
use crate::request::Match;
use fairlead_breaker::classes::Classes;
use fairlead_breaker::policy::{Policy, Throttle, Trip};
use fairlead_breaker::preset::Preset;
use std::num::NonZeroU32;

object! {
    /// Circuit breakers, kept in the proxy: each stops requests to what fails, and finds out when to begin again.
    struct CircuitBreakerFields, "a circuit-breaker config" {
        /// Version of this format.
        "apiVersion" Optional _api_version: ApiVersion = "fairlead.dev/v1";
        /// What the filter may do. The weaker of this and a breaker's own mode wins.
        "mode" Optional mode: Mode = "enforce";
        /// The breakers. All that match a request apply, and the first that refuses it answers.
        "breakers" Optional breakers: Breakers = [];
        /// What to do if the first config of a proxy cannot be used.
        "on_invalid_config" Optional on_invalid_config: OnInvalidConfig = "refuse";
    }
}

object! {
    /// One breaker, or one for each key: which calls it watches, what opens it, and what a refused request gets.
    struct BreakerFields, "a breaker" {
        /// Unique in this config. It names the breaker in metrics, log lines and reply details.
        "name" Required name: Name;
        /// What this breaker may do. The weaker of this and the filter's mode wins.
        "mode" Optional mode: Mode = "enforce";
        /// Which requests it is about: those that meet at least one entry. Without it: every request.
        "match" Optional matches: List1<Match>;
        /// What has a breaker of its own.
        "per" Optional per: Per = "rule";
        /// How many keys can have a breaker at a time. Bounds the memory; a key beyond is not protected. Not with per: rule.
        "max_keys" Optional max_keys: Int<1, { super::MAX_MAX_KEYS.get() }> = 1024;
        /// The library whose starting values and comparison rules hold. What is written here wins over its values.
        "preset" Optional preset: Preset;
        /// How far back completed calls count.
        "window" Optional window: WrittenWindow = { "duration": "10s", "buckets": 10 };
        /// With fewer completed calls in the window, rates do not trip.
        "minimum_requests" Optional minimum_requests: Int<1, 1_000_000> = 20;
        /// What opens it: any one of these. Replaces what a preset has, as a whole.
        "trip" Optional trip: Trip = { "error_rate": "50%" };
        /// Which calls have failed.
        "failure" Optional failure: FailureFields;
        /// Which calls say nothing about what was called.
        "ignore" Optional ignore: IgnoreFields;
        /// For how long it stays open.
        "open" Optional open: WrittenOpen;
        /// How it finds out whether to close.
        "half_open" Optional half_open: HalfOpenFields;
        /// After closing, for how long the share of admitted requests grows from nothing to all.
        "recovery_ramp" Optional recovery_ramp: Span<0, HOUR> = "0s";
        /// After the breaker's first request, for how long nothing trips it.
        "warm_up" Optional warm_up: Span<0, HOUR> = "0s";
        /// How long the upstream may take for a request. Without it: what the route says.
        "timeout" Optional timeout: Span<1, HOUR>;
        /// How many requests can be in flight, over all workers of this proxy. Without it: any number.
        "max_in_flight" Optional max_in_flight: Int<1, 100_000>;
        /// Refuses a share of the requests that grows with the failures, instead of opening. Only with per: rule.
        "throttle" Optional throttle: Throttle;
        /// What a refused request gets. Retry-After is added always; a gRPC request gets UNAVAILABLE.
        "fallback" Optional fallback: Fallback;
        /// Says the state, whatever the calls do. For operators.
        "force" Optional force: Force;
    }
}

words! {
    Preset, "a library" {
        /// Node.js: opossum.
        "opossum" => Preset::Opossum;
        /// Java: resilience4j.
        "resilience4j" => Preset::Resilience4j;
        /// Go: sony/gobreaker.
        "gobreaker" => Preset::Gobreaker;
        /// Envoy's outlier detection.
        "envoy" => Preset::Envoy;
        /// Java: Netflix Hystrix.
        "hystrix" => Preset::Hystrix;
    }
}

words! {
    Force, "a state" {
        /// Every request is refused.
        "open" => Force::Open;
        /// None is.
        "closed" => Force::Closed;
    }
}

impl Read for CircuitBreaker {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = CircuitBreakerFields::read(value, at)?;
        Some(Self {
            mode: fields.mode.unwrap_or_default(),
            breakers: fields.breakers.unwrap_or_default(),
            on_invalid_config: fields.on_invalid_config.unwrap_or_default(),
        })
    }
}

/// `breakers: [...]`.
pub(crate) struct Breakers;

impl Read for Breakers {
    type Out = Vec<Breaker>;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Vec<Breaker>> {
        if let Json::List(items) = value
            && items.len() > MAX_BREAKERS
        {
            at.say(&[
                "has ",
                &items.len().to_string(),
                " breakers, and 256 are the most",
            ]);
            return None;
        }
        at.unique(value, "name");
        List::<Breaker>::read(value, at)
    }
}

impl Read for Breaker {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let mut fields = BreakerFields::read(value, at)?;
        if fields.per == Some(Per::Rule) || !value.has("per") {
            one_for_all(value, at);
        }
        if value.has("throttle") {
            shedding(value, fields.per.as_ref(), fields.window.as_ref(), at);
        }
        let classes = fields.preset.map_or_else(Classes::default, Preset::classes);
        let (policy, capped_minimum) = policy(&mut fields, value, at);
        let classes = super::classes::classes(fields.failure, fields.ignore, classes);
        Some(Self {
            name: fields.name?,
            mode: fields.mode.unwrap_or_default(),
            matches: fields.matches.unwrap_or_default(),
            per: fields.per.unwrap_or_default(),
            max_keys: fields
                .max_keys
                .and_then(NonZeroU32::new)
                .unwrap_or(DEFAULT_MAX_KEYS),
            policy,
            capped_minimum,
            classes,
            throttle: fields.throttle,
            timeout: fields.timeout,
            max_in_flight: fields.max_in_flight.and_then(NonZeroU32::new),
            fallback: fields.fallback.unwrap_or_else(|| Fallback {
                reply: Reply::empty(FALLBACK_STATUS),
                stale: None,
                reroute: None,
            }),
            force: fields.force,
            preset: fields.preset,
        })
    }
}

/// What is written, over what a preset has, or over the defaults; and the minimum that does not hold. The walk is at the
/// breaker.
#[inline(never)]
fn policy(fields: &mut BreakerFields, breaker: &Json, at: &mut Problems) -> (Policy, Option<u32>) {
    let base = fields.preset.map_or_else(Policy::default, Preset::policy);
    let is_known = fields.preset.is_some() || !breaker.has("preset");
    let window = window(fields.window.take(), base.window);
    let (minimum_requests, capped) = minimum_requests(fields.minimum_requests, base.minimum_requests, window);
    let policy = Policy {
        window,
        minimum_requests,
        trip: fields.trip.unwrap_or(base.trip),
        open: opening(fields.open.take(), base.open, is_known, at),
        half_open: half_open(fields.half_open.take(), base.half_open),
        recovery_ramp: fields.recovery_ramp.unwrap_or(base.recovery_ramp),
        warm_up: fields.warm_up.unwrap_or(base.warm_up),
        rules: base.rules,
    };
    (policy, capped)
}

/// Notes what has no meaning where a rule has one breaker.
#[inline(never)]
fn one_for_all(breaker: &Json, at: &mut Problems) {
    if breaker.has("max_keys") {
        at.say_at(
            "max_keys",
            &["means nothing with per: rule, which has one breaker: leave it out"],
        );
    }
}

/// Notes what does not go with `throttle`.
#[inline(never)]
fn shedding(breaker: &Json, per: Option<&Per>, window: Option<&WindowFields>, at: &mut Problems) {
    for key in ["preset", "trip", "open", "half_open", "recovery_ramp", "warm_up"] {
        if breaker.has(key) {
            at.say_at(
                key,
                &["does not go with throttle, which never opens: leave one of them out"],
            );
        }
    }
    if per.is_some_and(|per| *per != Per::Rule) {
        at.say_at(
            "per",
            &["does not go with throttle, which counts for the whole rule: leave it out, or throttle"],
        );
    }
    if window.is_some_and(|window| window.calls.is_some() || window.buckets == Some(1)) {
        at.say_at(
            "window",
            &["does not go with throttle: write a duration of at least two buckets"],
        );
    }
}

described_as! {
    CircuitBreaker => CircuitBreakerFields;
    Breakers => List<Breaker>, { "maxItems": 256 };
    Breaker => BreakerFields;
}
