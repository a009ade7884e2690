//! `fairlead render`: from a policy to the manifests of a mesh or a proxy.
//!
//! What is made is known by [`fairlead_manifest`]; here files are read, and what was made is read back before it is shown.

mod input;
mod istioctl;
mod options;
#[cfg(test)]
mod tests;

use crate::check::{WRONG, show_mistakes};
use crate::document::place;
use crate::{policy_file, yaml};
use anyhow::{Result, ensure};
use fairlead_config::Severity;
use fairlead_manifest::{Input, Rendered, Yaml};
use input::Written;
use serde_json::Value;
use std::io::Write;
use std::process::ExitCode;

pub(crate) use options::Args;

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let images = input::images(args.images.as_deref());
    let services = input::services(args.service.as_deref());
    let written = match input::policy(&args.policy) {
        Ok(written) => written,
        Err(refused) => {
            // What else is wrong is said at once.
            show_mistakes(&args.policy, &refused.mistakes);
            [images.err(), services.err()]
                .iter()
                .flatten()
                .for_each(|why| eprintln!("{why}"));
            return Ok(ExitCode::from(WRONG));
        }
    };
    let mut problems: Vec<String> = Vec::new();
    let mut told = |why: String| problems.push(why);
    let images = images.unwrap_or_else(|why| {
        told(why);
        None
    });
    let services = services.unwrap_or_else(|why| {
        told(why);
        Vec::new()
    });
    let options = args.options();
    if args.check && !options::is_istio(options.target) {
        told("--check: asks istioctl, which knows Istio's objects only: leave it out".to_owned());
    }
    if args.images.is_some() && args.tag.is_some() {
        told("--tag: and --images, whose record has digests, are both there: leave out one".to_owned());
    }
    let input = Input {
        policy: &written.policy,
        written: &written.map,
        images: images.as_ref(),
        services: &services,
    };
    let rendered = match fairlead_manifest::render(input, &options) {
        Ok(rendered) if problems.is_empty() => rendered,
        result => {
            let refused = result.err().map(|refused| refused.problems).unwrap_or_default();
            problems.extend(refused.iter().map(ToString::to_string));
            problems.iter().for_each(|problem| eprintln!("{problem}"));
            return Ok(ExitCode::from(WRONG));
        }
    };
    let text = read_back(&rendered)?;
    advise(args, &written, &rendered);
    if args.check && !istioctl::accepts(&text)? {
        return Ok(ExitCode::from(WRONG));
    }
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The text of what was made, which must be read as what was meant.
fn read_back(rendered: &Rendered) -> Result<String> {
    let text = rendered.text();
    let meant: Vec<Value> = rendered
        .documents
        .iter()
        .map(|map| Yaml::Map(map.clone()).to_json())
        .collect();
    let read = yaml::documents(&text).unwrap_or_default();
    let read: Vec<Value> = read.iter().map(crate::document::Node::to_value).collect();
    ensure!(
        read == meant,
        "what was made does not read back as what was meant: this is a defect of fairlead"
    );
    Ok(text)
}

/// Advice on the policy, as `fairlead check` has it, and on where it goes.
fn advise(args: &Args, written: &Written, rendered: &Rendered) {
    let word = |severity: Severity| match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
    };
    for advice in &written.advice {
        let policy_file::Advice {
            severity,
            line,
            path,
            text,
        } = advice;
        eprintln!("{}{}: {text}", place(&args.policy, *line, path), word(*severity));
    }
    if rendered.in_one_module {
        let apart = written.policy.warnings();
        for warning in written
            .policy
            .suite_warnings()
            .iter()
            .filter(|one| !apart.contains(one))
        {
            let line = written.lines.of(&warning.path);
            eprintln!(
                "{}{}: {}",
                place(&args.policy, line, &warning.path),
                word(warning.severity),
                warning.advice
            );
        }
    }
    for advice in &rendered.advice {
        eprintln!("{advice}");
    }
}
