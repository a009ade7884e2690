//! The exports of a module that a host calls, looked up and type-checked once a VM.

use wasmtime::{Instance, Store, TypedFunc, WasmParams, WasmResults};

use super::{VmState, has};
use crate::module::ModuleError;

/// Callbacks with one, two or three numbers. `None`: not exported, and therefore skipped.
pub(crate) struct Exports {
    pub(crate) initialize: Option<TypedFunc<(), ()>>,
    pub(crate) main: Option<TypedFunc<(u32, u32), u32>>,
    pub(crate) main_void: Option<TypedFunc<(), u32>>,
    pub(crate) start: Option<TypedFunc<(), ()>>,
    pub(crate) allocate: Option<TypedFunc<u32, u32>>,
    pub(crate) on_context_create: Option<TypedFunc<(u32, u32), ()>>,
    pub(crate) on_vm_start: Option<TypedFunc<(u32, u32), u32>>,
    pub(crate) on_configure: Option<TypedFunc<(u32, u32), u32>>,
    pub(crate) on_tick: Option<TypedFunc<u32, ()>>,
    pub(crate) on_queue_ready: Option<TypedFunc<(u32, u32), ()>>,
    pub(crate) on_request_headers: Option<TypedFunc<(u32, u32, u32), u32>>,
    pub(crate) on_request_body: Option<TypedFunc<(u32, u32, u32), u32>>,
    pub(crate) on_request_trailers: Option<TypedFunc<(u32, u32), u32>>,
    pub(crate) on_response_headers: Option<TypedFunc<(u32, u32, u32), u32>>,
    pub(crate) on_response_body: Option<TypedFunc<(u32, u32, u32), u32>>,
    pub(crate) on_response_trailers: Option<TypedFunc<(u32, u32), u32>>,
    pub(crate) on_done: Option<TypedFunc<u32, u32>>,
    pub(crate) on_log: Option<TypedFunc<u32, ()>>,
    pub(crate) on_delete: Option<TypedFunc<u32, ()>>,
}

impl Exports {
    pub(crate) fn of(instance: &Instance, store: &mut Store<VmState>) -> Result<Self, ModuleError> {
        let allocator = if has(instance, store, "malloc") {
            "malloc"
        } else {
            "proxy_on_memory_allocate"
        };
        Ok(Self {
            initialize: find(instance, store, "_initialize")?,
            main: find(instance, store, "main")?,
            main_void: find(instance, store, "__main_void")?,
            start: find(instance, store, "_start")?,
            allocate: find(instance, store, allocator)?,
            on_context_create: find(instance, store, "proxy_on_context_create")?,
            on_vm_start: find(instance, store, "proxy_on_vm_start")?,
            on_configure: find(instance, store, "proxy_on_configure")?,
            on_tick: find(instance, store, "proxy_on_tick")?,
            on_queue_ready: find(instance, store, "proxy_on_queue_ready")?,
            on_request_headers: find(instance, store, "proxy_on_request_headers")?,
            on_request_body: find(instance, store, "proxy_on_request_body")?,
            on_request_trailers: find(instance, store, "proxy_on_request_trailers")?,
            on_response_headers: find(instance, store, "proxy_on_response_headers")?,
            on_response_body: find(instance, store, "proxy_on_response_body")?,
            on_response_trailers: find(instance, store, "proxy_on_response_trailers")?,
            on_done: find(instance, store, "proxy_on_done")?,
            on_log: find(instance, store, "proxy_on_log")?,
            on_delete: find(instance, store, "proxy_on_delete")?,
        })
    }
}

fn find<P: WasmParams, R: WasmResults>(
    instance: &Instance,
    store: &mut Store<VmState>,
    name: &str,
) -> Result<Option<TypedFunc<P, R>>, ModuleError> {
    let Some(function) = instance.get_func(&mut *store, name) else {
        return Ok(None);
    };
    function
        .typed(&*store)
        .map(Some)
        .map_err(|_| ModuleError::BadSignature(name.to_owned()))
}
