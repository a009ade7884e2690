//! Child processes with a log each, which end when they are dropped.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::{Connection, Request, Response};
use crate::proxy::PATIENCE;

/// Between two looks at what cannot be waited for.
const PAUSE: Duration = Duration::from_millis(50);

/// A running program.
#[derive(Debug)]
pub(super) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program whose output goes to `<folder>/<name>.log`.
    pub(super) fn start(name: &str, folder: &Path, command: &mut Command) -> Self {
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log);
        let file = file.unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a file"))
            .stderr(file)
            .spawn();
        Self {
            name: name.to_owned(),
            child: child.unwrap_or_else(|error| panic!("{name}: {error}")),
            log,
        }
    }

    /// All that it has written.
    pub(super) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Looks until `look` finds something.
    pub(super) fn until<T>(&mut self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            let ended = self.child.try_wait().expect("a child");
            if let (None, Some(found)) = (ended, look()) {
                return found;
            }
            if ended.is_some() || begin.elapsed() >= PATIENCE {
                let log = self.log();
                let lines: Vec<&str> = log.lines().collect();
                let last = lines[lines.len().saturating_sub(60)..].join("\n");
                panic!("{}: {what} {ended:?}\n{last}", self.name);
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Process {
    /// The processes that it has started itself, as Linux tells.
    fn started(&self) -> Vec<String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let tasks = tasks.into_iter().flatten().flatten();
        let children = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
        let children: Vec<String> = children.collect();
        let pids = children.iter().flat_map(|pids| pids.split_whitespace());
        pids.map(str::to_owned).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An agent that is killed leaves its Envoy behind, which would go on to listen.
        let started = self.started();
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !started.is_empty() {
            let _ = Command::new("kill")
                .arg("-KILL")
                .args(started)
                .stderr(Stdio::null())
                .status();
        }
    }
}

/// Looks until it is so; how long that took.
///
/// # Panics
/// After a minute.
pub fn wait(what: &str, look: impl FnMut() -> bool) -> Duration {
    wait_or(|| what.to_owned(), look)
}

/// Looks until it is so; how long that took.
///
/// # Panics
/// After a minute, with what `why` says then.
pub fn wait_or(why: impl Fn() -> String, mut look: impl FnMut() -> bool) -> Duration {
    let begin = Instant::now();
    while !look() {
        assert!(begin.elapsed() < PATIENCE, "{}", why());
        std::thread::sleep(PAUSE);
    }
    begin.elapsed()
}

/// Ports that are free now, all different. Another process may take one before it is used: whoever then fails to listen
/// says so.
pub(super) fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let held = [(); COUNT].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("a free port"));
    held.map(|listener| listener.local_addr().expect("an address").port())
}

/// The response to a GET on loopback; `None` while nobody listens, or whoever does ends.
pub(super) fn get(port: u16, path: &str) -> Option<Response> {
    let mut connection = Connection::to(([127, 0, 0, 1], port).into()).ok()?;
    connection.try_ask(&Request::get(path)).ok()
}
