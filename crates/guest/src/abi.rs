//! The host functions of proxy-wasm 0.2.1 that Fairlead calls, as functions that cannot panic.
//!
//! The SDK's own getters panic on a header value that is not UTF-8, on any status they do not list and on a map that is
//! not available in the current phase; in Envoy a panic takes the worker's VM with it and every later request on that
//! worker fails. Here a header is bytes, a status is a number, and what is missing is `None`.
//!
//! Cost on Envoy 1.40 (instructions): a call that returns a buffer about 11,000, any other 1,000 to 2,000.

#![allow(
    unsafe_code,
    reason = "host functions take raw pointers into this module's memory"
)]

use raw::*;
use std::alloc::Layout;
use std::mem::ManuallyDrop;

/// What a host function answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) u32);

impl Status {
    pub(crate) const OK: Self = Self(0);
    pub(crate) const NOT_FOUND: Self = Self(1);
    pub(crate) const CAS_MISMATCH: Self = Self(8);

    fn check(self) -> Result<(), Self> {
        if self == Self::OK { Ok(()) } else { Err(self) }
    }
}

/// Header maps by their number in the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Map {
    RequestHeaders = 0,
    ResponseHeaders = 2,
    ResponseTrailers = 3,
}

/// Kinds of metrics by their number in the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Metric {
    Counter = 0,
    Gauge = 1,
    Histogram = 2,
}

/// `CLOCKID_MONOTONIC` of WASI preview 1.
const MONOTONIC: u32 = 1;
const RESPONSE_BODY: u32 = 1;
const PLUGIN_CONFIGURATION: u32 = 7;

/// Memory for what the host returns; null if there is none.
#[must_use]
pub fn allocate(bytes: usize) -> *mut u8 {
    match Layout::from_size_align(bytes.max(1), 1) {
        // SAFETY: it is a byte at least.
        Ok(layout) => unsafe { std::alloc::alloc(layout) },
        Err(_) => std::ptr::null_mut(),
    }
}

/// Frees what the host has returned: as dropping it does, without the layers that a module of small code does not inline.
#[inline(never)]
pub(crate) fn give_back(buffer: Vec<u8>) {
    let mut buffer = ManuallyDrop::new(buffer);
    if let (1.., Ok(layout)) = (buffer.capacity(), Layout::from_size_align(buffer.capacity(), 1)) {
        // SAFETY: the vector's memory was allocated with this layout, and nobody else frees it.
        unsafe { std::alloc::dealloc(buffer.as_mut_ptr(), layout) }
    }
}

/// A buffer that the host has filled by calling back into this module's allocator.
struct Returned {
    data: *mut u8,
    size: usize,
}

impl Returned {
    const fn empty() -> Self {
        Self {
            data: std::ptr::null_mut(),
            size: 0,
        }
    }

    /// Takes ownership of the buffer. A null pointer stands for an empty one.
    fn into_bytes(self) -> Vec<u8> {
        if self.data.is_null() {
            return Vec::new();
        }
        // SAFETY: the host got this memory from [`allocate`], asked for exactly `size` bytes, and hands each such buffer out
        // once.
        unsafe { Vec::from_raw_parts(self.data, self.size, self.size) }
    }
}

/// The steady clock of WASI in nanoseconds; `None` if the host has none.
#[inline(always)]
pub(crate) fn steady_time_nanos() -> Option<u64> {
    let mut nanos = 0;
    // SAFETY: the pointer is to a local that outlives the call.
    let errno = unsafe { clock_time_get(MONOTONIC, 1, &mut nanos) };
    (errno == 0).then_some(nanos)
}

/// The wall clock in nanoseconds since the epoch; 0 if the host has none.
pub(crate) fn current_time_nanos() -> u64 {
    let mut nanos = 0;
    // SAFETY: the pointer is to a local that outlives the call.
    let status = unsafe { proxy_get_current_time_nanoseconds(&mut nanos) };
    if Status(status) == Status::OK { nanos } else { 0 }
}

/// The first value of a header; `None` when the header or the whole map is not there.
pub(crate) fn header(map: Map, name: &[u8]) -> Option<Vec<u8>> {
    let mut out = Returned::empty();
    // SAFETY: pointers and lengths describe live slices and locals.
    let status = unsafe {
        proxy_get_header_map_value(
            map as u32,
            name.as_ptr(),
            name.len(),
            &mut out.data,
            &mut out.size,
        )
    };
    (Status(status) == Status::OK).then(|| out.into_bytes())
}

/// All headers of a map in the ABI's encoding; empty when the map is not there.
pub(crate) fn header_pairs(map: Map) -> Vec<u8> {
    let mut out = Returned::empty();
    // SAFETY: pointers to locals.
    let status = unsafe { proxy_get_header_map_pairs(map as u32, &mut out.data, &mut out.size) };
    if Status(status) == Status::OK {
        out.into_bytes()
    } else {
        Vec::new()
    }
}

