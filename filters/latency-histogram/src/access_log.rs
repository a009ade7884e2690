//! A line in JSON for some requests: a share of all, those that were slow, those that have failed.
//!
//! The headers of a request cannot be read when it has ended, so what a line says of it is captured when it comes. The
//! query is left out, as it may hold secrets. How many lines a worker writes in a second is bounded, so that an outage does
//! not become one of the log's.

use crate::count::{Took, integer};
use crate::request::Flight;
use fairlead_config::latency_histogram as config;
use fairlead_matching::Request;
use fairlead_stage::{
    AttributeId, Cell, Cells, GroupId, HeaderMap, MetricId, Needs, Proxy, Scope, Step, View,
};

/// Longer values are cut.
const MAX_VALUE_BYTES: usize = 256;
/// What a sample of all is out of.
const ALL: u64 = 1_000_000;

/// Which requests get a line.
pub(crate) struct AccessLog {
    sample_ppm: u32,
    slow_micros: Option<u64>,
    failed: bool,
    max_per_second: u32,
    /// The state of the worker's draws.
    draws: GroupId,
    /// The second that the worker writes in, and how many lines it has written in it.
    written: GroupId,
    attributes: Attributes,
    sampled_lines: MetricId,
    slow_lines: MetricId,
    failed_lines: MetricId,
    dropped: MetricId,
}

/// What is only asked for a line that is written.
struct Attributes {
    code: AttributeId,
    flags: AttributeId,
    details: AttributeId,
    upstream: AttributeId,
    upstream_took: AttributeId,
    request_bytes: AttributeId,
    response_bytes: AttributeId,
}

/// What is kept of a request that may get a line.
pub(crate) struct Captured {
    sampled: bool,
    method: String,
    host: String,
    path: String,
    trace_id: Option<String>,
    request_id: Option<String>,
}

impl AccessLog {
    #[inline(never)]
    pub(crate) fn compile(log: &config::AccessLog, needs: &mut Needs) -> Self {
        for header in [":method", ":authority", ":path", "x-request-id"] {
            needs.header(HeaderMap::Request, header);
        }
        for header in ["traceparent", "b3", "x-b3-traceid"] {
            needs.rare_header(HeaderMap::Request, header);
        }
        needs.seed = true;
        let line = |why, needs: &mut Needs| needs.counter("access_log_lines_total", None, Some(why));
        Self {
            sample_ppm: log.sample.ppm(),
            slow_micros: log
                .slow_above
                .map(|above| u64::try_from(above.as_micros()).unwrap_or(u64::MAX)),
            failed: log.failed,
            max_per_second: log.max_per_second,
            draws: needs.cells("log/draws", Scope::Worker, 1, 8),
            written: needs.cells("log/written", Scope::Worker, 1, 12),
            attributes: Attributes {
                code: needs.attribute(&["response", "code"]),
                flags: needs.attribute(&["response", "flags"]),
                details: needs.attribute(&["response", "code_details"]),
                upstream: needs.attribute(&["upstream", "address"]),
                upstream_took: needs.attribute(&["response", "backend_latency"]),
                request_bytes: needs.attribute(&["request", "total_size"]),
                response_bytes: needs.attribute(&["response", "total_size"]),
            },
            sampled_lines: line("sampled", needs),
            slow_lines: line("slow", needs),
            failed_lines: line("failed", needs),
            dropped: needs.counter("access_log_dropped_total", None, None),
        }
    }

