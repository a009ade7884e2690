//! Rules for Cargo.toml, Cargo.lock and the table of tiers: nothing escapes the lints or the tests.

use super::{File, Problem};
use crate::process;
use crate::tiers::{Groups, Tier, UNTESTED};
use crate::workspace::Workspace;

/// Members that may set lints of their own.
const OWN_LINTS: [&str; 1] = ["tests/Cargo.toml"];

/// Checks that a member inherits the lints of the workspace.
pub(super) fn check_lints(workspace: &Workspace, file: &File) -> Option<Problem> {
    let manifest = workspace.root.join(&file.path);
    let member = workspace
        .packages
        .iter()
        .any(|package| package.manifest_path == manifest);
    lints(file).filter(|_| member)
}

fn lints(file: &File) -> Option<Problem> {
    let text = file.text.as_deref()?;
    if inherits_lints(text) || (OWN_LINTS.contains(&file.path.as_str()) && text.contains("[lints")) {
        return None;
    }
    let what = "the lints of the workspace are not inherited";
    Some(Problem::new(&file.path, what, "add [lints] workspace = true"))
}

fn inherits_lints(text: &str) -> bool {
    let mut section = "";
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else {
            let line: String = line.chars().filter(|c| !c.is_whitespace()).collect();
            if (section == "[lints]" && line == "workspace=true") || line == "lints.workspace=true" {
                return true;
            }
        }
    }
    false
}

/// Checks that some tier runs the tests of each package, and each test binary of tests/.
pub(super) fn check_tiers(workspace: &Workspace) -> Vec<Problem> {
    let groups = Groups::of(workspace);
    let mut problems: Vec<Problem> = (workspace.packages.iter())
        .filter_map(|package| untested(&groups, &package.name))
        .collect();
    let binaries = groups
        .binaries
        .iter()
        .filter(|(package, _)| *package == "fairlead-tests");
    problems.extend(unnamed(&binaries.map(|(_, name)| *name).collect::<Vec<_>>()));
    problems
}

fn untested(groups: &Groups<'_>, package: &str) -> Option<Problem> {
    if groups.tests(package) || UNTESTED.iter().any(|(untested, _)| *untested == package) {
        return None;
    }
    Some(Problem::new(
        "xtask/src/tiers.rs",
        format!("no tier tests {package}"),
        "add it to a step",
    ))
}

fn unnamed(binaries: &[&str]) -> Vec<Problem> {
    let tiers = [Tier::Emulator, Tier::Envoy, Tier::Istio, Tier::Docker].map(Tier::name);
    (binaries.iter())
        .filter(|name| !tiers.iter().any(|tier| name.starts_with(tier)))
        .map(|name| {
            Problem::new(
                "tests",
                format!("no tier runs {name}"),
                "begin its name with emulator, envoy, istio or docker",
            )
        })
        .collect()
}

/// Checks that Cargo.lock says what the manifests say.
pub(super) fn check_lock(workspace: &Workspace) -> Option<Problem> {
    let mut metadata = process::cargo();
    metadata
        .args(["metadata", "--locked", "--format-version", "1"])
        .current_dir(&workspace.root);
    process::output(&mut metadata).err()?;
    Some(Problem::new(
        "Cargo.lock",
        "it does not fit the manifests",
        "run cargo metadata and commit it",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn a_member_without_the_lints_of_the_workspace_is_a_problem() {
        let with = "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n";
        let without = "[package]\nname = \"a\"\n\n[dependencies]\nworkspace = true\n";
        assert_eq!(lints(&file("crates/a/Cargo.toml", with)), None);
        assert_eq!(
            lints(&file("crates/a/Cargo.toml", "lints.workspace=true\n[package]")),
            None
        );
        assert!(lints(&file("crates/a/Cargo.toml", without)).is_some());
    }

    #[test]
    fn only_the_tests_may_have_their_own_lints() {
        let own = "[package]\n[lints.clippy]\nexpect_used = \"allow\"\n";
        assert_eq!(lints(&file("tests/Cargo.toml", own)), None);
        assert!(lints(&file("crates/a/Cargo.toml", own)).is_some());
    }

    #[test]
    fn a_package_that_no_tier_tests_is_a_problem() {
        let groups = Groups {
            filters: vec!["fairlead-rate-limit"],
            binaries: Vec::new(),
        };
        for package in ["fairlead-quota", "fairlead-rate-limit", "fairlead-bench"] {
            assert_eq!(untested(&groups, package), None);
        }
        assert!(untested(&groups, "fairlead-new").is_some());
    }

    #[test]
    fn a_test_binary_that_no_tier_runs_is_a_problem() {
        assert_eq!(unnamed(&["emulator_rate_limit", "envoy"]), []);
        assert_eq!(unnamed(&["rate_limit"]).len(), 1);
    }
}
