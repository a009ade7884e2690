//! What may end up inside a .wasm: a fixed list, because each crate costs bytes in every proxy and is trusted there.

use super::Problem;
use crate::modules::TARGET;
use crate::process;
use crate::workspace::Workspace;
use std::collections::BTreeSet;

/// Crates from elsewhere, with what brings them in. Procedural macros run at compile time and do not count.
const ALLOWED: &[(&str, &str)] = &[
    ("allocator-api2", "hashbrown"),
    ("block-buffer", "sha2"),
    ("cfg-if", "governor, sha2"),
    ("crypto-common", "sha2"),
    ("digest", "sha2"),
    ("equivalent", "hashbrown"),
    ("foldhash", "hashbrown"),
    ("futures-core", "governor; nothing of it is linked"),
    ("futures-sink", "governor; nothing of it is linked"),
    ("futures-task", "governor; nothing of it is linked"),
    ("futures-timer", "governor; nothing of it is linked"),
    ("futures-util", "governor; nothing of it is linked"),
    ("generic-array", "sha2"),
    ("governor", "the GCRA of fairlead-quota"),
    ("hashbrown", "proxy-wasm, governor"),
    ("itoa", "serde_json"),
    ("lock_api", "governor"),
    ("log", "fairlead-guest, proxy-wasm"),
    ("memchr", "serde_json"),
    ("nonzero_ext", "governor"),
    ("parking_lot", "governor; nothing of it is linked"),
    ("parking_lot_core", "governor; nothing of it is linked"),
    ("pin-project-lite", "governor; nothing of it is linked"),
    ("portable-atomic", "governor"),
    ("proxy-wasm", "the ABI of fairlead-guest"),
    ("scopeguard", "lock_api"),
    ("serde", "pluginConfig in fairlead-config"),
    ("serde_core", "serde"),
    ("serde_json", "pluginConfig in fairlead-config"),
    (
        "sha2",
        "Higress' draw and the key of release cookies in fairlead-rollout",
    ),
    (
        "siphasher",
        "keyed hashing of fairlead-breaker, fairlead-quota, fairlead-rollout and fairlead-stale",
    ),
    ("slab", "governor; nothing of it is linked"),
    ("smallvec", "governor"),
    ("spinning_top", "governor"),
    ("talc", "the allocator of fairlead-guest"),
    ("typenum", "sha2"),
    ("web-time", "governor"),
    ("zmij", "serde_json"),
];

/// Crates of ours that belong into a module, besides the filter itself.
const OURS: [&str; 14] = [
    "fairlead-breaker",
    "fairlead-canary",
    "fairlead-circuit-breaker",
    "fairlead-config",
    "fairlead-guest",
    "fairlead-histogram",
    "fairlead-latency-histogram",
    "fairlead-matching",
    "fairlead-quota",
    "fairlead-rate-limit",
    "fairlead-regex",
    "fairlead-rollout",
    "fairlead-stage",
    "fairlead-stale",
];

/// A filter and the crates that its module is made of.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    /// Its Cargo.toml.
    manifest: String,
    /// Its package.
    package: String,
    crates: BTreeSet<String>,
}

/// Asks cargo which crates each filter is made of, with feature `module`, for the target that Envoy loads.
///
/// # Errors
/// cargo could not be asked.
pub(super) fn resolve(workspace: &Workspace) -> anyhow::Result<Vec<Contents>> {
    let mut all = Vec::new();
    for (folder, package) in workspace.filters() {
        let mut tree = process::cargo();
        tree.args([
            "tree",
            "--target",
            TARGET,
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "none",
        ]);
        tree.args(["--format", "{p}", "--package", &package.name]);
        if package.features.contains_key("module") {
            tree.args(["--features", "module"]);
        }
        let text = process::output(&mut tree)?;
        let crates = String::from_utf8_lossy(&text).lines().filter_map(name).collect();
        all.push(Contents {
            manifest: format!("filters/{folder}/Cargo.toml"),
            package: package.name.clone(),
            crates,
        });
    }
    Ok(all)
}

fn name(line: &str) -> Option<String> {
    line.split_whitespace().next().map(str::to_owned)
}

/// Checks that nothing else is inside.
pub(super) fn check(filters: &[Contents]) -> Vec<Problem> {
    let allowed = |name: &str| OURS.contains(&name) || ALLOWED.iter().any(|(allowed, _)| *allowed == name);
    let mut problems = Vec::new();
    for filter in filters {
        for name in filter
            .crates
            .iter()
            .filter(|name| **name != filter.package && !allowed(name))
        {
            let what = format!("{name} ends up inside the module");
            let fix =
                "weigh its bytes and its trust, then add it to ALLOWED in xtask/src/tidy/wasm_crates.rs";
            problems.push(Problem::new(&filter.manifest, what, fix));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(crates: &[&str]) -> Vec<Problem> {
        let crates = crates.iter().filter_map(|line| name(line)).collect();
        let manifest = "filters/rate-limit/Cargo.toml".to_owned();
        check(&[Contents {
            manifest,
            package: "fairlead-rate-limit".into(),
            crates,
        }])
    }

    #[test]
    fn a_crate_that_is_not_on_the_list_is_a_problem() {
        let problems = problems(&[
            "fairlead-rate-limit v0.1.0 (filters/rate-limit)",
            "regex v1.0.0",
            "serde v1.0.2 (*)",
        ]);
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0]
                .to_string()
                .contains("regex ends up inside the module")
        );
    }

    #[test]
    fn the_crates_on_the_list_may_be_inside() {
        assert_eq!(
            problems(&[
                "fairlead-rate-limit v0.1.0",
                "fairlead-guest v0.1.0",
                "proxy-wasm v0.2.5"
            ]),
            []
        );
    }

    #[test]
    fn the_list_is_sorted_and_names_each_crate_once() {
        assert!(ALLOWED.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
