//! The fields of the rate-limit filter's config as they are written, and how they become a [`RateLimit`].

use super::deny::Deny;
use super::overrides::{OverrideFields, check_overrides};
use super::{DEFAULT_MAX_KEYS, DENY_STATUS, Limit, RateLimit, ResponseHeaders, Scope};
use crate::filter::{ApiVersion, Mode, OnInvalidConfig};
use crate::json::Json;
use crate::leaf::Name;
use crate::problem::Problems;
use crate::read::{Each, Int, Leaf, List, List1, Malformed, Read};
use crate::reply::Reply;
use crate::request::{KeyPart, Match};
use fairlead_quota::{OnOverflow, Quota, Rate, RateError};
use std::num::NonZeroU32;

/// More limits than one config needs: each has metrics of its own, which a proxy can never delete.
const MAX_LIMITS: usize = 1024;

/// Requests at once.
pub(super) type Burst = Int<1, { u32::MAX }>;

object! {
    /// Rate limits, kept in the proxy: each limit counts the requests it matches, by key, and refuses those over its rate.
    struct RateLimitFields, "a rate-limit config" {
        /// Version of this format.
        "apiVersion" Optional _api_version: ApiVersion = "fairlead.dev/v1";
        /// What the filter may do. The weaker of this and a limit's own mode wins.
        "mode" Optional mode: Mode = "enforce";
        /// The limits, in the order in which they apply. All that match must admit a request; a refused request spends nothing.
        "limits" Optional limits: Limits = [];
        /// The reply to a request over a limit. Retry-After is added always; a gRPC request gets RESOURCE_EXHAUSTED.
        "deny" Optional deny: Deny;
        /// Headers that tell the client about its limits.
        "response_headers" Optional response_headers: ResponseHeaders = "ietf";
        /// What to do if the first config of a proxy cannot be used.
        "on_invalid_config" Optional on_invalid_config: OnInvalidConfig = "refuse";
    }
    later {
        "mesh" => "limits over all proxies are not supported by this version: divide the rate by the number of proxies";
    }
}

object! {
    /// One limit: which requests, counted by what, at which rate.
    struct LimitFields, "a limit" {
        /// Unique in this config. It names the limit in metrics and in the RateLimit headers.
        "name" Required name: Name;
        /// What this limit may do. The weaker of this and the filter's mode wins.
        "mode" Optional mode: Mode = "enforce";
        /// Which requests count: those that meet at least one entry. Without it: every request.
        "match" Optional matches: List1<Match>;
        /// What the requests are counted by: the parts of a composite key. Without it: one bucket for all.
        "key" Optional key: List1<KeyPart>;
        /// How many requests a key has in the long run.
        "rate" Required rate: Rate;
        /// How many requests a key can send at once. Without it: what the rate gives in a second, at least 1.
        "burst" Optional burst: Burst;
        /// Rates of particular keys, at most 4096.
        "overrides" Optional overrides: Each<OverrideFields> = [];
        /// What a request spends. This version knows 1 only.
        "cost" Optional _cost: Cost = 1;
        /// Who shares a bucket.
        "scope" Optional scope: Scope = "proxy";
        /// How exactly the rate is kept. This version is always exact.
        "exactness" Optional _exactness: Exactness = "auto";
        /// How many keys can have a bucket of their own at a time. Bounds the memory.
        "max_keys" Optional max_keys: Int<1, { super::MAX_MAX_KEYS.get() }> = 4096;
        /// What a new key gets while all buckets are taken.
        "on_overflow" Optional on_overflow: OnOverflow = "shared";
    }
    later {
        "also" => "further windows are not supported by this version: use one limit per window";
        "concurrency" => "limits of requests in flight are not supported by this version: leave the field out";
    }
}

words! {
    ResponseHeaders, "a header style" {
        /// RateLimit and RateLimit-Policy of the current IETF draft.
        "ietf" => ResponseHeaders::Ietf;
        /// X-RateLimit-Limit, -Remaining and -Reset as Envoy writes them.
        "draft03" => ResponseHeaders::Draft03;
        /// RateLimit-Limit, -Remaining and -Reset of the IETF drafts up to 07.
        "legacy" => ResponseHeaders::Legacy;
        /// No such headers.
        "none" => ResponseHeaders::None;
    }
}

words! {
    Scope, "a scope" {
        /// Each worker thread counts for itself: the cheapest, but a client gets up to workers x rate.
        "worker" => Scope::Worker;
        /// All workers of this proxy count together.
        "proxy" => Scope::Proxy;
    }
    later { "mesh" => "write proxy, and divide the rate by the number of proxies"; }
}

