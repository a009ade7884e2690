//! `fairlead simulate`: a policy against recorded or scripted traffic, in virtual time.
//!
//! There is no second implementation of the filters here: the modules that Envoy loads run in the emulator, on as many
//! workers as asked for, and each request's fate is printed. What this does not do: route, retry, or measure speed.

mod answer;
mod breakers;
mod exposure;
mod metric;
mod modules;
mod play;
mod releases;
mod schedule;
mod table;
mod traffic;

use crate::check::{WRONG, show_mistakes};
use crate::document::Mistake;
use crate::policy_file::{self, PolicyFile};
use crate::time::moment;
use anyhow::{Context, Result};
use clap::ValueEnum;
use fairlead_emulator::{Emulator, FailurePolicy, Plugin};
use indicatif::{ProgressBar, ProgressStyle};
use play::{Configs, Played};
use releases::Releases;
use schedule::Schedule;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use traffic::{Event, Line, Setting, What};

/// Options of `fairlead simulate`.
#[derive(clap::Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// A policy (a map of filter to pluginConfig) or Kubernetes manifests, as `fairlead check` reads them
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// JSON lines, one request or event each; - is standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    traffic: PathBuf,
    /// How many workers the proxy has (Envoy: one a core)
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: u16,
    /// Seed of what the modules get as random bytes
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The wall clock at the start
    #[arg(long, value_name = "RFC3339", default_value = "2026-01-01T00:00:00Z", value_parser = moment)]
    start: Duration,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
    /// Run all filters of the policy in one module, the suite, instead of a module each
    #[arg(long)]
    suite: bool,
    /// Where the modules (rate-limit.wasm, ..) are [default: FAIRLEAD_MODULES, else dist/ here or beside the executable]
    #[arg(long, value_name = "DIR")]
    modules: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A summary of each rule, the transitions of circuit breakers, then the first requests
    Table,
    /// A JSON object for each request in input order, then one with metrics and logs
    Jsonl,
}

