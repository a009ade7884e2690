//! What a request is answered with, and the strict parser of its settings.
//!
//! Strict because a demo that asks for `delay=50` and gets no delay looks like a broken filter.

mod percent;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};

pub use percent::Percent;

/// The largest body that can be asked for: 1 GiB.
const MAX_BYTES: u64 = 1 << 30;
/// The longest delay: ten minutes.
const MAX_DELAY: Duration = Duration::from_secs(600);
/// The most pieces a body can be sent in.
const MAX_CHUNKS: u32 = 10_000;
/// A header with this prefix is a setting.
pub(crate) const HEADER_PREFIX: &str = "x-upstream-";

/// How requests are answered. What is `None` or empty is as usual: 200 at once, with a line of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behavior {
    /// `status=503`: the status, 200 to 599.
    pub status: Option<StatusCode>,
    /// `delay=50ms`: time before the answer begins; `us`, `ms`, `s` or `m`, at most ten minutes.
    pub delay: Option<Duration>,
    /// `hold=1`: the answer does not begin before the upstream is told anew how to behave, whatever that is. A delay
    /// comes after that.
    pub hold: Option<bool>,
    /// `fail=20%`: this share of the requests gets [`fail_status`](Self::fail_status) instead.
    pub fail: Option<Percent>,
    /// `fail-status=500`: the status of those; 503 unless set.
    pub fail_status: Option<StatusCode>,
    /// `reset=1`: the connection (HTTP/2: the stream) is closed without an answer, after the delay.
    pub reset: Option<bool>,
    /// `bytes=1000`: the size of the body, at most 1 GiB, instead of the line of text.
    pub bytes: Option<u64>,
    /// `chunks=5`: the body comes in this many pieces, 1 to 10000, with no `content-length`.
    pub chunks: Option<u32>,
    /// `chunk-delay=10ms`: time before each piece but the first.
    pub chunk_delay: Option<Duration>,
    /// `grpc-status=14`: answers as a gRPC server does: `content-type: application/grpc`, an empty body, and the status
    /// (0 to 16) in the trailers.
    pub grpc_status: Option<u8>,
    /// `grpc-message=...`: goes with it.
    pub grpc_message: Option<HeaderValue>,
    /// `echo=1`: the body is the request as JSON: `method`, `target`, `path`, `version`, `headers` (pairs, in order),
    /// `body_bytes`.
    pub echo: Option<bool>,
    /// `h-x-foo=bar`: the response header `x-foo: bar`; any number of them, the last of a name counts. It replaces a
    /// header that would be there anyway.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BehaviorError {
    /// The name as given.
    pub name: String,
    /// The value as given.
    pub value: String,
    /// What it must be.
    pub expected: &'static str,
}

impl fmt::Display for BehaviorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}: {}", self.name, self.value, self.expected)
    }
}

impl std::error::Error for BehaviorError {}

/// Whether a name that is no setting is an error.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    Ignored,
    Refused,
}

