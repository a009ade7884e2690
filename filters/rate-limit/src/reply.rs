//! What clients are told: the reply to a refused request, and the fields that state limits on every response.

use crate::configure::Limit;
use crate::stream::{Flight, Refused, Stated};
use fairlead_config::rate_limit::{self as config, ResponseHeaders};
use fairlead_quota::fields;
use fairlead_stage::{Effects, HeaderMap, Reply, Verdict};
use std::borrow::Cow;

/// gRPC's RESOURCE_EXHAUSTED. Envoy uses it for gRPC requests only.
const RESOURCE_EXHAUSTED: u32 = 8;

/// Everything about replies that is known when the filter is configured.
pub(crate) struct Replies {
    status: u16,
    content_type: String,
    headers: Vec<(String, String)>,
    stated: ResponseHeaders,
    /// By limit.
    texts: Vec<Text>,
}

struct Text {
    /// Shows in access logs which limit it was: `rate_limit/<name>`.
    details: String,
    body: Vec<u8>,
}

impl Replies {
    #[inline(never)]
    pub(crate) fn new(config: &config::RateLimit, limits: &[Limit]) -> Self {
        let deny = &config.deny;
        let text = |limit: &Limit| Text {
            details: ["rate_limit/", &limit.name].concat(),
            body: if deny.problem_json {
                problem(deny.status, &limit.name)
            } else {
                deny.body.clone().into()
            },
        };
        Self {
            status: deny.status,
            content_type: if deny.problem_json {
                "application/problem+json".to_owned()
            } else {
                deny.content_type.clone()
            },
            headers: deny.headers.clone(),
            stated: config.response_headers,
            texts: limits.iter().map(text).collect(),
        }
    }

    /// Whether responses state limits at all.
    pub(crate) fn states_limits(&self) -> bool {
        self.stated != ResponseHeaders::None
    }

    /// The reply to a request that a limit refused.
    #[inline(never)]
    pub(crate) fn deny<'s>(
        &'s self,
        limits: &[Limit],
        refused: &Refused,
        effects: &mut Effects,
    ) -> Verdict<'s> {
        let Some(text) = self.texts.get(refused.limit as usize) else {
            return Verdict::Continue;
        };
        if !text.body.is_empty() {
            effects.set_to(HeaderMap::Response, "content-type", self.content_type.as_bytes());
        }
        for (name, value) in &self.headers {
            effects.set_to(HeaderMap::Response, name, value.as_bytes());
        }
        if let Some(seconds) = refused.wait_seconds {
            effects.set(HeaderMap::Response, fields::RETRY_AFTER, |out| {
                fields::push_number(out, seconds)
            });
        }
        self.state(limits, refused.stated.as_slice(), effects);
        Verdict::Deny(Reply {
            status: self.status,
            grpc_status: Some(RESOURCE_EXHAUSTED),
            details: &text.details,
            body: Cow::Borrowed(&text.body),
        })
    }

    /// States the limits of an admitted request on its response.
    pub(crate) fn state_limits(&self, limits: &[Limit], flight: &Flight, effects: &mut Effects) {
        self.state(limits, flight.stated(), effects);
    }

    #[inline(never)]
    fn state(&self, limits: &[Limit], told: &[Stated], effects: &mut Effects) {
        let stated = || {
            told.iter().filter_map(|one| {
                let limit = limits.get(one.limit as usize)?;
                let told = fields::Stated {
                    rate: one.rate,
                    decision: &one.decision,
                };
                Some((limit.name.as_str(), told))
            })
        };
        let Some(tightest) = fields::tightest(stated().map(|(_, stated)| stated)) else {
            return;
        };
        let response = HeaderMap::Response;
        match self.stated {
            // Lists, to which every filter on the way adds its own.
            ResponseHeaders::Ietf => {
                effects.add(response, fields::RATELIMIT_POLICY, |out| {
                    list(out, stated(), |out, name, limit| {
                        fields::push_policy(out, name, limit.rate)
                    });
                });
                effects.add(response, fields::RATELIMIT, |out| {
                    list(out, stated(), |out, name, limit| {
                        fields::push_limit(out, name, limit.decision)
                    });
                });
            }
            ResponseHeaders::Draft03 => {
                effects.set(response, fields::X_RATELIMIT_LIMIT, |out| {
                    fields::push_draft03_limit(out, tightest.rate, stated().map(|(_, limit)| limit.rate));
                });
                numbers(
                    effects,
                    &tightest,
                    fields::X_RATELIMIT_REMAINING,
                    fields::X_RATELIMIT_RESET,
                );
            }
            ResponseHeaders::Legacy => {
                effects.set(response, fields::RATELIMIT_LIMIT, |out| {
                    fields::push_legacy_limit(out, tightest.rate);
                });
                numbers(
                    effects,
                    &tightest,
                    fields::RATELIMIT_REMAINING,
                    fields::RATELIMIT_RESET,
                );
            }
            ResponseHeaders::None => {}
        }
    }
}

#[inline(never)]
fn list<'a>(
    out: &mut Vec<u8>,
    limits: impl Iterator<Item = (&'a str, fields::Stated<'a>)>,
    mut push: impl FnMut(&mut Vec<u8>, &str, &fields::Stated<'_>),
) {
    limits.for_each(|(name, limit)| push(out, name, &limit));
}

#[inline(never)]
fn numbers(effects: &mut Effects, tightest: &fields::Stated<'_>, remaining: &str, reset: &str) {
    effects.set(HeaderMap::Response, remaining, |out| {
        fields::push_remaining(out, tightest.decision)
    });
    effects.set(HeaderMap::Response, reset, |out| {
        fields::push_reset(out, tightest.decision)
    });
}

/// A problem document (RFC 9457) of the type that the `RateLimit` draft registers. Names of limits need no escaping.
#[inline(never)]
fn problem(status: u16, limit: &str) -> Vec<u8> {
    let status = status.to_string();
    let parts = [
        r#"{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","#,
        r#""title":"Request cannot be satisfied as assigned quota has been exceeded","status":"#,
        &status,
        r#","violated-policies":[""#,
        limit,
        r#""]}"#,
    ];
    parts.concat().into_bytes()
}