/// Replaces all values of a header by one.
pub(crate) fn set_header(map: Map, name: &[u8], value: &[u8]) -> Result<(), Status> {
    // SAFETY: pointers and lengths describe live slices.
    Status(unsafe {
        proxy_replace_header_map_value(map as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
    .check()
}

/// Appends one value to a header.
pub(crate) fn add_header(map: Map, name: &[u8], value: &[u8]) -> Result<(), Status> {
    // SAFETY: pointers and lengths describe live slices.
    Status(unsafe {
        proxy_add_header_map_value(map as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
    .check()
}

/// Removes all values of a header.
pub(crate) fn remove_header(map: Map, name: &[u8]) -> Result<(), Status> {
    // SAFETY: pointer and length describe a live slice.
    Status(unsafe { proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) }).check()
}

/// A property by its NUL-joined path.
pub(crate) fn property(path: &[u8]) -> Option<Vec<u8>> {
    let mut out = Returned::empty();
    // SAFETY: pointers and lengths describe live slices and locals.
    let status = unsafe { proxy_get_property(path.as_ptr(), path.len(), &mut out.data, &mut out.size) };
    (Status(status) == Status::OK).then(|| out.into_bytes())
}

/// The plugin's configuration; readable in `on_configure` only.
pub(crate) fn plugin_configuration() -> Vec<u8> {
    buffer(PLUGIN_CONFIGURATION, usize::MAX)
}

fn buffer(kind: u32, size: usize) -> Vec<u8> {
    let mut out = Returned::empty();
    // SAFETY: pointers to locals; the host clamps the length.
    let status = unsafe { proxy_get_buffer_bytes(kind, 0, size, &mut out.data, &mut out.size) };
    if Status(status) == Status::OK {
        out.into_bytes()
    } else {
        Vec::new()
    }
}

/// Answers the request in the upstream's place. `headers` are pairs in the ABI's encoding.
pub(crate) fn send_local_response(
    status: u32,
    details: &[u8],
    body: &[u8],
    headers: &[u8],
    grpc_status: Option<u32>,
) -> Result<(), Status> {
    let grpc_status = grpc_status
        .and_then(|code| i32::try_from(code).ok())
        .unwrap_or(-1);
    // SAFETY: pointers and lengths describe live slices; the host copies them before it returns.
    Status(unsafe {
        proxy_send_local_response(
            status,
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status,
        )
    })
    .check()
}

/// A value of the shared store and its compare-and-swap number; `None` if the key was never written.
pub(crate) fn shared_data(key: &[u8]) -> Result<Option<(Vec<u8>, u32)>, Status> {
    let mut out = Returned::empty();
    let mut cas = 0;
    // SAFETY: pointers and lengths describe live slices and locals.
    let status = Status(unsafe {
        proxy_get_shared_data(key.as_ptr(), key.len(), &mut out.data, &mut out.size, &mut cas)
    });
    match status {
        Status::OK => Ok(Some((out.into_bytes(), cas))),
        Status::NOT_FOUND => Ok(None),
        other => Err(other),
    }
}

/// Writes a value of the shared store if its number is still `cas`; on an absent key any non-zero `cas` creates it.
pub(crate) fn set_shared_data(key: &[u8], value: &[u8], cas: u32) -> Result<(), Status> {
    // SAFETY: pointers and lengths describe live slices.
    Status(unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas) })
        .check()
}

/// Defines a metric and answers its id in this VM.
pub(crate) fn define_metric(kind: Metric, name: &[u8]) -> Result<u32, Status> {
    let mut id = 0;
    // SAFETY: pointers and lengths describe live slices and locals.
    Status(unsafe { proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &mut id) }).check()?;
    Ok(id)
}

/// Adds to a counter (by at least 1) or moves a gauge.
#[inline(always)]
pub(crate) fn increment_metric(id: u32, by: i64) -> Result<(), Status> {
    // SAFETY: no pointers.
    Status(unsafe { proxy_increment_metric(id, by) }).check()
}

/// Sets a gauge or records a histogram value.
#[inline(always)]
pub(crate) fn record_metric(id: u32, value: u64) -> Result<(), Status> {
    // SAFETY: no pointers.
    Status(unsafe { proxy_record_metric(id, value) }).check()
}

/// What a counter or gauge stands at.
#[inline(always)]
pub(crate) fn metric(id: u32) -> Option<u64> {
    let mut value = 0;
    // SAFETY: pointer to a local.
    let status = unsafe { proxy_get_metric(id, &mut value) };
    (Status(status) == Status::OK).then_some(value)
}

/// The first `size` bytes of the part of the response body that this callback is about.
pub(crate) fn response_body(size: usize) -> Vec<u8> {
    buffer(RESPONSE_BODY, size)
}

/// Has `on_tick` called for this root context every so many milliseconds; 0 stops it.
pub(crate) fn set_tick_period(millis: u32) -> Result<(), Status> {
    // SAFETY: no pointers.
    Status(unsafe { proxy_set_tick_period_milliseconds(millis) }).check()
}

/// The level at which the proxy logs what Wasm modules say: 0 trace to 5 critical, 6 off.
pub(crate) fn log_level() -> Option<u32> {
    let mut level = 0;
    // SAFETY: pointer to a local.
    let status = unsafe { proxy_get_log_level(&mut level) };
    (Status(status) == Status::OK).then_some(level)
}

/// Fills `bytes` with random ones; `false` if the host has none.
pub(crate) fn random(bytes: &mut [u8]) -> bool {
    // SAFETY: pointer and length describe a live slice.
    unsafe { random_get(bytes.as_mut_ptr(), bytes.len()) == 0 }
}

#[cfg(target_arch = "wasm32")]
mod raw {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        pub(super) fn proxy_get_current_time_nanoseconds(nanos: *mut u64) -> u32;
        pub(super) fn proxy_get_header_map_value(
            map: u32,
            key: *const u8,
            key_len: usize,
            value: *mut *mut u8,
            value_len: *mut usize,
        ) -> u32;
        pub(super) fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, len: *mut usize) -> u32;
        pub(super) fn proxy_replace_header_map_value(
            map: u32,
            key: *const u8,
            key_len: usize,
            value: *const u8,
            value_len: usize,
        ) -> u32;
        pub(super) fn proxy_add_header_map_value(
            map: u32,
            key: *const u8,
            key_len: usize,
            value: *const u8,
            value_len: usize,
        ) -> u32;
        pub(super) fn proxy_remove_header_map_value(map: u32, key: *const u8, key_len: usize) -> u32;
        pub(super) fn proxy_get_property(
            path: *const u8,
            path_len: usize,
            value: *mut *mut u8,
            value_len: *mut usize,
        ) -> u32;
        pub(super) fn proxy_get_buffer_bytes(
            buffer: u32,
            start: usize,
            max: usize,
            data: *mut *mut u8,
            len: *mut usize,
        ) -> u32;
        pub(super) fn proxy_send_local_response(
            status: u32,
            details: *const u8,
            details_len: usize,
            body: *const u8,
            body_len: usize,
            headers: *const u8,
            headers_len: usize,
            grpc_status: i32,
        ) -> u32;
        pub(super) fn proxy_get_shared_data(
            key: *const u8,
            key_len: usize,
            value: *mut *mut u8,
            value_len: *mut usize,
            cas: *mut u32,
        ) -> u32;
        pub(super) fn proxy_set_shared_data(
            key: *const u8,
            key_len: usize,
            value: *const u8,
            value_len: usize,
            cas: u32,
        ) -> u32;
        pub(super) fn proxy_define_metric(kind: u32, name: *const u8, name_len: usize, id: *mut u32) -> u32;
        pub(super) fn proxy_increment_metric(id: u32, by: i64) -> u32;
        pub(super) fn proxy_record_metric(id: u32, value: u64) -> u32;
        pub(super) fn proxy_get_metric(id: u32, value: *mut u64) -> u32;
        pub(super) fn proxy_set_tick_period_milliseconds(millis: u32) -> u32;
        pub(super) fn proxy_get_log_level(level: *mut u32) -> u32;
    }

    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    unsafe extern "C" {
        pub(super) fn random_get(bytes: *mut u8, len: usize) -> u32;
        pub(super) fn clock_time_get(clock: u32, precision: u64, nanos: *mut u64) -> u32;
    }
}

