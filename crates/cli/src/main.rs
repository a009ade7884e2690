//! `fairlead`: checks policies, plays traffic against them, shows them on a real Envoy, and measures what they cost there.
//!
//! Exit status: 0 for done, 1 for something that went wrong on the way (and warnings under `--deny-warnings`), 2 for a
//! policy, a traffic file or a command line that is wrong.

mod bench;
mod canary;
mod check;
mod columns;
mod convert;
mod document;
mod lossless;
mod package;
mod percent;
mod phase;
mod policy_file;
mod push;
mod render;
mod simulate;
mod time;
mod up;
mod yaml;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser, Debug)]
#[command(
    name = "fairlead",
    version,
    about = "Traffic filters for Envoy and Istio: check, simulate, try."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Check policies and Kubernetes manifests: all mistakes at once, each with line, path, value and fix.
    Check(check::Args),
    /// Print the JSON Schema of a module's pluginConfig.
    Schema(check::SchemaArgs),
    /// Play traffic against a policy in virtual time, in the module that Envoy would run.
    Simulate(simulate::Args),
    /// Questions about a canary release that need no traffic: which users it gets, and when.
    Canary(canary::Args),
    /// Write a breaker that is there already as a policy, and say what became of each field.
    Convert(convert::Args),
    /// Make an OCI image of each module, reproducibly, with what it is made of attached.
    Package(package::Args),
    /// Push these images to a registry.
    Push(push::Args),
    /// Write the manifests of a policy: for Istio, for Envoy Gateway, or for Envoy alone.
    Render(Box<render::Args>),
    /// Run the demo on a real Envoy.
    Up(up::Args),
    /// Measure what filters cost on a real Envoy: instructions, CPU time, latency, memory, start-up.
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Check(args) => check::run(&args),
        Command::Schema(args) => check::schema(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Canary(args) => canary::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Package(args) => package::run(&args),
        Command::Push(args) => push::run(&args),
        Command::Render(args) => render::run(&args),
        Command::Up(args) => up::run(args),
        Command::Bench(args) => bench::run(&args),
    };
    done.unwrap_or_else(|error| {
        // Whoever reads the output has had enough of it, as `| head` has.
        let closed = error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe);
        if closed {
            return ExitCode::SUCCESS;
        }
        eprintln!("fairlead: {error:#}");
        ExitCode::FAILURE
    })
}
