//! What all threads of the emulated process share: the clocks, the time line, shared data, queues, metrics and the log.
//!
//! One mutex, never held while a guest runs. In a round of interleaved workers only the holder of the baton gets here, so
//! that the order of changes is a function of the seed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::baton::Baton;
use crate::event::{Event, Request, RequestId};
use crate::metrics::Metrics;
use crate::plugin::Plugin;
use crate::report::{Fault, LogLevel, LogLine, Outcome, Thread, Update};
use crate::shared::{SharedData, SharedQueues};

/// A plugin with one configuration, and the VM it runs in.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) plugin: Plugin,
    /// Index of the VM: versions with the same number share their VMs.
    pub(crate) vm_key: usize,
}

/// Settings that do not change during a run.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) log_level: LogLevel,
    pub(crate) fuel_limit: u64,
    pub(crate) memory_limit: usize,
    pub(crate) seed: u64,
    pub(crate) wall_start: u64,
    pub(crate) node_id: String,
    pub(crate) reload_backoff: Duration,
}

/// Something on the time line.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A user's event.
    Event(Event),
    /// Something that one thread does.
    Local(Thread, Local),
}

/// Something that one thread does.
#[derive(Debug)]
pub(crate) enum Local {
    Request(RequestId, Box<Request>),
    Upstream(RequestId),
    Abort(RequestId),
    Timer { vm: u64, root: u32, generation: u64 },
    QueueReady { vm_key: usize, root: u32, token: u32 },
    TickAll,
    Kill,
    Adopt { slot: usize, version: Arc<Version> },
}

#[derive(Default)]
pub(crate) struct TimeLine {
    events: BTreeMap<(Duration, u64), Happening>,
    sequence: u64,
    /// Everything but timers: what keeps a run going.
    pub(crate) pending: usize,
}

impl TimeLine {
    pub(crate) fn push(&mut self, at: Duration, happening: Happening) {
        self.pending = self.pending.saturating_add(usize::from(!is_timer(&happening)));
        self.sequence = self.sequence.wrapping_add(1);
        self.events.insert((at, self.sequence), happening);
    }

    pub(crate) fn next_at(&self) -> Option<Duration> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn pop(&mut self) -> Option<(Duration, Happening)> {
        let ((at, _), happening) = self.events.pop_first()?;
        self.pending = self.pending.saturating_sub(usize::from(!is_timer(&happening)));
        Some((at, happening))
    }

    pub(crate) fn next_is_local(&self) -> bool {
        matches!(
            self.events.first_key_value(),
            Some((_, Happening::Local(Thread::Worker(_), _)))
        )
    }
}

fn is_timer(happening: &Happening) -> bool {
    matches!(happening, Happening::Local(_, Local::Timer { .. }))
}

pub(crate) struct Process {
    pub(crate) now: Duration,
    pub(crate) wall_jump: i128,
    pub(crate) line: TimeLine,
    pub(crate) data: SharedData,
    pub(crate) queues: SharedQueues,
    pub(crate) metrics: Metrics,
    pub(crate) logs: Vec<LogLine>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) updates: Vec<Update>,
    /// By plugin: reloads that worked, failed, and were put off.
    pub(crate) reloads: BTreeMap<String, Reloads>,
    next_vm: u64,
    next_connection: u64,
}

/// How often a plugin's VMs were reloaded after a trap: Envoy's counters `wasm.<plugin>.vm_reload_*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reloads {
    /// A new VM took over.
    pub success: u64,
    /// The new VM failed as well.
    pub failure: u64,
    /// The last load was too recent.
    pub backoff: u64,
}

/// The emulated process.
pub(crate) struct Host {
    pub(crate) settings: Settings,
    pub(crate) baton: Option<Arc<Baton>>,
    process: Mutex<Process>,
}

/// What the monotonic clock shows at the start of the time line, as on a machine that has been up for a while.
const MONOTONIC_START: u64 = 1_000_000_000_000;

impl Host {
    pub(crate) fn new(settings: Settings, baton: Option<Arc<Baton>>) -> Arc<Self> {
        let process = Process {
            now: Duration::ZERO,
            wall_jump: 0,
            line: TimeLine::default(),
            data: SharedData::default(),
            queues: SharedQueues::default(),
            metrics: Metrics::default(),
            logs: Vec::new(),
            faults: Vec::new(),
            outcomes: Vec::new(),
            updates: Vec::new(),
            reloads: BTreeMap::new(),
            next_vm: 0,
            next_connection: 0,
        };
        Arc::new(Self {
            settings,
            baton,
            process: Mutex::new(process),
        })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Duration {
        self.lock().now
    }

    /// Nanoseconds since the epoch.
    pub(crate) fn wall(&self) -> u64 {
        let process = self.lock();
        wall_at(&self.settings, &process, process.now)
    }

    /// Nanoseconds of the monotonic clock.
    pub(crate) fn monotonic(&self) -> u64 {
        MONOTONIC_START.saturating_add(nanoseconds(self.now()))
    }

    pub(crate) fn push(&self, at: Duration, happening: Happening) {
        self.lock().line.push(at, happening);
    }

    /// Schedules something for a thread, `after` from now.
    pub(crate) fn push_after(&self, after: Duration, thread: Thread, local: Local) {
        let mut process = self.lock();
        let at = process.now.saturating_add(after);
        process.line.push(at, Happening::Local(thread, local));
    }

    pub(crate) fn next_vm(&self) -> u64 {
        let mut process = self.lock();
        process.next_vm = process.next_vm.wrapping_add(1);
        process.next_vm
    }

    pub(crate) fn next_connection(&self) -> u64 {
        let mut process = self.lock();
        let id = process.next_connection;
        process.next_connection = id.wrapping_add(1);
        id
    }

    pub(crate) fn log(&self, thread: Thread, level: LogLevel, plugin: &str, message: &[u8]) {
        if level < self.settings.log_level {
            return;
        }
        let mut process = self.lock();
        let at = process.now;
        let message = String::from_utf8_lossy(message).into_owned();
        process.logs.push(LogLine {
            at,
            level,
            thread,
            plugin: plugin.to_owned(),
            message,
        });
    }

    /// A point where another worker may run (see [`Baton`]).
    pub(crate) fn yield_point(&self, thread: Thread) {
        if let (Some(baton), Thread::Worker(worker)) = (&self.baton, thread) {
            baton.yield_point(worker);
        }
    }
}

pub(crate) fn wall_at(settings: &Settings, process: &Process, at: Duration) -> u64 {
    let wall = i128::from(settings.wall_start)
        .saturating_add(i128::from(nanoseconds(at)))
        .saturating_add(process.wall_jump);
    u64::try_from(wall.max(0)).unwrap_or(u64::MAX)
}

pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
