//! Sizes of memory: `4096B`, `64KiB`, `1MiB`, or a number of bytes.

use crate::json::Json;
use crate::problem::Problems;
use crate::read::{Leaf, Malformed, Read};

/// The units, the longest first, with their bytes.
const UNITS: [(&str, u64); 3] = [("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// A size of any number of bytes. One that is too large for any bound comes out as the largest there is.
struct AnySize;

impl Leaf for AnySize {
    type Out = u64;
    const EXPECTED: &'static str = "a size: write a whole number and its unit, B KiB or MiB, as in 64KiB";
    #[cfg(feature = "schema")]
    const PATTERN: &'static str = "^[0-9]+(B|KiB|MiB)$";

    fn parse(text: &str) -> Result<u64, Malformed> {
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = text.strip_suffix(unit).unwrap_or_default();
        let (_, each) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or(Malformed::Expected)?;
        if number.is_empty() {
            return Err(Malformed::Expected);
        }
        let number: u64 = number.parse().unwrap_or(u64::MAX);
        Ok(number.saturating_mul(*each))
    }
}

/// A size from 1 to `MAX` bytes.
pub(crate) struct Size<const MAX: u32>;

impl<const MAX: u32> Read for Size<MAX> {
    type Out = u32;

    fn read(value: &Json, at: &mut Problems) -> Option<u32> {
        within(value, MAX, at)
    }
}

#[inline(never)]
fn within(value: &Json, max: u32, at: &mut Problems) -> Option<u32> {
    let size = match value {
        Json::Number(n) if *n >= 0.0 && n.fract() == 0.0 => *n as u64,
        Json::Number(_) => 0,
        value => AnySize::read(value, at)?,
    };
    match u32::try_from(size) {
        Ok(size) if size >= 1 && size <= max => Some(size),
        _ => {
            at.wrong(value, &["a size from 1B to ", &written(max)].concat());
            None
        }
    }
}

/// So many bytes, as a config writes them: in the longest unit that leaves no remainder.
fn written(bytes: u32) -> String {
    let bytes = u64::from(bytes);
    for (unit, each) in UNITS {
        if bytes >= each && bytes.checked_rem(each) == Some(0) {
            return [&bytes.checked_div(each).unwrap_or_default().to_string(), unit].concat();
        }
    }
    "0B".to_owned()
}

#[cfg(feature = "schema")]
impl<const MAX: u32> crate::schema::Describe for Size<MAX> {
    fn describe(definitions: &mut crate::schema::Definitions) -> serde_json::Value {
        let text = ["From 1B to ", &written(MAX), "."].concat();
        let number = serde_json::json!({ "type": "integer", "minimum": 1, "maximum": MAX });
        serde_json::json!({ "anyOf": [AnySize::describe(definitions), number], "description": text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_are_a_size() {
        for (text, bytes) in [
            ("0B", 0),
            ("4096B", 4096),
            ("64KiB", 65_536),
            ("1MiB", 1_048_576),
            ("007KiB", 7168),
            ("99999999999999999999999MiB", u64::MAX),
        ] {
            assert_eq!(AnySize::parse(text).unwrap(), bytes, "{text}");
        }
        for text in [
            "", "B", "64", "64 KiB", "64KB", "64k", "64kib", "64Ki", "1.5MiB", "-1B", "1GiB", "٣B",
        ] {
            assert!(AnySize::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for (bytes, text) in [(1, "1B"), (1000, "1000B"), (65_536, "64KiB"), (1 << 20, "1MiB")] {
            assert_eq!(written(bytes), text);
            assert_eq!(AnySize::parse(text).unwrap(), u64::from(bytes));
        }
    }
}
