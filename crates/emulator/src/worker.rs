//! One thread of the proxy: its VMs, the plugins loaded in them, its streams. The main thread is one without streams.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::event::RequestId;
use crate::host::{Host, Local, Version};
use crate::report::{Outcome, Thread};
use crate::vm::{Action, Called, Vm};

mod chain;
mod finish;
mod load;
mod reply;
mod run;
mod upstream;

use chain::Direction;
use load::delete_root;
pub(crate) use load::start_root;
use run::Run;

/// A plugin that is loaded: its root context in a VM.
#[derive(Clone, Debug)]
struct Handle {
    vm: u64,
    root: u32,
    version: Arc<Version>,
}

impl Handle {
    fn is(&self, vm: u64, root: u32) -> bool {
        self.vm == vm && self.root == root
    }
}

/// A place in the filter chain.
struct Slot {
    /// `None`: the plugin was refused at start, requests get 500.
    version: Option<Arc<Version>>,
    /// `None`: it did not load on this thread.
    handle: Option<Handle>,
    last_load: Duration,
}

/// One thread.
pub(crate) struct Worker {
    host: Arc<Host>,
    thread: Thread,
    vms: BTreeMap<u64, Vm>,
    slots: Vec<Slot>,
    runs: BTreeMap<RequestId, Run>,
}

/// One VM of the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VmInfo {
    /// Where the VM lives.
    pub thread: Thread,
    /// The plugins loaded in it.
    pub plugins: Vec<String>,
    /// Bytes of linear memory. It never shrinks.
    pub memory: usize,
    /// True once it has trapped.
    pub failed: bool,
}

impl Worker {
    pub(crate) fn new(host: &Arc<Host>, thread: Thread, slots: usize) -> Self {
        let slots = (0..slots)
            .map(|_| Slot {
                version: None,
                handle: None,
                last_load: Duration::ZERO,
            })
            .collect();
        let host = Arc::clone(host);
        Self {
            host,
            thread,
            vms: BTreeMap::new(),
            slots,
            runs: BTreeMap::new(),
        }
    }

    /// Does one thing from the time line.
    pub(crate) fn handle(&mut self, local: Local) {
        match local {
            Local::Request(id, request) => self.start(id, *request),
            Local::Upstream(id) => self.upstream(id),
            Local::Abort(id) => self.abort(id),
            Local::Timer { vm, root, generation } => self.timer(vm, root, generation),
            Local::QueueReady { vm_key, root, token } => self.queue_ready(vm_key, root, token),
            Local::TickAll => self.tick_all(),
            Local::Kill => self.vms.values_mut().for_each(Vm::kill),
            Local::Adopt { slot, version } => self.adopt(slot, version),
        }
    }

    fn timer(&mut self, id: u64, root: u32, generation: u64) {
        let current = |vm: &Vm| {
            vm.state()
                .timers
                .get(&root)
                .is_some_and(|timer| timer.generation == generation)
        };
        let Some(vm) = self.vms.get(&id).filter(|vm| current(vm)) else {
            return;
        };
        if vm.failed || !vm.state().contexts.contains_key(&root) {
            return;
        }
        self.tick(id, root);
        if let Some(vm) = self.vms.get_mut(&id).filter(|vm| current(vm)) {
            vm.state_mut().arm_timer(root);
        }
    }

    fn tick(&mut self, id: u64, root: u32) {
        if let Some(vm) = self.vms.get_mut(&id) {
            let _status: Called<()> =
                vm.call(root, "proxy_on_tick", |exports| exports.on_tick.as_ref(), root);
        }
        self.after_call(id);
    }

    fn tick_all(&mut self) {
        for (vm, root) in self.all_roots() {
            self.tick(vm, root);
        }
    }

    fn queue_ready(&mut self, vm_key: usize, root: u32, token: u32) {
        let found = self
            .vms
            .iter()
            .find(|(_, vm)| !vm.failed && vm.state().vm_key == vm_key);
        let Some(id) = found.map(|(id, _)| *id) else {
            return;
        };
        if let Some(vm) = self.vms.get_mut(&id)
            && vm.state().contexts.contains_key(&root)
        {
            let _status: Called<()> = vm.call(
                root,
                "proxy_on_queue_ready",
                |exports| exports.on_queue_ready.as_ref(),
                (root, token),
            );
        }
        self.after_call(id);
    }

    /// Does what the last call into a VM asked for. Also after a trap, as Envoy does.
    fn after_call(&mut self, id: u64) {
        while let Some(action) = self
            .vms
            .get_mut(&id)
            .and_then(|vm| vm.state_mut().actions.pop_front())
        {
            match action {
                Action::Continue {
                    request,
                    filter,
                    response,
                } => {
                    let direction = if response {
                        Direction::Encode
                    } else {
                        Direction::Decode
                    };
                    self.resume(request, direction, filter);
                }
                Action::Close { request } => self.reset(request, "wasm_close_stream"),
                Action::Reply {
                    request,
                    filter,
                    reply,
                } => self.guest_reply(request, filter, reply),
                Action::DeleteRoot { root } => {
                    if let Some(vm) = self.vms.get_mut(&id) {
                        delete_root(vm, root);
                    }
                }
            }
        }
    }

    /// The VMs of this thread.
    pub(crate) fn memory(&self) -> Vec<VmInfo> {
        let info = |(id, vm): (&u64, &Vm)| {
            let plugins = self.slots.iter().filter_map(|slot| slot.handle.as_ref());
            let plugins = plugins
                .filter(|handle| handle.vm == *id)
                .map(|handle| handle.version.plugin.name.clone());
            VmInfo {
                thread: self.thread,
                plugins: plugins.collect(),
                memory: vm.memory_size(),
                failed: vm.failed,
            }
        };
        self.vms.iter().map(info).collect()
    }

    /// Outcomes of streams that are still open.
    pub(crate) fn open(&self) -> Vec<Outcome> {
        self.runs
            .iter()
            .map(|(id, run)| self.outcome(*id, run, crate::report::Answer::Open))
            .collect()
    }

    fn index(&self) -> usize {
        match self.thread {
            Thread::Worker(worker) => worker,
            Thread::Base | Thread::Canary | Thread::Main => 0,
        }
    }
}
