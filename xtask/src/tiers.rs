//! Which commands make up each tier of the tests: a table, so that adding a crate or a tier is one line here.
//!
//! `cargo xtask tidy` fails when a package of the workspace is in no tier.

use crate::workspace::{Package, Workspace};
use clap::ValueEnum;

/// A group of steps with the same needs, cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Tier {
    /// Format, lints, tidy, licences.
    Lint,
    /// Tests on this machine, without a proxy.
    Unit,
    /// The tests of the pure crates, compiled to Wasm, under node.
    Wasm,
    /// The built modules in the emulator.
    Emulator,
    /// The built modules in a real Envoy.
    Envoy,
    /// The shipped manifests on a real Kubernetes API server, read by a real istiod.
    Istio,
    /// The Compose project of `examples/docker` on a real Docker engine.
    Docker,
}

impl Tier {
    /// All tiers, in the order in which they run.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 7] = [
        Self::Lint,
        Self::Unit,
        Self::Wasm,
        Self::Emulator,
        Self::Envoy,
        Self::Istio,
        Self::Docker,
    ];
    /// Those that run if none is named. The others build or install more than a laptop should be asked for in passing.
    pub(crate) const DEFAULT: [Self; 5] = [Self::Lint, Self::Unit, Self::Wasm, Self::Emulator, Self::Envoy];

    /// Name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Lint => "lint",
            Self::Unit => "unit",
            Self::Wasm => "wasm",
            Self::Emulator => "emulator",
            Self::Envoy => "envoy",
            Self::Istio => "istio",
            Self::Docker => "docker",
        }
    }
}

/// Crates that decide: no clock, no I/O, no global; their tests run natively and on wasm32.
pub(crate) const PURE: [&str; 8] = [
    "fairlead-breaker",
    "fairlead-histogram",
    "fairlead-matching",
    "fairlead-quota",
    "fairlead-regex",
    "fairlead-rollout",
    "fairlead-stage",
    "fairlead-stale",
];

/// The pure crate that is tested natively only.
pub(crate) const CONFIG: &str = "fairlead-config";

/// What must be there before a step can run. A step whose need is missing is skipped; with CI=true it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// A compile target of the toolchain.
    Target(&'static str),
    /// Node.js.
    Node,
    /// wasm-bindgen-test-runner.
    WasmBindgen,
    /// cargo-deny.
    Deny,
    /// actionlint.
    Actionlint,
    /// dist/*.wasm, built from the source as it is now.
    Modules,
    /// Envoy.
    Envoy,
    /// A Prometheus server.
    Prometheus,
    /// valgrind.
    Valgrind,
    /// etcd, kube-apiserver, istiod and what goes with them.
    ControlPlane,
    /// A Docker engine with Compose and the images of `examples/docker`.
    Docker,
}

impl Need {
    /// The tests that want it, where it is not the whole step: those skip themselves without it, and the others run.
    pub(crate) const fn of_some_tests(self) -> Option<&'static str> {
        match self {
            Self::Prometheus => Some("scraped by Prometheus"),
            Self::Valgrind => Some("instructions of requests"),
            _ => None,
        }
    }
}

/// What a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// cargo with a check that passes or fails as a whole. Words in braces stand for packages.
    Check(&'static [&'static str]),
    /// cargo with tests to count. At least one must run.
    Tests(&'static [&'static str]),
    /// The same once for each pure crate, with `--package`.
    TestsOfEachPure(&'static [&'static str]),
    /// `cargo xtask tidy`.
    Tidy,
    /// actionlint over the workflows.
    Workflows,
}

/// Crates that run on this machine only. All release steps select all of them and differ in the test binaries that they
/// run: with another selection cargo would choose other features of shared dependencies, and build wasmtime once more.
pub(crate) const NATIVE: [&str; 11] = [
    "fairlead",
    "fairlead-emulator",
    "fairlead-envoy",
    "fairlead-load",
    "fairlead-manifest",
    "fairlead-oci",
    "fairlead-overhead",
    "fairlead-report",
    "fairlead-scale",
    "fairlead-tests",
    "fairlead-upstream",
];

/// Stands for `--package` of every filter.
pub(crate) const FILTERS: &str = "{filters}";
/// Stands for `--package` of every crate of [`NATIVE`].
pub(crate) const NATIVE_CRATES: &str = "{native}";
/// Stands for `--package` of every crate of [`PURE`].
pub(crate) const PURE_CRATES: &str = "{pure}";
/// Before the name of a package: stands for `--test` of every test binary in its folder `tests` that no other tier runs.
const TESTS_OF: &str = "{tests}";
/// How the names of test binaries begin that run in a tier of their own, whatever their package.
const ELSEWHERE: [&str; 2] = ["istio", "docker"];

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// The tier it belongs to.
    pub(crate) tier: Tier,
    /// What the summary calls it.
    pub(crate) what: &'static str,
    /// What it needs.
    pub(crate) needs: &'static [Need],
    /// What it does.
    pub(crate) run: Run,
}

