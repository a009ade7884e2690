//! The proxy as a whole: its plugins, its threads, and the loop over virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::baton::Baton;
use crate::event::{Event, Request, RequestId};
use crate::host::{Happening, Host, Local, Reloads, Version, wall_at};
use crate::metrics::{Histogram, Metrics};
use crate::module::ModuleError;
use crate::plugin::Plugin;
use crate::report::{Fault, FaultKind, LogLine, Report, Thread, Update};
use crate::vm::Vm;
use crate::worker::{VmInfo, Worker, start_root};

mod builder;

pub use builder::{Builder, StartError};

/// So many queue notifications may follow each other at one instant; more are dropped, as only a loop makes them.
const MAX_NOTIFICATIONS: u32 = 100_000;

/// An emulated proxy. See the [crate documentation](crate) for how to drive it.
pub struct Emulator {
    host: Arc<Host>,
    main: Worker,
    workers: Vec<Worker>,
    /// By slot: what serves now; `None` if the first configuration was refused.
    serving: Vec<Option<Arc<Version>>>,
    plugins: Vec<Plugin>,
    /// A version for each VM number.
    vm_keys: Vec<Arc<Version>>,
    /// Configurations that were tried, and whether they passed.
    tried: Vec<(Arc<Version>, bool)>,
    next_request: u64,
    next_worker: usize,
    notifications: u32,
    window: Duration,
}

impl Emulator {
    /// Starts to describe an emulator.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Schedules a request at a point of virtual time (a past one means now) and names it.
    pub fn request(&mut self, at: Duration, request: Request) -> RequestId {
        let id = RequestId(self.next_request);
        self.next_request = self.next_request.wrapping_add(1);
        let count = self.workers.len().max(1);
        let worker = request.worker.unwrap_or_else(|| {
            let turn = self.next_worker;
            self.next_worker = turn.wrapping_add(1);
            turn
        });
        let thread = Thread::Worker(worker.checked_rem(count).unwrap_or(0));
        self.push(
            at,
            Happening::Local(thread, Local::Request(id, Box::new(request))),
        );
        id
    }

    /// Schedules something else at a point of virtual time (a past one means now).
    pub fn schedule(&mut self, at: Duration, event: Event) {
        self.push(at, Happening::Event(event));
    }

    fn push(&self, at: Duration, happening: Happening) {
        let at = at.max(self.host.now());
        self.host.push(at, happening);
    }

    /// Runs until nothing is left but timers: all requests have ended, or wait for something that will not come. Timers
    /// that are due on the way fire.
    pub fn run(&mut self) -> Report {
        while self.host.lock().line.pending > 0 {
            self.step();
        }
        self.report()
    }

    /// Runs everything that is due up to and including `until`, and leaves the clocks there.
    pub fn run_until(&mut self, until: Duration) -> Report {
        while self.host.lock().line.next_at().is_some_and(|at| at <= until) {
            self.step();
        }
        {
            let mut process = self.host.lock();
            process.now = process.now.max(until);
        }
        self.report()
    }

    /// Runs for a span of virtual time.
    pub fn advance(&mut self, by: Duration) -> Report {
        let until = self.now().saturating_add(by);
        self.run_until(until)
    }

    /// Runs as [`run`](Self::run) does, adds an outcome for each request that is still open, and shuts the proxy down:
    /// `on_done` and `on_delete` of all root contexts.
    #[must_use]
    pub fn finish(mut self) -> Report {
        let mut report = self.run();
        report.outcomes.extend(self.workers.iter().flat_map(Worker::open));
        report.outcomes.sort_by_key(|outcome| outcome.id);
        self.main.shut_down();
        self.workers.iter_mut().for_each(Worker::shut_down);
        let rest = self.report();
        report.logs.extend(rest.logs);
        report.faults.extend(rest.faults);
        report
    }

    /// What happened since the last report.
    fn report(&mut self) -> Report {
        let mut process = self.host.lock();
        let mut outcomes = std::mem::take(&mut process.outcomes);
        outcomes.sort_by_key(|outcome| outcome.id);
        Report {
            outcomes,
            logs: std::mem::take(&mut process.logs),
            faults: std::mem::take(&mut process.faults),
            updates: std::mem::take(&mut process.updates),
        }
    }

