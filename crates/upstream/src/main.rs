//! The demo upstream as a program.

#![allow(clippy::print_stdout, reason = "a command line program")]

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use fairlead_upstream::{Behavior, Upstream};

/// An HTTP/1.1 and h2c server whose latency, status and faults each request can set.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The version that answers name
    #[arg(long, default_value = "v1", value_name = "NAME")]
    name: String,
    /// How to answer at first, such as 'delay=20ms&fail=5%'; later changes with POST /_control?...
    #[arg(long, default_value = "", value_name = "SETTINGS", hide_default_value = true)]
    set: Behavior,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fairlead-upstream: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), String> {
    let no_signals = |error: io::Error| format!("cannot wait for signals: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(no_signals)?;
    runtime.block_on(async {
        // Who reads the line below may end the program at once.
        let asked_to_end = end().map_err(no_signals)?;
        let upstream = Upstream::bind(arguments.listen, &arguments.name).map_err(|error| {
            format!(
                "cannot listen on {}: {error}; choose another with --listen",
                arguments.listen
            )
        })?;
        upstream.set(arguments.set);
        println!("{} listens on http://{}", arguments.name, upstream.address());
        asked_to_end.await;
        Ok(())
    })
}

/// Ends at Ctrl-C or SIGTERM. Without handlers the first process of a container would ignore both. They are in place on
/// return, before the future is first polled.
#[cfg(unix)]
fn end() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Ends at Ctrl-C.
#[cfg(not(unix))]
fn end() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
