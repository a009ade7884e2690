//! Which crate of ours may use which: deciding never depends on hosting (ARCHITECTURE.md).
//!
//! Normal and build dependencies count. Development dependencies do not, except in pure crates, whose tests run on wasm32.

use super::Problem;
use crate::tiers::{CONFIG, PURE};
use crate::workspace::Workspace;

/// What a member may depend on.
#[derive(Clone, Copy, Debug)]
enum May {
    /// These members.
    Only(&'static [&'static str]),
    /// Every member.
    Anything,
}

const ALLOWED: &[(&str, May)] = &[
    ("fairlead-stage", May::Only(&[])),
    ("fairlead-regex", May::Only(&[])),
    (
        "fairlead-matching",
        May::Only(&["fairlead-regex", "fairlead-stage"]),
    ),
    ("fairlead-quota", May::Only(&["fairlead-stage"])),
    ("fairlead-rollout", May::Only(&["fairlead-stage"])),
    ("fairlead-breaker", May::Only(&["fairlead-stage"])),
    ("fairlead-stale", May::Only(&["fairlead-stage"])),
    ("fairlead-histogram", May::Only(&["fairlead-stage"])),
    (
        "fairlead-config",
        May::Only(&[
            "fairlead-breaker",
            "fairlead-histogram",
            "fairlead-matching",
            "fairlead-quota",
            "fairlead-rollout",
            "fairlead-stage",
        ]),
    ),
    ("fairlead-guest", May::Only(&["fairlead-stage"])),
    ("fairlead-emulator", May::Only(&[])),
    ("fairlead-envoy", May::Only(&[])),
    ("fairlead-oci", May::Only(&[])),
    ("fairlead-upstream", May::Only(&[])),
    (
        "fairlead-manifest",
        May::Only(&[
            "fairlead-canary",
            "fairlead-circuit-breaker",
            "fairlead-config",
            "fairlead-latency-histogram",
            "fairlead-rate-limit",
            "fairlead-stage",
            "fairlead-suite",
        ]),
    ),
    (
        "fairlead",
        May::Only(&[
            "fairlead-breaker",
            "fairlead-config",
            "fairlead-emulator",
            "fairlead-envoy",
            "fairlead-histogram",
            "fairlead-manifest",
            "fairlead-oci",
            "fairlead-overhead",
            "fairlead-rollout",
            "fairlead-scale",
            "fairlead-stage",
            "fairlead-upstream",
        ]),
    ),
    (
        "fairlead-suite",
        May::Only(&[
            "fairlead-canary",
            "fairlead-circuit-breaker",
            "fairlead-config",
            "fairlead-latency-histogram",
            "fairlead-rate-limit",
            "fairlead-stage",
        ]),
    ),
    ("fairlead-load", May::Only(&[])),
    ("fairlead-report", May::Only(&[])),
    (
        "fairlead-overhead",
        May::Only(&["fairlead-envoy", "fairlead-load", "fairlead-report"]),
    ),
    (
        "fairlead-scale",
        May::Only(&[
            "fairlead-envoy",
            "fairlead-load",
            "fairlead-overhead",
            "fairlead-report",
        ]),
    ),
    ("fairlead-tests", May::Anything),
    ("fairlead-bench", May::Anything),
    ("xtask", May::Only(&["fairlead-envoy"])),
];

/// What every package under filters/ may depend on.
const FILTER: &[&str] = &[
    "fairlead-breaker",
    "fairlead-config",
    "fairlead-histogram",
    "fairlead-matching",
    "fairlead-quota",
    "fairlead-rollout",
    "fairlead-stage",
    "fairlead-stale",
];
/// What a filter may depend on only as an optional dependency, behind its feature `module`.
const FILTER_OPTIONAL: &[&str] = &["fairlead-guest"];

/// Crates from elsewhere that decide nothing: they log, call the host or wait.
const NEVER_IN_PURE: &[&str] = &["log", "proxy-wasm", "tokio", "tracing"];

/// A member and what it declares.
#[derive(Clone, Debug)]
pub(super) struct Member {
    manifest: String,
    name: String,
    is_filter: bool,
    dependencies: Vec<Edge>,
}

#[derive(Clone, Debug)]
struct Edge {
    name: String,
    dev: bool,
    optional: bool,
}

/// The members of the workspace.
pub(super) fn members(workspace: &Workspace) -> Vec<Member> {
    (workspace.packages.iter())
        .map(|package| {
            let folder = workspace.folder(package);
            Member {
                manifest: folder.join("Cargo.toml").display().to_string(),
                name: package.name.clone(),
                is_filter: folder.starts_with("filters"),
                dependencies: (package.dependencies.iter())
                    .map(|it| Edge {
                        name: it.name.clone(),
                        dev: it.kind.as_deref() == Some("dev"),
                        optional: it.optional,
                    })
                    .collect(),
            }
        })
        .collect()
}

