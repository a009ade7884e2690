//! How an emulator is described and started.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Emulator, refusal};
use crate::baton::Baton;
use crate::host::{Host, Local, Settings};
use crate::module::ModuleError;
use crate::plugin::Plugin;
use crate::report::{LogLevel, LogLine, Thread};
use crate::worker::Worker;

/// Describes an emulator; made by [`Emulator::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    workers: usize,
    seed: u64,
    start_at: Duration,
    plugins: Vec<Plugin>,
    log_level: LogLevel,
    fuel_limit: u64,
    memory_limit: usize,
    node_id: String,
    interleave: Option<u64>,
    window: Duration,
    serve_refused: bool,
}

/// Why an emulator does not start; Envoy would refuse to boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartError {
    /// The module of this plugin cannot be instantiated.
    Module {
        /// The plugin's name.
        plugin: String,
        /// Why.
        error: ModuleError,
    },
    /// The plugin refused its configuration, or trapped on it.
    Refused {
        /// The plugin's name.
        plugin: String,
        /// What it said.
        reason: String,
        /// All it logged.
        logs: Vec<LogLine>,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Module { plugin, error } => write!(f, "plugin {plugin}: {error}"),
            Self::Refused { plugin, reason, .. } => {
                write!(f, "plugin {plugin}: configuration refused: {reason}")
            }
        }
    }
}

impl std::error::Error for StartError {}

impl Default for Builder {
    fn default() -> Self {
        Self {
            workers: 1,
            seed: 0,
            // 2026-01-01T00:00:00Z
            start_at: Duration::from_secs(1_767_225_600),
            plugins: Vec::new(),
            log_level: LogLevel::Info,
            fuel_limit: 1_000_000_000,
            memory_limit: 1 << 30,
            node_id: "emulator".to_owned(),
            interleave: None,
            window: Duration::ZERO,
            serve_refused: false,
        }
    }
}

impl Builder {
    /// Sets the number of workers (at least 1). Each has a VM of its own for each module.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// Sets the seed of `random_get`: equal seeds give equal bytes, hence equal hash maps and equal fuel.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the wall clock at virtual time 0, as time since the Unix epoch. Default: 2026-01-01T00:00:00Z.
    #[must_use]
    pub fn start_at(mut self, since_epoch: Duration) -> Self {
        self.start_at = since_epoch;
        self
    }

    /// Adds a plugin at the end of the filter chain.
    #[must_use]
    pub fn plugin(mut self, plugin: Plugin) -> Self {
        self.plugins.push(plugin);
        self
    }

    /// Sets the lowest level that is logged (default: info); `proxy_get_log_level` tells it.
    #[must_use]
    pub fn log_level(mut self, level: LogLevel) -> Self {
        self.log_level = level;
        self
    }

    /// Sets how much fuel (about one unit a Wasm instruction) one callback may use before its VM is stopped. Envoy has no
    /// such limit: an endless loop hangs the worker. Default: 1,000,000,000, about a second.
    #[must_use]
    pub fn fuel_limit(mut self, fuel: u64) -> Self {
        self.fuel_limit = fuel;
        self
    }

    /// Sets the largest linear memory of a VM in bytes. Default: 1 GiB, as in Envoy.
    #[must_use]
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.memory_limit = bytes;
        self
    }

    /// Sets the property `xds.node.id`.
    #[must_use]
    pub fn node_id(mut self, id: impl Into<String>) -> Self {
        self.node_id = id.into();
        self
    }

    /// Lets workers run side by side, switched at host calls as this seed says. What is due for several workers at one
    /// instant then happens concurrently: requests, responses, ticks, the adoption of configurations.
    #[must_use]
    pub fn interleave(mut self, seed: u64) -> Self {
        self.interleave = Some(seed);
        self
    }

    /// With [`interleave`](Self::interleave): also runs what is due within this span after the first event side by side,
    /// so that a worker can be overtaken by what another does later.
    #[must_use]
    pub fn interleave_window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// What to do with a plugin that refuses its first configuration. False (the default): [`build`](Self::build) fails, as
    /// Envoy refuses to boot on a static configuration. True: requests get 500 until a good configuration arrives, as
    /// with a configuration that comes by ECDS (Istio).
    #[must_use]
    pub fn serve_refused(mut self, serve: bool) -> Self {
        self.serve_refused = serve;
        self
    }

    /// Starts the proxy: for each plugin a canary VM, then the main thread, then the workers.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn build(self) -> Result<Emulator, StartError> {
        let settings = Settings {
            log_level: self.log_level,
            fuel_limit: self.fuel_limit,
            memory_limit: self.memory_limit,
            seed: self.seed,
            wall_start: crate::host::nanoseconds(self.start_at),
            node_id: self.node_id,
            reload_backoff: Duration::from_secs(1),
        };
        let baton = self.interleave.map(|seed| Baton::new(seed, self.workers));
        let host = Host::new(settings, baton);
        let slots = self.plugins.len();
        let mut emulator = Emulator {
            main: Worker::new(&host, Thread::Main, slots),
            workers: (0..self.workers)
                .map(|worker| Worker::new(&host, Thread::Worker(worker), slots))
                .collect(),
            host,
            serving: vec![None; slots],
            plugins: self.plugins,
            vm_keys: Vec::new(),
            tried: Vec::new(),
            next_request: 0,
            next_worker: 0,
            notifications: 0,
            window: self.window,
        };
        for slot in 0..slots {
            emulator.start_plugin(slot, self.serve_refused)?;
        }
        // The workers start once the main thread has the whole listener.
        while emulator.host.lock().line.next_at() == Some(Duration::ZERO) {
            emulator.step();
        }
        Ok(emulator)
    }
}

impl Emulator {
    fn start_plugin(&mut self, slot: usize, serve_refused: bool) -> Result<(), StartError> {
        let Some(plugin) = self.plugins.get(slot).cloned() else {
            return Ok(());
        };
        let version = self.version(&plugin);
        let passed = self.try_out(&version).map_err(|error| StartError::Module {
            plugin: plugin.name.clone(),
            error,
        })?;
        if passed {
            if let Some(serving) = self.serving.get_mut(slot) {
                *serving = Some(Arc::clone(&version));
            }
            self.main.adopt(slot, Arc::clone(&version));
            for worker in 0..self.workers.len() {
                let version = Arc::clone(&version);
                self.host.push_after(
                    Duration::ZERO,
                    Thread::Worker(worker),
                    Local::Adopt { slot, version },
                );
            }
        } else if !serve_refused {
            let process = self.host.lock();
            let reason = refusal(&process.faults, &process.logs);
            return Err(StartError::Refused {
                plugin: plugin.name,
                reason,
                logs: process.logs.clone(),
            });
        }
        Ok(())
    }
}
