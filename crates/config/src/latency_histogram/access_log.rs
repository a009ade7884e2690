//! Lines in the log about single requests, as it is written.

use super::{AccessLog, DEFAULT_LINES};
use crate::json::Json;
use crate::leaf::{FineSpan, Percent};
use crate::problem::Problems;
use crate::read::{Int, Read};
use fairlead_stage::Share;
use std::time::Duration;

object! {
    /// Lines in the proxy's log about single requests.
    struct AccessLogFields, "an access log" {
        /// The share of requests that are logged at random.
        "sample" Optional sample: Percent = "0%";
        /// Requests that take longer are logged. Without it: none for that.
        "slow_above" Optional slow_above: FineSpan;
        /// Whether failed requests are logged: a status of 5xx, a failed gRPC call, or no response.
        "failed" Optional failed: bool = true;
        /// The most lines that each worker writes a second. The others are counted.
        "max_per_second" Optional max_per_second: Int<1, 10_000> = 100;
        /// What a line is.
        "format" Optional _format: Format = "json";
    }
}

pub(super) struct Format;

words! {
    Format, "a format" {
        /// A JSON object.
        "json" => Format;
    }
}

impl Read for AccessLog {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = AccessLogFields::read(value, at)?;
        let failed = fields.failed.unwrap_or(true);
        let sample = fields.sample.unwrap_or(Share::NONE);
        if !failed && sample == Share::NONE && !value.has("slow_above") {
            // A sample that could not be read says nothing about what is logged.
            if fields.sample.is_some() || !value.has("sample") {
                at.say(&["logs nothing: write sample or slow_above, or leave it out"]);
            }
        }
        Some(Self {
            sample,
            slow_above: fields.slow_above.map(Duration::from_micros),
            failed,
            max_per_second: fields.max_per_second.unwrap_or(DEFAULT_LINES),
        })
    }
}

described_as! {
    AccessLog => AccessLogFields;
}
