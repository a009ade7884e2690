//! Why an expression is refused.

use std::fmt;

/// Why an expression is refused, and where. Its text says how to mend the expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// The byte of the expression, from 0, where that was noticed; for what is not closed, where it was opened.
    pub at: usize,
}

/// What can be wrong with an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// More than [`crate::MAX_LENGTH`] bytes.
    TooLong,
    /// More than [`crate::MAX_STATES`] states, or a count above it.
    TooLarge,
    /// More than 32 ranges of characters beyond ASCII in one class.
    TooManyRanges,
    /// A `(` without its `)`.
    UnclosedGroup,
    /// A `)` without its `(`.
    UnopenedGroup,
    /// A `(?` with an unknown flag, a bad name, or what follows is no group.
    BadGroup,
    /// `(?=`, `(?!`, `(?<=` or `(?<!`.
    LookAround,
    /// `\1`, `\k<name>`, `\g1` or `(?P=name)`.
    BackReference,
    /// `\p{..}`, `\P{..}` or `\X`.
    Unicode,
    /// A backslash before something that it means nothing for, or a number that is no character.
    BadEscape,
    /// A `[` without its `]`.
    UnclosedClass,
    /// What a class cannot hold as it is written: `[`, `&&`, `--`, `~~`, an assertion, an unknown `[:name:]`.
    BadClass,
    /// A range whose end is before its start, or with a class as one of its ends.
    BadRange,
    /// A `{` that is no `{n}`, `{n,}` or `{n,m}` with n <= m.
    BadRepeat,
    /// `*`, `+`, `?` or `{` after nothing, or after another of them.
    NothingToRepeat,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            ErrorKind::TooLong => "longer than 4096 bytes; write it as several matches",
            ErrorKind::TooLarge => "more than 1024 states; lower the counts in {n,m}",
            ErrorKind::TooManyRanges => {
                "more than 32 ranges beyond ASCII in one class; use fewer, wider ones"
            }
            ErrorKind::UnclosedGroup => r#""(" is not closed; add ")", or write "\(" for the character"#,
            ErrorKind::UnopenedGroup => r#"")" closes nothing; write "\)" for the character"#,
            ErrorKind::BadGroup => {
                "unknown kind of group; use (a), (?:a), (?P<name>a), or flags of i, m, s, U"
            }
            ErrorKind::LookAround => {
                "look-around is not supported; write the condition as a match of its own"
            }
            ErrorKind::BackReference => "back-references are not supported; write the group again",
            ErrorKind::Unicode => "Unicode classes are not supported; write ranges, as in [a-z\u{e0}-\u{ff}]",
            ErrorKind::BadEscape => r#"unknown escape; write the character alone, or "\\" for a backslash"#,
            ErrorKind::UnclosedClass => r#""[" is not closed; add "]", or write "\[" for the character"#,
            ErrorKind::BadClass => {
                r#"not possible in a class; write "\" before each of [ & - ~, [[:alpha:]] for a name"#
            }
            ErrorKind::BadRange => {
                r#"a range is two characters in order, as in [a-z]; write "\-" for the character"#
            }
            ErrorKind::BadRepeat => {
                r#"a count is {n}, {n,} or {n,m} with n <= m; write "\{" for the character"#
            }
            ErrorKind::NothingToRepeat => r#"nothing to repeat; write "\" before it for the character"#,
        })?;
        write!(f, " (at byte {})", self.at)
    }
}

impl std::error::Error for Error {}
