//! A real Envoy with a module in it.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fairlead_envoy::{Bootstrap, Envoy, Error, Listener, Locator, Options, Route, Version, Wasm};
use serde_json::{Value, json};

use crate::client::{Request, side_by_side};
use crate::{modules, versions};

/// Enough for a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The resident memory that a proxy with one worker and one filter may have after a second of load.
const MOST_RSS_KIB: u64 = 91 * 1024;
/// What of it may come and go with the allocator.
pub const RSS_SLACK_KIB: u64 = 3 * 1024;

/// What tests with a real Envoy need; holding it keeps the others of the process waiting, as each wants all cores.
#[derive(Debug)]
pub struct Lab {
    module: PathBuf,
    binary: PathBuf,
    version: Version,
    _turn: MutexGuard<'static, ()>,
}

impl Lab {
    /// Finds Envoy and `dist/<filter>.wasm`, and waits for its turn. `None`, after one line on standard error: skip the
    /// test.
    ///
    /// # Panics
    /// If something is missing and the variable `CI` is `true`.
    #[must_use]
    pub fn enter(filter: &str) -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        let locator = Locator::from_env(modules::workspace().join(".fairlead"));
        let found = locator
            .locate_for_test()
            .unwrap_or_else(|error| panic!("{error}"));
        let found = found?;
        Some(Self {
            module: modules::module(filter)?,
            binary: found.path,
            version: found.version,
            _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner),
        })
    }

    /// The module as plugin `name`.
    #[must_use]
    pub fn plugin(&self, name: &str, config: &Value) -> Wasm {
        Wasm::new(name, &self.module).configuration(config.to_string())
    }

    /// The program.
    #[must_use]
    pub fn envoy(&self) -> &std::path::Path {
        &self.binary
    }

    /// Whether Envoy has `what`, which came with release 1.`minor`. If not, one line has said so: leave the test out.
    #[must_use]
    pub fn since(&self, minor: u32, what: &str) -> bool {
        versions::since(self.version, minor, what)
    }

    /// How an Envoy with `workers` workers is started.
    #[must_use]
    pub fn options(&self, workers: u32, bootstrap: Bootstrap) -> Options {
        Options::new(&self.binary, bootstrap)
            .concurrency(workers)
            .ready_within(PATIENCE)
            .access_log_flush(Duration::from_millis(100))
    }

    /// Starts an Envoy with `workers` workers and these listeners.
    ///
    /// # Panics
    /// If Envoy does not start.
    #[must_use]
    pub fn start(&self, workers: u32, listeners: impl IntoIterator<Item = Listener>) -> Envoy {
        self.start_with(workers, bootstrap(listeners))
    }

    /// Starts an Envoy with `workers` workers.
    ///
    /// # Panics
    /// If Envoy does not start.
    #[must_use]
    pub fn start_with(&self, workers: u32, bootstrap: Bootstrap) -> Envoy {
        Envoy::start(self.options(workers, bootstrap)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What an Envoy with this listener says, which refuses to start, and its log.
    ///
    /// # Panics
    /// If it starts.
    #[must_use]
    pub fn refused(&self, listener: Listener) -> (Error, String) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join("envoy.log");
        let options = self.options(1, bootstrap([listener])).log_file(&log);
        let error = Envoy::start(options).expect_err("Envoy refuses to start");
        (error, std::fs::read_to_string(log).unwrap_or_default())
    }
}

/// A bootstrap with these listeners.
#[must_use]
pub fn bootstrap(listeners: impl IntoIterator<Item = Listener>) -> Bootstrap {
    listeners
        .into_iter()
        .fold(Bootstrap::new("test"), Bootstrap::listener)
}

/// A listener that answers 200 with a body by itself and gives each worker the same number of connections.
#[must_use]
pub fn listener(name: &str) -> Listener {
    Listener::http(name)
        .route(Route::prefix("/").respond(200, "hello"))
        .with("connection_balance_config", json!({"exact_balance": {}}))
}

/// The port of a listener.
///
/// # Panics
/// If Envoy has none of this name.
#[must_use]
pub fn port(envoy: &Envoy, listener: &str) -> u16 {
    envoy
        .listener_port(listener)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Makes sure that no VM of an Envoy has ended.
///
/// A panic ends a VM and is logged; some policies then bring up another, or none, which requests alone may not show.
///
/// # Panics
/// If one has.
pub fn assert_alive(envoy: &Envoy) {
    let log = envoy.logs();
    let bad = log.iter().find(|line| {
        ["panicked", "Proxy-Wasm failed", "RuntimeError"]
            .iter()
            .any(|text| line.contains(text))
    });
    assert_eq!(bad, None);
    let stats = envoy.stats().expect("Envoy answers");
    let reloads: Vec<(String, u64)> = stats
        .into_iter()
        .filter(|(name, count)| name.contains("vm_reload") && *count > 0)
        .collect();
    assert_eq!(reloads, []);
}

/// Resident memory in KiB.
///
/// # Panics
/// Where there is no `/proc`.
#[must_use]
pub fn rss(envoy: &Envoy) -> u64 {
    envoy.rss_kib().expect("Envoy runs on Linux")
}

/// Sees that a proxy with one worker stays in [`MOST_RSS_KIB`] while it serves four connections for a second, each of which sends
/// its `requests` to the listener `main` again and again.
///
/// V8 compiles a module on as many threads as find time, and what they need at once is never given back: up to 4 MiB more where
/// something else keeps the machine busy.
///
/// # Panics
/// If it is larger.
pub fn stays_small(lab: &Lab, listener: Listener, requests: impl Fn(usize) -> Vec<Request> + Sync) {
    let envoy = lab.start(1, [listener]);
    side_by_side(port(&envoy, "main"), 4, |index, connection| {
        let (start, batch) = (Instant::now(), requests(index));
        while start.elapsed() < Duration::from_secs(1) {
            connection.pipeline(&batch);
        }
    });
    let rss = rss(&envoy);
    assert!(rss <= MOST_RSS_KIB, "{rss} KiB, at most {MOST_RSS_KIB}");
}

/// Asks until `done` says yes. What is asked is to take its time: each turn is a request to the proxy or to its admin
/// interface.
///
/// # Panics
/// After a minute.
pub fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < PATIENCE, "{what}");
    }
}
