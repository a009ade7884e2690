//! `cargo xtask test`: runs the tiers, goes on after a failure, and ends with a table and one line of totals.

mod counts;
mod summary;

use crate::console::{Console, Stream};
use crate::process::{self, Show};
use crate::tiers::{Groups, Need, PURE, Run, STEPS, Step, Tier};
use crate::tools::cargo_tool::CargoTool;
use crate::tools::{self, Missing, envoy, prometheus, target, valgrind};
use crate::workspace::Workspace;
use crate::{modules, tidy};
use counts::Counts;
use std::path::PathBuf;
use std::time::Instant;
use summary::Row;

/// What earlier steps have already found or built.
struct Session<'w> {
    workspace: &'w Workspace,
    console: Console,
    modules: Option<Result<(), Lack>>,
    envoy: Option<Result<PathBuf, Lack>>,
    prometheus: Option<Result<PathBuf, Lack>>,
    /// A missing tool is a failure.
    ci: bool,
}

/// Runs the tiers named, or all; whether nothing failed.
///
/// # Errors
/// A command could not be started at all, or JSON not be written. Failures of tests are no errors.
pub(crate) fn run(workspace: &Workspace, tiers: &[Tier], json: bool) -> anyhow::Result<bool> {
    let tiers = if tiers.is_empty() { &Tier::ALL } else { tiers };
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let mut session = Session {
        workspace,
        console: Console::new(json),
        modules: None,
        envoy: None,
        prometheus: None,
        ci,
    };
    let mut rows = Vec::new();
    for tier in tiers {
        for step in STEPS.iter().filter(|step| step.tier == *tier) {
            session.step(step, &mut rows)?;
        }
    }
    session.console.finish();
    summary::print(&rows, json)?;
    Ok(rows.iter().all(|row| row.counts.failed == 0))
}

impl Session<'_> {
    fn step(&mut self, step: &Step, rows: &mut Vec<Row>) -> anyhow::Result<()> {
        let start = Instant::now();
        for need in step.needs {
            if let Err(lack) = self.provide(*need) {
                let Lack { remedy, tool } = lack;
                let what = need.of_some_tests().unwrap_or(step.what);
                self.console
                    .line(Stream::Err, &format!("{} ({what}): {remedy}", step.tier.name()));
                let counts = if tool && !self.ci {
                    Counts::skipped()
                } else {
                    Counts::failed()
                };
                rows.push(Row::new(
                    step.tier,
                    what.to_owned(),
                    counts,
                    start.elapsed(),
                    remedy,
                ));
                if need.of_some_tests().is_none() {
                    return Ok(());
                }
            }
        }
        let groups = Groups::of(self.workspace);
        if let Run::TestsOfEachPure(arguments) = step.run {
            for package in PURE {
                let mut arguments = groups.expand(arguments);
                arguments.extend(["--package".to_owned(), package.to_owned()]);
                self.command(step, format!("{}: {package}", step.what), &arguments, true, rows)?;
            }
            return Ok(());
        }
        match step.run {
            Run::Check(arguments) => {
                self.command(step, step.what.to_owned(), &groups.expand(arguments), false, rows)
            }
            Run::Tests(arguments) | Run::TestsOfEachPure(arguments) => {
                self.command(step, step.what.to_owned(), &groups.expand(arguments), true, rows)
            }
            Run::Tidy => {
                self.announce(step, step.what);
                let findings = tidy::check(self.workspace)?;
                self.console.line(Stream::Out, &findings.to_string());
                let counts = if findings.problems.is_empty() {
                    Counts::passed()
                } else {
                    Counts::failed()
                };
                rows.push(Row::new(
                    step.tier,
                    step.what.to_owned(),
                    counts,
                    start.elapsed(),
                    String::new(),
                ));
                Ok(())
            }
        }
    }

    fn announce(&self, step: &Step, what: &str) {
        self.console.step(&format!("{}: {what}", step.tier.name()));
    }

    fn command(
        &self,
        step: &Step,
        what: String,
        arguments: &[String],
        tests: bool,
        rows: &mut Vec<Row>,
    ) -> anyhow::Result<()> {
        self.announce(step, &what);
        let start = Instant::now();
        let mut command = process::cargo();
        // cargo finds `cargo deny` in the folder of fetched tools. All tests run even when one binary fails.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [self.workspace.cache().join("tools/bin")]
            .into_iter()
            .chain(std::env::split_paths(&path));
        command
            .args(arguments)
            .env("PATH", std::env::join_paths(folders)?);
        if let Some(Ok(envoy)) = &self.envoy {
            command.env(envoy::VARIABLE, envoy);
        }
        if let Some(Ok(prometheus)) = &self.prometheus {
            command.env(prometheus::VARIABLE, prometheus);
        }
        let mut counts = Counts::default();
        let ended_well = process::stream(&mut command, &self.console, |_, line| {
            counts.read(line);
            Show::Yes
        })?;
        let mut note = String::new();
        if !tests {
            counts = if ended_well {
                Counts::passed()
            } else {
                Counts::failed()
            };
        } else if !ended_well {
            counts.failed = counts.failed.max(1);
        } else if counts.passed == 0 {
            counts.failed = 1;
            "no test ran".clone_into(&mut note);
        }
        rows.push(Row::new(step.tier, what, counts, start.elapsed(), note));
        Ok(())
    }

    /// Makes sure that a need of a step is there.
    fn provide(&mut self, need: Need) -> Result<(), Lack> {
        let (workspace, console) = (self.workspace, &self.console);
        match need {
            Need::Target(name) => target::ensure(workspace, name, console).map_err(Lack::from),
            Need::Node => tools::node().map_err(Lack::from),
            Need::WasmBindgen => CargoTool::WasmBindgen
                .ensure(workspace, console)
                .map(drop)
                .map_err(Lack::from),
            Need::Deny => CargoTool::Deny
                .ensure(workspace, console)
                .map(drop)
                .map_err(Lack::from),
            Need::Modules => {
                let build = || {
                    modules::build(workspace, &[], console)
                        .map(drop)
                        .map_err(Lack::from)
                };
                self.modules.get_or_insert_with(build).clone()
            }
            Need::Envoy => {
                let find = || envoy::ensure(workspace, console).map_err(Lack::from);
                self.envoy.get_or_insert_with(find).clone().map(drop)
            }
            Need::Prometheus => {
                let find = || prometheus::ensure(workspace, console).map_err(Lack::from);
                self.prometheus.get_or_insert_with(find).clone().map(drop)
            }
            Need::Valgrind => valgrind::ensure(console).map_err(Lack::from),
        }
    }
}

/// Why a step cannot run.
#[derive(Clone, Debug)]
struct Lack {
    /// What to do about it.
    remedy: String,
    /// A tool is missing, as opposed to a defect of this repository.
    tool: bool,
}

impl From<anyhow::Error> for Lack {
    fn from(error: anyhow::Error) -> Self {
        Self {
            remedy: format!("{error:#}"),
            tool: error.downcast_ref::<Missing>().is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context as _, anyhow};

    #[test]
    fn only_a_missing_tool_is_a_reason_to_skip() {
        let missing = || Missing("node is missing: install it".to_owned());
        for (error, tool) in [
            (anyhow::Error::from(missing()), true),
            (
                anyhow!(missing()).context("filters/rate-limit is not built"),
                true,
            ),
            (
                Err::<(), _>(anyhow!("npm ended with 1"))
                    .context(missing())
                    .unwrap_err(),
                true,
            ),
            (anyhow!("it does not compile"), false),
        ] {
            assert_eq!(Lack::from(error).tool, tool);
        }
    }
}
