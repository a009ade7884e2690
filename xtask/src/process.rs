//! Child processes: output streamed line by line, and what went wrong said in one line.

use crate::console::{Console, Stream};
use anyhow::{Context as _, bail};
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};

/// The cargo that runs this task, so that children use the same toolchain.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs `command`, streams its output, shows each line to `watch`; whether it ended well.
///
/// # Errors
/// The program could not be started.
pub(crate) fn stream(
    command: &mut Command,
    console: &Console,
    mut watch: impl FnMut(Stream, &str) -> Show,
) -> anyhow::Result<bool> {
    if console.colours() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    let (lines, received) = channel();
    let readers = [
        child
            .stdout
            .take()
            .map(|pipe| forward(pipe, Stream::Out, lines.clone())),
        child
            .stderr
            .take()
            .map(|pipe| forward(pipe, Stream::Err, lines.clone())),
    ];
    drop(lines);
    for (stream, line) in received {
        if watch(stream, &line) == Show::Yes {
            console.line(stream, &line);
        }
    }
    for reader in readers.into_iter().flatten() {
        let _ = reader.join();
    }
    Ok(child
        .wait()
        .with_context(|| format!("cannot wait for {name}"))?
        .success())
}

/// Whether a line of a child is shown to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// Shown as it is.
    Yes,
    /// Meant for this program only.
    No,
}

fn forward(
    pipe: impl Read + Send + 'static,
    stream: Stream,
    lines: Sender<(Stream, String)>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            if lines
                .send((stream, String::from_utf8_lossy(&line).into_owned()))
                .is_err()
            {
                break;
            }
        }
    })
}

/// Runs `command` with streamed output and fails when it fails.
///
/// # Errors
/// The program could not be started, or ended with an error.
pub(crate) fn check(command: &mut Command, console: &Console) -> anyhow::Result<()> {
    if stream(command, console, |_, _| Show::Yes)? {
        return Ok(());
    }
    bail!("this failed: {}", show(command))
}

/// Runs `command` quietly and returns what it printed on stdout.
///
/// # Errors
/// The program could not be started, or ended with an error (its stderr is in the message).
pub(crate) fn output(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot start {name}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    bail!(
        "this failed: {}\n{}",
        show(command),
        String::from_utf8_lossy(&output.stderr).trim_end()
    )
}

/// Whether `program --version` runs.
pub(crate) fn runs(program: impl AsRef<std::ffi::OsStr>) -> bool {
    Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command as a user would type it.
pub(crate) fn show(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program())
        .file_name()
        .map_or_else(
            || command.get_program().to_string_lossy(),
            |name| name.to_string_lossy(),
        );
    let mut text = program.into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}
