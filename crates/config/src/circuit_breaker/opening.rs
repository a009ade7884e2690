//! What opens a breaker and for how long, as it is written.

use crate::json::Json;
use crate::leaf::{DAY, Factor, HOUR, Percent, PercentAbove0, Span, span_text};
use crate::problem::Problems;
use crate::read::{Int, Read};
use fairlead_breaker::policy::{Backoff, Open, Slow, Trip};
use fairlead_stage::Share;
use std::num::NonZeroU32;

object! {
    /// What opens a breaker: any one of these.
    struct TripFields, "a trip" {
        /// The share of calls in the window that failed is at least this.
        "error_rate" AnyOf error_rate: PercentAbove0;
        /// Too many calls in the window are slow.
        "slow" AnyOf slow: Slow;
        /// So many failures without a success between them, however few calls there are.
        "consecutive_failures" AnyOf consecutive_failures: Int<1, 1_000_000>;
    }
}

object! {
    /// When slowness opens a breaker.
    struct SlowFields, "a bound on slow calls" {
        /// A call is slow that takes longer than this until its response headers.
        "above" Required above: Span<1, 600_000>;
        /// The share of calls in the window that are slow is at least this.
        "rate" Optional rate: PercentAbove0 = "100%";
    }
}

object! {
    /// For how long a breaker stays open.
    struct OpenFields, "an open state" {
        /// The first time.
        "duration" Optional duration: Span<1, HOUR> = "30s";
        /// How that grows when it opens again before it has recovered.
        "backoff" Optional backoff: Backoff = 1;
        /// The most that it grows to. Without it: 5m, or the duration where that is longer.
        "max" Optional max: Span<1, DAY> = "5m";
        /// By at most how much of itself each duration is changed at random, either way.
        "jitter" Optional jitter: Percent = "0%";
    }
}

impl Read for Trip {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = TripFields::read(value, at)?;
        Some(Self {
            error_rate: fields.error_rate,
            slow: fields.slow,
            consecutive_failures: fields.consecutive_failures.and_then(NonZeroU32::new),
        })
    }
}

impl Read for Slow {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = SlowFields::read(value, at)?;
        Some(Self {
            above: fields.above?,
            rate: fields.rate.unwrap_or(Share::ALL),
        })
    }
}

type BackoffFactor = Factor<1000>;

impl Read for Backoff {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        match value {
            Json::Text(text) if text == "linear" => Some(Self::Linear),
            Json::Text(text) if !text.starts_with(|c: char| c.is_ascii_digit()) => {
                at.wrong(value, "a backoff: write linear, or a factor from 1 to 100");
                None
            }
            _ => BackoffFactor::read(value, at).map(|permille| Self::Factor { permille }),
        }
    }
}

/// `open:`.
pub(super) struct WrittenOpen;

impl Read for WrittenOpen {
    type Out = OpenFields;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<OpenFields> {
        let mut fields = OpenFields::read(value, at)?;
        // A duration that could not be read says nothing about its bound.
        if fields.duration.is_none() && value.has("duration") {
            fields.max = None;
        }
        Some(fields)
    }
}

/// What is written, over what else would hold, if that is known. The walk is at the breaker.
#[inline(never)]
pub(super) fn opening(fields: Option<OpenFields>, base: Open, is_known: bool, at: &mut Problems) -> Open {
    let Some(fields) = fields else { return base };
    let duration = fields.duration.unwrap_or(base.duration);
    if fields.max.is_some_and(|max| max < duration) && (is_known || fields.duration.is_some()) {
        let millis = duration.as_secs().saturating_mul(1000);
        let millis = millis.saturating_add(u64::from(duration.subsec_millis()));
        let mark = at.enter("open");
        at.say_at(
            "max",
            &[
                "is less than the duration: write at least ",
                &span_text(millis),
                ", or leave it out",
            ],
        );
        at.leave(mark);
    }
    Open {
        duration,
        backoff: fields.backoff.unwrap_or(base.backoff),
        max: fields.max.unwrap_or_else(|| base.max.max(duration)),
        jitter: fields.jitter.unwrap_or(base.jitter),
    }
}

described_as! {
    Trip => TripFields;
    WrittenOpen => OpenFields;
    Slow => SlowFields;
}

#[cfg(feature = "schema")]
impl crate::schema::Describe for Backoff {
    fn describe(definitions: &mut crate::schema::Definitions) -> serde_json::Value {
        let factor = BackoffFactor::describe(definitions);
        serde_json::json!({
            "anyOf": [factor, { "const": "linear" }],
            "description": "- a number: Each time by this factor.\n- linear: Each time by the first duration, as Envoy's outlier detection does.",
        })
    }
}
