//! `fairlead check` and `fairlead schema`.

mod canary;
mod circuit_breaker;
mod latency_histogram;

use crate::document::{Mistake, place};
use crate::policy_file::{self, Advice, Placed, PolicyFile, Refused};
use anyhow::Result;
use clap::ValueEnum;
use fairlead_config::policy::Checked;
use fairlead_config::rate_limit::{Limit, RateLimit, Scope};
use fairlead_config::{Filter, Mode, Module, Severity};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// A policy, or traffic, is wrong.
pub(crate) const WRONG: u8 = 2;

/// Options of `fairlead check`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Exit status: 0 all files can be used, 1 warnings under --deny-warnings, 2 mistakes.\n\
    Files are read as kubectl reads them: YAML 1.1, in which an unquoted off, on, yes or no is a boolean."
)]
pub(crate) struct Args {
    /// A policy (a map of filter to pluginConfig, in YAML or JSON) or Kubernetes manifests (WasmPlugin, TrafficExtension,
    /// EnvoyExtensionPolicy; objects of other kinds are skipped); - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print a JSON document on standard output instead of lines
    #[arg(long)]
    json: bool,
    /// Exit with 1 if there are warnings
    #[arg(long)]
    deny_warnings: bool,
}

/// Options of `fairlead schema`.
#[derive(clap::Args, Debug)]
pub(crate) struct SchemaArgs {
    /// Which module's: a filter's, or that of the suite of all filters
    #[arg(value_enum)]
    module: Known,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Known {
    LatencyHistogram,
    RateLimit,
    Canary,
    CircuitBreaker,
    Suite,
}

pub(crate) fn schema(args: &SchemaArgs) -> Result<ExitCode> {
    let module = match args.module {
        Known::LatencyHistogram => Filter::LatencyHistogram.into(),
        Known::RateLimit => Filter::RateLimit.into(),
        Known::Canary => Filter::Canary.into(),
        Known::CircuitBreaker => Filter::CircuitBreaker.into(),
        Known::Suite => Module::Suite,
    };
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &fairlead_config::json_schema(module))
        .map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let names: Vec<String> = args
        .files
        .iter()
        .map(|file| file.to_string_lossy().into_owned())
        .collect();
    let mut results: Vec<(&str, Result<PolicyFile, Refused>)> = names
        .iter()
        .map(|file| (file.as_str(), policy_file::load(file)))
        .collect();
    let has_filters = |(_, result): &(&str, Result<PolicyFile, Refused>)| match result {
        Ok(file) => !file.filters.is_empty(),
        Err(_) => true,
    };
    if !results.iter().any(has_filters) {
        // A check that has checked nothing must not look like a good one.
        for (_, result) in &mut results {
            let skipped = result
                .as_mut()
                .map(|file| std::mem::take(&mut file.skipped))
                .unwrap_or_default();
            let nothing = Mistake::at(0, "holds no filter: nothing was checked");
            *result = Err(Refused {
                mistakes: vec![nothing],
                skipped,
            });
        }
    }
    for (file, result) in &results {
        to_stderr(file, result);
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        let files: Vec<Value> = results
            .iter()
            .map(|(file, result)| as_json(file, result))
            .collect();
        serde_json::to_writer_pretty(&mut out, &json!({ "files": files })).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        for (file, result) in &results {
            for placed in result.iter().flat_map(|file| &file.filters) {
                writeln!(out, "{file}: {}", summary(placed))?;
            }
        }
    }
    let warned = |placed: &Placed| {
        placed
            .advice
            .iter()
            .any(|advice| advice.severity == Severity::Warning)
    };
    let any_warning = results
        .iter()
        .filter_map(|(_, result)| result.as_ref().ok())
        .flat_map(|file| &file.filters)
        .any(warned);
    Ok(if results.iter().any(|(_, result)| result.is_err()) {
        ExitCode::from(WRONG)
    } else if args.deny_warnings && any_warning {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Mistakes, advice and notes, each on a line that begins with its place.
fn to_stderr(file: &str, result: &Result<PolicyFile, Refused>) {
    let skipped = match result {
        Ok(good) => &good.skipped,
        Err(refused) => &refused.skipped,
    };
    for what in skipped {
        eprintln!("{file}: note: skipped: {what}");
    }
    match result {
        Ok(good) => {
            for advice in good.filters.iter().flat_map(|placed| &placed.advice) {
                let Advice {
                    severity,
                    line,
                    path,
                    text,
                } = advice;
                eprintln!("{}{}: {text}", place(file, *line, path), word(*severity));
            }
        }
        Err(refused) => show_mistakes(file, &refused.mistakes),
    }
}

/// Prints the first hundred mistakes, and how many there are.
pub(crate) fn show_mistakes(file: &str, mistakes: &[Mistake]) {
    const SHOWN: usize = 100;
    for mistake in mistakes.iter().take(SHOWN) {
        eprintln!("{}", mistake.show(file));
    }
    if let Some(more) = mistakes.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        eprintln!("{file}: and {more} more");
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
    }
}

/// `WasmPlugin demo/rate-limit: rate_limit: ok, 2 limits: per-key 100/s burst 200, 4096 keys; ...`
fn summary(placed: &Placed) -> String {
    let object = placed
        .object
        .as_ref()
        .map(|object| format!("{object}: "))
        .unwrap_or_default();
    let what = match &placed.checked {
        Checked::LatencyHistogram(config) => format!(", {}", latency_histogram::summary(config)),
        Checked::RateLimit(config) => format!(", {}", limits(config)),
        Checked::Canary(config) => format!(", {}", canary::summary(config)),
        Checked::CircuitBreaker(config) => format!(", {}", circuit_breaker::summary(config)),
        _ => String::new(),
    };
    format!("{object}{}: ok{what}", placed.filter.name())
}

/// `2 limits: per-key 100/s burst 200, 4096 keys; all 5/s burst 5`
fn limits(config: &RateLimit) -> String {
    let limits: Vec<String> = config.limits.iter().map(|limit| shown(config, limit)).collect();
    let plural = if limits.len() == 1 { "" } else { "s" };
    let list = if limits.is_empty() {
        String::new()
    } else {
        format!(": {}", limits.join("; "))
    };
    format!("{} limit{plural}{list}", limits.len())
}

fn shown(config: &RateLimit, limit: &Limit) -> String {
    let mut text = format!("{} {} burst {}", limit.name, rate(limit), limit.quota.burst());
    if limit.key.is_some() {
        text.push_str(&format!(", {} keys", limit.max_keys));
    }
    if limit.scope == Scope::Worker {
        text.push_str(" in each worker");
    }
    match config.effective(limit) {
        Mode::Enforce => {}
        weaker => text.push_str(&format!(", {}", mode(weaker))),
    }
    text
}

fn rate(limit: &Limit) -> String {
    limit.quota.rate().to_string()
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Off => "off",
        Mode::Shadow => "shadow",
        Mode::Enforce => "enforce",
    }
}

fn as_json(file: &str, result: &Result<PolicyFile, Refused>) -> Value {
    let (errors, skipped, filters) = match result {
        Ok(good) => (
            Vec::new(),
            &good.skipped,
            good.filters.iter().map(filter_json).collect(),
        ),
        Err(refused) => (
            refused.mistakes.iter().map(mistake_json).collect(),
            &refused.skipped,
            Vec::new(),
        ),
    };
    json!({ "file": file, "ok": result.is_ok(), "errors": errors, "filters": Value::Array(filters), "skipped": skipped })
}

fn mistake_json(mistake: &Mistake) -> Value {
    json!({ "line": mistake.line, "path": mistake.path, "message": mistake.message })
}

fn filter_json(placed: &Placed) -> Value {
    let (mut limits, mut breakers, mut release, mut histogram) =
        (Vec::new(), Vec::new(), Value::Null, Value::Null);
    match &placed.checked {
        Checked::LatencyHistogram(config) => histogram = latency_histogram::json(config),
        Checked::RateLimit(config) => {
            limits = config
                .limits
                .iter()
                .map(|limit| limit_json(config, limit))
                .collect();
        }
        Checked::Canary(config) => release = canary::json(config),
        Checked::CircuitBreaker(config) => breakers = circuit_breaker::json(config),
        _ => {}
    }
    let advice = |advice: &Advice| json!({ "severity": word(advice.severity), "line": advice.line, "path": advice.path, "message": advice.text });
    json!({
        "filter": placed.filter.name(),
        "plugin": placed.plugin,
        "module": placed.module.file_name(),
        "object": placed.object,
        "limits": limits,
        "release": release,
        "breakers": breakers,
        "histogram": histogram,
        "warnings": placed.advice.iter().map(advice).collect::<Vec<_>>(),
    })
}

fn limit_json(config: &RateLimit, limit: &Limit) -> Value {
    json!({
        "name": limit.name,
        "rate": rate(limit),
        "burst": limit.quota.burst(),
        "mode": mode(config.effective(limit)),
        "scope": match limit.scope { Scope::Worker => "worker", Scope::Proxy => "proxy" },
        "max_keys": limit.key.as_ref().map(|_| limit.max_keys),
    })
}
