//! What runs have found, a release and an area at a time.

use super::AREAS;
use crate::test::counts::Counts;
use crate::test::summary::Row;
use crate::workspace::Workspace;
use anyhow::{Context as _, bail};
use fairlead_envoy::Release;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

const ABOUT: &str = "Tests that passed, failed and were left out, by release of Envoy and area. Written by: cargo xtask test --envoy all --record (or with one version)";

/// The file `tests/compatibility.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Record {
    about: String,
    /// By number of the release, then by area.
    pub(super) releases: BTreeMap<String, BTreeMap<String, Counts>>,
}

impl Record {
    fn file(workspace: &Workspace) -> PathBuf {
        workspace.root.join("tests/compatibility.json")
    }

    /// Reads the file; without one nothing is known.
    ///
    /// # Errors
    /// It is not as it was written.
    pub(crate) fn load(workspace: &Workspace) -> anyhow::Result<Self> {
        let Ok(text) = std::fs::read(Self::file(workspace)) else {
            return Ok(Self {
                about: ABOUT.to_owned(),
                releases: BTreeMap::new(),
            });
        };
        serde_json::from_slice(&text).context("tests/compatibility.json is not as it was written")
    }

    /// Takes over what a run has found. Releases that are not pinned any more are forgotten.
    ///
    /// # Errors
    /// An area did not run.
    pub(crate) fn replace(&mut self, release: Release, rows: &[Row]) -> anyhow::Result<()> {
        let mut areas = BTreeMap::new();
        for (area, binary) in AREAS {
            match rows.iter().find(|row| row.what == binary) {
                Some(row) => areas.insert(area.to_owned(), row.counts),
                None => bail!("nothing is recorded: {binary} did not run"),
            };
        }
        self.releases.insert(release.version().to_string(), areas);
        self.releases.retain(|number, _| Release::named(number).is_ok());
        Ok(())
    }

    /// Writes the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn store(&self, workspace: &Workspace) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        std::fs::write(Self::file(workspace), text + "\n").context("cannot write tests/compatibility.json")
    }

    /// What a release has done in an area; `None`: it has not run.
    pub(super) fn of(&self, release: Release, area: &str) -> Option<Counts> {
        self.releases
            .get(&release.version().to_string())?
            .get(area)
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiers::Tier;
    use std::time::Duration;

    fn rows(but: &str) -> Vec<Row> {
        let row = |binary: &str| {
            Row::new(
                Tier::Envoy,
                binary.to_owned(),
                Counts::passed(),
                Duration::ZERO,
                String::new(),
            )
        };
        let binaries = AREAS.iter().map(|(_, binary)| *binary);
        binaries.filter(|binary| *binary != but).map(row).collect()
    }

    #[test]
    fn a_run_replaces_its_release_only_and_what_is_not_pinned_is_forgotten() {
        let [old, .., new] = Release::ALL;
        let mut record = Record {
            about: String::new(),
            releases: BTreeMap::from([("1.35.0".to_owned(), BTreeMap::new())]),
        };
        record.replace(new, &rows("")).unwrap();
        record.replace(old, &rows("")).unwrap();
        assert_eq!(
            record.releases.keys().collect::<Vec<_>>(),
            [&old.version().to_string(), &new.version().to_string()]
        );
        assert_eq!(record.of(new, "canary"), Some(Counts::passed()));
        assert_eq!(record.of(Release::ALL[1], "canary"), None);
    }

    #[test]
    fn a_run_without_an_area_is_not_recorded() {
        let mut record = Record {
            about: String::new(),
            releases: BTreeMap::new(),
        };
        let error = record
            .replace(Release::PINNED, &rows("envoy_canary"))
            .unwrap_err();
        assert_eq!(error.to_string(), "nothing is recorded: envoy_canary did not run");
        assert!(record.releases.is_empty());
    }
}
