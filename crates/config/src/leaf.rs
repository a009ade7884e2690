//! Texts with a syntax of their own.

use crate::read::{Leaf, Malformed};
use fairlead_matching::{Cidr, HostSpec, Pattern, SpecError, Template, spec};

mod duration;
mod names;
mod share;
mod size;
mod time;

pub(crate) use duration::{DAY, FineSpan, HOUR, SECOND, Span, fine_text, written as span_text};
pub(crate) use names::{BaggageKey, CookieName, GrpcName, HeaderName, Method, Name};
pub(crate) use share::{Factor, Percent, PercentAbove0, Quantile, written as share_text};
pub(crate) use size::Size;
pub(crate) use time::Time;

/// A header value that stays one line.
pub(crate) struct HeaderValue;

impl Leaf for HeaderValue {
    type Out = String;
    const EXPECTED: &'static str = "a header value: write at most 4096 bytes on one line";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^[^\\u0000-\\u0008\\u000a-\\u001f\\u007f]{0,4096}$";

    fn parse(text: &str) -> Result<String, Malformed> {
        keep(text, text.len() <= 4096 && one_line(text))
    }
}

/// `type/subtype`, perhaps with parameters.
pub(crate) struct ContentType;

impl Leaf for ContentType {
    type Out = String;
    const EXPECTED: &'static str = "a content type: write type/subtype, as in application/json";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str =
        "^[A-Za-z0-9][^/\\u0000-\\u001f\\u007f]*/[A-Za-z0-9][^\\u0000-\\u001f\\u007f]*$";

    fn parse(text: &str) -> Result<String, Malformed> {
        let is_type = |part: &str| part.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        let two = text
            .split_once('/')
            .is_some_and(|(kind, rest)| is_type(kind) && is_type(rest));
        keep(text, two && text.len() <= 256 && one_line(text))
    }
}

/// Any text.
pub(crate) struct Text;

impl Leaf for Text {
    type Out = String;
    const EXPECTED: &'static str = "text";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "";

    fn parse(text: &str) -> Result<String, Malformed> {
        keep(text, true)
    }
}

/// A text that a request carries in one line. A block of YAML ends in a line break and would match nothing.
pub(crate) struct Line;

impl Leaf for Line {
    type Out = String;
    const EXPECTED: &'static str = "a value of a request: write it on one line";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^[^\\u0000-\\u0008\\u000a-\\u001f\\u007f]*$";

    fn parse(text: &str) -> Result<String, Malformed> {
        keep(text, one_line(text))
    }
}

/// The same, with at least one character.
pub(crate) struct Line1;

impl Leaf for Line1 {
    type Out = String;
    const EXPECTED: &'static str = "a value of a request: write at least one character, on one line";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^[^\\u0000-\\u0008\\u000a-\\u001f\\u007f]+$";

    fn parse(text: &str) -> Result<String, Malformed> {
        keep(text, one_line(text) && !text.is_empty())
    }
}

/// A path, or the start of one, as a request carries it.
pub(crate) struct PathLiteral;

impl Leaf for PathLiteral {
    type Out = String;
    const EXPECTED: &'static str = "a path: start it with /";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^(\\*|/[^?#\\u0000-\\u0020\\u007f]*)$";

    fn parse(text: &str) -> Result<String, Malformed> {
        no_blanks(text)?;
        Ok(spec::path_literal(text)?)
    }
}

impl Leaf for Template {
    type Out = Self;
    const EXPECTED: &'static str =
        "a path template: write /users/{id}, each variable a whole segment and named once";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^/[^?#\\u0000-\\u0020\\u007f]*$";

    fn parse(text: &str) -> Result<Self, Malformed> {
        no_blanks(text)?;
        if !text.starts_with('/') {
            return Err(Malformed::fix("start it with /"));
        }
        Ok(Self::parse(text)?)
    }
}

impl Leaf for HostSpec {
    type Out = Self;
    const EXPECTED: &'static str =
        "a host: write a DNS name or an address, as in api.example.com or *.example.com";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str =
        "^(\\*|(\\*\\.)?[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*\\.?|\\[[0-9A-Fa-f:.]+\\])$";

    fn parse(text: &str) -> Result<Self, Malformed> {
        Ok(Self::parse(text)?)
    }
}

impl Leaf for Pattern {
    type Out = Self;
    const EXPECTED: &'static str = "a regular expression: write one that can match more than an empty value";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^.+$";

    fn parse(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() {
            return Err(Malformed::Expected);
        }
        Ok(Self::parse(text)?)
    }
}

impl Leaf for Cidr {
    type Out = Self;
    const EXPECTED: &'static str = "a network: write 10.0.0.0/8, 2001:db8::/32 or one address";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$";

    fn parse(text: &str) -> Result<Self, Malformed> {
        Ok(Self::parse(text)?)
    }
}

/// The fix in the words of this crate. The `Display` of the error shows the value with `{:?}`, which would bring tables
/// of Unicode into a .wasm.
impl From<SpecError> for Malformed {
    fn from(error: SpecError) -> Self {
        match error {
            SpecError::HostPort(_) => Self::fix("hosts are compared without their port, leave it out"),
            SpecError::HostWildcard(_) => {
                Self::fix("a * stands alone or for the first labels, as in *.example.com")
            }
            SpecError::HostTooLong(_) => Self::fix("it may have 253 bytes"),
            SpecError::PathQuery(_) => {
                Self::fix("paths are compared without query and fragment, use the field query")
            }
            SpecError::PathNotAbsolute(_) => Self::fix("start it with /"),
            SpecError::CidrPrefix { max: 32, .. } => Self::fix("write a prefix from 0 to 32"),
            SpecError::CidrPrefix { .. } => Self::fix("write a prefix from 0 to 128"),
            SpecError::MethodCase(_) => Self::fix("methods are compared with case, write it in upper case"),
            SpecError::Regex { reason, .. } => Self::Fix(reason.into()),
            _ => Self::Expected,
        }
    }
}

/// The text itself, if it is what it should be.
fn keep(text: &str, holds: bool) -> Result<String, Malformed> {
    if holds {
        Ok(text.to_owned())
    } else {
        Err(Malformed::Expected)
    }
}

fn one_line(text: &str) -> bool {
    text.bytes().all(|b| b == b'\t' || !b.is_ascii_control())
}

fn no_blanks(path: &str) -> Result<(), Malformed> {
    if path.bytes().any(|b| b.is_ascii_control() || b == b' ') {
        return Err(Malformed::fix(
            "requests carry spaces and control characters as %20, %0A and so on",
        ));
    }
    Ok(())
}
