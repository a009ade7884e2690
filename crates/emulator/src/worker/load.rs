//! Plugins on one thread: loading, reloading after a trap, retiring old configurations.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::run::{Run, Target};
use super::{Handle, Slot, Worker};
use crate::event::RequestId;
use crate::host::{Reloads, Version};
use crate::plugin::FailurePolicy;
use crate::report::FaultKind;
use crate::vm::{Called, Context, Vm};

impl Worker {
    /// Puts a configuration that passed its canary to work in a slot.
    pub(crate) fn adopt(&mut self, slot: usize, version: Arc<Version>) {
        let handle = self.load(&version);
        let last_load = self.host.now();
        if let Some(slot) = self.slots.get_mut(slot) {
            *slot = Slot {
                version: Some(version),
                handle,
                last_load,
            };
        }
        self.retire_unused();
    }

    /// Loads a plugin: a new root context in the thread's VM for it, which is made if there is none alive.
    fn load(&mut self, version: &Arc<Version>) -> Option<Handle> {
        if let Some((vm, root)) = self.known_root(version) {
            return Some(Handle {
                vm,
                root,
                version: Arc::clone(version),
            });
        }
        let vm = self.vm(version)?;
        let root = start_root(self.vms.get_mut(&vm)?, version);
        self.after_call(vm);
        root.map(|root| Handle {
            vm,
            root,
            version: Arc::clone(version),
        })
    }

    /// A root that serves the same plugin with the same configuration, in another slot or for streams still in flight.
    fn known_root(&self, version: &Version) -> Option<(u64, u32)> {
        let living = self
            .vms
            .iter()
            .filter(|(_, vm)| !vm.failed && vm.state().vm_key == version.vm_key);
        let mut roots =
            living.flat_map(|(id, vm)| vm.state().contexts.iter().map(move |context| (*id, vm, context)));
        roots.find_map(|(id, vm, (root, context))| {
            let same = context
                .version
                .as_ref()
                .is_some_and(|known| known.plugin.same_root(&version.plugin));
            let pending = vm.state().pending_done.contains(root);
            (same && *root == context.root && !pending).then_some((id, *root))
        })
    }

    /// The thread's living VM for a version.
    fn vm(&mut self, version: &Arc<Version>) -> Option<u64> {
        let living = |vm: &&u64| {
            self.vms
                .get(vm)
                .is_some_and(|vm| !vm.failed && vm.state().vm_key == version.vm_key)
        };
        if let Some(vm) = self.vms.keys().find(living) {
            return Some(*vm);
        }
        let vm = Vm::start(&self.host, self.thread, version).ok()?;
        let id = vm.state().id;
        let failed = vm.failed;
        self.vms.insert(id, vm);
        (!failed).then_some(id)
    }

    /// What a new stream's filter in this slot is, after reloading the plugin if its policy says so.
    pub(super) fn target(&mut self, index: usize) -> Target {
        let Some(slot) = self.slots.get(index) else {
            return Target::Skip;
        };
        let Some(version) = slot.version.clone() else {
            return Target::Refused;
        };
        let policy = version.plugin.failure_policy;
        let mut handle = slot.handle.clone();
        let failed =
            |handle: &Handle, vms: &BTreeMap<u64, Vm>| vms.get(&handle.vm).is_none_or(|vm| vm.failed);
        if let Some(current) = &handle
            && failed(current, &self.vms)
            && policy == FailurePolicy::FailReload
        {
            handle = self.reload(index, &version).or(handle);
        }
        match handle {
            Some(handle) if !failed(&handle, &self.vms) => Target::Live {
                vm: handle.vm,
                root: handle.root,
            },
            _ => match policy {
                FailurePolicy::FailOpen | FailurePolicy::LegacyFailOpen => Target::Skip,
                FailurePolicy::FailClosed | FailurePolicy::FailReload => Target::Dead,
            },
        }
    }

    fn reload(&mut self, index: usize, version: &Arc<Version>) -> Option<Handle> {
        let now = self.host.now();
        let last = self.slots.get(index)?.last_load;
        let name = &version.plugin.name;
        if now.saturating_sub(last) < self.host.settings.reload_backoff {
            self.count_reload(name, |reloads| {
                reloads.backoff = reloads.backoff.saturating_add(1)
            });
            return None;
        }
        self.slots.get_mut(index)?.last_load = now;
        let handle = self
            .load(version)
            .filter(|handle| self.vms.get(&handle.vm).is_some_and(|vm| !vm.failed));
        match &handle {
            Some(handle) => {
                self.slots.get_mut(index)?.handle = Some(handle.clone());
                self.count_reload(name, |reloads| {
                    reloads.success = reloads.success.saturating_add(1)
                });
                self.collect();
            }
            None => self.count_reload(name, |reloads| {
                reloads.failure = reloads.failure.saturating_add(1)
            }),
        }
        handle
    }

    fn count_reload(&self, plugin: &str, count: impl FnOnce(&mut Reloads)) {
        count(self.host.lock().reloads.entry(plugin.to_owned()).or_default());
    }

