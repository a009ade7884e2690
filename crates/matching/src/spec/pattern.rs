use super::SpecError;
use regex_lite::{Regex, RegexBuilder};

/// The most bytes that a compiled expression may take: some hundred states, since a match costs states times bytes.
const SIZE_LIMIT: usize = 32 * 1024;

/// A regular expression that must match a whole value, in the syntax of the `regex-lite` crate: the regex of Rust
/// without Unicode classes; `\w`, `\d`, `\s` and `(?i)` are about ASCII.
///
/// Matching takes time linear in the value (no back-tracking, no look-around). A value that is not UTF-8 does not
/// match.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    regex: Regex,
}

impl Pattern {
    /// Compiles an expression. `^` and `$` around it are allowed and change nothing.
    ///
    /// # Errors
    /// [`SpecError::Regex`] for bad syntax, or an expression of more than 32 KiB compiled (`(?:a{1,100}){1,100}`).
    #[inline(never)]
    pub fn parse(pattern: &str) -> Result<Self, SpecError> {
        let refused = |error: regex_lite::Error| SpecError::Regex {
            pattern: pattern.to_owned(),
            reason: error.to_string(),
        };
        // First alone: `a)|(b` must not become valid by the group that is put around it.
        let build = |text: &str| RegexBuilder::new(text).size_limit(SIZE_LIMIT).build();
        build(pattern).map_err(refused)?;
        let regex = build(&format!("^(?:{pattern})$")).map_err(refused)?;
        Ok(Self {
            source: pattern.to_owned(),
            regex,
        })
    }

    /// The expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether the whole value matches. A value that is not UTF-8 does not.
    #[must_use]
    pub fn is_match(&self, value: &[u8]) -> bool {
        std::str::from_utf8(value).is_ok_and(|text| self.regex.is_match(text))
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}
