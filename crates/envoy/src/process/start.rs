//! From options to a process whose admin interface is known.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::child::Process;
use super::{Envoy, Patience, keeper};
use crate::Error;
use crate::admin::Admin;
use crate::bootstrap::{Bootstrap, FixedPort};

/// How to start an Envoy.
#[derive(Clone, Debug)]
pub struct Options {
    binary: PathBuf,
    bootstrap: Bootstrap,
    concurrency: u32,
    log_level: String,
    component_log_level: String,
    log_file: Option<PathBuf>,
    echo: bool,
    access_log_flush: Duration,
    ready_within: Duration,
    stop_within: Duration,
    arguments: Vec<OsString>,
}

impl Options {
    /// One worker; log level `warning`, for plugins `info`; ready within 30 s; 5 s to stop.
    pub fn new(binary: impl Into<PathBuf>, bootstrap: Bootstrap) -> Self {
        Self {
            binary: binary.into(),
            bootstrap,
            concurrency: 1,
            log_level: "warning".into(),
            component_log_level: "wasm:info".into(),
            log_file: None,
            echo: false,
            access_log_flush: Duration::from_millis(100),
            ready_within: Duration::from_secs(30),
            stop_within: Duration::from_secs(5),
            arguments: Vec::new(),
        }
    }

    /// The number of worker threads (`--concurrency`).
    #[must_use]
    pub fn concurrency(mut self, workers: u32) -> Self {
        self.concurrency = workers;
        self
    }

    /// Envoy's log level: trace, debug, info, warning, error, critical or off.
    #[must_use]
    pub fn log_level(mut self, level: impl Into<String>) -> Self {
        self.log_level = level.into();
        self
    }

    /// Levels of single components, such as `wasm:debug,config:info`.
    #[must_use]
    pub fn component_log_level(mut self, levels: impl Into<String>) -> Self {
        self.component_log_level = levels.into();
        self
    }

    /// Copies Envoy's log into a file, which is truncated first.
    #[must_use]
    pub fn log_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.log_file = Some(path.into());
        self
    }

    /// Copies Envoy's log to the standard error of this process.
    #[must_use]
    pub fn echo_log(mut self, on: bool) -> Self {
        self.echo = on;
        self
    }

    /// How often Envoy writes out its access logs; its own default is 10 s.
    #[must_use]
    pub fn access_log_flush(mut self, interval: Duration) -> Self {
        self.access_log_flush = interval;
        self
    }

    /// The time Envoy has to become ready.
    #[must_use]
    pub fn ready_within(mut self, within: Duration) -> Self {
        self.ready_within = within;
        self
    }

    /// The time Envoy has to end after SIGTERM, before SIGKILL.
    #[must_use]
    pub fn stop_within(mut self, within: Duration) -> Self {
        self.stop_within = within;
        self
    }

    /// A further command line argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    fn command(&self, bootstrap: &Path, admin_address: &Path) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .arg("--config-path")
            .arg(bootstrap)
            .arg("--admin-address-path")
            .arg(admin_address)
            // Envoys with the same base id fight over shared memory; this one picks a free id.
            .arg("--use-dynamic-base-id")
            .arg("--concurrency")
            .arg(self.concurrency.to_string())
            .arg("--log-level")
            .arg(&self.log_level)
            .arg("--file-flush-interval-msec")
            .arg(self.access_log_flush.as_millis().to_string())
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if !self.component_log_level.is_empty() {
            command
                .arg("--component-log-level")
                .arg(&self.component_log_level);
        }
        command
    }
}

impl Envoy {
    /// Starts Envoy and waits until it is ready.
    ///
    /// # Errors
    /// [`Error::PortInUse`], [`Error::Exited`] with the reason from Envoy's log (a refused bootstrap or plugin
    /// configuration), [`Error::Deadline`], [`Error::Io`].
    pub fn start(options: Options) -> Result<Self, Error> {
        let patience = Patience::new(options.ready_within);
        let envoy = Self::spawn(options)?;
        envoy.wait_ready(patience.left())?;
        Ok(envoy)
    }

    /// Starts Envoy and returns once its admin interface listens, before it is ready.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn spawn(options: Options) -> Result<Self, Error> {
        for fixed in options.bootstrap.fixed_ports() {
            free(fixed)?;
        }
        let failed = Error::io("cannot make a folder for temporary files");
        let scratch = tempfile::Builder::new()
            .prefix("fairlead-envoy-")
            .tempdir()
            .map_err(failed)?;
        let bootstrap = scratch.path().join("bootstrap.json");
        let written = fs::write(&bootstrap, options.bootstrap.to_json().to_string());
        written.map_err(Error::io(format!("cannot write {}", bootstrap.display())))?;
        let log_file = match &options.log_file {
            Some(path) => {
                Some(File::create(path).map_err(Error::io(format!("cannot write {}", path.display())))?)
            }
            None => None,
        };
        let address_file = scratch.path().join("admin-address");
        let started = keeper::spawn(options.command(&bootstrap, &address_file));
        let child = started.map_err(Error::io(format!("cannot start {}", options.binary.display())))?;
        let process = Process::new(child, scratch, options.stop_within, log_file, options.echo)?;
        let address = process.poll(
            "Envoy has no admin address",
            &Patience::new(options.ready_within),
            || {
                // The file exists before it has its content.
                Ok(fs::read_to_string(&address_file)
                    .ok()
                    .and_then(|text| text.trim().parse().ok()))
            },
        )?;
        Ok(Self {
            process,
            admin: Admin::new(address),
        })
    }
}

/// Whether Envoy could have the port. Asked before Envoy is started: two Envoys of one user share a port without an
/// error (SO_REUSEPORT), and each would get some of the connections.
fn free(fixed: FixedPort) -> Result<(), Error> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, fixed.port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(Error::PortInUse {
            owner: fixed.owner,
            port: fixed.port,
            option: fixed.option,
        }),
        Err(error) => Err(Error::Io {
            what: format!("cannot listen on 127.0.0.1:{}", fixed.port),
            error,
        }),
    }
}
