//! What can go wrong with a running Envoy.

use std::fmt;
use std::io;
use std::time::Duration;

/// Why an operation on Envoy failed. The text of each is one line that says what to do where that is known.
#[derive(Debug)]
pub enum Error {
    /// The operating system refused something; `what` was being done.
    Io {
        /// What was being done, with the path.
        what: String,
        /// The system's answer.
        error: io::Error,
    },
    /// A port of the bootstrap belongs to another process.
    PortInUse {
        /// What wanted the port: ``listener `main` `` or `the admin interface`.
        owner: String,
        /// The port on 127.0.0.1.
        port: u16,
        /// The caller's option that sets it, if the listener names one.
        option: Option<String>,
    },
    /// Envoy ended by itself.
    Exited {
        /// How: exit status or signal.
        status: String,
        /// Envoy's own words, from its log.
        reason: String,
    },
    /// Something did not happen in time.
    Deadline {
        /// What was waited for.
        what: String,
        /// How long.
        waited: Duration,
        /// The last that is known: an answer, or the end of the log. May be empty.
        last: String,
    },
    /// The admin interface did not answer, or not with 200.
    Admin {
        /// The path asked for.
        path: String,
        /// Status and body, or the transport's error.
        reason: String,
    },
    /// Envoy has no listener of that name.
    NoListener {
        /// The name asked for.
        name: String,
        /// Those it has.
        known: Vec<String>,
    },
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io { what, error }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { what, error } => write!(f, "{what}: {error}"),
            Self::PortInUse {
                port,
                option: Some(option),
                ..
            } => {
                write!(f, "port {port} is in use: choose another with {option}")
            }
            Self::PortInUse {
                owner,
                port,
                option: None,
            } => {
                write!(f, "port {port} is in use: choose another for {owner}")
            }
            Self::Exited { status, reason } => write!(f, "Envoy ended ({status}): {reason}"),
            Self::Deadline { what, waited, last } if last.is_empty() => {
                write!(f, "{what}: not within {waited:?}")
            }
            Self::Deadline { what, waited, last } => write!(f, "{what}: not within {waited:?}; last: {last}"),
            Self::Admin { path, reason } => write!(f, "admin interface, {path}: {reason}"),
            Self::NoListener { name, known } if known.is_empty() => {
                write!(f, "no listener `{name}`: Envoy has none")
            }
            Self::NoListener { name, known } => {
                write!(f, "no listener `{name}`: Envoy has {}", known.join(", "))
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}
