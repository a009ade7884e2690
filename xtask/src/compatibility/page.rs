//! The table of `docs/compatibility.md`.

use super::AREAS;
use super::record::Record;
use crate::test::counts::Counts;
use crate::workspace::Workspace;
use anyhow::Context as _;
use fairlead_envoy::Release;
use std::path::PathBuf;

const BEGIN: &str = "<!-- tested: written by cargo xtask test --envoy all --record -->\n";
const END: &str = "<!-- /tested -->\n";

fn file(workspace: &Workspace) -> PathBuf {
    workspace.root.join("docs/compatibility.md")
}

/// Writes the table into the page.
///
/// # Errors
/// The page has no place for it, or cannot be written.
pub(crate) fn write(workspace: &Workspace, record: &Record) -> anyhow::Result<()> {
    let page = std::fs::read_to_string(file(workspace)).context("cannot read docs/compatibility.md")?;
    let (before, _, after) = parts(&page).context("docs/compatibility.md has no place for the table")?;
    let text = format!("{before}{BEGIN}{}{END}{after}", table(record));
    std::fs::write(file(workspace), text).context("cannot write docs/compatibility.md")
}

/// What is before the table, the table, what comes after it.
fn parts(page: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (table, after) = rest.split_once(END)?;
    Some((before, table, after))
}

/// A row for each area, a column for each release.
fn table(record: &Record) -> String {
    let row =
        |first: &str, cells: [String; Release::ALL.len()]| format!("| {first} | {} |\n", cells.join(" | "));
    let mut text = row("Envoy", Release::ALL.map(|release| release.version().to_string()));
    text += &row("---", Release::ALL.map(|_| "---".to_owned()));
    for (area, _) in AREAS {
        text += &row(area, Release::ALL.map(|release| cell(record.of(release, area))));
    }
    text
}

/// What became of an area: nothing but a number where all passed.
fn cell(counts: Option<Counts>) -> String {
    let Some(Counts {
        passed,
        failed,
        skipped,
    }) = counts
    else {
        return "not run".to_owned();
    };
    let mut parts = Vec::new();
    if failed > 0 {
        parts.push(format!("**{failed} failed**"));
    }
    if passed > 0 {
        parts.push(passed.to_string());
    }
    if skipped > 0 {
        parts.push(format!("{skipped} left out"));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_releases_that_are_known_and_what_they_did() {
        let workspace = Workspace::load().unwrap();
        let record = Record::load(&workspace).unwrap();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            write(&workspace, &record).unwrap();
        }
        let page = std::fs::read_to_string(file(&workspace)).unwrap();
        let (before, shown, after) = parts(&page).unwrap();
        assert_eq!(
            shown,
            table(&record),
            "cargo xtask test --envoy all --record writes it, or of the same record UPDATE_DOCS=1 cargo test --package xtask"
        );
        let known = Release::ALL.map(|release| release.version().to_string());
        assert_eq!(record.releases.keys().collect::<Vec<_>>(), known.each_ref());
        let areas = record.releases.values().flat_map(|areas| areas.keys());
        for area in areas {
            assert!(AREAS.iter().any(|(known, _)| known == area), "{area}");
        }
        // The part that people write knows each of them, too.
        for version in &known {
            assert!(before.contains(version.as_str()), "{version}");
        }
        assert!(!after.contains(BEGIN));
    }

    #[test]
    fn the_weekly_run_is_with_the_releases_that_are_known() {
        let workspace = Workspace::load().unwrap();
        let file = workspace.root.join(".github/workflows/compatibility.yml");
        let known = Release::ALL
            .map(|release| release.version().to_string())
            .join(", ");
        let line = format!("        envoy: [{known}]\n");
        assert!(std::fs::read_to_string(file).unwrap().contains(&line), "{line}");
    }

    #[test]
    fn a_cell_says_what_did_not_pass() {
        let cell = |passed, failed, skipped| {
            cell(Some(Counts {
                passed,
                failed,
                skipped,
            }))
        };
        assert_eq!(cell(15, 0, 0), "15");
        assert_eq!(cell(15, 0, 1), "15, 1 left out");
        assert_eq!(cell(14, 2, 0), "**2 failed**, 14");
        assert_eq!(cell(0, 0, 3), "3 left out");
        assert_eq!(super::cell(None), "not run");
    }
}