const UNKNOWN: &str = "wasm32-unknown-unknown";
const WASI: &str = crate::modules::TARGET;

/// Every step, in the order in which they run.
#[rustfmt::skip]
pub(crate) const STEPS: &[Step] = &[
    Step { tier: Tier::Lint, what: "tidy", needs: &[], run: Run::Tidy },
    Step { tier: Tier::Lint, what: "format", needs: &[], run: Run::Check(&["fmt", "--all", "--check", "--message-format", "short"]) },
    Step {
        tier: Tier::Lint, what: "clippy", needs: &[],
        run: Run::Check(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Step {
        tier: Tier::Lint, what: "clippy, pure crates: arithmetic", needs: &[],
        run: Run::Check(&[
            "clippy", PURE_CRATES, "--lib", "--no-deps", "--", "-D", "warnings", "-D", "clippy::arithmetic_side_effects",
        ]),
    },
    Step {
        tier: Tier::Lint, what: "clippy, filters as modules", needs: &[Need::Target(WASI)],
        run: Run::Check(&["clippy", FILTERS, "--lib", "--features", "module", "--target", WASI, "--", "-D", "warnings"]),
    },
    Step {
        tier: Tier::Lint, what: "licences, bans, sources", needs: &[Need::Deny],
        run: Run::Check(&["deny", "--workspace", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"]),
    },
    Step { tier: Tier::Lint, what: "workflows", needs: &[Need::Actionlint], run: Run::Workflows },

    Step {
        tier: Tier::Unit, what: "crates and filters", needs: &[],
        run: Run::Tests(&["test", "--no-fail-fast", PURE_CRATES, FILTERS, "--package", "fairlead-config", "--package", "fairlead-guest"]),
    },
    Step { tier: Tier::Unit, what: "xtask", needs: &[], run: Run::Tests(&["test", "--no-fail-fast", "--package", "xtask"]) },

    Step {
        tier: Tier::Wasm, what: "wasm32", needs: &[Need::Node, Need::Target(UNKNOWN), Need::WasmBindgen],
        run: Run::TestsOfEachPure(&["test", "--no-fail-fast", "--tests", "--target", UNKNOWN]),
    },

    Step {
        tier: Tier::Emulator, what: "emulator, fairlead, upstream", needs: &[Need::Modules],
        run: Run::Tests(&[
            "test", "--no-fail-fast", "--release", NATIVE_CRATES, "--lib", "--bins", "{tests}fairlead-upstream",
        ]),
    },
    Step {
        tier: Tier::Emulator, what: "emulator against Envoy", needs: &[Need::Target(WASI), Need::Envoy],
        run: Run::Tests(&["test", "--no-fail-fast", "--release", NATIVE_CRATES, "{tests}fairlead-emulator"]),
    },
    Step {
        tier: Tier::Emulator, what: "doc tests", needs: &[],
        run: Run::Tests(&["test", "--no-fail-fast", "--release", NATIVE_CRATES, "--doc"]),
    },
    Step {
        tier: Tier::Emulator, what: "build fairlead", needs: &[],
        run: Run::Check(&["build", "--release", NATIVE_CRATES, "--bins"]),
    },
    Step {
        tier: Tier::Emulator, what: "end to end", needs: &[Need::Modules],
        run: Run::Tests(&["test", "--no-fail-fast", "--release", NATIVE_CRATES, "--test", "emulator*"]),
    },

    Step {
        tier: Tier::Envoy, what: "fairlead-envoy, fairlead up, bench", needs: &[Need::Modules, Need::Envoy, Need::Valgrind],
        run: Run::Tests(&[
            "test", "--no-fail-fast", "--release", NATIVE_CRATES, "{tests}fairlead-envoy", "{tests}fairlead",
            "{tests}fairlead-overhead", "--", "--test-threads", "2",
        ]),
    },
    Step {
        tier: Tier::Envoy, what: "end to end", needs: &[Need::Modules, Need::Envoy, Need::Prometheus, Need::Valgrind],
        run: Run::Tests(&[
            "test", "--no-fail-fast", "--release", NATIVE_CRATES, "--test", "envoy*", "--", "--test-threads", "2",
        ]),
    },

    Step {
        tier: Tier::Istio, what: "build fairlead", needs: &[],
        run: Run::Check(&["build", "--release", NATIVE_CRATES, "--bins"]),
    },
    Step {
        tier: Tier::Istio, what: "control plane", needs: &[Need::Modules, Need::Envoy, Need::Prometheus, Need::ControlPlane],
        run: Run::Tests(&[
            "test", "--no-fail-fast", "--release", NATIVE_CRATES, "--test", "istio*", "--", "--test-threads", "1", "--nocapture",
        ]),
    },

    Step {
        tier: Tier::Docker, what: "the example's page", needs: &[Need::Modules, Need::Envoy, Need::Prometheus, Need::Docker],
        run: Run::Tests(&[
            "test", "--no-fail-fast", "--release", NATIVE_CRATES, "--test", "docker*", "--", "--test-threads", "1",
        ]),
    },
];

/// Packages that no tier tests, with the reason.
pub(crate) const UNTESTED: [(&str, &str); 1] = [("fairlead-bench", "benchmarks only; clippy compiles them")];

/// What the placeholders of the table stand for.
pub(crate) struct Groups<'w> {
    /// Packages of the filters.
    pub(crate) filters: Vec<&'w str>,
    /// Package and test binary.
    pub(crate) binaries: Vec<(&'w str, &'w str)>,
}

impl<'w> Groups<'w> {
    /// The groups of a workspace.
    pub(crate) fn of(workspace: &'w Workspace) -> Self {
        let filters = workspace
            .filters()
            .map(|(_, package)| package.name.as_str())
            .collect();
        let tests = |package: &'w Package| {
            package
                .targets
                .iter()
                .filter(|it| it.kind.iter().any(|kind| kind == "test"))
        };
        let binaries = (workspace.packages.iter())
            .flat_map(|package| tests(package).map(|target| (package.name.as_str(), target.name.as_str())))
            .collect();
        Self { filters, binaries }
    }

    /// The packages that an argument stands for.
    fn packages(&self, argument: &str) -> Option<&[&str]> {
        match argument {
            FILTERS => Some(&self.filters),
            NATIVE_CRATES => Some(&NATIVE),
            PURE_CRATES => Some(&PURE),
            _ => None,
        }
    }

    /// Replaces the placeholders.
    pub(crate) fn expand(&self, arguments: &[&str]) -> Vec<String> {
        let mut expanded = Vec::new();
        for argument in arguments {
            if let Some(packages) = self.packages(argument) {
                expanded.extend(
                    packages
                        .iter()
                        .flat_map(|package| ["--package", package])
                        .map(str::to_owned),
                );
            } else if let Some(package) = argument.strip_prefix(TESTS_OF) {
                let here = |name: &str| !ELSEWHERE.iter().any(|tier| name.starts_with(tier));
                let binaries = self
                    .binaries
                    .iter()
                    .filter(|(of, name)| *of == package && here(name));
                expanded.extend(binaries.flat_map(|(_, name)| ["--test", name]).map(str::to_owned));
            } else {
                expanded.push((*argument).to_owned());
            }
        }
        expanded
    }

    /// Whether some step runs tests of a package.
    pub(crate) fn tests(&self, package: &str) -> bool {
        STEPS.iter().any(|step| match step.run {
            Run::Check(_) | Run::Tidy | Run::Workflows => false,
            Run::TestsOfEachPure(_) => PURE.contains(&package),
            Run::Tests(arguments) => self
                .expand(arguments)
                .windows(2)
                .any(|pair| matches!(pair, [option, name] if option == "--package" && name == package)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> Groups<'static> {
        Groups {
            filters: vec!["a", "b"],
            binaries: vec![
                ("fairlead", "up"),
                ("fairlead-envoy", "real"),
                ("fairlead-envoy", "istio_proxy"),
            ],
        }
    }

    #[test]
    fn placeholders_become_packages_and_test_binaries() {
        let arguments = groups().expand(&["test", FILTERS, "--lib", "{tests}fairlead-envoy", "--", "x"]);
        assert_eq!(
            arguments,
            [
                "test",
                "--package",
                "a",
                "--package",
                "b",
                "--lib",
                "--test",
                "real",
                "--",
                "x"
            ]
        );
    }

    #[test]
    fn the_packages_that_the_table_tests_are_known() {
        for package in PURE.into_iter().chain(NATIVE).chain(["a", "xtask"]) {
            assert!(groups().tests(package), "{package}");
        }
        assert!(!groups().tests("fairlead-bench"));
        assert!(!groups().tests("fairlead-new"));
    }

    #[test]
    fn every_release_step_selects_the_same_packages() {
        for step in STEPS {
            if let Run::Tests(arguments) = step.run
                && arguments.contains(&"--release")
            {
                assert_eq!(
                    arguments.get(3),
                    Some(&NATIVE_CRATES),
                    "{}: {}",
                    step.tier.name(),
                    step.what
                );
                assert!(
                    !arguments.contains(&"--package"),
                    "{}: {}",
                    step.tier.name(),
                    step.what
                );
            }
        }
    }

    #[test]
    fn steps_are_listed_in_the_order_of_their_tiers() {
        assert!(STEPS.is_sorted_by_key(|step| step.tier));
        for tier in Tier::ALL {
            assert!(
                STEPS.iter().any(|step| step.tier == tier),
                "{} has no step",
                tier.name()
            );
        }
    }
}
