//! `fairlead convert`: a breaker that somebody has already, written as a Fairlead policy.
//!
//! What is read: Istio's DestinationRule, opossum's options, resilience4j's Spring configuration. Each field of the
//! source is accounted for: what it became, what differs, what cannot be said and what is better left where it is. A
//! reader of a format makes [`draft::Draft`]s and notes; what those look like on paper is [`print`]'s.
//!
//! What this does not do: talk to a cluster, change the source, guess what a function in it does.

mod destination_rule;
mod draft;
mod fields;
mod opossum;
mod print;
mod resilience4j;
#[cfg(test)]
mod tests;
mod units;

use crate::check::{WRONG, show_mistakes};
use crate::document::{Kind, Mistake, Node};
use crate::{policy_file, yaml};
use anyhow::{Result, bail};
use clap::ValueEnum;
use draft::{Made, Note};
use std::collections::BTreeSet;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Options of `fairlead convert`.
#[derive(clap::Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// What to read, in YAML or JSON; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What it is; found out if left out
    #[arg(long, value_enum)]
    from: Option<Format>,
    /// How the policy is written
    #[arg(long, value_enum, default_value = "yaml", conflicts_with = "json")]
    output: Output,
    /// The breaker's name, or how the names begin if there are several
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Option<String>,
    /// Print a JSON document with the policy and the notes instead
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
The policy goes to standard output, for `fairlead check` and `fairlead simulate`. What became of each field goes to
standard error, a line each, with its place:

  became    this field of the policy, which means the same
  changed   this field of the policy, which does not mean quite the same, and how
  lost      nothing: a policy cannot say it, and what to do instead
  stays     nothing: it goes on to do its work where it is

A DestinationRule is not replaced: it goes on to eject hosts and to cap connections. Objects of other kinds in the file
are skipped. Functions, as opossum's errorFilter, cannot be in a file.

Exit status: 0 converted, also if something was lost; 2 a file that cannot be read, or that is none of these.";

/// What a file can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Istio: networking.istio.io/v1, v1beta1 or v1alpha3
    DestinationRule,
    /// Node.js: the options of a breaker
    Opossum,
    /// Java: resilience4j.circuitbreaker in a Spring application's configuration
    #[value(name = "resilience4j")]
    Resilience4j,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Yaml,
    Json,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let file = args.file.to_string_lossy();
    let shown = if file == "-" { "standard input" } else { &*file };
    let read = policy_file::text_of(&file)
        .map_err(|mistake| vec![mistake])
        .and_then(|text| convert(&text, args.from, args.name.as_deref()));
    let made = match read {
        Ok(made) => made,
        Err(mistakes) => {
            show_mistakes(shown, &mistakes);
            return Ok(ExitCode::from(WRONG));
        }
    };
    let text = print::yaml(&made);
    if let Err(refused) = policy_file::parse(&text) {
        let messages: Vec<String> = refused
            .mistakes
            .iter()
            .map(|mistake| mistake.show("policy"))
            .collect();
        bail!(
            "{shown} would make a policy that no filter takes:\n{}",
            messages.join("\n")
        );
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    if args.json {
        write_json(&mut out, &print::report(&made, shown))?;
    } else {
        print::notes(&made, shown);
        match args.output {
            Output::Yaml => out.write_all(text.as_bytes())?,
            Output::Json => write_json(&mut out, &print::policy(&made).to_value())?,
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn write_json(out: &mut impl Write, value: &serde_json::Value) -> Result<()> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(())
}

/// Reads a file's text.
///
/// # Errors
/// Every mistake because of which it cannot be read.
fn convert(text: &str, from: Option<Format>, name: Option<&str>) -> Result<Made, Vec<Mistake>> {
    let documents = yaml::documents(text)?;
    let repeated: Vec<Mistake> = documents.iter().flat_map(Node::repeated).collect();
    if !repeated.is_empty() {
        return Err(repeated);
    }
    let mut made = match from.map_or_else(|| detect(&documents), Ok)? {
        Format::DestinationRule => destination_rule::read(&documents),
        Format::Opossum => opossum::read(&documents),
        Format::Resilience4j => resilience4j::read(&documents),
    }?;
    rename(&mut made, name);
    tidy(&mut made.notes);
    Ok(made)
}

/// What the documents are.
fn detect(documents: &[Node]) -> Result<Format, Vec<Mistake>> {
    let has = |what: fn(&Node) -> bool| documents.iter().any(what);
    if has(|document| document.get("kind").is_some()) {
        return Ok(Format::DestinationRule);
    }
    if has(resilience4j::is_one) {
        return Ok(Format::Resilience4j);
    }
    if has(opossum::is_one) {
        return Ok(Format::Opossum);
    }
    let line = documents.first().map_or(0, |document| document.line);
    Err(vec![Mistake::at(
        line,
        "is no DestinationRule, no options of opossum and no configuration of resilience4j: say what it is with --from",
    )])
}

/// Brings the notes into the order of the file, those on all of it last, and drops what is said twice.
fn tidy(notes: &mut Vec<Note>) {
    let mut said = BTreeSet::new();
    notes.retain(|note| said.insert((note.line, note.path.clone(), note.fate.word(), note.text.clone())));
    notes.sort_by_key(|note| (note.path.is_empty(), note.line));
}

/// Gives each breaker a name of its own, of the characters that a name may have.
fn rename(made: &mut Made, name: Option<&str>) {
    let count = made.drafts.len();
    let mut taken = BTreeSet::new();
    for draft in &mut made.drafts {
        let wanted = match name {
            Some(name) if count == 1 => name.to_owned(),
            Some(name) => format!("{name}-{}", draft.name),
            None => draft.name.clone(),
        };
        let wanted = as_name(&wanted);
        let mut unique = wanted.clone();
        let mut number: usize = 2;
        while !taken.insert(unique.clone()) {
            let suffix = format!("-{number}");
            let kept: String = wanted
                .chars()
                .take(LONGEST_NAME.saturating_sub(suffix.len()))
                .collect();
            unique = kept + &suffix;
            number = number.saturating_add(1);
        }
        draft.name = unique;
    }
}

const LONGEST_NAME: usize = 64;

fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

/// `text` with what cannot be in a name replaced by `-`.
fn as_name(text: &str) -> String {
    let name: String = text
        .chars()
        .take(LONGEST_NAME)
        .map(|c| if in_name(c) { c } else { '-' })
        .collect();
    if name.is_empty() {
        "breaker".to_owned()
    } else {
        name
    }
}

/// Reads `--name`.
fn name(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.len() <= LONGEST_NAME && text.chars().all(in_name) {
        Ok(text.to_owned())
    } else {
        Err("write 1 to 64 of the characters A-Z a-z 0-9 _ . -".to_owned())
    }
}

/// Whether this is an object.
fn is_object(node: &Node) -> bool {
    matches!(node.kind, Kind::Object(_))
}
