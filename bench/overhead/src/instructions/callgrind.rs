//! An Envoy under callgrind, and what callgrind says while it runs.
//!
//! `vgdb`, valgrind's own client, asks for `status internal`: the count of each thread at that moment, without a dump
//! in a file. An answer takes some milliseconds.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use fairlead_envoy::{Envoy, Error, Options};
use tempfile::TempDir;

use crate::scene;
use crate::variants::Variant;

/// How long Envoy may take to start. It takes 7 s on an idle machine, 30 s on a busy one.
const START: Duration = Duration::from_secs(300);
/// Seconds that callgrind may take to answer.
const ANSWER: u32 = 60;

/// The programs of valgrind.
#[derive(Clone, Debug)]
pub struct Valgrind {
    valgrind: PathBuf,
    vgdb: PathBuf,
}

impl Valgrind {
    /// Looks in `PATH`.
    ///
    /// # Errors
    /// It is not there; the message says how to get it.
    pub fn find() -> Result<Self> {
        Self::find_in(&std::env::var_os("PATH").unwrap_or_default())
    }

    fn find_in(path: &OsStr) -> Result<Self> {
        let find = |name| {
            std::env::split_paths(path)
                .map(|folder| folder.join(name))
                .find(|file| file.is_file())
                .with_context(|| format!("instructions need {name}: `apt-get install valgrind`"))
        };
        Ok(Self {
            valgrind: find("valgrind")?,
            vgdb: find("vgdb")?,
        })
    }
}

/// An Envoy whose instructions are counted.
pub(super) struct Counted {
    /// The `vgdb` that has answered last.
    leaving: Option<Vgdb>,
    // Before `scratch`, so that it ends before its files go.
    envoy: Envoy,
    scratch: TempDir,
    vgdb: PathBuf,
}

impl Counted {
    /// Starts Envoy; nothing is counted yet, or the compilation of the modules would take minutes.
    pub(super) fn start(
        valgrind: &Valgrind,
        binary: &Path,
        variants: &[Variant],
        upstream: Option<SocketAddr>,
    ) -> Result<Self> {
        let scratch = tempfile::Builder::new()
            .prefix("fairlead-callgrind-")
            .tempdir()
            .context("cannot make a folder for temporary files")?;
        let script = scratch.path().join("envoy");
        let lines = format!(
            "#!/bin/sh\nexec {} --tool=callgrind --instr-atstart=no --separate-threads=yes {} {} {} \"$@\"\n",
            quoted(&valgrind.valgrind)?,
            quoted(&option("--callgrind-out-file=", &scratch.path().join("out.%p")))?,
            quoted(&option("--vgdb-prefix=", &scratch.path().join("vgdb")))?,
            quoted(binary)?,
        );
        fs::write(&script, lines)
            .and_then(|()| fs::set_permissions(&script, Permissions::from_mode(0o700)))
            .with_context(|| format!("cannot write {}", script.display()))?;
        let options = Options::new(&script, scene::bootstrap(variants, upstream))
            .component_log_level("wasm:error")
            .ready_within(START)
            .stop_within(Duration::from_secs(2));
        let envoy = loop {
            match Envoy::start(options.clone()) {
                // A process that another thread is just starting has inherited the open file for a moment.
                Err(Error::Io { error, .. }) if error.kind() == ErrorKind::ExecutableFileBusy => {
                    thread::yield_now()
                }
                started => break started.context("Envoy does not start under valgrind")?,
            }
        };
        Ok(Self {
            leaving: None,
            envoy,
            scratch,
            vgdb: valgrind.vgdb.clone(),
        })
    }

    pub(super) fn envoy(&self) -> &Envoy {
        &self.envoy
    }

    /// Counts from here on.
    pub(super) fn instrument(&mut self) -> Result<()> {
        let mut answer = self.ask(&["instrumentation", "on"])?;
        answer.end()
    }

    /// What each thread has executed, by callgrind's number of the thread.
    ///
    /// Returns as soon as the numbers are there. `vgdb` itself goes on for a tenth of a second, and is only waited for
    /// before the next question: that time would be part of the window that begins here.
    pub(super) fn threads(&mut self) -> Result<BTreeMap<u32, u64>> {
        let mut answer = self.ask(&["status", "internal"])?;
        let mut read = Answer::default();
        while !read.complete() {
            let mut line = String::new();
            if answer
                .lines
                .read_line(&mut line)
                .context("cannot read from vgdb")?
                == 0
            {
                answer.end()?;
                bail!("callgrind does not say what was executed");
            }
            read.line(&line);
        }
        self.leaving = Some(answer);
        Ok(read.executed)
    }

