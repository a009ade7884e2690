//! `fairlead bench`: what filters cost on a real Envoy.
//!
//! The measuring is that of [`fairlead_overhead`] and [`fairlead_scale`]; here are only the options, a progress bar, and
//! where the results go. What this does not do: judge. `scale` has goals, and says which of them the machine has missed.

use anyhow::{Context, Result};
use clap::Subcommand;
use fairlead_envoy::Locator;
use fairlead_overhead::variants::{self, Variant};
use fairlead_scale::Sweep;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tempfile::TempDir;

/// Where Envoy is kept once it was fetched, in the folder that the command runs in.
const CACHE: &str = ".fairlead";
/// The empty filter of the Rust SDK, in the repository. It is compiled where it is there.
const EMPTY: &str = "bench/empty";
/// Where it is compiled.
const EMPTY_TARGET: &str = "target/bench-empty";

/// Options of `fairlead bench`.
#[derive(clap::Args, Debug)]
#[command(
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true,
    after_help = "Without a subcommand it measures anybody's filter: beside no filter and one that does nothing.\n\
    Everything is compared within one run, in turns. Instructions need valgrind (apt-get install valgrind) and hold on a \
    busy machine; times want a quiet one with two cores or more.\n\
    Exit status: 0 measured, 1 something is missing, does not start or does not answer, or (scale) a goal is missed."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// The module to measure
    #[arg(long, value_name = "FILE", required = true)]
    module: Option<PathBuf>,
    /// What it is configured with: the text of this file, as it is
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    run: Run,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Each filter, the four in a chain, the suite, and what Envoy has itself, side by side
    Overhead(Ours),
    /// How cost grows with rules, keys, workers and headers, and how much traffic a proxy takes
    Scale(Ours),
}

/// Options for the modules of the project.
#[derive(clap::Args, Debug)]
struct Ours {
    /// Only these, by name (or what a name begins with, up to a dash); one that is not there lists all
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,
    /// Where the modules (rate-limit.wasm, ..) are
    #[arg(long, value_name = "DIR", default_value = "dist")]
    modules: PathBuf,
    #[command(flatten)]
    run: Run,
}

/// Options of every run.
#[derive(clap::Args, Debug)]
struct Run {
    /// Fewer points and rounds
    #[arg(long)]
    quick: bool,
    /// The Envoy to measure on [default: FAIRLEAD_ENVOY, else envoy in PATH, else fetched]
    #[arg(long, value_name = "FILE")]
    envoy: Option<PathBuf>,
    /// Write everything that was measured to this file, as JSON; - is standard output, in place of the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a page with plots to this file: HTML that needs nothing else
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    match &args.what {
        Some(What::Overhead(ours)) => overhead(ours),
        Some(What::Scale(ours)) => scale(ours),
        None => module(args),
    }
}

fn overhead(ours: &Ours) -> Result<ExitCode> {
    let scratch = scratch()?;
    let mut all = empty(scratch.path())?;
    all.extend(variants::ours(&ours.modules)?);
    all.extend(variants::native());
    all.extend(variants::lua());
    measure(&ours.run, &variants::select(all, &ours.only)?)
}

/// Anybody's module, beside nothing and one that does nothing.
fn module(args: &Args) -> Result<ExitCode> {
    let path = args.module.as_deref().context("--module is missing")?;
    let config = args.config.as_deref();
    let config = config.map(|file| {
        std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
    });
    let its = variants::module(path, config.transpose()?.as_deref())?;
    let scratch = scratch()?;
    let mut all = empty(scratch.path())?;
    all.push(its);
    measure(&args.run, &all)
}

fn measure(run: &Run, variants: &[Variant]) -> Result<ExitCode> {
    let plan = match run.quick {
        true => fairlead_overhead::Plan::quick(),
        false => fairlead_overhead::Plan::full(),
    };
    let results = fairlead_overhead::run(&run.envoy()?, variants, &plan, &bar())?;
    let text = || format!("{}\n\n{}", results.notes().join("\n"), results.table());
    let page = || results.page().render();
    run.put(&results, &text, &page, &mut std::io::stdout().lock())?;
    Ok(ExitCode::SUCCESS)
}

