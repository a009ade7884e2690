//! What the user sees while a command runs: a spinner on a terminal, plain lines anywhere else.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

/// Where the lines of a child process came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Output of one command.
pub(crate) struct Console {
    spinner: Option<ProgressBar>,
    /// stdout carries JSON, so that everything else goes to stderr.
    json: bool,
}

impl Console {
    /// With `json`, stdout is left to the result.
    pub(crate) fn new(json: bool) -> Self {
        let spinner = std::io::stderr().is_terminal().then(|| {
            let spinner = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                spinner.set_style(style);
            }
            spinner.enable_steady_tick(Duration::from_millis(200));
            spinner
        });
        Self { spinner, json }
    }

    /// Whether children should colour their output.
    pub(crate) fn colours(&self) -> bool {
        self.spinner.is_some()
    }

    /// Announces the next thing that takes time.
    pub(crate) fn step(&self, what: &str) {
        self.line(Stream::Err, &format!("==> {what}"));
        if let Some(spinner) = &self.spinner {
            spinner.reset_elapsed();
            spinner.set_message(what.to_owned());
        }
    }

    /// Prints one line of a child's output, or a remark. A closed pipe is not an error: the exit status still counts.
    pub(crate) fn line(&self, stream: Stream, text: &str) {
        let write = || {
            let _ = if stream == Stream::Err || self.json {
                writeln!(std::io::stderr(), "{text}")
            } else {
                writeln!(std::io::stdout(), "{text}")
            };
        };
        match &self.spinner {
            Some(spinner) => spinner.suspend(write),
            None => write(),
        }
    }

    /// Takes the spinner away.
    pub(crate) fn finish(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}