    fn ask(&mut self, words: &[&str]) -> Result<Vgdb> {
        if let Some(mut last) = self.leaving.take() {
            last.end()?;
        }
        let mut process = Command::new(&self.vgdb)
            .arg(option("--vgdb-prefix=", &self.scratch.path().join("vgdb")))
            .arg(format!("--pid={}", self.envoy.pid()))
            // Do not wait until a thread returns from its system call.
            .arg("--max-invoke-ms=1")
            .arg(format!("--cmd-time-out={ANSWER}"))
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run vgdb")?;
        let stdout = process.stdout.take().context("vgdb has no output")?;
        Ok(Vgdb {
            process,
            lines: BufReader::new(stdout),
        })
    }
}

/// A `vgdb` that has been asked something. Its answers are some KB, less than a pipe holds.
struct Vgdb {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Vgdb {
    /// Waits for its end.
    fn end(&mut self) -> Result<()> {
        let status = self.process.wait().context("cannot wait for vgdb")?;
        let mut reason = String::new();
        if let Some(stderr) = &mut self.process.stderr {
            stderr.read_to_string(&mut reason)?;
        }
        ensure!(
            status.success(),
            "vgdb ended with {status} (it needs ptrace, which some containers refuse): {}",
            reason.trim()
        );
        Ok(())
    }
}

/// The part of an answer that has been read.
#[derive(Debug, Default)]
struct Answer {
    threads: Vec<u32>,
    executed: BTreeMap<u32, u64>,
}

impl Answer {
    /// Takes the lines `threads: <thread> <thread> ..` and `events-<thread>: <count>`; those with a second number are
    /// about single functions.
    fn line(&mut self, line: &str) {
        if let Some(threads) = line.strip_prefix("threads: ") {
            self.threads = threads
                .split_whitespace()
                .filter_map(|thread| thread.parse().ok())
                .collect();
        }
        let thread = || -> Option<(u32, u64)> {
            let (thread, count) = line.strip_prefix("events-")?.split_once(": ")?;
            Some((thread.parse().ok()?, count.trim().parse().ok()?))
        };
        self.executed.extend(thread());
    }

    fn complete(&self) -> bool {
        !self.threads.is_empty()
            && self
                .threads
                .iter()
                .all(|thread| self.executed.contains_key(thread))
    }
}

fn option(name: &str, path: &Path) -> PathBuf {
    let mut option = OsString::from(name);
    option.push(path);
    option.into()
}

/// A word of a shell script.
fn quoted(path: &Path) -> Result<String> {
    let text = path
        .to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))?;
    Ok(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_when_all_threads_have_a_count() {
        let mut answer = Answer::default();
        let lines = "instrumentation: on\nevents: Ir\nthreads: 1 7\nevents-1: 51190\nframes-1: 3\n\
                     events-1-0: 4232\nfunction-1-3: epoll_wait\n";
        for line in lines.split_inclusive('\n') {
            answer.line(line);
        }
        assert!(!answer.complete());
        answer.line("events-7: 57298490\n");
        assert!(answer.complete());
        assert_eq!(answer.executed, BTreeMap::from([(1, 51_190), (7, 57_298_490)]));
    }

    #[test]
    fn an_answer_without_threads_is_not_complete() {
        let mut answer = Answer::default();
        answer.line("7 thread(s) running.\n");
        assert!(!answer.complete());
    }

    #[test]
    fn without_valgrind_it_is_said_how_to_get_it() {
        let empty = tempfile::tempdir().unwrap();
        let error = Valgrind::find_in(empty.path().as_os_str())
            .unwrap_err()
            .to_string();
        assert_eq!(error, "instructions need valgrind: `apt-get install valgrind`");
    }

    #[test]
    fn any_path_is_one_word_of_the_script() {
        assert_eq!(quoted(Path::new("/a b/it's")).unwrap(), r"'/a b/it'\''s'");
    }
}