    /// Keeps what a line would say of this request, if it may get one.
    #[inline(never)]
    pub(crate) fn capture<'v, V: View>(
        &self,
        request: &Request<'v, V>,
        view: &V,
        proxy: &impl Proxy,
    ) -> Option<Box<Captured>> {
        let sampled = self.draw(view, proxy) < u64::from(self.sample_ppm);
        if !sampled && self.slow_micros.is_none() && !self.failed {
            return None;
        }
        let header = |name| view.header(HeaderMap::Request, name);
        let trace_id = request.trace_id().map(|id| text(&id));
        let trace_id = trace_id.or_else(|| header("b3").as_deref().and_then(b3).map(text));
        Some(Box::new(Captured {
            sampled,
            method: text(request.method().unwrap_or_default()),
            host: text(request.host().unwrap_or_default()),
            path: text(request.path().unwrap_or_default()),
            trace_id: trace_id.or_else(|| header("x-b3-traceid").map(|id| text(&id))),
            request_id: header("x-request-id").map(|id| text(&id)),
        }))
    }

    /// A number below [`ALL`], by SplitMix64 (Steele, Lea and Flood: Fast Splittable Pseudorandom Number Generators).
    #[inline(never)]
    fn draw(&self, view: &impl View, cells: &impl Cells) -> u64 {
        if self.sample_ppm == 0 {
            return ALL;
        }
        let cell = Cell {
            group: self.draws,
            index: 0,
        };
        let state = cells.update(cell, |old, new| {
            let state = match old.and_then(|bytes| bytes.try_into().ok()) {
                Some(bytes) => u64::from_le_bytes(bytes),
                // Each worker begins elsewhere.
                None => {
                    let [seed, _] = cells.seed();
                    seed ^ view.steady().as_unix_nanos()
                }
            };
            let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            new.extend_from_slice(&state.to_le_bytes());
            Step::Write(state)
        });
        let mut z = state.unwrap_or(0);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % ALL
    }

    /// Writes the line of a request, if it gets one.
    #[inline(never)]
    #[allow(clippy::too_many_arguments, reason = "all that is known of a request")]
    pub(crate) fn say(
        &self,
        captured: &Captured,
        flight: &Flight,
        took: Took,
        failed: bool,
        labels: &dyn Fn() -> Option<String>,
        view: &impl View,
        proxy: &impl Proxy,
    ) {
        let (why, lines) = if self.failed && failed {
            ("failed", self.failed_lines)
        } else if self.slow_micros.is_some_and(|slow| took.total > slow) {
            ("slow", self.slow_lines)
        } else if captured.sampled {
            ("sampled", self.sampled_lines)
        } else {
            return;
        };
        if !self.may_write(view, proxy) {
            proxy.add(self.dropped, 1);
            return;
        }
        proxy.add(lines, 1);
        let line = self.line(why, captured, flight, took, labels, view);
        if why == "sampled" {
            proxy.info(&line);
        } else {
            proxy.warn(&line);
        }
    }

    fn may_write(&self, view: &impl View, cells: &impl Cells) -> bool {
        let second = view.steady().as_unix_nanos() / 1_000_000_000;
        let cell = Cell {
            group: self.written,
            index: 0,
        };
        let allowed = cells.update(cell, |old, new| {
            let known = old.and_then(|bytes| bytes.split_first_chunk::<8>());
            let lines = match known {
                Some((of, lines)) if u64::from_le_bytes(*of) == second => {
                    lines.try_into().map_or(0, u32::from_le_bytes)
                }
                _ => 0,
            };
            if lines >= self.max_per_second {
                return Step::Keep(false);
            }
            new.extend_from_slice(&second.to_le_bytes());
            new.extend_from_slice(&lines.saturating_add(1).to_le_bytes());
            Step::Write(true)
        });
        allowed.unwrap_or(true)
    }

    #[inline(never)]
    fn line(
        &self,
        why: &str,
        captured: &Captured,
        flight: &Flight,
        took: Took,
        labels: &dyn Fn() -> Option<String>,
        view: &impl View,
    ) -> String {
        let attributes = &self.attributes;
        let mut line = Line::new(why);
        line.text("method", Some(&captured.method));
        line.text("host", Some(&captured.host));
        line.text("path", Some(&captured.path));
        let status = u64::from(flight.status);
        line.number("status", integer(view, attributes.code).or(Some(status)));
        line.number("grpc_status", flight.more().grpc_status.map(u64::from));
        line.number("duration_us", Some(took.total));
        line.number("first_byte_us", took.first_byte);
        let upstream = integer(view, attributes.upstream_took).map(|nanos| nanos / 1000);
        line.number("upstream_us", upstream);
        line.number("flags", integer(view, attributes.flags));
        let told = |id| view.attribute(id).map(|value| text(&value));
        line.text("details", told(attributes.details).as_deref());
        line.text("upstream", told(attributes.upstream).as_deref());
        line.number("request_bytes", integer(view, attributes.request_bytes));
        line.number("response_bytes", integer(view, attributes.response_bytes));
        line.text("labels", labels().as_deref());
        line.text("trace_id", captured.trace_id.as_deref());
        line.text("request_id", captured.request_id.as_deref());
        line.end()
    }
}

/// Bytes as text, cut where they are too many.
fn text(bytes: &[u8]) -> String {
    let cut = bytes.get(..MAX_VALUE_BYTES).unwrap_or(bytes);
    String::from_utf8_lossy(cut).into_owned()
}

/// The trace id of a single B3 header: `{trace}-{span}-{sampled}-{parent}` (openzipkin/b3-propagation).
fn b3(header: &[u8]) -> Option<&[u8]> {
    let id = header.split(|byte| *byte == b'-').next()?;
    (matches!(id.len(), 16 | 32) && id.iter().all(u8::is_ascii_hexdigit)).then_some(id)
}

/// A JSON object of one line. What is not known is left out.
struct Line(String);

impl Line {
    fn new(why: &str) -> Self {
        Self(["{\"access\":\"", why, "\""].concat())
    }

    fn key(&mut self, key: &str) {
        self.0.push_str(",\"");
        self.0.push_str(key);
        self.0.push_str("\":");
    }

    #[inline(never)]
    fn text(&mut self, key: &str, value: Option<&str>) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return;
        };
        self.key(key);
        self.0.push('"');
        for character in value.chars() {
            match character {
                '"' | '\\' => {
                    self.0.push('\\');
                    self.0.push(character);
                }
                '\0'..='\x1f' | '\x7f' => {
                    let code = u32::from(character);
                    self.0.push_str("\\u00");
                    for shift in [4, 0] {
                        let digit = HEX.get(usize::try_from(code >> shift & 15).unwrap_or(0));
                        self.0.push(char::from(digit.copied().unwrap_or(b'0')));
                    }
                }
                _ => self.0.push(character),
            }
        }
        self.0.push('"');
    }

    #[inline(never)]
    fn number(&mut self, key: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.key(key);
            self.0.push_str(&value.to_string());
        }
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}
