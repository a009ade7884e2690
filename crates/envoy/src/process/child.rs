//! The child process itself: its output, its end, and the wait for anything about it.

use std::fs::File;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::Patience;
use super::log::Lines;
use crate::Error;

/// Between two looks at something that cannot be waited for.
const POLL: Duration = Duration::from_millis(5);
/// After the end of the process its pipes need no longer than this to run empty.
const DRAIN: Duration = Duration::from_secs(2);
/// Lines of the log shown when it gives no reason.
const TAIL: usize = 5;

/// A child that ends with this value.
#[derive(Debug)]
pub(super) struct Process {
    child: Mutex<Child>,
    pid: u32,
    pub(super) stderr: Arc<Lines>,
    pub(super) stdout: Arc<Lines>,
    stop_within: Duration,
    // Dropped after `drop` below has ended the process that reads it.
    _scratch: TempDir,
}

impl Process {
    /// Takes over a child with piped output; `scratch` holds its files.
    pub(super) fn new(
        mut child: Child,
        scratch: TempDir,
        stop_within: Duration,
        log_file: Option<File>,
        echo: bool,
    ) -> Result<Self, Error> {
        let (stderr, stdout) = (child.stderr.take(), child.stdout.take());
        // From here on every return ends the child.
        let process = Self {
            pid: child.id(),
            child: Mutex::new(child),
            stderr: Arc::default(),
            stdout: Arc::default(),
            stop_within,
            _scratch: scratch,
        };
        let failed = || Error::io("cannot start a thread");
        if let Some(stream) = stderr {
            let lines = Arc::clone(&process.stderr);
            let follow = move || lines.follow(stream, log_file, echo);
            thread::Builder::new()
                .name("envoy-stderr".into())
                .spawn(follow)
                .map_err(failed())?;
        }
        if let Some(stream) = stdout {
            let lines = Arc::clone(&process.stdout);
            let follow = move || lines.follow(stream, None, false);
            thread::Builder::new()
                .name("envoy-stdout".into())
                .spawn(follow)
                .map_err(failed())?;
        }
        Ok(process)
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.child().try_wait(), Ok(None))
    }

    /// SIGTERM, then SIGKILL at the deadline; the process is reaped on return.
    pub(super) fn end(&self) -> Result<ExitStatus, Error> {
        let failed = || Error::io(format!("cannot end Envoy, process {}", self.pid));
        let mut child = self.child();
        // Until it is reaped here its id cannot become another process.
        if let Some(status) = child.try_wait().map_err(failed())? {
            return Ok(status);
        }
        if let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let patience = Patience::new(self.stop_within);
        while !patience.left().is_zero() {
            if let Some(status) = child.try_wait().map_err(failed())? {
                return Ok(status);
            }
            thread::sleep(POLL);
        }
        child.kill().map_err(failed())?;
        child.wait().map_err(failed())
    }

    /// Asks again and again until there is an answer, the process ends, or the deadline passes.
    pub(super) fn poll<T>(
        &self,
        what: &str,
        patience: &Patience,
        mut look: impl FnMut() -> Result<Option<T>, Error>,
    ) -> Result<T, Error> {
        loop {
            let looked = look();
            if let Ok(Some(found)) = looked {
                return Ok(found);
            }
            if let Some(exited) = self.exited() {
                return Err(exited);
            }
            if patience.left().is_zero() {
                let last = match looked {
                    Err(error) => error.to_string(),
                    Ok(_) => self.stderr.all().pop().unwrap_or_default(),
                };
                return Err(Error::Deadline {
                    what: what.to_owned(),
                    waited: patience.within,
                    last,
                });
            }
            thread::sleep(POLL);
        }
    }

    /// The error that says how the process ended, if it has.
    fn exited(&self) -> Option<Error> {
        let status = self.child().try_wait().ok()??;
        self.stderr.drained(DRAIN);
        Some(exit_error(status, &self.stderr.all()))
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// What the log says about the end. Envoy repeats the reason of a failed start as its last words, without the
/// `[time][thread][level]` that its log lines begin with.
pub(super) fn exit_error(status: ExitStatus, log: &[String]) -> Error {
    let port = log.iter().find_map(|line| {
        let (_, rest) = line.split_once("cannot bind '")?;
        let (address, error) = rest.split_once('\'')?;
        error.contains("Address already in use").then_some(())?;
        address.rsplit_once(':')?.1.parse().ok()
    });
    if let Some(port) = port {
        return Error::PortInUse {
            owner: "that listener".into(),
            port,
            option: None,
        };
    }
    let last_words: Vec<&str> = {
        let mut words: Vec<&str> = log
            .iter()
            .rev()
            .map(|line| line.trim())
            .take_while(|line| !line.starts_with('['))
            .collect();
        words.retain(|line| !line.is_empty());
        words.reverse();
        words
    };
    let reason = if last_words.is_empty() {
        let skip = log.len().saturating_sub(TAIL);
        log.iter()
            .skip(skip)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" / ")
    } else {
        last_words.join(" ")
    };
    let reason = if reason.is_empty() {
        "it wrote nothing".to_owned()
    } else {
        reason
    };
    Error::Exited {
        status: status.to_string(),
        reason,
    }
}
