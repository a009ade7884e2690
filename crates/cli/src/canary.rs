//! `fairlead canary`: questions about a canary release that need no traffic.

mod preview;
mod print;
#[cfg(test)]
mod tests;
mod users;

use crate::check::{WRONG, show_mistakes};
use crate::document::Mistake;
use crate::policy_file;
use crate::time::timestamp;
use anyhow::Result;
use clap::Subcommand;
use fairlead_config::canary::{Canary, StickyKey};
use fairlead_config::policy::Checked;
use fairlead_stage::Timestamp;
use preview::Preview;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use users::Users;

/// Options of `fairlead canary`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    question: Question,
}

#[derive(Subcommand, Debug)]
enum Question {
    /// Which of these users get which variant, for each step of the ramp.
    Preview(PreviewArgs),
}

/// Options of `fairlead canary preview`.
#[derive(clap::Args, Debug)]
#[command(after_help = HELP)]
struct PreviewArgs {
    /// A policy (a map of filter to pluginConfig) or Kubernetes manifests, as `fairlead check` reads them
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// A user a line; - is standard input
    #[arg(long, value_name = "FILE")]
    users: PathBuf,
    /// Only this moment
    #[arg(long, value_name = "RFC3339", value_parser = timestamp)]
    at: Option<Timestamp>,
    /// Which release, if the file holds several
    #[arg(long, value_name = "NAME")]
    release: Option<String>,
    /// Name the users of each variant; of the default one they are all others
    #[arg(long)]
    list: bool,
    /// Print a JSON document instead of a table
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
A user is what the policy draws by: the value of the first key of sticky.by that a request has. Parts of a composite key
are joined by |, as in eu|alice. Blanks around a line do not count; empty lines and lines that begin with # are left out.
A user who is there twice counts twice.

What is worked out is the draw alone, by the code that is in the module. What decides before it, or takes a variant out,
is not: match, force, rules, cookies, remembered traces and the guard. `fairlead simulate` plays those too.

In JSON there is a row a step, counted from 1, and one for the ramp's finish; weights are in parts per million, as in the
filter's metrics; new and left compare with the row before; not_covered names the fields of this policy that are not.

Exit status: 0 worked out, 2 a mistake in the policy or in the list of users, or a policy without a canary.";

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let Question::Preview(args) = &args.question;
    let policy = args.policy.to_string_lossy();
    let canary = match canary(&policy, args.release.as_deref()) {
        Ok(canary) => canary,
        Err(mistakes) => {
            show_mistakes(&policy, &mistakes);
            return Ok(ExitCode::from(WRONG));
        }
    };
    let name = args.users.to_string_lossy();
    let read = Users::open(&name).and_then(|users| {
        let mut preview = Preview::new(&canary, args.at, args.list);
        users.each(|user| preview.add(user)).map(|()| preview)
    });
    let preview = match read {
        Ok(preview) if preview.users > 0 => preview,
        wrong => {
            let message = wrong.map_or_else(
                |error| format!("cannot be read: {error}"),
                |_| "holds no user: write one a line".to_owned(),
            );
            let shown = if name == "-" { "standard input" } else { &name };
            show_mistakes(shown, &[Mistake::at(0, message)]);
            return Ok(ExitCode::from(WRONG));
        }
    };
    let mut out = BufWriter::new(std::io::stdout().lock());
    if args.json {
        serde_json::to_writer_pretty(&mut out, &print::json(&preview)).map_err(std::io::Error::from)?;
        out.write_all(b"\n")?;
    } else {
        print::table(&preview, &mut out)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// The canary of a file that draws by a key.
fn canary(file: &str, release: Option<&str>) -> Result<Canary, Vec<Mistake>> {
    let filters = policy_file::load(file)
        .map_err(|refused| refused.mistakes)?
        .filters;
    let mut canaries: Vec<Canary> = filters
        .into_iter()
        .filter_map(|placed| match placed.checked {
            Checked::Canary(canary) => Some(*canary),
            _ => None,
        })
        .collect();
    let wrong = |message: String| Err(vec![Mistake::at(0, message)]);
    if canaries.is_empty() {
        return wrong("holds no canary: write a policy with one, or its WasmPlugin".to_owned());
    }
    let all = canaries
        .iter()
        .map(|canary| canary.release.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(release) = release {
        canaries.retain(|canary| canary.release == release);
        if canaries.is_empty() {
            return wrong(format!("does not hold the release {release}, but {all}"));
        }
    }
    let count = canaries.len();
    match canaries.pop() {
        Some(canary) if count == 1 => {
            let is_keyed = |key: &StickyKey| matches!(key, StickyKey::Parts(_));
            if canary.sticky.by.iter().any(is_keyed) {
                Ok(canary)
            } else {
                wrong(
                    "draws each request at random: nobody can say who is in; write a key in sticky.by"
                        .to_owned(),
                )
            }
        }
        _ => wrong(format!(
            "holds {count} canaries ({all}): choose one with --release"
        )),
    }
}