const HELP: &str = "\
Traffic, a request a line; every field may be left out:
  at           when its headers arrive, since the start: milliseconds or \"1.5s\"; lines are sorted by it
  id           printed with the answer; repetitions of alice are alice, alice#2, alice#3  [line number]
  method authority path headers                             [GET sim.local / none]
               headers: a map, or a list of pairs; a value may be {\"base64\": \"..\"};
               with content-type: application/grpc the request is like one of a gRPC client: POST unless method
               says otherwise, te: trailers unless there is a te, and a body with an empty message
  source       the peer                                     [10.0.0.1:50000]
  cluster route                                             [sim sim]
  worker       which one serves it, from 0                  [in turn]
  upstream     {\"status\":200,\"after\":\"20ms\",\"headers\":{},\"trailers\":{},\"body\":\"..\"}, {\"reset\":true,\"after\":..},
               {\"local_reply\":\"UF\"} (or UT, NR, UO) or {\"never\":true}  [200 after 1 ms]
               a status of 101 accepts an upgrade, as of a websocket
  abort_after  the client goes away so long after at        [never]
  times every  repeats the line                             [1, at once]
or an event a line:
  {\"at\":\"5s\",\"policy\":\"FILE\"}     the proxy gets another policy (a path beside the traffic file), valid or not
  {\"at\":..,\"clock_jump\":\"-3s\"}    the wall clock moves
  {\"at\":..,\"kill_worker\":0}       the VMs of a worker trap, and are loaded anew for a later request
  {\"at\":..,\"tick\":true}           timers fire
Whatever is due at or before a line's moment has happened before the next line begins.

Answers of --output jsonl, an object a request in the order of the lines:
  id at end status worker       end is null for a request that is still open, status for one without a response
  from                          upstream, filter, envoy (a reply of its own: details says why), abort or open
  by would                      the filter and rule that answered, or null; the first that would have, in shadow mode
  variant reason                what the first canary gave the request, and why, as its exposures_total counts them;
                                absent where it was not about the request
  would_variant would_reason    the same in shadow mode, or by a rule in shadow mode
  upstream_request              {\"set\": headers that changed, \"removed\": names}; absent if the upstream saw nothing
  response_headers response_trailers body truncated
then one with metrics, logs (each transition of a circuit breaker is one), updates and faults.

Exit status: 0 played, 1 no module, or one that does not start, 2 a mistake in the policy or in the traffic.";

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let Some(input) = read(args) else {
        return Ok(ExitCode::from(WRONG));
    };
    let proxy = start_proxy(args, &input.file)?;
    let total: u64 = input.lines.iter().fold(0, |sum, line| match &line.what {
        What::Request(repeated) => sum.saturating_add(repeated.times),
        What::Event(_) => sum,
    });
    let bar = progress(total);
    let mut out = BufWriter::new(std::io::stdout().lock());
    match args.output {
        Output::Jsonl => {
            let mut print = |played: &Played| -> Result<()> {
                bar.inc(1);
                serde_json::to_writer(&mut out, &answer::Met::of(played)).map_err(std::io::Error::from)?;
                Ok(out.write_all(b"\n")?)
            };
            let end = play::play(proxy, &input.lines, &input.configs, &mut print)?;
            serde_json::to_writer(&mut out, &answer::End::of(&end)).map_err(std::io::Error::from)?;
            out.write_all(b"\n")?;
        }
        Output::Table => {
            let schedule = Schedule::of(args.start, &input.file, &input.lines, &input.configs);
            let mut table = table::Table::new(Releases::new(schedule));
            let mut add = |played: &Played| -> Result<()> {
                bar.inc(1);
                table.add(played);
                Ok(())
            };
            let end = play::play(proxy, &input.lines, &input.configs, &mut add)?;
            bar.finish_and_clear();
            table.print(&end, &input.file.filters, &mut out)?;
        }
    }
    bar.finish_and_clear();
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Everything that was read, without mistakes.
struct Input {
    file: PolicyFile,
    lines: Vec<Line>,
    configs: Configs,
}

/// Reads all files; `None` if there are mistakes, which are on standard error then.
fn read(args: &Args) -> Option<Input> {
    let policy_name = args.policy.to_string_lossy();
    let file = match policy_file::load(&policy_name) {
        Ok(file) if !file.filters.is_empty() && args.suite => match file.in_one_module() {
            Ok(file) => Some(file),
            Err(mistake) => {
                show_mistakes(&policy_name, &[mistake]);
                None
            }
        },
        Ok(file) if !file.filters.is_empty() => Some(file),
        Ok(_) => {
            show_mistakes(
                &policy_name,
                &[Mistake::at(
                    0,
                    "holds no filter: write a policy, or a WasmPlugin of Fairlead",
                )],
            );
            None
        }
        Err(refused) => {
            show_mistakes(&policy_name, &refused.mistakes);
            None
        }
    };
    let traffic_name = args.traffic.to_string_lossy();
    let shown_name = if traffic_name == "-" {
        "standard input"
    } else {
        &traffic_name
    };
    let folder = args.traffic.parent().unwrap_or(Path::new(""));
    let setting = Setting {
        folder,
        workers: usize::from(args.workers),
    };
    let lines = policy_file::text_of(&traffic_name)
        .map_err(|mistake| vec![mistake])
        .and_then(|text| traffic::parse(&text, setting));
    let lines = match lines {
        Ok(lines) => Some(lines),
        Err(mistakes) => {
            show_mistakes(shown_name, &mistakes);
            None
        }
    };
    let (file, lines) = (file?, lines?);
    let configs = configs(&file, &lines, shown_name)?;
    Some(Input { file, lines, configs })
}

/// What each policy line sends to which plugin; `None` if there are mistakes, which are on standard error then.
fn configs(policy: &PolicyFile, lines: &[Line], traffic: &str) -> Option<Configs> {
    let mut configs = Configs::new();
    let mut good = true;
    for line in lines {
        let What::Event(Event::Policy(file)) = &line.what else {
            continue;
        };
        let name = file.to_string_lossy();
        let raw = policy_file::text_of(&name)
            .map_err(|mistake| vec![mistake])
            .and_then(|text| policy_file::raw(&text, &policy.plugins).map(|raw| (text, raw)));
        match raw {
            Ok((text, raw)) => {
                if let Err(refused) = policy_file::parse(&text) {
                    let count = refused.mistakes.len();
                    eprintln!(
                        "{traffic}:{}: note: the proxy will refuse {name}, which has mistakes ({count}); fairlead check lists them",
                        line.number
                    );
                }
                configs.insert(line.number, raw);
            }
            Err(mistakes) => {
                good = false;
                eprintln!(
                    "{traffic}:{}: policy: {name} cannot be sent to a proxy:",
                    line.number
                );
                show_mistakes(&name, &mistakes);
            }
        }
    }
    good.then_some(configs)
}

fn start_proxy(args: &Args, policy: &PolicyFile) -> Result<Emulator> {
    let mut builder = Emulator::builder()
        .workers(usize::from(args.workers))
        .seed(args.seed)
        .start_at(args.start);
    let mut modules = modules::Modules::find(args.modules.as_deref())?;
    for plugin in &policy.plugins {
        let plugin = Plugin::new(&plugin.name, &modules.compiled(plugin.module)?)
            .root_id(plugin.module.file_name())
            .configuration(plugin.config.clone())
            .failure_policy(FailurePolicy::FailReload);
        builder = builder.plugin(plugin);
    }
    builder
        .build()
        .context("the proxy does not start; is the module older than this command?")
}

/// A bar on a terminal if there is much to do, else a hidden one.
fn progress(total: u64) -> ProgressBar {
    const MUCH: u64 = 20_000;
    if total < MUCH || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} requests, {eta} left");
    let bar = ProgressBar::new(total);
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}