/// Checks every edge between members.
pub(super) fn check(members: &[Member]) -> Vec<Problem> {
    let ours = |name: &str| members.iter().any(|member| member.name == name);
    let mut problems = Vec::new();
    for member in members {
        let may = match ALLOWED.iter().find(|(name, _)| *name == member.name) {
            Some((_, may)) => *may,
            None if member.is_filter => May::Only(FILTER),
            None => {
                let fix = "add it to ALLOWED in xtask/src/tidy/edges.rs, with what it may depend on";
                problems.push(Problem::new(
                    &member.manifest,
                    "this crate has no place in the architecture",
                    fix,
                ));
                continue;
            }
        };
        let pure = PURE.contains(&member.name.as_str()) || member.name == CONFIG;
        for edge in &member.dependencies {
            if pure && NEVER_IN_PURE.contains(&edge.name.as_str()) {
                let what = format!("a pure crate depends on {}", edge.name);
                problems.push(Problem::new(
                    &member.manifest,
                    what,
                    "pass in what it decides from as plain values",
                ));
            }
            if !ours(&edge.name) || (edge.dev && !pure) {
                continue;
            }
            let optional = member.is_filter && FILTER_OPTIONAL.contains(&edge.name.as_str());
            let allowed = match may {
                May::Anything => true,
                May::Only(names) => names.contains(&edge.name.as_str()) || (optional && edge.optional),
            };
            if !allowed {
                let what = format!("{} may not depend on {}", member.name, edge.name);
                let fix = if optional {
                    "make it optional, behind the feature `module`"
                } else {
                    "see ARCHITECTURE.md"
                };
                problems.push(Problem::new(&member.manifest, what, fix));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `check("fairlead-quota", "fairlead-stage dev:proptest")`: the problems of one member among all the others.
    fn problems(name: &str, dependencies: &str) -> Vec<String> {
        let member = |name: &str, dependencies: &str| Member {
            manifest: format!("{name}/Cargo.toml"),
            name: name.to_owned(),
            is_filter: name == "fairlead-rate-limit",
            dependencies: (dependencies.split_whitespace())
                .map(|word| {
                    let (kind, name) = word.split_once(':').unwrap_or(("", word));
                    Edge {
                        name: name.to_owned(),
                        dev: kind == "dev",
                        optional: kind == "optional",
                    }
                })
                .collect(),
        };
        let mut members: Vec<Member> = (ALLOWED.iter().map(|(other, _)| *other))
            .chain(["fairlead-rate-limit"])
            .filter(|other| *other != name)
            .map(|other| member(other, ""))
            .collect();
        members.push(member(name, dependencies));
        check(&members).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn edges_of_the_architecture_are_allowed() {
        for (name, dependencies) in [
            ("fairlead-quota", "fairlead-stage governor dev:proptest"),
            ("fairlead-config", "fairlead-quota fairlead-matching serde"),
            (
                "fairlead-rate-limit",
                "fairlead-config fairlead-quota optional:fairlead-guest dev:fairlead-emulator",
            ),
            (
                "fairlead-tests",
                "fairlead-emulator fairlead-envoy fairlead-config",
            ),
            ("fairlead-emulator", "wasmtime dev:fairlead-upstream"),
            ("xtask", "fairlead-envoy"),
        ] {
            assert_eq!(problems(name, dependencies), [""; 0], "{name}");
        }
    }

    #[test]
    fn an_edge_against_the_direction_is_a_problem() {
        for (name, dependencies) in [
            ("fairlead-stage", "fairlead-quota"),
            ("fairlead-quota", "fairlead-config"),
            ("fairlead-quota", "dev:fairlead-emulator"),
            ("fairlead-config", "fairlead-guest"),
            ("fairlead-guest", "fairlead-config"),
            ("fairlead-emulator", "fairlead-stage"),
            ("fairlead-rate-limit", "fairlead-emulator"),
            ("xtask", "fairlead"),
        ] {
            let problems = problems(name, dependencies);
            assert_eq!(problems.len(), 1, "{name}: {problems:?}");
            assert!(
                problems[0].starts_with(&format!("{name}/Cargo.toml: {name} may not depend on ")),
                "{problems:?}"
            );
        }
    }

    #[test]
    fn a_filter_sees_the_guest_only_behind_a_feature() {
        let problems = problems("fairlead-rate-limit", "fairlead-guest");
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("make it optional"), "{problems:?}");
    }

    #[test]
    fn a_pure_crate_never_sees_the_host() {
        assert_eq!(problems("fairlead-matching", "proxy-wasm").len(), 1);
        assert_eq!(problems("fairlead-config", "log").len(), 1);
        assert_eq!(problems("fairlead-guest", "proxy-wasm log").len(), 0);
    }

    #[test]
    fn a_crate_that_the_architecture_does_not_know_is_a_problem() {
        assert_eq!(problems("fairlead-utils", "").len(), 1);
    }
}