words! {
    OnOverflow, "an answer to an overflow" {
        /// It shares one bucket with the other new keys.
        "shared" => OnOverflow::Shared;
        /// It is refused.
        "deny" => OnOverflow::Deny;
        /// It takes the bucket of another key, which starts anew.
        "fresh" => OnOverflow::Fresh;
    }
}

/// How exactly a rate is kept; one way so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exactness;

words! {
    Exactness, "a degree of exactness" {
        /// The filter's choice.
        "auto" => Exactness;
        /// Each request is counted before it passes.
        "exact" => Exactness;
    }
    later { "leased" => "write exact or auto"; }
}

impl Leaf for Rate {
    type Out = Self;
    const EXPECTED: &'static str =
        "a rate: write a positive number of requests per s, m, h or d, as in 100/s";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^0*[1-9][0-9]{0,10}/[smhd]$";

    fn parse(text: &str) -> Result<Self, Malformed> {
        text.parse().map_err(|error| match error {
            RateError::TooFast => Malformed::fix(error.fix()),
            _ => Malformed::Expected,
        })
    }
}

/// What a request spends.
pub(super) struct Cost;

impl Read for Cost {
    type Out = ();

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<()> {
        if matches!(value, Json::Number(n) if *n == 1.0) {
            return Some(());
        }
        at.say(&[
            &value.excerpt(),
            " is not supported by this version: each request costs 1; leave the field out",
        ]);
        None
    }
}

impl Read for RateLimit {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = RateLimitFields::read(value, at)?;
        Some(Self {
            mode: fields.mode.unwrap_or_default(),
            limits: fields.limits.unwrap_or_default(),
            deny: fields.deny.unwrap_or_else(|| Reply::empty(DENY_STATUS)),
            response_headers: fields.response_headers.unwrap_or_default(),
            on_invalid_config: fields.on_invalid_config.unwrap_or_default(),
        })
    }
}

/// `limits: [...]`.
pub(crate) struct Limits;

impl Read for Limits {
    type Out = Vec<Limit>;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Vec<Limit>> {
        if let Json::List(items) = value
            && items.len() > MAX_LIMITS
        {
            at.say(&["has ", &items.len().to_string(), " limits, and 1024 are the most"]);
            return None;
        }
        at.unique(value, "name");
        List::<Limit>::read(value, at)
    }
}

impl Read for Limit {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = LimitFields::read(value, at)?;
        let quota = quota(fields.rate, fields.burst, at);
        let overrides = fields.overrides.unwrap_or_default();
        let key = fields.key.as_deref().unwrap_or_default();
        // What the parts of a broken key would have asked of the overrides is unknown.
        let overrides = if key.len() == list_length(value, "key") {
            check_overrides(overrides, key, at)
        } else {
            Vec::new()
        };
        Some(Self {
            overrides,
            name: fields.name?,
            mode: fields.mode.unwrap_or_default(),
            matches: fields.matches.unwrap_or_default(),
            key: fields.key,
            quota: quota?,
            scope: fields.scope.unwrap_or_default(),
            max_keys: fields
                .max_keys
                .and_then(NonZeroU32::new)
                .unwrap_or(DEFAULT_MAX_KEYS),
            on_overflow: fields.on_overflow.unwrap_or_default(),
        })
    }
}

/// How many items the list in a field has; 0 for an absent field, and no length at all for what is not a list.
#[inline(never)]
fn list_length(object: &Json, key: &str) -> usize {
    let Json::Object(fields) = object else { return 0 };
    match fields.iter().find(|(name, _)| name == key) {
        None => 0,
        Some((_, Json::List(items))) => items.len(),
        Some(_) => usize::MAX,
    }
}

/// A rate and a burst together; notes a problem at `burst` of the object where the walk is.
#[inline(never)]
pub(super) fn quota(rate: Option<Rate>, burst: Option<u32>, at: &mut Problems) -> Option<Quota> {
    let burst = burst.and_then(NonZeroU32::new);
    match Quota::new(rate?, burst) {
        Ok(quota) => Some(quota),
        Err(error) => {
            let written = burst.map(|n| n.to_string()).unwrap_or_default();
            at.say_at("burst", &[&written, " ", &error.to_string()]);
            None
        }
    }
}

described_as! {
    RateLimit => RateLimitFields;
    Limits => List<Limit>, { "maxItems": 1024 };
    Limit => LimitFields;
}

#[cfg(feature = "schema")]
impl crate::schema::Describe for Cost {
    fn describe(_: &mut crate::schema::Definitions) -> serde_json::Value {
        serde_json::json!({ "const": 1 })
    }
}
