//! How a breaker finds out whether to close, as it is written.

use crate::leaf::{DAY, Percent, Span};
use crate::read::Int;
use fairlead_breaker::policy::{HalfOpen, Then};

object! {
    /// How a breaker finds out whether to close.
    struct HalfOpenFields, "a half-open state" {
        /// How many requests are let through to find out. 0: it closes without.
        "probes" Optional probes: Int<0, 1000> = 1;
        /// Which share of them must succeed.
        "success_rate" Optional success_rate: Percent = "100%";
        /// The longest that it waits for them.
        "max_wait" Optional max_wait: Span<1, DAY> = "60s";
        /// What it does then.
        "then" Optional then: Then = "open";
    }
}

words! {
    Then, "an end of waiting" {
        /// It opens again.
        "open" => Then::Open;
        /// It closes.
        "close" => Then::Close;
    }
}

/// What is written, over what else would hold.
#[inline(never)]
pub(super) fn half_open(fields: Option<HalfOpenFields>, base: HalfOpen) -> HalfOpen {
    let Some(fields) = fields else { return base };
    HalfOpen {
        probes: fields.probes.unwrap_or(base.probes),
        success_rate: fields.success_rate.unwrap_or(base.success_rate),
        max_wait: fields.max_wait.unwrap_or(base.max_wait),
        then: fields.then.unwrap_or(base.then),
    }
}