fn scale(ours: &Ours) -> Result<ExitCode> {
    let sweeps = ours.only.iter().map(|name| name.parse::<Sweep>());
    let plan = fairlead_scale::Plan {
        only: sweeps.collect::<Result<_, _>>().map_err(anyhow::Error::msg)?,
        envoy: ours.run.envoy()?,
        modules: ours.modules.clone(),
        quick: ours.run.quick,
    };
    let bar = bar();
    let results = fairlead_scale::run(&plan, &bar)?;
    bar.finish_and_clear();
    let (text, page) = (|| results.text(), || results.page().render());
    ours.run
        .put(&results, &text, &page, &mut std::io::stdout().lock())?;
    Ok(if results.goals_met() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Run {
    fn envoy(&self) -> Result<PathBuf> {
        match &self.envoy {
            Some(path) => {
                std::fs::metadata(path).with_context(|| format!("{} cannot be run", path.display()))?;
                Ok(std::path::absolute(path)?)
            }
            None => Ok(Locator::from_env(CACHE).locate()?.path),
        }
    }

    /// Writes results to where they were asked for; what stands on the terminal goes to `out`.
    fn put(
        &self,
        results: &impl Serialize,
        text: &dyn Fn() -> String,
        page: &dyn Fn() -> String,
        out: &mut dyn Write,
    ) -> Result<()> {
        if let Some(file) = &self.page {
            write(file, &page())?;
        }
        let json = || serde_json::to_string_pretty(results).map(|json| json + "\n");
        match &self.json {
            Some(file) if file.as_os_str() == "-" => {
                out.write_all(json()?.as_bytes())?;
                return Ok(());
            }
            Some(file) => write(file, &json()?)?,
            None => {}
        }
        writeln!(out, "{}", text().trim_end())?;
        Ok(())
    }
}

/// A folder that goes with the run.
fn scratch() -> Result<TempDir> {
    tempfile::tempdir().context("cannot make a folder for temporary files")
}

/// The filters that do nothing: one on the bare ABI, and, in the repository, that of the Rust SDK.
fn empty(scratch: &Path) -> Result<Vec<Variant>> {
    let source = Path::new(EMPTY);
    let sdk = match source.join("Cargo.toml").is_file() {
        true => Some(variants::build_sdk(source, &std::path::absolute(EMPTY_TARGET)?)?),
        false => None,
    };
    variants::bare(scratch, sdk.as_deref())
}

/// Counts the steps of all parts; hidden where nobody looks.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn parse(line: &str) -> Result<Args, clap::Error> {
        let words = std::iter::once("bench").chain(line.split_whitespace());
        Cli::try_parse_from(words).map(|cli| cli.args)
    }

    #[test]
    fn anybodys_module_needs_its_file_and_nothing_else() {
        let args = parse("--module a.wasm").unwrap();
        assert_eq!(args.module.as_deref(), Some(Path::new("a.wasm")));
        assert!(args.what.is_none() && args.config.is_none() && !args.run.quick);
        assert!(parse("").is_err());
        let all = parse("--module a.wasm --config c.json --envoy e --quick --json - --page p.html").unwrap();
        assert!(all.run.quick && all.run.page.is_some() && all.run.envoy.is_some());
    }

    #[test]
    fn names_are_separated_by_commas() {
        let Some(What::Overhead(ours)) = parse("overhead --quick --only rate-limit,lua").unwrap().what else {
            panic!("not overhead")
        };
        assert_eq!(ours.only, ["rate-limit", "lua"]);
        assert_eq!(ours.modules, Path::new("dist"));
        assert!(ours.run.quick);
        assert!(parse("overhead --module a.wasm").is_err());
    }

    #[test]
    fn an_unknown_sweep_is_refused_with_those_that_there_are() {
        let Some(What::Scale(ours)) = parse("scale --only keys,rulse --envoy Cargo.toml").unwrap().what
        else {
            panic!("not scale")
        };
        let refused = scale(&ours).unwrap_err().to_string();
        assert!(refused.contains("no sweep `rulse`"), "{refused}");
        assert!(refused.contains("throughput"), "{refused}");
    }

    #[test]
    fn what_is_not_there_is_named_before_anything_is_measured() {
        let args = parse("--module not-there.wasm --envoy Cargo.toml").unwrap();
        let refused = format!("{:#}", run(&args).unwrap_err());
        assert!(refused.contains("not-there.wasm"), "{refused}");
        let args = parse("--module Cargo.toml --config not-there.json --envoy Cargo.toml").unwrap();
        let refused = format!("{:#}", run(&args).unwrap_err());
        assert!(refused.contains("not-there.json cannot be read"), "{refused}");
    }

    #[test]
    fn results_go_where_they_were_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let run = Run {
            quick: false,
            envoy: None,
            json: Some(file("a.json")),
            page: Some(file("a.html")),
        };
        let (text, page) = (|| "table\n\n".to_owned(), || "<html>".to_owned());
        let mut out = Vec::new();
        run.put(&vec![1, 2], &text, &page, &mut out).unwrap();
        assert_eq!(out, b"table\n");
        let read = |name: &str| std::fs::read_to_string(file(name)).unwrap();
        assert_eq!(serde_json::from_str::<Vec<u8>>(&read("a.json")).unwrap(), [1, 2]);
        assert_eq!(read("a.html"), "<html>");
        let instead = Run {
            json: Some(PathBuf::from("-")),
            ..run
        };
        let mut out = Vec::new();
        instead.put(&vec![1, 2], &text, &page, &mut out).unwrap();
        assert_eq!(serde_json::from_slice::<Vec<u8>>(&out).unwrap(), [1, 2]);
        let nowhere = Run {
            page: Some(file("no/a.html")),
            ..instead
        };
        assert!(nowhere.put(&(), &text, &page, &mut Vec::new()).is_err());
    }
}
