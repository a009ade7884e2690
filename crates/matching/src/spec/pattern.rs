//! Regular expressions of a match.

use super::SpecError;

/// A regular expression that must match a whole value, as in VirtualService, in the syntax of [`fairlead_regex`]: what RE2
/// and the regex of Rust have in common, without Unicode classes.
///
/// Matching takes time linear in the value. A byte that is not part of valid UTF-8 counts as one character, which `.`
/// and negated classes match and nothing else does: such a byte does not get a request past a rule.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    regex: fairlead_regex::Pattern,
}

impl Pattern {
    /// Compiles an expression. `^` and `$` around it are allowed and change nothing.
    ///
    /// # Errors
    /// [`SpecError::Regex`] for syntax that is wrong or not supported, and for an expression that is too large.
    pub fn parse(pattern: &str) -> Result<Self, SpecError> {
        match fairlead_regex::Pattern::parse(pattern) {
            Ok(regex) => Ok(Self {
                source: pattern.to_owned(),
                regex,
            }),
            Err(error) => Err(SpecError::Regex {
                pattern: pattern.to_owned(),
                reason: error.to_string(),
            }),
        }
    }

    /// The expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether the whole value matches.
    #[must_use]
    pub fn is_match(&self, value: &[u8]) -> bool {
        self.regex.is_match(value)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}
