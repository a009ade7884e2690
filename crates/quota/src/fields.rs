//! The header fields that tell a client about its limits.
//!
//! Three families, as clients expect them:
//! - *ietf*: [`RATELIMIT_POLICY`] and [`RATELIMIT`] of draft-ietf-httpapi-ratelimit-headers (revision 0669b82), lists of
//!   structured fields (RFC 9651): `"per-key";q=100;w=1` and `"per-key";r=50;t=1`;
//! - *draft 03*: `x-ratelimit-*` as Envoy's rate-limit filter writes them for `DRAFT_VERSION_03`
//!   (`source/extensions/filters/http/ratelimit/ratelimit_headers.cc`): `5, 5;w=60`;
//! - *legacy*: `ratelimit-limit`, `-remaining`, `-reset` of the IETF drafts up to 07: plain numbers.
//!
//! `q` and `w` repeat the rate in the operator's terms: `60/m` is `q=60;w=60`. `r` is what could be spent at once right
//! now, so it is never more than the burst. `t` and the two resets are seconds until one unit more than `r` is there,
//! which is what the draft means by "until additional quota is made available"; in a refusal they equal `Retry-After`.
//! Seconds are whole, rounded up, at least 1. The draft's `qu` (requests, the default) and `pk` (which would tell clients
//! how they are told apart) are left out.
//!
//! Functions append to a buffer of the caller's and format by hand: about 20 ns a list member, no allocation of their own.

use crate::gcra::{Decision, Outcome};
use crate::rate::Rate;
use std::time::Duration;

/// Name of the field that [`push_policy`] writes.
pub const RATELIMIT_POLICY: &str = "ratelimit-policy";
/// Name of the field that [`push_limit`] writes.
pub const RATELIMIT: &str = "ratelimit";
/// Name of the field that holds [`retry_after_seconds`].
pub const RETRY_AFTER: &str = "retry-after";
/// Name of the field that [`push_draft03_limit`] writes.
pub const X_RATELIMIT_LIMIT: &str = "x-ratelimit-limit";
/// Name of the field that [`push_remaining`] writes, draft 03.
pub const X_RATELIMIT_REMAINING: &str = "x-ratelimit-remaining";
/// Name of the field that [`push_reset`] writes, draft 03.
pub const X_RATELIMIT_RESET: &str = "x-ratelimit-reset";
/// Name of the field that [`push_legacy_limit`] writes.
pub const RATELIMIT_LIMIT: &str = "ratelimit-limit";
/// Name of the field that [`push_remaining`] writes, legacy.
pub const RATELIMIT_REMAINING: &str = "ratelimit-remaining";
/// Name of the field that [`push_reset`] writes, legacy.
pub const RATELIMIT_RESET: &str = "ratelimit-reset";

/// What is said about one limit in the fields that speak of one only.
#[derive(Clone, Copy, Debug)]
pub struct Stated<'a> {
    /// The rate of the quota that applied.
    pub rate: Rate,
    /// What was decided.
    pub decision: &'a Decision,
}

/// `Retry-After` for a refusal; `None` where waiting does not help. With several refusals, the largest counts.
#[must_use]
pub fn retry_after_seconds(outcome: &Outcome) -> Option<u64> {
    outcome.retry_after().map(whole_seconds)
}

/// Seconds until more can be spent than now, or until the refused request can be: `t`. `None` for a full bucket.
#[must_use]
pub fn reset_seconds(decision: &Decision) -> Option<u64> {
    let wait = decision.retry_after().unwrap_or(decision.next_after);
    (!wait.is_zero()).then(|| whole_seconds(wait))
}

/// Adds a member to a `RateLimit-Policy` list: `"name";q=100;w=1`.
pub fn push_policy(field: &mut Vec<u8>, name: &str, rate: Rate) {
    push_separator(field);
    push_string(field, name);
    push_parameter(field, b";q=", rate.requests().get());
    push_parameter(field, b";w=", rate.period().seconds());
}

/// Adds a member to a `RateLimit` list: `"name";r=50;t=1`.
pub fn push_limit(field: &mut Vec<u8>, name: &str, decision: &Decision) {
    push_separator(field);
    push_string(field, name);
    push_parameter(field, b";r=", u64::from(decision.remaining));
    if let Some(seconds) = reset_seconds(decision) {
        push_parameter(field, b";t=", seconds);
    }
}

/// The limit with the fewest units remaining, the first of several: the one that draft 03 and legacy fields speak of.
pub fn tightest<'a>(limits: impl IntoIterator<Item = Stated<'a>>) -> Option<Stated<'a>> {
    limits.into_iter().min_by_key(|stated| stated.decision.remaining)
}

/// Adds the value of `x-ratelimit-limit`: the rate of the tightest limit, then each limit with its window: `5, 5;w=60`.
pub fn push_draft03_limit(field: &mut Vec<u8>, tightest: Rate, limits: impl IntoIterator<Item = Rate>) {
    push_number(field, tightest.requests().get());
    for rate in limits {
        push_parameter(field, b", ", rate.requests().get());
        push_parameter(field, b";w=", rate.period().seconds());
    }
}

/// Adds the value of `ratelimit-limit`: the rate of the tightest limit.
pub fn push_legacy_limit(field: &mut Vec<u8>, tightest: Rate) {
    push_number(field, tightest.requests().get());
}

/// Adds the value of a `-remaining` field.
pub fn push_remaining(field: &mut Vec<u8>, tightest: &Decision) {
    push_number(field, u64::from(tightest.remaining));
}

/// Adds the value of a `-reset` field: 0 for a full bucket.
pub fn push_reset(field: &mut Vec<u8>, tightest: &Decision) {
    push_number(field, reset_seconds(tightest).unwrap_or(0));
}

/// Adds a number in decimal digits, as in `retry-after`.
pub fn push_number(field: &mut Vec<u8>, number: u64) {
    let mut digits = [b'0'; 20];
    let mut rest = number;
    let mut used = 0usize;
    for digit in digits.iter_mut().rev() {
        // A remainder by ten fits.
        *digit = b'0'.wrapping_add((rest % 10) as u8);
        rest /= 10;
        used = used.saturating_add(1);
        if rest == 0 {
            break;
        }
    }
    field.extend_from_slice(digits.get(20usize.saturating_sub(used)..).unwrap_or_default());
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs()
        .saturating_add(u64::from(wait.subsec_nanos() > 0))
        .max(1)
}

fn push_separator(field: &mut Vec<u8>) {
    if !field.is_empty() {
        field.extend_from_slice(b", ");
    }
}

fn push_parameter(field: &mut Vec<u8>, prefix: &[u8], number: u64) {
    field.extend_from_slice(prefix);
    push_number(field, number);
}

/// A structured-field string (RFC 9651, 4.1.6). It cannot hold bytes outside printable ASCII, which become `_`; names that
/// a config admits have none.
fn push_string(field: &mut Vec<u8>, text: &str) {
    field.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => field.extend_from_slice(&[b'\\', byte]),
            b' '..=b'~' => field.push(byte),
            _ => field.push(b'_'),
        }
    }
    field.push(b'"');
}

#[cfg(test)]
mod tests;
