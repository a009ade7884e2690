//! One VM: an instance of a module, its contexts, and the calls into it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use wasmtime::{
    Instance, Memory, ResourceLimiter, Store, StoreContextMut, Trap, TypedFunc, WasmParams, WasmResults,
};

use crate::abi::BufferType;
use crate::event::RequestId;
use crate::host::{Host, Local, Version};
use crate::metrics::MetricIds;
use crate::module::ModuleError;
use crate::report::{Fault, FaultKind, Thread};
use crate::rng::Rng;
use crate::stream::SharedStream;

mod exports;

pub(crate) use exports::Exports;

/// A context inside a VM: the VM itself (id 0), a root, or a stream.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// The root's id; its own for a root context.
    pub(crate) root: u32,
    pub(crate) version: Option<Arc<Version>>,
    /// The stream, its id, and the filter's place in the chain.
    pub(crate) stream: Option<(SharedStream, RequestId, usize)>,
    /// The buffer it asked for last.
    pub(crate) last_buffer: Option<BufferType>,
}

impl Context {
    pub(crate) fn new(root: u32, version: Option<Arc<Version>>) -> Self {
        Self {
            root,
            version,
            stream: None,
            last_buffer: None,
        }
    }
}

/// Something that a host call asked for and that happens once the callback has returned.
#[derive(Debug)]
pub(crate) enum Action {
    Continue {
        request: RequestId,
        filter: usize,
        response: bool,
    },
    Close {
        request: RequestId,
    },
    Reply {
        request: RequestId,
        filter: usize,
        reply: GuestReply,
    },
    DeleteRoot {
        root: u32,
    },
}

/// What `send_local_response` was called with.
#[derive(Debug)]
pub(crate) struct GuestReply {
    pub(crate) status: u32,
    pub(crate) details: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) grpc_status: i32,
}

#[derive(Debug, Default)]
pub(crate) struct Timer {
    pub(crate) period: Duration,
    pub(crate) generation: u64,
}

/// What host calls reach through their `Caller`.
pub(crate) struct VmState {
    pub(crate) host: Arc<Host>,
    pub(crate) thread: Thread,
    pub(crate) id: u64,
    pub(crate) vm_key: usize,
    pub(crate) version: Arc<Version>,
    pub(crate) contexts: BTreeMap<u32, Context>,
    /// The context of the running callback.
    pub(crate) current: u32,
    /// What `set_effective_context` chose; 0: nothing.
    pub(crate) effective: u32,
    /// The plugin whose configuration is readable: set during `on_configure` (and root creation).
    pub(crate) configuring: Option<Arc<Version>>,
    pub(crate) memory: Option<Memory>,
    pub(crate) allocate: Option<TypedFunc<u32, u32>>,
    /// Only logging and WASI may be called: `_initialize` is running.
    pub(crate) restricted: bool,
    pub(crate) callback: &'static str,
    pub(crate) actions: VecDeque<Action>,
    pub(crate) stop_iteration: bool,
    pub(crate) metric_ids: MetricIds,
    pub(crate) rng: Rng,
    pub(crate) timers: BTreeMap<u32, Timer>,
    /// Roots whose `on_done` returned false.
    pub(crate) pending_done: BTreeSet<u32>,
    pub(crate) declared: BTreeSet<Vec<u8>>,
    limits: Limits,
    next_context: u32,
}

struct Limits {
    memory: usize,
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= self.memory)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= 10_000_000)
    }
}

impl VmState {
    /// The context that host calls act on.
    pub(crate) fn context_id(&self) -> u32 {
        if self.effective != 0 && self.contexts.contains_key(&self.effective) {
            self.effective
        } else {
            self.current
        }
    }

    pub(crate) fn context(&self) -> Option<&Context> {
        self.contexts.get(&self.context_id())
    }

    /// The stream of the context that host calls act on, and the filter's place.
    pub(crate) fn stream(&self) -> Option<(SharedStream, RequestId, usize)> {
        self.context()?.stream.clone()
    }

    pub(crate) fn plugin_name(&self) -> String {
        let version = self.context().and_then(|context| context.version.as_ref());
        version
            .map(|version| version.plugin.name.clone())
            .unwrap_or_default()
    }

    pub(crate) fn allocate_context(&mut self) -> u32 {
        loop {
            self.next_context = self.next_context.wrapping_add(1);
            if self.next_context != 0 && !self.contexts.contains_key(&self.next_context) {
                return self.next_context;
            }
        }
    }

    pub(crate) fn set_timer(&mut self, root: u32, period: Duration) {
        let timer = self.timers.entry(root).or_default();
        timer.period = period;
        timer.generation = timer.generation.wrapping_add(1);
        self.arm_timer(root);
    }

    pub(crate) fn arm_timer(&mut self, root: u32) {
        let Some(timer) = self.timers.get(&root) else {
            return;
        };
        if !timer.period.is_zero() && matches!(self.thread, Thread::Main | Thread::Worker(_)) {
            let local = Local::Timer {
                vm: self.id,
                root,
                generation: timer.generation,
            };
            self.host.push_after(timer.period, self.thread, local);
        }
    }

    pub(crate) fn fault(&self, kind: FaultKind, message: String) {
        let plugin = match self.plugin_name() {
            name if name.is_empty() => self.version.plugin.name.clone(),
            name => name,
        };
        let mut process = self.host.lock();
        let at = process.now;
        process.faults.push(Fault {
            at,
            thread: self.thread,
            plugin,
            callback: self.callback,
            kind,
            message,
        });
    }
}

/// The result of calling an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Called<R> {
    /// It returned; whether the host is to stop whatever it returned.
    Returned { value: R, stop: bool },
    /// The module does not export it.
    Missing,
    /// The VM is dead, or died of this call.
    Failed,
}

