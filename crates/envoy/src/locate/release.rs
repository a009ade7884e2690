//! The releases of Envoy that the filters are tested with: the one place that knows their versions and their wheels.
//!
//! One patch of each minor version that has a wheel with V8. A release that is not here cannot be fetched, as nothing says
//! what its wheel should be.

use std::fmt;

use super::Version;
use super::fetch::Platform;

/// A release of Envoy, and the SHA-256 of its wheel for each platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    version: Version,
    x86_64: &'static str,
    aarch64: &'static str,
}

/// Releases that cannot run the filters, and why.
const UNFIT: [(Version, &str); 1] = [(
    version(38, 3),
    "the packaged 1.38.3 was built without V8, so it cannot run Wasm plugins",
)];

const fn version(minor: u32, patch: u32) -> Version {
    Version {
        major: 1,
        minor,
        patch,
    }
}

impl Release {
    /// All that the filters are tested with, oldest first.
    pub const ALL: [Self; 5] = [
        Self {
            version: version(36, 2),
            x86_64: "c75488ad0be907f077883691aa3832a79b509c1f6c993b420683e90793e13efc",
            aarch64: "9e5048686ebee6999b021eefe313444e4c2280ac48c4ae23c61a13612e407225",
        },
        Self {
            version: version(37, 0),
            x86_64: "bf7a89ecfa8133a77d066c3d3f9cd0b9b975ed26a5d5d9e508896e57b78cabfc",
            aarch64: "ee3e51fb44bb8f1a7053556b6e216ecd7a92cae07d092cd8315bd336586bd315",
        },
        Self {
            version: version(38, 2),
            x86_64: "c1e2e293364686e3ee79b32f9743bb1f7fd40c196945cb9062fbb25655d35188",
            aarch64: "8b1b1bea393578e886a26350e3ab8738a066372869e82f54be464f4a914c9df4",
        },
        Self {
            version: version(39, 3),
            x86_64: "ee848b81b10b86f1d919f793b75852d24884928f2733752b4443bcd66d7bc5a6",
            aarch64: "2c624b8623c132e05f6f615f2e34b34fcdd1fdd0aaef065b3af55697178d2a50",
        },
        Self::PINNED,
    ];

    /// The newest, which tests and the demo run with unless they are told otherwise.
    pub const PINNED: Self = Self {
        version: version(40, 0),
        x86_64: "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
        aarch64: "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
    };

    /// The release of this number, `1.40.0`.
    ///
    /// # Errors
    /// The filters are not tested with it.
    pub fn named(number: &str) -> Result<Self, UnknownRelease> {
        let known = Self::ALL
            .into_iter()
            .find(|release| release.version.to_string() == number);
        known.ok_or_else(|| UnknownRelease {
            number: number.to_owned(),
        })
    }

    /// Its number.
    #[must_use]
    pub const fn version(self) -> Version {
        self.version
    }

    /// The SHA-256 of its wheel.
    pub(super) const fn sha256(self, platform: Platform) -> &'static str {
        match platform {
            Platform::X86_64 => self.x86_64,
            Platform::Aarch64 => self.aarch64,
        }
    }
}

/// A release that the filters are not tested with. The text is one line with those they are tested with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRelease {
    number: String,
}

impl fmt::Display for UnknownRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Release::ALL.map(|release| release.version.to_string()).join(", ");
        let unfit = (UNFIT.iter()).find(|(version, _)| version.to_string() == self.number);
        match unfit {
            Some((_, reason)) => write!(f, "{reason}: use one of {known}"),
            None => write!(f, "no Envoy {} is pinned: use one of {known}", self.number),
        }
    }
}

impl std::error::Error for UnknownRelease {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn releases_are_one_for_each_minor_version_and_oldest_first() {
        let minors = Release::ALL.map(|release| (release.version.major, release.version.minor));
        assert!(minors.is_sorted_by(|one, next| one < next), "{minors:?}");
        assert_eq!(Release::ALL.last(), Some(&Release::PINNED));
        assert_eq!(super::super::ENVOY_VERSION, Release::PINNED.version.to_string());
    }

    #[test]
    fn each_wheel_has_a_hash_of_its_own() {
        let all: BTreeSet<_> = Release::ALL
            .iter()
            .flat_map(|release| [release.x86_64, release.aarch64])
            .collect();
        assert_eq!(all.len(), 2 * Release::ALL.len());
        for hash in all {
            assert_eq!(hash.len(), 64);
            assert!(
                hash.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f')),
                "{hash}"
            );
        }
    }

    #[test]
    fn a_release_is_found_by_its_whole_number() {
        for release in Release::ALL {
            assert_eq!(Release::named(&release.version.to_string()), Ok(release));
        }
        for number in ["1.40", "v1.40.0", "1.40.0 ", "", "latest"] {
            assert!(Release::named(number).is_err(), "{number}");
        }
    }

    #[test]
    fn an_unknown_release_is_refused_with_those_that_are_known() {
        let said = |number| Release::named(number).unwrap_err().to_string();
        let known = "use one of 1.36.2, 1.37.0, 1.38.2, 1.39.3, 1.40.0";
        assert_eq!(said("1.35.0"), format!("no Envoy 1.35.0 is pinned: {known}"));
        assert_eq!(
            said("1.38.3"),
            format!("the packaged 1.38.3 was built without V8, so it cannot run Wasm plugins: {known}")
        );
    }
}
