//! What cannot work, and what is probably not meant: always where, what, why, and what to write instead.

use fairlead_config::Severity;
use std::fmt;

/// Why nothing can be made: an option or a path of the policy, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// An option, as in `--attach`.
    pub at: String,
    /// Its value, why that cannot work, and what to write instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.message)
    }
}

/// What works, and is perhaps not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// How much it matters.
    pub severity: Severity,
    /// An option or a path of the policy.
    pub at: String,
    /// What happens, and what to write if that is not meant.
    pub text: String,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
        };
        write!(f, "{word}: {}: {}", self.at, self.text)
    }
}

/// Both, while they are collected.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) problems: Vec<Problem>,
    pub(crate) advice: Vec<Advice>,
}

impl Report {
    pub(crate) fn refuse(&mut self, at: &str, message: impl Into<String>) {
        let problem = Problem {
            at: at.to_owned(),
            message: message.into(),
        };
        // One mistake may be met by several filters.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    pub(crate) fn warn(&mut self, at: &str, text: impl Into<String>) {
        self.advise(Severity::Warning, at, text.into());
    }

    pub(crate) fn inform(&mut self, at: &str, text: impl Into<String>) {
        self.advise(Severity::Info, at, text.into());
    }

    fn advise(&mut self, severity: Severity, at: &str, text: String) {
        let advice = Advice {
            severity,
            at: at.to_owned(),
            text,
        };
        if !self.advice.contains(&advice) {
            self.advice.push(advice);
        }
    }
}