/// One VM.
pub(crate) struct Vm {
    store: Store<VmState>,
    exports: Exports,
    pub(crate) failed: bool,
}

impl Vm {
    /// Instantiates the module of `version` and runs `_initialize` (or `_start`). The VM may be dead afterwards.
    pub(crate) fn start(
        host: &Arc<Host>,
        thread: Thread,
        version: &Arc<Version>,
    ) -> Result<Self, ModuleError> {
        let id = host.next_vm();
        let seed = host.settings.seed ^ id.wrapping_mul(0xd6e8_feb8_6659_fd93);
        let vm_context = Context::new(0, None);
        let state = VmState {
            host: Arc::clone(host),
            thread,
            id,
            vm_key: version.vm_key,
            version: Arc::clone(version),
            contexts: BTreeMap::from([(0, vm_context)]),
            current: 0,
            effective: 0,
            configuring: None,
            memory: None,
            allocate: None,
            restricted: false,
            callback: "",
            actions: VecDeque::new(),
            stop_iteration: false,
            metric_ids: MetricIds::default(),
            rng: Rng::new(seed),
            timers: BTreeMap::new(),
            pending_done: BTreeSet::new(),
            declared: BTreeSet::new(),
            limits: Limits {
                memory: host.settings.memory_limit,
            },
            next_context: 0,
        };
        let instance = version.plugin.module.instance();
        let mut store = Store::new(instance.module().engine(), state);
        store.limiter(|state| &mut state.limits);
        set_fuel(&mut store, host.settings.fuel_limit);
        let instance = instance
            .instantiate(&mut store)
            .map_err(|error| ModuleError::Invalid(format!("{error:#}")))?;
        let exports = Exports::of(&instance, &mut store)?;
        store.data_mut().memory = instance.get_memory(&mut store, "memory");
        store.data_mut().allocate = exports.allocate.clone();
        let mut vm = Self {
            store,
            exports,
            failed: false,
        };
        vm.initialize();
        Ok(vm)
    }

    fn initialize(&mut self) {
        self.state_mut().restricted = true;
        if self.exports.initialize.is_some() {
            self.call(0, "_initialize", |exports| exports.initialize.as_ref(), ());
            match self.exports.main {
                Some(_) => drop(self.call(0, "main", |exports| exports.main.as_ref(), (0, 0))),
                None => drop(self.call(0, "__main_void", |exports| exports.main_void.as_ref(), ())),
            }
        } else {
            self.call(0, "_start", |exports| exports.start.as_ref(), ());
        }
        self.state_mut().restricted = false;
    }

    pub(crate) fn state(&self) -> &VmState {
        self.store.data()
    }

    pub(crate) fn state_mut(&mut self) -> &mut VmState {
        self.store.data_mut()
    }

    /// Bytes of linear memory.
    pub(crate) fn memory_size(&self) -> usize {
        self.state()
            .memory
            .map_or(0, |memory| memory.data_size(&self.store))
    }

    /// Calls an export with `context` as the current context. Actions that it asked for wait in the state.
    pub(crate) fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        context: u32,
        name: &'static str,
        export: impl Fn(&Exports) -> Option<&TypedFunc<P, R>>,
        parameters: P,
    ) -> Called<R> {
        if self.failed {
            return Called::Failed;
        }
        let Some(function) = export(&self.exports) else {
            return Called::Missing;
        };
        let limit = self.store.data().host.settings.fuel_limit;
        set_fuel(&mut self.store, limit);
        let state = self.store.data_mut();
        state.current = context;
        state.effective = 0;
        state.callback = name;
        let result = function.call(&mut self.store, parameters);
        let used = limit.saturating_sub(self.store.get_fuel().unwrap_or(0));
        let state = self.store.data_mut();
        state.effective = 0;
        let stop = std::mem::take(&mut state.stop_iteration);
        if let Some((stream, _, _)) = state
            .contexts
            .get(&context)
            .and_then(|context| context.stream.as_ref())
        {
            let mut stream = stream.lock();
            stream.fuel = stream.fuel.saturating_add(used);
        }
        match result {
            Ok(value) => {
                state.current = 0;
                Called::Returned { value, stop }
            }
            Err(error) => {
                let kind = match error.downcast_ref::<Trap>() {
                    Some(Trap::OutOfFuel) => FaultKind::OutOfFuel,
                    _ => FaultKind::Trap,
                };
                state.fault(kind, format!("{error:#}"));
                state.current = 0;
                self.failed = true;
                Called::Failed
            }
        }
    }

    /// Ends the VM as a trap would.
    pub(crate) fn kill(&mut self) {
        if !self.failed {
            self.failed = true;
            let state = self.store.data_mut();
            state.callback = "";
            state.fault(FaultKind::Killed, "killed by an event".to_owned());
        }
    }
}

/// Fuel is on for the engine, so this cannot fail; an engine without fuel would just run unmetered.
fn set_fuel(store: &mut Store<VmState>, fuel: u64) {
    let _metered = store.set_fuel(fuel);
}

/// Calls the guest's allocator from inside a host call, in the VM's own context as Envoy does.
pub(crate) fn allocate(mut store: StoreContextMut<'_, VmState>, size: u32) -> wasmtime::Result<u32> {
    let Some(function) = store.data().allocate.clone() else {
        return Ok(0);
    };
    let state = store.data_mut();
    let saved = (state.current, state.effective);
    (state.current, state.effective) = (0, 0);
    let result = function.call(&mut store, size);
    let state = store.data_mut();
    (state.current, state.effective) = saved;
    result
}

/// The first export with one of these names.
fn has(instance: &Instance, store: &mut Store<VmState>, name: &str) -> bool {
    instance.get_func(&mut *store, name).is_some()
}
