//! A real Envoy with a module in it.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fairlead_envoy::{Bootstrap, Envoy, Error, Listener, Locator, Options, Route, Wasm};
use serde_json::{Value, json};

use crate::modules;

/// Enough for a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What tests with a real Envoy need; holding it keeps the others of the process waiting, as each wants all cores.
#[derive(Debug)]
pub struct Lab {
    /// The rate limiter.
    pub rate_limit: PathBuf,
    binary: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Lab {
    /// Finds Envoy and the rate limiter and waits for its turn. `None`, after one line on standard error: skip the test.
    ///
    /// # Panics
    /// If something is missing and the variable `CI` is `true`.
    #[must_use]
    pub fn enter() -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        let locator = Locator::from_env(modules::workspace().join(".fairlead"));
        let found = locator
            .locate_for_test()
            .unwrap_or_else(|error| panic!("{error}"));
        Some(Self {
            rate_limit: modules::module("rate-limit")?,
            binary: found?.path,
            _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner),
        })
    }

    /// The rate limiter as plugin `name`.
    #[must_use]
    pub fn plugin(&self, name: &str, config: &Value) -> Wasm {
        Wasm::new(name, &self.rate_limit).configuration(config.to_string())
    }

    /// How an Envoy with `workers` workers and these listeners is started.
    #[must_use]
    pub fn options(&self, workers: u32, listeners: impl IntoIterator<Item = Listener>) -> Options {
        let bootstrap = listeners
            .into_iter()
            .fold(Bootstrap::new("test"), Bootstrap::listener);
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
        Envoy::start(self.options(workers, listeners)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What an Envoy with this listener says, which refuses to start, and its log.
    ///
    /// # Panics
    /// If it starts.
    #[must_use]
    pub fn refused(&self, listener: Listener) -> (Error, String) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join("envoy.log");
        let options = self.options(1, [listener]).log_file(&log);
        let error = Envoy::start(options).expect_err("Envoy refuses to start");
        (error, std::fs::read_to_string(log).unwrap_or_default())
    }
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
