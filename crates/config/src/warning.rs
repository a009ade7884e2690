//! What is allowed in a config, and perhaps not meant.

mod literal;
mod requests;

use std::fmt;

/// Advice on a config that can be used as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Whether it may defeat the purpose of the config.
    pub severity: Severity,
    /// Where, as in `limits[2].key[0]`.
    pub path: String,
    /// What happens, and what to write if that is not meant.
    pub advice: String,
}

/// How much a [`Warning`] matters. Ordered: the greater matters more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know: what the config takes for granted, or costs.
    Info,
    /// The config probably does not do what it is for.
    Warning,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}: {}", self.path, self.advice)
    }
}

/// Advice while it is collected.
#[derive(Default)]
pub(crate) struct Warnings(pub(crate) Vec<Warning>);

impl Warnings {
    fn add(&mut self, severity: Severity, path: impl Into<String>, advice: impl Into<String>) {
        self.0.push(Warning {
            severity,
            path: path.into(),
            advice: advice.into(),
        });
    }

    /// Notes what is good to know.
    pub(crate) fn info(&mut self, path: impl Into<String>, advice: impl Into<String>) {
        self.add(Severity::Info, path, advice);
    }

    /// Notes what is probably not meant.
    pub(crate) fn warn(&mut self, path: impl Into<String>, advice: impl Into<String>) {
        self.add(Severity::Warning, path, advice);
    }
}