    /// Virtual time since start.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.host.now()
    }

    /// The wall clock, as time since the Unix epoch.
    #[must_use]
    pub fn wall_clock(&self) -> Duration {
        let process = self.host.lock();
        Duration::from_nanos(wall_at(&self.host.settings, &process, process.now))
    }

    /// A counter's value; `None` if no module defined it.
    #[must_use]
    pub fn counter(&self, name: &str) -> Option<u64> {
        self.host.lock().metrics.counters.get(name).copied()
    }

    /// A gauge's value.
    #[must_use]
    pub fn gauge(&self, name: &str) -> Option<u64> {
        self.host.lock().metrics.gauges.get(name).copied()
    }

    /// A histogram.
    #[must_use]
    pub fn histogram(&self, name: &str) -> Option<Histogram> {
        self.host.lock().metrics.histograms.get(name).cloned()
    }

    /// All metrics.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.host.lock().metrics.clone()
    }

    /// Shared data of a VM id (`""` in Istio): key, value and compare-and-swap number of each entry, by key.
    #[must_use]
    pub fn shared_data(&self, vm_id: &str) -> Vec<(Vec<u8>, Vec<u8>, u32)> {
        self.host.lock().data.entries(vm_id)
    }

    /// Writes an entry of shared data, as another plugin could: to test what a filter makes of foreign bytes.
    pub fn set_shared_data(&mut self, vm_id: &str, key: &[u8], value: &[u8]) {
        let _always_ok = self.host.lock().data.set(vm_id, key, value, 0);
    }

    /// Breaks shared data on purpose: from now on every write succeeds, whatever number it carries. A test of what workers
    /// share must fail on such a store; if it does not, it tests nothing.
    pub fn ignore_compare_and_swap(&mut self) {
        self.host.lock().data.blind = true;
    }

    /// How often a plugin's VMs were reloaded after traps.
    #[must_use]
    pub fn reloads(&self, plugin: &str) -> Reloads {
        self.host.lock().reloads.get(plugin).copied().unwrap_or_default()
    }

    /// All VMs: those of the main thread, then those of each worker.
    #[must_use]
    pub fn vms(&self) -> Vec<VmInfo> {
        std::iter::once(&self.main)
            .chain(&self.workers)
            .flat_map(Worker::memory)
            .collect()
    }

    /// With [`Builder::interleave`]: a hash of the schedule so far. Equal seeds give equal hashes.
    #[must_use]
    pub fn trace_hash(&self) -> u64 {
        self.host.baton.as_ref().map_or(0, |baton| baton.trace_hash())
    }

    /// With [`Builder::interleave`]: how often another worker took over so far.
    #[must_use]
    pub fn switches(&self) -> u64 {
        self.host.baton.as_ref().map_or(0, |baton| baton.switches())
    }

    fn step(&mut self) {
        let next_is_local = self.host.lock().line.next_is_local();
        if next_is_local && self.host.baton.is_some() {
            return self.round();
        }
        let Some((at, happening)) = self.pop() else { return };
        self.advance_to(at);
        match happening {
            Happening::Event(event) => self.event(event),
            Happening::Local(thread, local) => {
                if !self.notification_storm(&local) {
                    self.on(thread, local);
                }
            }
        }
    }

    fn pop(&self) -> Option<(Duration, Happening)> {
        self.host.lock().line.pop()
    }

    fn advance_to(&mut self, at: Duration) {
        let mut process = self.host.lock();
        if at > process.now {
            process.now = at;
            self.notifications = 0;
        }
    }

    fn notification_storm(&mut self, local: &Local) -> bool {
        if !matches!(local, Local::QueueReady { .. }) {
            return false;
        }
        self.notifications = self.notifications.saturating_add(1);
        self.notifications > MAX_NOTIFICATIONS
    }

    fn on(&mut self, thread: Thread, local: Local) {
        match thread {
            Thread::Worker(worker) => {
                if let Some(worker) = self.workers.get_mut(worker) {
                    worker.handle(local);
                }
            }
            Thread::Base | Thread::Canary | Thread::Main => self.main.handle(local),
        }
    }

    /// Takes what is due next for workers, up to the window, and lets the workers do it side by side.
    fn round(&mut self) {
        let mut jobs: BTreeMap<usize, Vec<(Duration, Local)>> = BTreeMap::new();
        let mut first = None;
        loop {
            let due = self.host.lock().line.next_at();
            let Some(at) = due else { break };
            let until = first.get_or_insert(at).saturating_add(self.window);
            if at > until || !self.host.lock().line.next_is_local() {
                break;
            }
            let Some((at, Happening::Local(Thread::Worker(worker), local))) = self.pop() else {
                break;
            };
            if jobs.is_empty() {
                self.advance_to(at);
            }
            if !self.notification_storm(&local) {
                jobs.entry(worker).or_default().push((at, local));
            }
        }
        let host = Arc::clone(&self.host);
        let Some(baton) = host.baton.as_ref() else { return };
        let busy: Vec<usize> = jobs.keys().copied().collect();
        baton.start(&busy);
        let at_once = busy.len() > 1;
        std::thread::scope(|scope| {
            for (index, worker) in self.workers.iter_mut().enumerate() {
                let Some(jobs) = jobs.remove(&index) else { continue };
                let host = &host;
                let task = move || {
                    baton.wait(index);
                    let _turn = Turn { baton, worker: index };
                    for (at, local) in jobs {
                        {
                            let mut process = host.lock();
                            process.now = process.now.max(at);
                        }
                        worker.handle(local);
                    }
                };
                if at_once {
                    scope.spawn(task);
                } else {
                    task();
                }
            }
        });
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Configure {
                plugin,
                configuration,
            } => self.update(&plugin, None, configuration),
            Event::Replace {
                plugin,
                module,
                configuration,
            } => self.update(&plugin, Some(module), configuration),
            Event::ClockJump { nanoseconds } => {
                let mut process = self.host.lock();
                process.wall_jump = process.wall_jump.saturating_add(i128::from(nanoseconds));
            }
            Event::KillWorker { worker } => {
                let worker = worker.checked_rem(self.workers.len()).unwrap_or(0);
                self.on(Thread::Worker(worker), Local::Kill);
            }
            Event::Tick => {
                self.on(Thread::Main, Local::TickAll);
                for worker in 0..self.workers.len() {
                    self.host
                        .push_after(Duration::ZERO, Thread::Worker(worker), Local::TickAll);
                }
            }
        }
    }

    fn update(&mut self, name: &str, module: Option<crate::CompiledModule>, configuration: Vec<u8>) {
        let slots: Vec<usize> = self
            .plugins
            .iter()
            .enumerate()
            .filter(|(_, plugin)| plugin.name == name)
            .map(|(slot, _)| slot)
            .collect();
        for slot in slots {
            let Some(mut plugin) = self.plugins.get(slot).cloned() else {
                continue;
            };
            plugin.configuration.clone_from(&configuration);
            if let Some(module) = &module {
                plugin.module = module.clone();
            }
            let version = self.version(&plugin);
            let accepted = self.try_out(&version).is_ok_and(|passed| passed);
            let at = self.host.now();
            self.host.lock().updates.push(Update {
                at,
                plugin: name.to_owned(),
                accepted,
            });
            if accepted {
                if let Some(current) = self.plugins.get_mut(slot) {
                    *current = plugin;
                }
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
            }
        }
    }

    /// A version of a plugin, with the number of the VM that it shares or needs.
    fn version(&mut self, plugin: &Plugin) -> Arc<Version> {
        let known = self.vm_keys.iter().position(|known| known.plugin.same_vm(plugin));
        let vm_key = known.unwrap_or(self.vm_keys.len());
        let version = Arc::new(Version {
            plugin: plugin.clone(),
            vm_key,
        });
        if known.is_none() {
            self.vm_keys.push(Arc::clone(&version));
        }
        version
    }

    /// Tries a configuration in a canary VM, after a base VM if the code is new. The verdict is remembered.
    fn try_out(&mut self, version: &Arc<Version>) -> Result<bool, ModuleError> {
        let same =
            |known: &Arc<Version>| known.vm_key == version.vm_key && known.plugin.same_root(&version.plugin);
        if let Some((_, passed)) = self.tried.iter().find(|(known, _)| same(known)) {
            return Ok(*passed);
        }
        if !self.tried.iter().any(|(known, _)| known.vm_key == version.vm_key) {
            let base = Vm::start(&self.host, Thread::Base, version)?;
            if base.failed {
                return Ok(false);
            }
        }
        let mut canary = Vm::start(&self.host, Thread::Canary, version)?;
        let passed = start_root(&mut canary, version).is_some() && !canary.failed;
        self.tried.push((Arc::clone(version), passed));
        Ok(passed)
    }
}

/// Passes the baton on when a worker is through, even by a panic.
struct Turn<'a> {
    baton: &'a Baton,
    worker: usize,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.baton.finish(self.worker);
    }
}

fn refusal(faults: &[Fault], logs: &[LogLine]) -> String {
    let fault = faults.iter().rev().find(|fault| fault.thread != Thread::Main);
    let why = match fault.map(|fault| (fault.kind, &fault.message)) {
        Some((FaultKind::Refused, message)) | Some((_, message)) => message.clone(),
        None => "refused".to_owned(),
    };
    match logs.iter().rev().find(|line| line.level >= crate::LogLevel::Warn) {
        Some(line) => format!("{why}; it logged: {}", line.message),
        None => why,
    }
}