/// Off the proxy there is no host: every call answers "unimplemented", so that this crate builds and its pure parts are
/// tested natively.
#[cfg(not(target_arch = "wasm32"))]
mod raw {
    const UNIMPLEMENTED: u32 = 12;

    macro_rules! absent {
        ($($name:ident($($arg:ty),*);)*) => {$(
            #[allow(clippy::too_many_arguments, reason = "the ABI's shape")]
            pub(super) unsafe fn $name($(_: $arg),*) -> u32 {
                UNIMPLEMENTED
            }
        )*};
    }

    absent! {
        proxy_get_current_time_nanoseconds(*mut u64);
        proxy_get_header_map_value(u32, *const u8, usize, *mut *mut u8, *mut usize);
        proxy_get_header_map_pairs(u32, *mut *mut u8, *mut usize);
        proxy_replace_header_map_value(u32, *const u8, usize, *const u8, usize);
        proxy_add_header_map_value(u32, *const u8, usize, *const u8, usize);
        proxy_remove_header_map_value(u32, *const u8, usize);
        proxy_get_property(*const u8, usize, *mut *mut u8, *mut usize);
        proxy_get_buffer_bytes(u32, usize, usize, *mut *mut u8, *mut usize);
        proxy_send_local_response(u32, *const u8, usize, *const u8, usize, *const u8, usize, i32);
        proxy_get_shared_data(*const u8, usize, *mut *mut u8, *mut usize, *mut u32);
        proxy_set_shared_data(*const u8, usize, *const u8, usize, u32);
        proxy_define_metric(u32, *const u8, usize, *mut u32);
        proxy_increment_metric(u32, i64);
        proxy_record_metric(u32, u64);
        proxy_get_metric(u32, *mut u64);
        proxy_set_tick_period_milliseconds(u32);
        proxy_get_log_level(*mut u32);
        random_get(*mut u8, usize);
        clock_time_get(u32, u64, *mut u64);
    }
}
