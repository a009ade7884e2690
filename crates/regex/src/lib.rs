//! Regular expressions that must match a whole value: few kilobytes of code, bounded memory, linear time.
//!
//! An expression becomes a Thompson automaton of at most [`MAX_STATES`] states in one pass, and a match follows all of
//! its states at once (Ken Thompson, "Regular Expression Search Algorithm", 1968; Russ Cox, "Regular Expression
//! Matching Can Be Simple And Fast", 2007). There is no back-tracking: a match takes at most `states x characters`
//! steps and does not allocate. Neither parsing nor matching recurses, and no expression and no value panics.
//!
//! # Syntax
//! What RE2 (as Envoy uses it) and the regex of Rust have in common:
//!
//! | | |
//! |---|---|
//! | characters | literals, `.` (all but `\n`; with flag `s` all), `\t \n \r \f \v \a`, `\x41`, `\x{41}`, `\u0041`, `\U00000041`, a backslash before ASCII punctuation or a space |
//! | classes | `[a-z_]`, `[^a-z]`, `\d \w \s \D \W \S`, `[[:alpha:]]`, `[[:^alpha:]]`; all but literals are about ASCII |
//! | assertions | `^ $` (with flag `m` at lines), `\A \z`, `\b \B` (ASCII words) |
//! | groups | `(a)`, `(?:a)`, `(?P<name>a)`, `(?<name>a)`, `(?i:a)`, `(?i)`, `(?-i)`; flags `i m s U`; nothing is captured |
//! | alternation, repetition | <code>a\|b</code>, `* + ? {n} {n,} {n,m}`, each also lazy (`*?`), which changes nothing here |
//!
//! - Flag `i` is about ASCII letters only.
//! - `\s` holds the vertical tab, as in Rust and unlike in RE2.
//! - Where RE2 and Rust read the same text differently, the expression is refused: a `{` that is no count, `a**`, `\<`,
//!   and within a class `[`, `&&`, `--`, `~~` and `\d-z`.
//! - Refused as well: Unicode classes, look-around, back-references, flag `x`, `\Q..\E`, `\Z`, octal escapes.
//!
//! # Text and bytes
//! A value is read as UTF-8, one character at a time. A byte that is not part of a valid character counts as one
//! character which is equal to none: `.`, `[^a]`, `\D`, `\W` and `\S` match it, literals and other classes do not. (RE2
//! and Rust match it with nothing; then one such byte would be enough to get past a rule that says `/admin/.*`.)
//!
//! What this crate does not do: search within a value, captures, replacement, splitting.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        reason = "a test that overflows fails, which is what it is for"
    )
)]

mod class;
mod error;
mod parse;
mod program;
mod run;
#[cfg(test)]
mod tests;
mod utf8;

pub use error::{Error, ErrorKind};
pub use program::MAX_STATES;

use program::Program;

/// The longest expression, in bytes.
pub const MAX_LENGTH: usize = 4096;

/// A regular expression that must match a whole value.
///
/// Two patterns are equal if they were compiled to the same automaton: `a+` equals `(a)+?`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(Program);

impl Pattern {
    /// Compiles an expression; the syntax is that of the crate's documentation. `^` and `$` around it change nothing.
    ///
    /// # Errors
    /// What is wrong and where: bad or unsupported syntax, more than [`MAX_LENGTH`] bytes, more than [`MAX_STATES`]
    /// states.
    #[inline(never)]
    pub fn parse(pattern: &str) -> Result<Self, Error> {
        parse::parse(pattern).map(Self)
    }

    /// Whether the whole value matches. It takes at most [`Self::size`] steps for each character of the value, and a
    /// step is a few comparisons.
    #[must_use]
    #[inline(never)]
    pub fn is_match(&self, value: &[u8]) -> bool {
        run::run(&self.0, value, |_, _| ())
    }

    /// The states of the automaton: 1..=[`MAX_STATES`]. About one for each character or class that is written, once for
    /// each repetition that a count makes of it, and two for each alternative.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.code.len()
    }
}
