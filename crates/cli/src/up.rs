//! `fairlead up`: the demo on a real Envoy.
//!
//! One Envoy with the filters of a policy, two versions of the demo upstream and another service behind it, some traffic, bad
//! times for the new version and for the service, and a view of what each rule, variant and breaker does with it; or, with `--once`, a script that checks the demo's
//! promises and says whether they hold. Nothing outlives the process: the upstreams are threads of it, and Envoy ends with
//! it whatever happens to it.

mod breaker;
mod client;
mod delays;
mod events;
mod histogram;
mod mesh;
mod metrics;
mod policy;
mod release;
mod script;
mod stop;
mod table;
mod timeline;
mod timings;
mod traffic;
mod trouble;
mod view;

use anyhow::Result;
use events::Events;
use mesh::Mesh;
use policy::Policy;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use stop::Stop;
use traffic::Traffic;

/// The exit status for a policy that cannot be used, as of the other commands.
const WRONG_POLICY: u8 = 2;

/// Options of `fairlead up`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Port of the proxy; 0 takes a free one
    #[arg(long, default_value_t = 10000, value_name = "PORT")]
    port: u16,
    /// Port of Envoy's admin interface; 0 takes a free one
    #[arg(long, default_value_t = 9901, value_name = "PORT")]
    admin_port: u16,
    /// Port of the upstream's version v1; 0 takes a free one
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    upstream_v1_port: u16,
    /// Port of the upstream's version v2; 0 takes a free one
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    upstream_v2_port: u16,
    /// Port of the upstream that has the reviews; 0 takes a free one
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    upstream_reviews_port: u16,
    /// Folder of the filters' .wasm files; the last one given counts
    #[arg(long, default_value = "dist", value_name = "DIR", overrides_with = "modules")]
    modules: PathBuf,
    /// Run this policy instead of the demo's; - reads standard input
    #[arg(long, value_name = "FILE")]
    policy: Option<String>,
    /// Send no traffic
    #[arg(long)]
    no_traffic: bool,
    /// Check what the filters promise, print a table, and end: exit code 1 if anything did not hold
    #[arg(long, conflicts_with = "no_traffic")]
    once: bool,
    /// With --once: print JSON instead
    #[arg(long, requires = "once")]
    json: bool,
}

/// Starts the demo, and returns when it was asked to end or, with `--once`, when the script is through.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let (name, policy) = match &args.policy {
        Some(file) => (file.as_str(), Policy::read(file)),
        None => ("the demo's policy", Policy::demo()),
    };
    let policy = match policy {
        Ok(policy) => policy,
        Err(refused) => {
            for mistake in refused.mistakes {
                writeln!(std::io::stderr(), "{}", mistake.show(name))?;
            }
            return Ok(ExitCode::from(WRONG_POLICY));
        }
    };
    let stop = Stop::at_signals()?;
    let mesh = Mesh::start(&args, &policy)?;
    for warning in &mesh.located.warnings {
        writeln!(std::io::stderr(), "warning: {warning}")?;
    }
    match args.once {
        true => check(&args, &mesh, &policy, &stop),
        false => show(&args, &mesh, &policy, &stop),
    }
}

fn check(args: &Args, mesh: &Mesh, policy: &Policy, stop: &Stop) -> Result<ExitCode> {
    let report = script::run(mesh, policy, stop)?;
    let text = if args.json {
        format!("{:#}", report.json())
    } else {
        report.text()
    };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(if report.ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn show(args: &Args, mesh: &Mesh, policy: &Policy, stop: &Stop) -> Result<ExitCode> {
    writeln!(std::io::stdout(), "{}", view::how_to_try(mesh, policy).join("\n"))?;
    let traffic = (!args.no_traffic).then(|| Traffic::start(mesh.address));
    let events = Events::new();
    let over = Stop::default();
    thread::scope(|scope| {
        // Without traffic there is nobody to notice, and other policies may say anything of a bad v2.
        if traffic.is_some() && policy.is_demo {
            scope.spawn(|| trouble::run(mesh, &events, &over));
        }
        let watched = view::watch(mesh, policy, &events, stop, traffic.as_ref());
        over.set();
        watched
    })?;
    Ok(ExitCode::SUCCESS)
}
