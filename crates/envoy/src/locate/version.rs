//! Envoy's version numbers.

use std::fmt;

/// A release number; ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Always 1 so far.
    pub major: u32,
    /// A new one each quarter.
    pub minor: u32,
    /// Fixes.
    pub patch: u32,
}

impl Version {
    /// The number in what `envoy --version` prints:
    /// `envoy  version: 9e55809.../1.40.0/Clean/RELEASE/BoringSSL`, that is commit, release, state of the tree, kind of
    /// build, TLS library. Suffixes such as `-dev` are ignored.
    pub(super) fn of_envoy(text: &str) -> Option<Self> {
        let (_, build) = text.split_once("version:")?;
        Self::parse(build.split('/').nth(1)?)
    }

    fn parse(text: &str) -> Option<Self> {
        let release = text.split_once('-').map_or(text, |(release, _)| release);
        let mut parts = release.split('.');
        let mut number = || parts.next()?.parse().ok();
        let version = Self {
            major: number()?,
            minor: number()?,
            patch: number()?,
        };
        parts.next().is_none().then_some(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}
