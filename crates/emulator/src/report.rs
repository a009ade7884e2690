//! What a run yields: an outcome for each request, log lines, faults and configuration updates.

use std::fmt;
use std::time::Duration;

use crate::event::RequestId;
use crate::headers::Headers;

/// Where something ran: Envoy's main thread (which ticks but has no requests), one of the workers, or the throw-away VM
/// in which a configuration is tried first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thread {
    /// The base VM, of which only `_initialize` runs.
    Base,
    /// The canary VM of a configuration.
    Canary,
    /// The main thread.
    Main,
    /// A worker, counted from 0.
    Worker(usize),
}

impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base => f.write_str("base"),
            Self::Canary => f.write_str("canary"),
            Self::Main => f.write_str("main"),
            Self::Worker(worker) => write!(f, "worker {worker}"),
        }
    }
}

/// Log levels, as in the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// 0
    Trace,
    /// 1
    Debug,
    /// 2
    Info,
    /// 3
    Warn,
    /// 4
    Error,
    /// 5
    Critical,
}

impl LogLevel {
    pub(crate) fn from_abi(level: u32) -> Option<Self> {
        [
            Self::Trace,
            Self::Debug,
            Self::Info,
            Self::Warn,
            Self::Error,
            Self::Critical,
        ]
        .get(level as usize)
        .copied()
    }

    /// The level's name in lower case, as in Envoy's own log: `trace`, `debug`, `info`, `warning`, `error`, `critical`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

/// One line that a module logged (`proxy_log`, or WASI's stdout as info and stderr as error).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Virtual time since start.
    pub at: Duration,
    /// The level.
    pub level: LogLevel,
    /// Where.
    pub thread: Thread,
    /// The plugin's name; empty while no plugin is known (`_initialize`).
    pub plugin: String,
    /// The text. Bytes that are not UTF-8 are replaced.
    pub message: String,
}

/// A guest misbehaved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Virtual time since start.
    pub at: Duration,
    /// Where.
    pub thread: Thread,
    /// The plugin that was running, or the first one of the VM.
    pub plugin: String,
    /// The callback, for instance `proxy_on_request_headers`.
    pub callback: &'static str,
    /// What kind.
    pub kind: FaultKind,
    /// The engine's or the emulator's description. A Rust module's panic message is in the log lines, at level error.
    pub message: String,
}

/// Kinds of [`Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The VM trapped and is dead.
    Trap,
    /// A callback used up [`fuel_limit`](crate::Builder::fuel_limit): an endless loop, most likely. The VM is dead.
    OutOfFuel,
    /// [`Event::KillWorker`](crate::Event::KillWorker).
    Killed,
    /// A host call got a pointer outside of the memory, or the guest's allocator failed (status 6). The VM lives, but the
    /// Rust SDK does not know this status: it is a bug of the guest.
    BadPointer,
    /// `on_vm_start` or `on_configure` returned false.
    Refused,
}

/// Who gave a request its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The upstream.
    Upstream,
    /// A plugin, by `send_local_response`.
    Filter {
        /// The plugin's name.
        plugin: String,
        /// The details it gave, with blanks turned to `_`.
        details: String,
    },
    /// Envoy: a bad request, no route, a broken upstream, a dead VM (details `wasm_fail_stream`), a reset by `close_stream`.
    Envoy {
        /// The response code details.
        details: String,
    },
    /// Nobody: the client went away first.
    Abort,
    /// Nobody yet: the request was still open when the report was made.
    Open,
}

/// What one request met.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The request, as [`Emulator::request`](crate::Emulator::request) named it.
    pub id: RequestId,
    /// The worker that served it.
    pub worker: usize,
    /// Virtual time of its headers' arrival.
    pub start: Duration,
    /// Virtual time of its end.
    pub end: Duration,
    /// The status the client got; `None` if it got no response headers.
    pub status: Option<u16>,
    /// Who answered.
    pub from: Answer,
    /// Envoy's `%RESPONSE_CODE_DETAILS%`: `via_upstream`, the details of a local reply, ...
    pub details: String,
    /// Envoy's response flags as bits (UO 0x80, UF 0x20, UT 0x4, NR 0x100, UC 0x40, DC 0x4000).
    pub flags: u64,
    /// Response headers as the client got them, without `:status`.
    pub response_headers: Headers,
    /// The response body as the client got it.
    pub response_body: Vec<u8>,
    /// The response trailers as the client got them.
    pub response_trailers: Headers,
    /// True if the response was cut short after its headers (a reset).
    pub truncated: bool,
    /// The request headers when the first plugin saw them.
    pub request: Headers,
    /// The request headers that the upstream (or the router) saw; `None` if it never saw the request.
    pub upstream_request: Option<Headers>,
    /// The request body that the upstream saw.
    pub upstream_body: Vec<u8>,
    /// How often a plugin made Envoy forget the chosen route (each write to a request header does).
    pub route_refreshes: u32,
    /// Wasm fuel that callbacks of this request used, in all plugins. Exactly reproducible.
    pub fuel: u64,
    /// The counters that callbacks of this request incremented, by name and how much, in the order of the calls.
    pub counted: Vec<(String, u64)>,
}

/// What became of a configuration update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Virtual time.
    pub at: Duration,
    /// The plugin's name.
    pub plugin: String,
    /// False: refused, the old configuration goes on (NACK).
    pub accepted: bool,
}

/// What has happened since the last report.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// One for each request that ended, and, if nothing is left that could end them, for those still open: in the order
    /// of scheduling.
    pub outcomes: Vec<Outcome>,
    /// What modules logged, in order.
    pub logs: Vec<LogLine>,
    /// Traps and other faults, in order.
    pub faults: Vec<Fault>,
    /// Configuration updates, in order.
    pub updates: Vec<Update>,
}

impl Report {
    /// The outcome of a request, if it is in this report.
    #[must_use]
    pub fn outcome(&self, id: RequestId) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.id == id)
    }

    /// The statuses of all outcomes, in order; 0 stands for none.
    #[must_use]
    pub fn statuses(&self) -> Vec<u16> {
        self.outcomes
            .iter()
            .map(|outcome| outcome.status.unwrap_or(0))
            .collect()
    }
}
