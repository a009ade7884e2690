//! The functions that a module imports: the proxy-wasm ABI and the part of WASI that Envoy offers.
//!
//! Each returns what Envoy 1.40 returns (source: proxy-wasm-cpp-host `src/exports.cc` and Envoy's
//! `extensions/common/wasm/context.cc`, checked by running the same probe module in both). Callouts answer as a proxy does
//! that has no such cluster: HTTP 2 (bad argument), gRPC 4 (parse failure).

use wasmtime::{AsContextMut, Caller, Linker, format_err};

use crate::abi::Status;
use crate::report::FaultKind;
use crate::vm::{self, VmState};

mod buffers;
mod callouts;
mod general;
mod maps;
mod shared;
mod wasi;

/// The guest as a host call sees it.
pub(crate) type Guest<'a> = Caller<'a, VmState>;

/// How a host call ends when it does not return 0.
pub(crate) enum Fail {
    /// By a status.
    Status(Status),
    /// By killing the VM.
    Trap(wasmtime::Error),
}

impl From<Status> for Fail {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

/// Whether other workers can see, or change, what a call does; only then may the schedule switch before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Worker,
    Process,
}

/// Defines all functions.
pub(crate) fn define(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    general::define(linker)?;
    maps::define(linker)?;
    buffers::define(linker)?;
    shared::define(linker)?;
    callouts::define(linker)?;
    for module in ["wasi_snapshot_preview1", "wasi_unstable"] {
        wasi::define(linker, module)?;
    }
    Ok(())
}

/// Runs the body of a proxy-wasm host call and turns its result into a status.
pub(crate) fn answer(
    guest: &mut Guest<'_>,
    name: &'static str,
    reach: Reach,
    body: impl FnOnce(&mut Guest<'_>) -> Result<(), Fail>,
) -> wasmtime::Result<u32> {
    if guest.data().restricted && name != "proxy_log" {
        return Err(format_err!(
            "restricted callback: {name} may not be called during initialization"
        ));
    }
    if reach == Reach::Process {
        let thread = guest.data().thread;
        guest.data().host.yield_point(thread);
    }
    match body(guest) {
        Ok(()) => Ok(Status::Ok as u32),
        Err(Fail::Status(status)) => {
            if status == Status::InvalidMemoryAccess {
                let message = format!("{name} got a pointer outside of memory, or no memory from the guest");
                guest.data().fault(FaultKind::BadPointer, message);
            }
            Ok(status as u32)
        }
        Err(Fail::Trap(error)) => Err(error),
    }
}

/// Copies `length` bytes at `pointer` out of the guest.
pub(crate) fn read(guest: &Guest<'_>, pointer: u32, length: u32) -> Result<Vec<u8>, Fail> {
    let memory = guest.data().memory.ok_or(Status::InvalidMemoryAccess)?;
    let start = pointer as usize;
    let end = start
        .checked_add(length as usize)
        .ok_or(Status::InvalidMemoryAccess)?;
    Ok(memory
        .data(guest)
        .get(start..end)
        .ok_or(Status::InvalidMemoryAccess)?
        .to_vec())
}

/// Copies bytes into the guest.
pub(crate) fn write(guest: &mut Guest<'_>, pointer: u32, bytes: &[u8]) -> Result<(), Fail> {
    let memory = guest.data().memory.ok_or(Status::InvalidMemoryAccess)?;
    memory
        .write(guest, pointer as usize, bytes)
        .map_err(|_| Status::InvalidMemoryAccess.into())
}

/// Writes a 32-bit number.
pub(crate) fn write_u32(guest: &mut Guest<'_>, pointer: u32, value: u32) -> Result<(), Fail> {
    write(guest, pointer, &value.to_le_bytes())
}

/// Hands bytes over in memory that the guest's allocator gives; nothing is allocated for no bytes (null, 0).
pub(crate) fn give(guest: &mut Guest<'_>, bytes: &[u8], pointer_to: u32, length_to: u32) -> Result<(), Fail> {
    let length = u32::try_from(bytes.len()).map_err(|_| Status::InvalidMemoryAccess)?;
    let mut pointer = 0;
    if length > 0 {
        pointer = vm::allocate(guest.as_context_mut(), length).map_err(Fail::Trap)?;
        if pointer == 0 {
            return Err(Status::InvalidMemoryAccess.into());
        }
        write(guest, pointer, bytes)?;
    }
    write_u32(guest, pointer_to, pointer)?;
    write_u32(guest, length_to, length)
}
