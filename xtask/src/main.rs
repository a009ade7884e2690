//! `cargo xtask`: build, test and demo tasks of this repository, run the same way on a laptop and in CI.
//!
//! Every command finds what it needs (a compile target, wasm-opt, Envoy), fetches it into `.fairlead/` when it can, and
//! says in one line how to get it when it cannot. Nothing here is part of what users install: that is `crates/cli`.

#![allow(
    clippy::print_stdout,
    reason = "a command line tool: its results go to stdout"
)]

mod bench;
mod clean;
mod compatibility;
mod console;
mod modules;
mod process;
mod test;
mod tidy;
mod tiers;
mod tools;
mod up;
mod workspace;

use clap::{Parser, Subcommand};
use compatibility::Choice;
use console::Console;
use std::process::ExitCode;
use tiers::Tier;
use workspace::Workspace;

/// Build, test and demo tasks of this repository.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the filters into dist/*.wasm
    Build {
        /// Only these filters, by folder name (rate-limit)
        #[arg(long, num_args = 1.., value_name = "NAME")]
        filter: Vec<String>,
        /// Print the result as JSON on stdout; everything else goes to stderr
        #[arg(long)]
        json: bool,
    },
    /// Run the tests, tier by tier, and print a table of what passed
    Test {
        /// Only these tiers, in this order: lint, unit, wasm, emulator, envoy (the default), istio, docker
        #[arg(long, value_delimiter = ',', value_enum)]
        tier: Vec<Tier>,
        /// With this release of Envoy, or `all` that are pinned, instead of the one that is found; the envoy tier unless others are named
        #[arg(long, value_name = "VERSION", value_parser = Choice::parse)]
        envoy: Option<Choice>,
        /// Write what passed into docs/compatibility.md; a missing tool is a failure
        #[arg(long, requires = "envoy")]
        record: bool,
        /// Print the result as JSON on stdout; everything else goes to stderr
        #[arg(long)]
        json: bool,
    },
    /// Build everything and start the demo: Envoy with the filters, an upstream, live numbers
    Up {
        /// Passed on to `fairlead up` (--once: run the scenario once and exit)
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Build everything and measure what the filters cost on a real Envoy
    Bench {
        /// overhead: side by side; scale: how cost grows
        #[arg(value_enum)]
        what: bench::What,
        /// Passed on to `fairlead bench` (--quick: within ten minutes; --only, --json, --page)
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Check what compilers do not: dependency direction, purity, file rules
    Tidy,
    /// Remove dist/ and .fairlead/ (fetched tools)
    Clean {
        /// Remove target/ as well
        #[arg(long)]
        all: bool,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one command; `false` means that it ran to its end and found something wrong.
fn run(command: Command) -> anyhow::Result<bool> {
    let workspace = Workspace::load()?;
    match command {
        Command::Build { filter, json } => {
            let console = Console::new(json);
            let built = modules::build(&workspace, &filter, &console)?;
            console.finish();
            modules::report::print(&built, json)?;
            Ok(true)
        }
        Command::Test {
            tier,
            envoy: Some(choice),
            record,
            json,
        } => compatibility::run(&workspace, &tier, choice, record, json),
        Command::Test { tier, json, .. } => test::run(&workspace, &tier, json),
        Command::Up { args } => up::run(&workspace, &args),
        Command::Bench { what, args } => bench::run(&workspace, what, &args),
        Command::Tidy => tidy::run(&workspace),
        Command::Clean { all } => clean::run(&workspace, all).map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Command {
        Arguments::try_parse_from(line.split_whitespace())
            .unwrap()
            .command
    }

    #[test]
    fn up_passes_every_argument_on() {
        let Command::Up { args } = parse("xtask up --once --filter rate-limit -v") else {
            panic!("not up")
        };
        assert_eq!(args, ["--once", "--filter", "rate-limit", "-v"]);
    }

    #[test]
    fn bench_passes_on_every_argument_but_the_first() {
        let Command::Bench { what, args } = parse("xtask bench overhead --quick --only rate-limit,lua")
        else {
            panic!("not bench")
        };
        assert_eq!(what, bench::What::Overhead);
        assert_eq!(args, ["--quick", "--only", "rate-limit,lua"]);
        assert!(Arguments::try_parse_from(["xtask", "bench"]).is_err());
        assert!(Arguments::try_parse_from(["xtask", "bench", "speed"]).is_err());
    }

    #[test]
    fn tiers_are_separated_by_commas() {
        let Command::Test { tier, json, .. } = parse("xtask test --tier unit,wasm --json") else {
            panic!("not test")
        };
        assert_eq!(tier, [Tier::Unit, Tier::Wasm]);
        assert!(json);
        assert!(Arguments::try_parse_from(["xtask", "test", "--tier", "unot"]).is_err());
    }

    #[test]
    fn a_release_of_envoy_is_one_that_is_pinned() {
        let Command::Test { tier, envoy, .. } = parse("xtask test --envoy all --record") else {
            panic!("not test")
        };
        assert_eq!((tier, envoy), (vec![], Some(Choice::All)));
        for wrong in ["--envoy 1.38.3", "--envoy", "--record"] {
            let line = format!("xtask test {wrong}");
            assert!(
                Arguments::try_parse_from(line.split_whitespace()).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn several_filters_may_be_named() {
        let Command::Build { filter, .. } = parse("xtask build --filter rate-limit canary --json") else {
            panic!("not build")
        };
        assert_eq!(filter, ["rate-limit", "canary"]);
    }
}