    /// Shuts down roots of old configurations that no stream needs any more, then drops VMs that nothing needs.
    pub(super) fn retire_unused(&mut self) {
        let used = |vm: u64, root: u32, runs: &BTreeMap<RequestId, Run>| {
            runs.values()
                .flat_map(|run| &run.filters)
                .any(|filter| filter.target == Target::Live { vm, root })
        };
        let roots: Vec<(u64, u32)> = self
            .vms
            .iter()
            .flat_map(|(vm, state)| roots(state).into_iter().map(|root| (*vm, root)))
            .filter(|(vm, root)| !self.is_current(*vm, *root))
            .collect();
        for (vm, root) in roots {
            let pending = self
                .vms
                .get(&vm)
                .is_some_and(|vm| vm.state().pending_done.contains(&root));
            if !pending && !used(vm, root, &self.runs) {
                self.shut_root(vm, root);
            }
        }
        self.collect();
    }

    pub(super) fn is_current(&self, vm: u64, root: u32) -> bool {
        self.slots
            .iter()
            .filter_map(|slot| slot.handle.as_ref())
            .any(|handle| handle.is(vm, root))
    }

    /// `on_done`, and `on_delete` unless the guest asks for time.
    fn shut_root(&mut self, id: u64, root: u32) {
        let Some(vm) = self.vms.get_mut(&id) else { return };
        let done = vm.call(root, "proxy_on_done", |exports| exports.on_done.as_ref(), root);
        if matches!(done, Called::Returned { value: 0, .. }) {
            vm.state_mut().pending_done.insert(root);
        } else {
            delete_root(vm, root);
        }
        self.after_call(id);
    }

    /// Drops VMs without a plugin, an unfinished root or a stream.
    fn collect(&mut self) {
        let slots = &self.slots;
        let runs = &self.runs;
        self.vms.retain(|id, vm| {
            let handles = slots
                .iter()
                .filter_map(|slot| slot.handle.as_ref())
                .any(|handle| handle.vm == *id);
            let streams = runs
                .values()
                .flat_map(|run| &run.filters)
                .any(|filter| filter.target.vm() == Some(*id));
            handles || streams || (!vm.failed && !vm.state().pending_done.is_empty())
        });
    }

    /// Ends all roots, as a proxy that shuts down does.
    pub(crate) fn shut_down(&mut self) {
        for (vm, root) in self.all_roots() {
            self.shut_root(vm, root);
        }
        self.vms.clear();
    }

    pub(super) fn all_roots(&self) -> Vec<(u64, u32)> {
        self.vms
            .iter()
            .flat_map(|(id, vm)| roots(vm).into_iter().map(|root| (*id, root)))
            .collect()
    }
}

pub(super) fn roots(vm: &Vm) -> Vec<u32> {
    let contexts = &vm.state().contexts;
    contexts
        .iter()
        .filter(|(id, context)| **id != 0 && **id == context.root)
        .map(|(id, _)| *id)
        .collect()
}

pub(super) fn delete_root(vm: &mut Vm, root: u32) {
    let _status: Called<()> = vm.call(
        root,
        "proxy_on_delete",
        |exports| exports.on_delete.as_ref(),
        root,
    );
    vm.state_mut().contexts.remove(&root);
    vm.state_mut().timers.remove(&root);
}

/// Creates and configures a root context; `None` if the guest refuses or traps.
pub(crate) fn start_root(vm: &mut Vm, version: &Arc<Version>) -> Option<u32> {
    if vm.failed {
        return None;
    }
    let root = vm.state_mut().allocate_context();
    let context = Context::new(root, Some(Arc::clone(version)));
    vm.state_mut().contexts.insert(root, context);
    vm.state_mut().configuring = Some(Arc::clone(version));
    let _status: Called<()> = vm.call(
        root,
        "proxy_on_context_create",
        |exports| exports.on_context_create.as_ref(),
        (root, 0),
    );
    vm.state_mut().configuring = None;
    let size = size(&version.plugin.vm_configuration);
    let started = vm.call(
        root,
        "proxy_on_vm_start",
        |exports| exports.on_vm_start.as_ref(),
        (root, size),
    );
    if !accepted(vm, started, "on_vm_start") {
        return None;
    }
    vm.state_mut().configuring = Some(Arc::clone(version));
    let size = self::size(&version.plugin.configuration);
    let configured = vm.call(
        root,
        "proxy_on_configure",
        |exports| exports.on_configure.as_ref(),
        (root, size),
    );
    vm.state_mut().configuring = None;
    accepted(vm, configured, "on_configure").then_some(root)
}

fn accepted(vm: &Vm, called: Called<u32>, callback: &str) -> bool {
    match called {
        Called::Returned { value: 0, .. } => {
            vm.state()
                .fault(FaultKind::Refused, format!("{callback} returned false"));
            false
        }
        Called::Returned { .. } | Called::Missing => true,
        Called::Failed => false,
    }
}

fn size(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
