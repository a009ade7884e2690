//! `cargo xtask test --envoy`: the tests with other releases of Envoy than the one that is pinned, and the page that says what came out.
//!
//! Which releases there are is known to `fairlead-envoy` alone. What a run has found is kept in `tests/compatibility.json`, a release at a
//! time, so that one of them can be run anew; the table of `docs/compatibility.md` is made of it, and a test here compares both.

mod page;
mod record;

use crate::console::{Console, Stream};
use crate::test::Session;
use crate::test::summary::{self, Row};
use crate::tiers::Tier;
use crate::workspace::Workspace;
use anyhow::bail;
use fairlead_envoy::Release;
use record::Record;

/// The releases that a command line names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// One of them.
    One(Release),
    /// All that are pinned.
    All,
}

impl Choice {
    /// Reads the value of `--envoy`.
    ///
    /// # Errors
    /// It is not pinned; the text names those that are.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        let release = Release::named(text).map_err(|error| format!("{error}, or all"))?;
        Ok(Self::One(release))
    }

    fn releases(self) -> Vec<Release> {
        match self {
            Self::One(release) => vec![release],
            Self::All => Release::ALL.to_vec(),
        }
    }
}

/// What the table of the page calls each test binary that runs Envoy. Others of the Envoy tier would only say the same for each release.
const AREAS: [(&str, &str); 9] = [
    ("rate limit", "envoy_rate_limit"),
    ("canary", "envoy_canary"),
    ("circuit breaker", "envoy_circuit_breaker"),
    ("latency histogram", "envoy_latency_histogram"),
    ("suite", "envoy_suite"),
    ("Prometheus", "envoy_prometheus"),
    ("cost gate", "envoy_cost"),
    ("demo mesh, `fairlead up`", "up_once"),
    ("starting, asking and measuring Envoy", "real"),
];

/// Whether a test binary has another outcome with another Envoy.
pub(crate) fn runs_envoy(binary: &str) -> bool {
    AREAS.iter().any(|(_, known)| *known == binary)
}

/// Runs the tiers, or the Envoy tier, with each of these releases. With `write` a missing tool is a failure, and what was found goes to the
/// record and the page. Whether nothing failed.
///
/// # Errors
/// A command could not be started at all, or a file not be written. Failures of tests are no errors.
pub(crate) fn run(
    workspace: &Workspace,
    tiers: &[Tier],
    choice: Choice,
    write: bool,
    json: bool,
) -> anyhow::Result<bool> {
    let tiers = if tiers.is_empty() { &[Tier::Envoy] } else { tiers };
    if write && !tiers.contains(&Tier::Envoy) {
        bail!("--record is for the envoy tier");
    }
    let ci = write || std::env::var("CI").is_ok_and(|value| value == "true");
    let console = Console::new(json);
    let mut session = Session::new(workspace, &console, ci);
    let mut all = Vec::new();
    for release in choice.releases() {
        let version = release.version();
        let rows = session.rows(tiers, Some(release))?;
        if write {
            let mut record = Record::load(workspace)?;
            record.replace(release, &rows)?;
            record.store(workspace)?;
            page::write(workspace, &record)?;
            console.line(Stream::Err, &format!("recorded Envoy {version}"));
        }
        let named = |row: Row| row.renamed(|what| format!("{version}: {what}"));
        all.extend(rows.into_iter().map(named));
    }
    console.finish();
    summary::print(&all, json)?;
    Ok(all.iter().all(|row| row.counts.failed == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_named_by_its_number_or_all_are() {
        let [oldest, ..] = Release::ALL;
        assert_eq!(Choice::parse("1.36.2"), Ok(Choice::One(oldest)));
        assert_eq!(
            Choice::parse("all").map(Choice::releases),
            Ok(Release::ALL.to_vec())
        );
        for unpinned in ["1.38.3", "1.36", "ALL"] {
            let said = Choice::parse(unpinned).unwrap_err();
            assert!(
                said.ends_with("use one of 1.36.2, 1.37.0, 1.38.2, 1.39.3, 1.40.0, or all"),
                "{said}"
            );
        }
    }

    #[test]
    fn every_end_to_end_test_with_envoy_is_an_area() {
        let workspace = Workspace::load().unwrap();
        let tests = workspace
            .packages
            .iter()
            .find(|package| package.name == "fairlead-tests")
            .unwrap();
        let binaries = tests
            .targets
            .iter()
            .filter(|target| target.kind.iter().any(|kind| kind == "test"));
        let with_envoy = binaries.filter(|target| target.name.starts_with("envoy"));
        for binary in with_envoy.map(|target| target.name.as_str()) {
            assert!(runs_envoy(binary), "{binary}");
        }
    }
}
