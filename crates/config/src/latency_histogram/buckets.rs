//! Bounds of exact buckets, as they are written: a list, or how fine they are and where they begin and end.

use super::MAX_BOUNDS;
use crate::json::Json;
use crate::leaf::{FineSpan, fine_text};
use crate::problem::Problems;
use crate::read::{Each, Read};
use fairlead_histogram::{Bounds, Scale};

object! {
    /// Exponential buckets: bounds that are powers of one number.
    struct ExponentialFields, "a set of exponential buckets" {
        /// How fine: 2^scale buckets for each doubling. At 3 each bound is 9 % above the one before.
        "scale" Optional scale: SmallScale = 3;
        /// The first bound is not above this.
        "from" Required from: FineSpan;
        /// The last bound is not below this.
        "to" Required to: FineSpan;
    }
}

/// `buckets:`, in microseconds, ascending.
pub(super) struct Buckets;

impl Read for Buckets {
    type Out = Vec<u64>;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Vec<u64>> {
        match value {
            Json::List(items) => listed(value, items.len(), at),
            Json::Object(_) => exponential(value, at),
            _ => {
                at.wrong(
                    value,
                    "a set of buckets: write [5ms, 10ms, 25ms], or {scale: 3, from: 1ms, to: 10s}",
                );
                None
            }
        }
    }
}

#[inline(never)]
fn listed(value: &Json, count: usize, at: &mut Problems) -> Option<Vec<u64>> {
    if count == 0 {
        at.say(&["is empty: write at least one bound, or leave the field out"]);
        return None;
    }
    if count > MAX_BOUNDS {
        at.say(&["has ", &count.to_string(), " bounds, and 160 are the most"]);
        return None;
    }
    let mut bounds: Vec<u64> = Vec::new();
    for (index, bound) in Each::<FineSpan>::read(value, at)?.into_iter().enumerate() {
        let Some(bound) = bound else { continue };
        match bounds.last() {
            Some(before) if *before >= bound => {
                let mark = at.enter_item(index);
                at.say(&[
                    &fine_text(bound),
                    " is not more than the bound before, ",
                    &fine_text(*before),
                    ": write the bounds in order",
                ]);
                at.leave(mark);
            }
            _ => bounds.push(bound),
        }
    }
    Some(bounds)
}

#[inline(never)]
fn exponential(value: &Json, at: &mut Problems) -> Option<Vec<u64>> {
    let fields = ExponentialFields::read(value, at)?;
    let (from, to) = (fields.from?, fields.to?);
    if fields.scale.is_none() && value.has("scale") {
        return None;
    }
    if from >= to {
        let text = fine_text(to);
        at.say_at("to", &[&text, " is not more than from: write more"]);
        return None;
    }
    let bounds = Bounds::exponential(fields.scale.unwrap_or(Scale::DEFAULT), from, to);
    if bounds.len() > MAX_BOUNDS {
        at.say(&[
            "make ",
            &bounds.len().to_string(),
            " bounds, and 160 are the most: write a smaller scale, or less between from and to",
        ]);
        return None;
    }
    Some(bounds.as_slice().to_vec())
}

/// A scale from -1 to 5.
pub(super) struct SmallScale;

impl Read for SmallScale {
    type Out = Scale;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Scale> {
        let scale = match value {
            Json::Number(n) if *n >= -1.0 && *n <= 5.0 && n.fract() == 0.0 => Scale::new(*n as i8),
            _ => None,
        };
        if scale.is_none() {
            at.wrong(value, "a scale: write an integer from -1 to 5");
        }
        scale
    }
}

#[cfg(feature = "schema")]
impl crate::schema::Describe for Buckets {
    fn describe(definitions: &mut crate::schema::Definitions) -> serde_json::Value {
        let mut list = Each::<FineSpan>::describe(definitions);
        crate::schema::merge(&mut list, serde_json::json!({ "minItems": 1, "maxItems": 160 }));
        serde_json::json!({ "anyOf": [list, ExponentialFields::describe(definitions)] })
    }
}

#[cfg(feature = "schema")]
impl crate::schema::Describe for SmallScale {
    fn describe(_: &mut crate::schema::Definitions) -> serde_json::Value {
        serde_json::json!({ "type": "integer", "minimum": -1, "maximum": 5 })
    }
}
