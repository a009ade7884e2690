//! Tests that not every release of Envoy can pass, because it lacks what they are about.
//!
//! Such a test leaves itself out and says so in one line on standard error. `cargo xtask test --envoy` takes it from those that passed
//! by the beginning of that line, so that a table of releases does not claim what nobody has seen.

use std::io::Write as _;

use fairlead_envoy::Version;

/// How the line begins.
pub const LEFT_OUT: &str = "not on this Envoy: ";

/// Native histograms: the parameter `histogram_buckets=prometheusnative` of `/stats/prometheus`, since 1.38.
pub const NATIVE: &str = "histogram_buckets=prometheusnative";

/// Whether an Envoy has `what`, which came with release 1.`minor`. If not, the line is out, and the test is to return: one line a
/// test, as lines are counted.
#[must_use]
pub fn since(version: Version, minor: u32, what: &str) -> bool {
    let has = has(version, minor);
    if !has {
        leave_out(&format!("{what} came with 1.{minor}, this is {version}"));
    }
    has
}

/// Whether an Envoy has what came with release 1.`minor`.
fn has(version: Version, minor: u32) -> bool {
    (version.major, version.minor) >= (1, minor)
}

/// Says that the calling test is left out.
pub fn leave_out(reason: &str) {
    // Past the capture of `cargo test`.
    let _ = writeln!(std::io::stderr(), "{LEFT_OUT}{reason}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_has_what_came_with_it_or_before() {
        let version = |minor| Version {
            major: 1,
            minor,
            patch: 2,
        };
        for (minor, expected) in [(36, false), (37, false), (38, true), (40, true)] {
            assert_eq!(has(version(minor), 38), expected, "1.{minor}");
        }
    }
}
