//! Which commands make up each tier of the tests: a table, so that adding a crate or a tier is one line here.
//!
//! `cargo xtask tidy` fails when a package of the workspace is in no tier.

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
}

impl Tier {
    /// All tiers, in the order in which they run.
    pub(crate) const ALL: [Self; 5] = [Self::Lint, Self::Unit, Self::Wasm, Self::Emulator, Self::Envoy];

    /// Name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Lint => "lint",
            Self::Unit => "unit",
            Self::Wasm => "wasm",
            Self::Emulator => "emulator",
            Self::Envoy => "envoy",
        }
    }
}

/// Crates that decide: no clock, no I/O, no global; their tests run natively and on wasm32.
pub(crate) const PURE: [&str; 3] = ["fairlead-matching", "fairlead-quota", "fairlead-stage"];

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
    /// dist/*.wasm, built from the source as it is now.
    Modules,
    /// Envoy.
    Envoy,
}

/// What a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// cargo with a check that passes or fails as a whole. [`FILTERS`] and [`PURE_CRATES`] stand for their packages.
    Check(&'static [&'static str]),
    /// cargo with tests to count. At least one must run.
    Tests(&'static [&'static str]),
    /// The same once for each pure crate, with `--package`.
    TestsOfEachPure(&'static [&'static str]),
    /// `cargo xtask tidy`.
    Tidy,
}

/// Stands for `--package` of every filter.
pub(crate) const FILTERS: &str = "{filters}";
/// Stands for `--package` of every pure crate.
pub(crate) const PURE_CRATES: &str = "{pure}";

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
            "test", "--no-fail-fast", "--release", "--package", "fairlead-emulator", "--package", "fairlead", "--package", "fairlead-upstream",
        ]),
    },
    Step {
        tier: Tier::Emulator, what: "end to end", needs: &[Need::Modules],
        run: Run::Tests(&["test", "--no-fail-fast", "--release", "--package", "fairlead-tests", "--lib", "--test", "emulator*"]),
    },

    Step {
        tier: Tier::Envoy, what: "fairlead-envoy", needs: &[Need::Envoy],
        run: Run::Tests(&["test", "--no-fail-fast", "--release", "--package", "fairlead-envoy", "--", "--test-threads", "2"]),
    },
    Step {
        tier: Tier::Envoy, what: "end to end", needs: &[Need::Modules, Need::Envoy],
        run: Run::Tests(&[
            "test", "--no-fail-fast", "--release", "--package", "fairlead-tests", "--test", "envoy*", "--", "--test-threads", "2",
        ]),
    },
];

/// Packages that no tier tests, with the reason.
pub(crate) const UNTESTED: [(&str, &str); 1] = [("fairlead-bench", "benchmarks only; clippy compiles them")];

impl Step {
    /// The packages whose tests this step runs.
    pub(crate) fn tests_packages<'p>(&self, pure: &[&'p str], filters: &[&'p str]) -> Vec<&'p str> {
        match self.run {
            Run::Check(_) | Run::Tidy => Vec::new(),
            Run::TestsOfEachPure(_) => pure.to_vec(),
            Run::Tests(arguments) => {
                let mut packages: Vec<&str> = Vec::new();
                for (argument, next) in arguments.iter().zip(arguments.iter().skip(1).chain([&""])) {
                    match *argument {
                        PURE_CRATES => packages.extend(pure),
                        FILTERS => packages.extend(filters),
                        "--package" => packages.push(*next),
                        _ => {}
                    }
                }
                packages
            }
        }
    }
}

/// Replaces [`PURE_CRATES`] and [`FILTERS`] by the packages they stand for.
pub(crate) fn expand(arguments: &[&str], filters: &[&str]) -> Vec<String> {
    let mut expanded = Vec::new();
    for argument in arguments {
        let group: &[&str] = match *argument {
            PURE_CRATES => &PURE,
            FILTERS => filters,
            other => {
                expanded.push(other.to_owned());
                continue;
            }
        };
        expanded.extend(
            group
                .iter()
                .flat_map(|package| ["--package".to_owned(), (*package).to_owned()]),
        );
    }
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_become_packages_and_other_arguments_stay() {
        let arguments = expand(&["test", FILTERS, "--lib"], &["a", "b"]);
        assert_eq!(arguments, ["test", "--package", "a", "--package", "b", "--lib"]);
    }

    #[test]
    fn the_packages_of_a_step_are_found_in_its_arguments() {
        let step = Step {
            tier: Tier::Unit,
            what: "",
            needs: &[],
            run: Run::Tests(&["test", "--no-fail-fast", FILTERS, "--package", "c"]),
        };
        assert_eq!(step.tests_packages(&["p"], &["a", "b"]), ["a", "b", "c"]);
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
