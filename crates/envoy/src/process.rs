//! Envoy as a child process: start, wait, look inside, stop.

mod child;
mod keeper;
mod log;
mod start;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Error;
use crate::admin::{Admin, expect_ok, parse_listeners, parse_stats};
use child::Process;
pub use start::Options;

/// A deadline that remembers how long it was.
pub(crate) struct Patience {
    started: Instant,
    within: Duration,
}

impl Patience {
    pub(crate) fn new(within: Duration) -> Self {
        Self {
            started: Instant::now(),
            within,
        }
    }

    pub(crate) fn left(&self) -> Duration {
        self.within.saturating_sub(self.started.elapsed())
    }
}

/// A running Envoy. Dropping it stops the process and waits for its end; all methods may be called from any thread.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    admin: Admin,
}

impl Envoy {
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The admin interface's address.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin.address()
    }

    /// Waits until Envoy has its configuration and its workers accept connections. [`start`](Self::start) has done
    /// so already.
    ///
    /// # Errors
    /// [`Error::Exited`] with Envoy's reason, [`Error::Deadline`].
    pub fn wait_ready(&self, within: Duration) -> Result<(), Error> {
        let patience = Patience::new(within);
        // /ready says LIVE a moment before the workers run.
        self.poll("Envoy is not ready", &patience, || {
            let ready = matches!(self.admin.get("/ready"), Ok((200, _)));
            Ok((ready && self.stats()?.get("listener_manager.workers_started") == Some(&1)).then_some(()))
        })
    }

    /// The body of `GET path` on the admin interface; `path` begins with `/`.
    ///
    /// # Errors
    /// [`Error::Admin`] for any status but 200 and for a transport error.
    pub fn admin_get(&self, path: &str) -> Result<String, Error> {
        expect_ok(path, self.admin.get(path)?)
    }

    /// The body of `POST path` on the admin interface, such as `/logging?wasm=debug` or `/reset_counters`.
    ///
    /// # Errors
    /// [`Error::Admin`] for any status but 200 and for a transport error.
    pub fn admin_post(&self, path: &str) -> Result<String, Error> {
        expect_ok(path, self.admin.post(path)?)
    }

    /// All counters and gauges by Envoy's own names. A Wasm metric is `wasmcustom.<name>`.
    ///
    /// # Errors
    /// [`Error::Admin`].
    pub fn stats(&self) -> Result<BTreeMap<String, u64>, Error> {
        Ok(parse_stats(&self.admin_get("/stats")?))
    }

    /// One counter or gauge; 0 when Envoy does not have it (it makes many only at first use).
    ///
    /// # Errors
    /// [`Error::Admin`].
    pub fn stat(&self, name: &str) -> Result<u64, Error> {
        Ok(self.stats()?.get(name).copied().unwrap_or(0))
    }

    /// Waits until `enough` holds for a counter or gauge and returns its value.
    ///
    /// # Errors
    /// [`Error::Deadline`] with the last value, [`Error::Admin`], [`Error::Exited`].
    pub fn wait_for_stat(
        &self,
        name: &str,
        within: Duration,
        enough: impl Fn(u64) -> bool,
    ) -> Result<u64, Error> {
        let mut last = 0;
        let found = self.poll(name, &Patience::new(within), || {
            last = self.stat(name)?;
            Ok(enough(last).then_some(last))
        });
        match found {
            Err(Error::Deadline { what, waited, .. }) => Err(Error::Deadline {
                what,
                waited,
                last: last.to_string(),
            }),
            other => other,
        }
    }

    /// All metrics in Prometheus' text format, histograms included (as of the last flush).
    ///
    /// # Errors
    /// [`Error::Admin`].
    pub fn prometheus(&self) -> Result<String, Error> {
        self.admin_get("/stats/prometheus")
    }

    /// The port that a listener got.
    ///
    /// # Errors
    /// [`Error::NoListener`], [`Error::Admin`].
    pub fn listener_port(&self, name: &str) -> Result<u16, Error> {
        let listeners = parse_listeners(&self.admin_get("/listeners?format=json")?);
        match listeners.iter().find(|(known, _)| known == name) {
            Some((_, port)) => Ok(*port),
            None => {
                let known = listeners.into_iter().map(|(known, _)| known).collect();
                Err(Error::NoListener {
                    name: name.to_owned(),
                    known,
                })
            }
        }
    }

    /// Envoy's own log: the lines of standard error in memory (the last 8 MiB).
    pub fn logs(&self) -> Vec<String> {
        self.process.stderr.all()
    }

    /// How many log lines there have been; for [`wait_for_log_since`](Self::wait_for_log_since).
    pub fn log_position(&self) -> usize {
        self.process.stderr.position()
    }

    /// Waits for a log line that contains `text`, from the first line on, and returns it.
    ///
    /// # Errors
    /// [`Error::Deadline`] with the end of the log; at once when Envoy has ended.
    pub fn wait_for_log(&self, text: &str, within: Duration) -> Result<String, Error> {
        self.wait_for_log_since(0, text, within)
    }

    /// The same, from line `position` on.
    ///
    /// # Errors
    /// As [`wait_for_log`](Self::wait_for_log).
    pub fn wait_for_log_since(&self, position: usize, text: &str, within: Duration) -> Result<String, Error> {
        self.process
            .stderr
            .find(position, within, |line| line.contains(text))
            .ok_or_else(|| Error::Deadline {
                what: format!("no log line with `{text}`"),
                waited: within,
                last: self.logs().pop().unwrap_or_default(),
            })
    }

    /// The lines of standard output that are JSON objects: what [`AccessLog::stdout`](crate::AccessLog::stdout) writes.
    pub fn access_log(&self) -> Vec<Value> {
        let parse = |line: &String| serde_json::from_str(line).ok();
        self.process
            .stdout
            .all()
            .iter()
            .filter_map(parse)
            .filter(Value::is_object)
            .collect()
    }

    /// Waits until the access log on standard output has at least `count` lines and returns all. Envoy writes them
    /// in batches, each [`Options::access_log_flush`].
    ///
    /// # Errors
    /// [`Error::Deadline`]; at once when Envoy has ended.
    pub fn wait_for_access_log(&self, count: usize, within: Duration) -> Result<Vec<Value>, Error> {
        if self.process.stdout.reach(count, within) {
            return Ok(self.access_log());
        }
        let have = self.process.stdout.position();
        let what = format!("{count} access log lines");
        Err(Error::Deadline {
            what,
            waited: within,
            last: format!("{have} lines"),
        })
    }

    /// Resident memory of the process in KiB; `None` where there is no `/proc` or no process any more.
    pub fn rss_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(Path::new("/proc").join(self.pid().to_string()).join("status"));
        let status = status.ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    }

    /// Whether the process still runs.
    pub fn is_running(&self) -> bool {
        self.process.is_running()
    }

    /// Stops Envoy and returns how it ended: SIGTERM, and SIGKILL when it does not go in time. An Envoy that has ended
    /// before is fine.
    ///
    /// # Errors
    /// [`Error::Io`] when the system cannot say what became of the process.
    pub fn stop(self) -> Result<ExitStatus, Error> {
        self.process.end()
    }

    /// Asks again and again until there is an answer, Envoy ends, or the deadline passes.
    pub(crate) fn poll<T>(
        &self,
        what: &str,
        patience: &Patience,
        look: impl FnMut() -> Result<Option<T>, Error>,
    ) -> Result<T, Error> {
        self.process.poll(what, patience, look)
    }
}
