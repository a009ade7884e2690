//! A scenario in a real Envoy.
//!
//! Envoy asks the kernel for SIGTERM when the *thread* that spawned it ends, and the test harness ends a thread with each
//! test: a keeper thread spawns it and parks for ever.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::emulate::Run;
use super::scenario::Scenario;

mod bootstrap;
mod client;
mod upstream;

use bootstrap::bootstrap;
use client::client;
use upstream::serve;

const DEADLINE: Duration = Duration::from_secs(10);

/// Longer than the probe's timers.
const TICK: Duration = Duration::from_millis(60);

/// The binary, or `None` where there is none and none is demanded.
pub(crate) fn binary() -> Option<PathBuf> {
    match std::env::var_os("FAIRLEAD_ENVOY") {
        Some(path) => Some(path.into()),
        None if std::env::var("CI").is_ok_and(|ci| ci == "true") => panic!("CI=true demands FAIRLEAD_ENVOY"),
        None => {
            println!("skipped: FAIRLEAD_ENVOY names no Envoy binary");
            None
        }
    }
}

/// Runs a scenario.
pub(crate) fn run(binary: &Path, scenario: &Scenario) -> Run {
    let folder = Folder::new();
    let upstream = serve(scenario);
    let dead = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("an address");
    let config = folder.0.join("envoy.yaml");
    std::fs::write(&config, bootstrap(scenario, upstream, dead)).expect("the config is written");
    let log = folder.0.join("envoy.log");
    let envoy = Process::spawn(binary, &config, &log, &folder.0.join("admin"), scenario.workers);
    let mut run = Run {
        workers: vec![Vec::new(); scenario.workers],
        ..Run::default()
    };
    let mut marks = Vec::new();
    for (index, step) in scenario.steps.iter().enumerate() {
        std::thread::sleep(Duration::from_millis(step.wait));
        let before = lines(&log);
        let seen = client(envoy.listener, step, index, || {
            let path = step.path(index);
            wait("the request is seen", || {
                lines(&log).iter().any(|line| line.1.contains(&path))
            });
        });
        run.seen.push(seen);
        let deleted =
            |lines: &[(String, String)]| lines.iter().filter(|line| line.1.contains("on_delete(")).count();
        let expected = deleted(&before) + scenario.filters.len();
        if step.traps {
            std::thread::sleep(Duration::from_millis(200));
        } else {
            wait("the stream is deleted", || deleted(&lines(&log)) >= expected);
        }
        // A timer that outlives its stream is to fire before the next step; one that was set twice fires once.
        let start = Instant::now();
        while start.elapsed() < TICK && !timers_fired(&lines(&log)) {
            std::thread::sleep(Duration::from_millis(1));
        }
        marks.push(before.len());
    }
    envoy.quit();
    let all = lines(&log);
    sort_lines(&mut run, &all, &marks);
    run
}

/// True if there are as many ticks as timers were set.
fn timers_fired(lines: &[(String, String)]) -> bool {
    let count = |text: &str| lines.iter().filter(|line| line.1.starts_with(text)).count();
    count("on_tick(") >= count("  pause, tick period")
}

/// Tells the threads apart: the main one logs first; a worker is numbered when it serves its first step.
fn sort_lines(run: &mut Run, all: &[(String, String)], marks: &[usize]) {
    let main = all.first().map(|line| line.0.clone()).unwrap_or_default();
    let mut threads: Vec<&String> = Vec::new();
    for (step, mark) in marks.iter().enumerate() {
        let end = marks.get(step + 1).copied().unwrap_or(all.len());
        let thread = all[*mark..end]
            .iter()
            .find(|line| line.0 != main)
            .map(|line| &line.0);
        // A step that leaves no line was served by a dead VM; with one worker there is no doubt which.
        let Some(thread) = thread else {
            run.served.push(0);
            continue;
        };
        if !threads.contains(&thread) {
            threads.push(thread);
        }
        run.served.push(
            threads
                .iter()
                .position(|known| *known == thread)
                .expect("just added"),
        );
    }
    for line in all.iter().filter(|line| line.0 != main) {
        if !threads.contains(&&line.0) {
            threads.push(&line.0);
        }
    }
    assert!(
        threads.len() <= run.workers.len(),
        "more threads log than there are workers"
    );
    for (thread, message) in all {
        match threads.iter().position(|known| *known == thread) {
            Some(worker) => run.workers[worker].push(message.clone()),
            None => run.main.push(message.clone()),
        }
    }
}

/// Thread and message of each line that a module logged.
fn lines(log: &Path) -> Vec<(String, String)> {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = |line: &str| {
        let (thread, rest) = line.strip_prefix('[')?.split_once("] wasm log")?;
        let (_, message) = rest.split_once(": ")?;
        Some((thread.to_owned(), message.to_owned()))
    };
    // The last line may be half written.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().filter_map(line).collect()
}

pub(crate) fn wait(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < DEADLINE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A folder that goes with the run.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("fairlead-conformance-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::env::var_os("FAIRLEAD_KEEP").is_none() {
            drop(std::fs::remove_dir_all(&self.0));
        } else {
            println!("kept: {}", self.0.display());
        }
    }
}

struct Process {
    child: Child,
    admin: SocketAddr,
    listener: SocketAddr,
}

impl Process {
    fn spawn(binary: &Path, config: &Path, log: &Path, admin: &Path, workers: usize) -> Self {
        let mut command = Command::new(binary);
        command
            .arg("-c")
            .arg(config)
            .arg("--use-dynamic-base-id")
            .args(["--concurrency", &workers.to_string(), "--log-format", "[%t] %v"])
            .args(["--component-log-level", "wasm:info", "-l", "warning"])
            .arg("--admin-address-path")
            .arg(admin)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(log).expect("the log file is made"));
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            drop(sender.send(command.spawn()));
            loop {
                std::thread::park();
            }
        });
        let child = receiver
            .recv()
            .expect("the keeper answers")
            .expect("Envoy starts");
        let admin_address = || {
            std::fs::read_to_string(admin)
                .ok()?
                .trim()
                .parse::<SocketAddr>()
                .ok()
        };
        wait("Envoy writes its admin address", || admin_address().is_some());
        let admin = admin_address().expect("just seen");
        let listener = || {
            let text = http(admin, "GET", "/listeners?format=text")?;
            text.lines()
                .find_map(|line| line.strip_prefix("main::")?.trim().parse::<SocketAddr>().ok())
        };
        wait("Envoy is ready", || {
            http(admin, "GET", "/ready").is_some_and(|text| text.contains("LIVE")) && listener().is_some()
        });
        Self {
            child,
            admin,
            listener: listener().expect("just seen"),
        }
    }

    /// Ends Envoy as SIGTERM would.
    fn quit(mut self) {
        drop(http(self.admin, "POST", "/quitquitquit"));
        let start = Instant::now();
        while self.child.try_wait().expect("a child").is_none() {
            assert!(start.elapsed() < DEADLINE, "Envoy does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn http(address: SocketAddr, method: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    )
    .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}