impl Behavior {
    /// Reads a query string such as `delay=50ms&status=503`; every name must be a setting.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn parse(query: &str) -> Result<Self, BehaviorError> {
        Self::from_query(query, Unknown::Refused)
    }

    pub(crate) fn from_query(query: &str, unknown: Unknown) -> Result<Self, BehaviorError> {
        let mut behavior = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            behavior.set(&name, &value, unknown)?;
        }
        behavior.check()
    }

    /// The settings in a request's headers.
    pub(crate) fn from_headers(headers: &hyper::HeaderMap) -> Result<Self, BehaviorError> {
        let mut behavior = Self::default();
        for (name, value) in headers {
            if let Some(setting) = name.as_str().strip_prefix(HEADER_PREFIX) {
                behavior.set(
                    setting,
                    &String::from_utf8_lossy(value.as_bytes()),
                    Unknown::Refused,
                )?;
            }
        }
        behavior.check()
    }

    /// This behavior where it says something, `other` for the rest.
    pub(crate) fn or(mut self, other: &Self) -> Self {
        // Echo and a size are two bodies: the more specific one displaces the other.
        if self.echo != Some(true) && self.bytes.is_none() {
            self.echo = self.echo.or(other.echo);
            self.bytes = other.bytes;
        }
        self.status = self.status.or(other.status);
        self.delay = self.delay.or(other.delay);
        self.hold = self.hold.or(other.hold);
        self.fail = self.fail.or(other.fail);
        self.fail_status = self.fail_status.or(other.fail_status);
        self.reset = self.reset.or(other.reset);
        self.chunks = self.chunks.or(other.chunks);
        self.chunk_delay = self.chunk_delay.or(other.chunk_delay);
        self.grpc_status = self.grpc_status.or(other.grpc_status);
        self.grpc_message = self.grpc_message.or_else(|| other.grpc_message.clone());
        let missing = |(name, _): &&(HeaderName, HeaderValue)| !self.headers.iter().any(|(n, _)| n == name);
        let more: Vec<_> = other.headers.iter().filter(missing).cloned().collect();
        self.headers.extend(more);
        self
    }

    fn set(&mut self, name: &str, value: &str, unknown: Unknown) -> Result<(), BehaviorError> {
        let wrong = |expected| BehaviorError {
            name: name.to_owned(),
            value: value.to_owned(),
            expected,
        };
        match name {
            "status" => self.status = Some(status(value).map_err(wrong)?),
            "delay" => self.delay = Some(delay(value).map_err(wrong)?),
            "hold" => self.hold = Some(flag(value).map_err(wrong)?),
            "fail" => self.fail = Some(value.parse().map_err(wrong)?),
            "fail-status" => self.fail_status = Some(status(value).map_err(wrong)?),
            "reset" => self.reset = Some(flag(value).map_err(wrong)?),
            "bytes" => {
                self.bytes =
                    Some(number(value, 0, MAX_BYTES, "not a size of 0 to 1073741824").map_err(wrong)?)
            }
            "chunks" => {
                let count =
                    number(value, 1, u64::from(MAX_CHUNKS), "not a number of 1 to 10000").map_err(wrong)?;
                self.chunks = u32::try_from(count).ok();
            }
            "chunk-delay" => self.chunk_delay = Some(delay(value).map_err(wrong)?),
            "grpc-status" => {
                let code = number(value, 0, 16, "not a gRPC status of 0 to 16").map_err(wrong)?;
                self.grpc_status = u8::try_from(code).ok();
            }
            "grpc-message" => self.grpc_message = Some(header_value(value).map_err(wrong)?),
            "echo" => self.echo = Some(flag(value).map_err(wrong)?),
            _ => match name.strip_prefix("h-") {
                Some(header) => {
                    let name = HeaderName::from_bytes(header.as_bytes())
                        .map_err(|_| wrong("not a header name after `h-`"))?;
                    self.headers.push((name, header_value(value).map_err(wrong)?));
                }
                None if unknown == Unknown::Refused => {
                    return Err(wrong(
                        "no such setting; there are status, delay, hold, fail, fail-status, reset, bytes, \
                         chunks, chunk-delay, grpc-status, grpc-message, echo, h-<header>",
                    ));
                }
                None => {}
            },
        }
        Ok(())
    }

    fn check(self) -> Result<Self, BehaviorError> {
        if self.echo == Some(true) && self.bytes.is_some() {
            let (name, value) = ("echo".to_owned(), "1".to_owned());
            return Err(BehaviorError {
                name,
                value,
                expected: "cannot be together with `bytes`",
            });
        }
        Ok(self)
    }
}

/// The settings as the query string that [`Behavior::parse`] reads.
impl fmt::Display for Behavior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let mut put = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                query.append_pair(name, &value);
            }
        };
        let micros = |delay: Duration| format!("{}us", delay.as_micros());
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let flag = |on: bool| u8::from(on).to_string();
        put("status", self.status.map(|status| status.as_str().to_owned()));
        put("delay", self.delay.map(micros));
        put("hold", self.hold.map(flag));
        put("fail", self.fail.map(|fail| fail.to_string()));
        put(
            "fail-status",
            self.fail_status.map(|status| status.as_str().to_owned()),
        );
        put("reset", self.reset.map(flag));
        put("bytes", self.bytes.map(|bytes| bytes.to_string()));
        put("chunks", self.chunks.map(|chunks| chunks.to_string()));
        put("chunk-delay", self.chunk_delay.map(micros));
        put("grpc-status", self.grpc_status.map(|status| status.to_string()));
        put("grpc-message", self.grpc_message.as_ref().map(text));
        put("echo", self.echo.map(flag));
        for (name, value) in &self.headers {
            put(&format!("h-{name}"), Some(text(value)));
        }
        f.write_str(&query.finish())
    }
}

impl FromStr for Behavior {
    type Err = BehaviorError;

    fn from_str(query: &str) -> Result<Self, BehaviorError> {
        Self::parse(query)
    }
}

/// Decimal digits only: no sign, no blank.
fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn number(text: &str, least: u64, most: u64, expected: &'static str) -> Result<u64, &'static str> {
    digits(text)
        .filter(|number| (least..=most).contains(number))
        .ok_or(expected)
}

fn status(text: &str) -> Result<StatusCode, &'static str> {
    // 1xx are interim answers, not answers.
    let code = number(text, 200, 599, "not a status of 200 to 599")?;
    u16::try_from(code)
        .ok()
        .and_then(|code| StatusCode::from_u16(code).ok())
        .ok_or("not a status of 200 to 599")
}

fn delay(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "not a duration such as 50ms (us, ms, s or m, at most 10m)";
    let unit = text
        .find(|letter: char| !letter.is_ascii_digit())
        .ok_or(EXPECTED)?;
    let (number, unit) = text.split_at(unit);
    let micros: u64 = match unit {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        _ => return Err(EXPECTED),
    };
    let total = digits(number)
        .and_then(|number| number.checked_mul(micros))
        .ok_or(EXPECTED)?;
    Some(Duration::from_micros(total))
        .filter(|delay| *delay <= MAX_DELAY)
        .ok_or(EXPECTED)
}

fn flag(text: &str) -> Result<bool, &'static str> {
    match text {
        "1" => Ok(true),
        "0" => Ok(false),
        _ => Err("not 0 or 1"),
    }
}

fn header_value(text: &str) -> Result<HeaderValue, &'static str> {
    HeaderValue::from_str(text).map_err(|_| "not a header value")
}
