//! A list of users, a line each: read as it comes, so that its length costs no memory.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Result};
use std::time::{Duration, Instant};

/// Whoever waits longer is shown how far it has got.
const PATIENCE: Duration = Duration::from_secs(1);
/// So many lines between two looks at the clock.
const LINES: u64 = 1 << 16;

/// A list that can be read once.
pub(super) struct Users {
    input: Box<dyn BufRead>,
    /// In bytes; `None`: not known before its end.
    length: Option<u64>,
}

impl Users {
    /// Opens a file; `-`: standard input.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn open(file: &str) -> Result<Self> {
        if file == "-" {
            return Ok(Self {
                input: Box::new(std::io::stdin().lock()),
                length: None,
            });
        }
        let file = File::open(file)?;
        Ok(Self {
            length: Some(file.metadata()?.len()),
            input: Box::new(BufReader::new(file)),
        })
    }

    /// Gives each user to `take`, in order.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn each(mut self, mut take: impl FnMut(&[u8])) -> Result<()> {
        let bar = ProgressBar::with_draw_target(self.length, ProgressDrawTarget::hidden());
        let start = Instant::now();
        let (mut line, mut lines, mut bytes) = (Vec::new(), 0_u64, 0_u64);
        loop {
            line.clear();
            let read = self.input.read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            if let Some(user) = user(&line, bytes == 0) {
                take(user);
            }
            bytes = bytes.saturating_add(read as u64);
            lines = lines.saturating_add(1);
            if lines.is_multiple_of(LINES) {
                show(&bar, start.elapsed());
                bar.set_position(bytes);
            }
        }
        bar.finish_and_clear();
        Ok(())
    }
}

/// The user in a line; `None`: it has none.
pub(super) fn user(line: &[u8], is_first: bool) -> Option<&[u8]> {
    let mark = "\u{feff}".as_bytes();
    let line = line.strip_prefix(mark).filter(|_| is_first).unwrap_or(line);
    let user = line.trim_ascii();
    (!user.is_empty() && !user.starts_with(b"#")).then_some(user)
}

/// Shows a bar on a terminal once it takes long.
fn show(bar: &ProgressBar, elapsed: Duration) {
    if !bar.is_hidden() || elapsed < PATIENCE || !std::io::stderr().is_terminal() {
        return;
    }
    let template = match bar.length() {
        Some(_) => "{bar:40} {bytes} of {total_bytes} of users, {eta} left",
        None => "{spinner} {bytes} of users",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_draw_target(ProgressDrawTarget::stderr());
}
