//! `cargo xtask test`: runs the tiers, goes on after a failure, and ends with a table and one line of totals.

pub(crate) mod counts;
mod releases;
pub(crate) mod summary;

use crate::compatibility::runs_envoy;
use crate::console::{Console, Stream};
use crate::process::{self, Show};
use crate::tiers::{Groups, Need, PURE, Run, STEPS, Step, Tier};
use crate::tools::cargo_tool::CargoTool;
use crate::tools::docker::{self, Docker, Programs};
use crate::tools::{self, Missing, actionlint, control_plane, envoy, prometheus, target, valgrind};
use crate::workspace::Workspace;
use crate::{modules, tidy};
use counts::Counts;
use fairlead_envoy::Release;
use std::path::PathBuf;
use std::time::Instant;
use summary::Row;

/// What earlier steps have already found or built.
pub(crate) struct Session<'w> {
    workspace: &'w Workspace,
    console: &'w Console,
    /// The Envoy that was asked for.
    release: Option<Release>,
    modules: Option<Result<(), Lack>>,
    envoy: Option<Result<PathBuf, Lack>>,
    prometheus: Option<Result<PathBuf, Lack>>,
    control_plane: Option<Result<PathBuf, Lack>>,
    docker: Option<Result<Docker, Lack>>,
    /// A missing tool is a failure.
    ci: bool,
}

/// Runs the tiers named, or the default ones; whether nothing failed.
///
/// # Errors
/// A command could not be started at all, or JSON not be written. Failures of tests are no errors.
pub(crate) fn run(workspace: &Workspace, tiers: &[Tier], json: bool) -> anyhow::Result<bool> {
    let tiers = if tiers.is_empty() { &Tier::DEFAULT } else { tiers };
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let console = Console::new(json);
    let rows = Session::new(workspace, &console, ci).rows(tiers, None)?;
    console.finish();
    summary::print(&rows, json)?;
    Ok(rows.iter().all(|row| row.counts.failed == 0))
}

impl<'w> Session<'w> {
    /// Nothing found yet. With `ci` a missing tool is a failure.
    pub(crate) fn new(workspace: &'w Workspace, console: &'w Console, ci: bool) -> Self {
        Self {
            workspace,
            console,
            release: None,
            modules: None,
            envoy: None,
            prometheus: None,
            control_plane: None,
            docker: None,
            ci,
        }
    }

    /// What the tiers yield. With a `release` tests with Envoy run with it, a row for each of their binaries.
    ///
    /// # Errors
    /// A command could not be started at all.
    pub(crate) fn rows(&mut self, tiers: &[Tier], release: Option<Release>) -> anyhow::Result<Vec<Row>> {
        if self.release != release {
            self.envoy = None;
            self.release = release;
        }
        let mut rows = Vec::new();
        for tier in tiers {
            for step in STEPS.iter().filter(|step| step.tier == *tier) {
                self.step(step, &mut rows)?;
            }
        }
        Ok(rows)
    }

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
            Run::Tests(arguments) if step.tier == Tier::Envoy && self.release.is_some() => {
                for (binary, arguments) in releases::each_binary(&groups, arguments, runs_envoy) {
                    self.command(step, binary, &arguments, true, rows)?;
                }
                Ok(())
            }
            Run::Tests(arguments) | Run::TestsOfEachPure(arguments) => {
                self.command(step, step.what.to_owned(), &groups.expand(arguments), true, rows)
            }
            Run::Tidy => {
                self.announce(step, step.what);
                let findings = tidy::check(self.workspace)?;
                self.console.line(Stream::Out, &findings.to_string());
                let counts = Counts::of_check(findings.problems.is_empty());
                rows.push(Row::new(
                    step.tier,
                    step.what.to_owned(),
                    counts,
                    start.elapsed(),
                    String::new(),
                ));
                Ok(())
            }
            Run::Workflows => {
                self.announce(step, step.what);
                let counts = Counts::of_check(actionlint::run(self.workspace, self.console)?);
                let what = step.what.to_owned();
                rows.push(Row::new(step.tier, what, counts, start.elapsed(), String::new()));
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
        if let Some(Ok(programs)) = &self.control_plane {
            command.env(control_plane::VARIABLE, programs);
        }
        if let Some(Ok(docker)) = &self.docker {
            command.envs(docker.variables().cloned());
        }
        if self.ci {
            command.env("CI", "true");
        }
        let mut counts = Counts::default();
        let mut left_out = 0;
        let ended_well = process::stream(&mut command, self.console, |_, line| {
            counts.read(line);
            left_out += u64::from(line.starts_with(releases::LEFT_OUT));
            Show::Yes
        })?;
        let mut note = String::new();
        if !tests {
            counts = Counts::of_check(ended_well);
        } else if !ended_well {
            counts.failed = counts.failed.max(1);
        } else if counts.passed == 0 {
            counts.failed = 1;
            "no test ran".clone_into(&mut note);
        }
        if tests && left_out > 0 {
            counts.passed = counts.passed.saturating_sub(left_out);
            counts.skipped += left_out;
            if self.ci && self.release.is_none() {
                counts.failed += 1;
                "tests were left out for an Envoy that nobody asked for".clone_into(&mut note);
            }
        }
        if let (Tier::Docker, Some(Ok(docker))) = (step.tier, &self.docker) {
            note.push_str(&docker.note());
        }
        rows.push(Row::new(step.tier, what, counts, start.elapsed(), note));
        Ok(())
    }

    /// Makes sure that a need of a step is there.
    fn provide(&mut self, need: Need) -> Result<(), Lack> {
        let (workspace, console) = (self.workspace, self.console);
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
            Need::Actionlint => actionlint::ensure(workspace, console)
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
                let find = || envoy::ensure(workspace, self.release, console).map_err(Lack::from);
                self.envoy.get_or_insert_with(find).clone().map(drop)
            }
            Need::Prometheus => {
                let find = || prometheus::ensure(workspace, console).map_err(Lack::from);
                self.prometheus.get_or_insert_with(find).clone().map(drop)
            }
            Need::Valgrind => valgrind::ensure(console).map_err(Lack::from),
            Need::ControlPlane => {
                let find = || control_plane::ensure(workspace, console).map_err(Lack::from);
                self.control_plane.get_or_insert_with(find).clone().map(drop)
            }
            Need::Docker => {
                let found = |it: &Option<Result<PathBuf, Lack>>| it.clone().and_then(Result::ok);
                let (envoy, prometheus) = (found(&self.envoy), found(&self.prometheus));
                let programs = Programs {
                    envoy: envoy.as_deref(),
                    prometheus: prometheus.as_deref(),
                };
                let find = || docker::ensure(workspace, programs, console).map_err(Lack::from);
                let docker = self.docker.get_or_insert_with(find).as_ref();
                docker.map(drop).map_err(Lack::clone)
            }
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
