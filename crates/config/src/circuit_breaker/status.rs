//! What responses say of themselves, as it is written: statuses of HTTP and gRPC, and Envoy's response flags.

use crate::json::Json;
use crate::problem::{Problems, nearest};
use crate::read::Read;
use fairlead_breaker::classes::{GrpcStatuses, LocalReplies};

/// Statuses of HTTP from one to another: `503`, `"500-504"`, `"5xx"`.
pub(super) struct StatusRange;

impl Read for StatusRange {
    type Out = (u16, u16);

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<(u16, u16)> {
        let range = match value {
            Json::Number(n) if n.fract() == 0.0 => Some((*n as u16, *n as u16)),
            Json::Text(text) => range(text),
            _ => None,
        };
        match range {
            Some((from, to)) if from >= 100 && to <= 599 && from <= to => range,
            _ => {
                at.wrong(
                    value,
                    "a status from 100 to 599: write it as in 503, \"500-504\" or \"5xx\"",
                );
                None
            }
        }
    }
}

fn range(text: &str) -> Option<(u16, u16)> {
    if let Some(class) = text.strip_suffix("xx") {
        let first = number(class, 1)?.saturating_mul(100);
        return Some((first, first.saturating_add(99)));
    }
    match text.split_once('-') {
        Some((from, to)) => Some((number(from, 3)?, number(to, 3)?)),
        None => number(text, 3).map(|status| (status, status)),
    }
}

/// A number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<u16> {
    if text.len() != digits || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A status of gRPC, by its name or its number.
pub(super) struct GrpcStatus;

impl Read for GrpcStatus {
    type Out = u32;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<u32> {
        if let Json::Number(n) = value
            && *n >= 0.0
            && *n <= 16.0
            && n.fract() == 0.0
        {
            return Some(*n as u32);
        }
        let index = known(
            value,
            "a gRPC status: write ",
            &GrpcStatuses::NAMES,
            "a name, as in UNAVAILABLE, or a number from 0 to 16",
            at,
        )?;
        u32::try_from(index).ok()
    }
}

/// A response flag of Envoy, as its bit.
pub(super) struct Flag;

impl Read for Flag {
    type Out = u64;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<u64> {
        let index = known(
            value,
            "a response flag: write ",
            &LocalReplies::NAMES,
            "a name of Envoy's, as in UF or URX",
            at,
        )?;
        LocalReplies::NAMES
            .get(index)
            .and_then(|name| LocalReplies::bit(name))
    }
}

/// The place of a name among many, of which a message names the nearest only.
#[inline(never)]
fn known(value: &Json, expected: &str, names: &[&str], syntax: &str, at: &mut Problems) -> Option<usize> {
    let mut fix = syntax;
    if let Json::Text(text) = value {
        if let Some(index) = names.iter().position(|name| name == text) {
            return Some(index);
        }
        fix = nearest(text, names).unwrap_or(syntax);
    }
    at.wrong(value, &[expected, fix].concat());
    None
}

#[cfg(feature = "schema")]
impl crate::schema::Describe for StatusRange {
    fn describe(_: &mut crate::schema::Definitions) -> serde_json::Value {
        serde_json::json!({ "anyOf": [
            { "type": "integer", "minimum": 100, "maximum": 599 },
            { "type": "string", "pattern": "^[1-5](xx|[0-9]{2}(-[1-5][0-9]{2})?)$" },
        ] })
    }
}

#[cfg(feature = "schema")]
impl crate::schema::Describe for GrpcStatus {
    fn describe(_: &mut crate::schema::Definitions) -> serde_json::Value {
        serde_json::json!({ "anyOf": [{ "enum": GrpcStatuses::NAMES }, { "type": "integer", "minimum": 0, "maximum": 16 }] })
    }
}

#[cfg(feature = "schema")]
impl crate::schema::Describe for Flag {
    fn describe(_: &mut crate::schema::Definitions) -> serde_json::Value {
        serde_json::json!({ "enum": LocalReplies::NAMES })
    }
}
