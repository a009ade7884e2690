//! How the decision travels on.

use super::{DEFAULT_TRACE_ENTRIES, MAX_TRACE_ENTRIES, Propagate, TraceTable};
use crate::json::Json;
use crate::leaf::{HOUR, SECOND, Span};
use crate::problem::Problems;
use crate::read::{Int, Read};
use std::num::NonZeroU32;
use std::time::Duration;

object! {
    /// How the decision travels on with requests.
    struct PropagateFields, "a way to propagate" {
        /// Whether the variant is appended to W3C Baggage, as fairlead.<release>=<variant>. The default variant is not.
        "baggage" Optional baggage: bool = false;
        /// Whether the requests that one request leads to get its variant on their way out of this proxy, by their trace id. true is the same as {}.
        "trace" Optional trace: Trace = false;
    }
}

object! {
    /// The traces that a proxy remembers.
    struct TraceFields, "a table of traces" {
        /// How many at a time. Bounds the memory.
        "max_entries" Optional max_entries: Int<1, { MAX_TRACE_ENTRIES.get() }> = 4096;
        /// For how long.
        "ttl" Optional ttl: Span<{ SECOND }, { HOUR }> = "60s";
    }
}

impl Read for Propagate {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = PropagateFields::read(value, at)?;
        Some(Self {
            baggage: fields.baggage.unwrap_or_default(),
            trace: fields.trace.flatten(),
        })
    }
}

/// `trace:`, which is `true`, `false` or its options.
pub(super) struct Trace;

impl Read for Trace {
    type Out = Option<TraceTable>;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self::Out> {
        let empty = Json::Object(Vec::new());
        let options = match value {
            Json::Bool(false) => return Some(None),
            Json::Bool(true) => &empty,
            options => options,
        };
        let fields = TraceFields::read(options, at)?;
        Some(Some(TraceTable {
            max_entries: fields
                .max_entries
                .and_then(NonZeroU32::new)
                .unwrap_or(DEFAULT_TRACE_ENTRIES),
            ttl: fields.ttl.unwrap_or(Duration::from_secs(60)),
        }))
    }
}

described_as! {
    Propagate => PropagateFields;
}

#[cfg(feature = "schema")]
impl crate::schema::Describe for Trace {
    fn describe(definitions: &mut crate::schema::Definitions) -> serde_json::Value {
        let options = TraceFields::describe(definitions);
        serde_json::json!({ "oneOf": [{ "type": "boolean" }, options] })
    }
}
