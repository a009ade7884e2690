//! The host functions, and what turns them into text: `status` or `status:value`.

use crate::imports::*;

/// WASI's `ciovec`.
#[repr(C)]
pub struct Slice {
    pointer: *const u8,
    length: usize,
}

/// The only memory the host asks for; what it fills is freed by [`taken`].
#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    let mut bytes = Vec::<u8>::with_capacity(size);
    let pointer = bytes.as_mut_ptr();
    std::mem::forget(bytes);
    pointer
}

fn taken(pointer: *mut u8, length: usize) -> Option<Vec<u8>> {
    // SAFETY: the host fills what `proxy_on_memory_allocate(length)` gave it, and hands it over.
    (!pointer.is_null()).then(|| unsafe { Vec::from_raw_parts(pointer, length, length) })
}

/// Bytes as text: printable ASCII as it is, the rest escaped.
pub fn show(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| std::ascii::escape_default(*byte))
        .map(char::from)
        .collect()
}

fn given(status: u32, pointer: *mut u8, length: usize) -> String {
    match (status, taken(pointer, length)) {
        (0, Some(bytes)) => format!("0:{}", show(&bytes)),
        (0, None) => format!("0:null{length}"),
        (status, _) => status.to_string(),
    }
}

fn number<T: std::fmt::Display>(status: u32, value: T) -> String {
    if status == 0 {
        format!("0:{value}")
    } else {
        status.to_string()
    }
}

macro_rules! out {
    ($p:ident, $n:ident, $call:expr) => {{
        let ($p, $n) = (&mut std::ptr::null_mut(), &mut 0);
        // SAFETY: pointers and lengths come from slices and from the two places above.
        let status = unsafe { $call };
        given(status, *$p, *$n)
    }};
}

pub fn log_raw(level: u32, text: &[u8]) -> u32 {
    unsafe { proxy_log(level, text.as_ptr(), text.len()) }
}

pub fn log(text: &str) {
    log_raw(2, text.as_bytes());
}

pub fn log_level() -> String {
    let mut level = 9;
    number(unsafe { proxy_get_log_level(&mut level) }, level)
}

/// Statuses only: the values differ from run to run.
pub fn clocks() -> String {
    let mut times = [0_u64; 4];
    let statuses = unsafe {
        [
            proxy_get_current_time_nanoseconds(&mut times[0]),
            clock_time_get(0, 1, &mut times[1]),
            clock_time_get(1, 1, &mut times[2]),
            clock_time_get(2, 1, &mut times[3]),
        ]
    };
    let close = times[1].abs_diff(times[0]) < 1_000_000_000;
    format!("{statuses:?} agree={close} monotonic={}", times[2] > 0)
}

pub fn random() -> String {
    let mut bytes = vec![0_u8; 70_000];
    let status = [8, 65_536, 65_537].map(|n| unsafe { random_get(bytes.as_mut_ptr(), n) });
    format!("{status:?}")
}

pub fn write_fd(fd: u32, text: &str) -> u32 {
    let mut written = 0;
    let iov = Slice {
        pointer: text.as_ptr(),
        length: text.len(),
    };
    unsafe { fd_write(fd, &iov, 1, &mut written) }
}

pub fn tick_period(ms: u32) -> u32 {
    unsafe { proxy_set_tick_period_milliseconds(ms) }
}

pub fn buffer(buffer: u32, start: u32, max: u32) -> String {
    out!(p, n, proxy_get_buffer_bytes(buffer, start, max, p, n))
}

pub fn set_buffer(buffer: u32, start: u32, size: u32, bytes: &[u8]) -> u32 {
    unsafe { proxy_set_buffer_bytes(buffer, start, size, bytes.as_ptr(), bytes.len()) }
}

pub fn buffer_status(buffer: u32) -> String {
    let (mut length, mut flags) = (99, 99);
    let status = unsafe { proxy_get_buffer_status(buffer, &mut length, &mut flags) };
    number(status, format!("{length}/{flags}"))
}

pub fn map_size(map: u32) -> String {
    let mut size = 0;
    number(unsafe { proxy_get_header_map_size(map, &mut size) }, size)
}

/// Headers that a proxy adds to, or takes from, a message after the last filter; only `on_log` sees them.
const HOP: [&[u8]; 3] = [b"date", b"connection", b"transfer-encoding"];

/// The pairs, decoded, without those of the connection.
pub fn pairs(map: u32) -> String {
    let (mut p, mut n) = (std::ptr::null_mut(), 0);
    let status = unsafe { proxy_get_header_map_pairs(map, &mut p, &mut n) };
    match (status, taken(p, n)) {
        (0, Some(bytes)) => {
            let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
            let count = word(0);
            let mut at = 4 + count * 8;
            let mut text = String::new();
            for pair in 0..count {
                let (name, value) = (word(4 + pair * 8), word(8 + pair * 8));
                let name_bytes = &bytes[at..at + name];
                let value_bytes = &bytes[at + name + 1..at + name + 1 + value];
                if !HOP.contains(&name_bytes) {
                    text += &format!(" {}={}", show(name_bytes), show(value_bytes));
                }
                at += name + value + 2;
            }
            format!("0:{text} rest={}", bytes.len() - at)
        }
        (0, None) => format!("0:null{n}"),
        (status, _) => status.to_string(),
    }
}

pub fn encode(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = (pairs.len() as u32).to_le_bytes().to_vec();
    for (name, value) in pairs {
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend((value.len() as u32).to_le_bytes());
    }
    for (name, value) in pairs {
        bytes.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
    }
    bytes
}

pub fn set_pairs(map: u32, bytes: &[u8]) -> u32 {
    unsafe { proxy_set_header_map_pairs(map, bytes.as_ptr(), bytes.len()) }
}

pub fn header(map: u32, name: &str) -> String {
    out!(
        p,
        n,
        proxy_get_header_map_value(map, name.as_ptr(), name.len(), p, n)
    )
}

pub fn add(map: u32, name: &str, value: &str) -> u32 {
    unsafe { proxy_add_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len()) }
}

pub fn replace(map: u32, name: &str, value: &str) -> u32 {
    unsafe { proxy_replace_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len()) }
}

pub fn remove(map: u32, name: &str) -> u32 {
    unsafe { proxy_remove_header_map_value(map, name.as_ptr(), name.len()) }
}

/// How to print a property.
#[derive(Clone, Copy)]
pub enum As {
    Text,
    Int,
    /// Its length only: the value differs from run to run.
    Length,
    /// Its status only: the value differs from host to host.
    Status,
}

pub fn property(path: &str, how: As) -> String {
    let path: String = path.split('.').collect::<Vec<_>>().join("\0");
    property_raw(path.as_bytes(), how)
}

pub fn property_raw(path: &[u8], how: As) -> String {
    let (mut p, mut n) = (std::ptr::null_mut(), 0);
    let status = unsafe { proxy_get_property(path.as_ptr(), path.len(), &mut p, &mut n) };
    match (status, taken(p, n), how) {
        (status, _, As::Status) => status.to_string(),
        (0, None, _) => format!("0:null{n}"),
        (0, Some(bytes), As::Text) => format!("0:{}", show(&bytes)),
        (0, Some(bytes), As::Length) => format!("0:len{}", bytes.len()),
        (0, Some(bytes), As::Int) => match bytes.try_into() {
            Ok(bytes) => format!("0:{}", i64::from_le_bytes(bytes)),
            Err(bytes) => format!("0:{}", show(&bytes)),
        },
        (status, _, _) => status.to_string(),
    }
}

pub fn set_property(path: &str, value: &str) -> u32 {
    unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) }
}

pub fn continue_stream(kind: u32) -> u32 {
    unsafe { proxy_continue_stream(kind) }
}

pub fn close_stream(kind: u32) -> u32 {
    unsafe { proxy_close_stream(kind) }
}

pub fn reply(status: u32, details: &str, body: &str, headers: &[(&str, &str)], grpc: i32) -> u32 {
    let headers = if headers.is_empty() {
        Vec::new()
    } else {
        encode(headers)
    };
    let (d, b) = (details.as_bytes(), body.as_bytes());
    unsafe {
        proxy_send_local_response(
            status,
            d.as_ptr(),
            d.len(),
            b.as_ptr(),
            b.len(),
            headers.as_ptr(),
            headers.len(),
            grpc,
        )
    }
}

pub fn status() -> String {
    let mut code = 9;
    let text = out!(p, n, proxy_get_status(&mut code, p, n));
    format!("{text}/{code}")
}

pub fn http_call(upstream: &str, ms: u32) -> String {
    let headers = encode(&[(":method", "GET"), (":path", "/"), (":authority", "a")]);
    let mut id = 99;
    let null = std::ptr::null();
    let status = unsafe {
        proxy_http_call(
            upstream.as_ptr(),
            upstream.len(),
            headers.as_ptr(),
            headers.len(),
            null,
            0,
            null,
            0,
            ms,
            &mut id,
        )
    };
    format!("{status}/{id}")
}

pub fn grpc() -> String {
    let mut id = 99;
    let (u, null) = ("no-such-cluster", std::ptr::null());
    let statuses = unsafe {
        [
            proxy_grpc_call(
                u.as_ptr(),
                u.len(),
                null,
                0,
                null,
                0,
                null,
                0,
                null,
                0,
                100,
                &mut id,
            ),
            proxy_grpc_stream(u.as_ptr(), u.len(), null, 0, null, 0, null, 0, &mut id),
            proxy_grpc_send(0, null, 0, 0),
            proxy_grpc_send(1, null, 0, 0),
            proxy_grpc_send(2, null, 0, 0),
            proxy_grpc_cancel(0),
            proxy_grpc_cancel(1),
            proxy_grpc_cancel(2),
            proxy_grpc_close(0),
            proxy_grpc_close(1),
            proxy_grpc_close(2),
        ]
    };
    format!("{statuses:?}/{id}")
}

pub fn set_shared(key: &str, value: &str, cas: u32) -> u32 {
    unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas) }
}

pub fn get_shared(key: &str) -> (String, u32) {
    let mut cas = 0;
    let text = out!(
        p,
        n,
        proxy_get_shared_data(key.as_ptr(), key.len(), p, n, &mut cas)
    );
    (text, cas)
}

pub fn register_queue(name: &str) -> (u32, u32) {
    let mut id = 0;
    (
        unsafe { proxy_register_shared_queue(name.as_ptr(), name.len(), &mut id) },
        id,
    )
}

pub fn resolve_queue(vm: &str, name: &str) -> String {
    let mut id = 0;
    let status =
        unsafe { proxy_resolve_shared_queue(vm.as_ptr(), vm.len(), name.as_ptr(), name.len(), &mut id) };
    number(status, id)
}

pub fn enqueue(id: u32, value: &str) -> u32 {
    unsafe { proxy_enqueue_shared_queue(id, value.as_ptr(), value.len()) }
}

pub fn dequeue(id: u32) -> String {
    out!(p, n, proxy_dequeue_shared_queue(id, p, n))
}

pub fn define(kind: u32, name: &str) -> (u32, u32) {
    let mut id = 0;
    (
        unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &mut id) },
        id,
    )
}

pub fn increment(id: u32, by: i64) -> u32 {
    unsafe { proxy_increment_metric(id, by) }
}

pub fn record(id: u32, value: i64) -> u32 {
    unsafe { proxy_record_metric(id, value) }
}

pub fn metric(id: u32) -> String {
    let mut value = 0;
    number(unsafe { proxy_get_metric(id, &mut value) }, value)
}

pub fn effective(id: u32) -> u32 {
    unsafe { proxy_set_effective_context(id) }
}

pub fn done() -> u32 {
    unsafe { proxy_done() }
}

pub fn foreign(name: &str, arguments: &[u8]) -> String {
    let (a, name) = (arguments, name.as_bytes());
    out!(
        p,
        n,
        proxy_call_foreign_function(name.as_ptr(), name.len(), a.as_ptr(), a.len(), p, n)
    )
}

/// Calls with pointers that lead nowhere.
pub fn bad_pointers() -> String {
    let far = usize::MAX as *const u8;
    let (mut p, mut n) = (std::ptr::null_mut(), 0);
    let statuses = unsafe {
        [
            proxy_log(2, far, 8),
            proxy_get_property(far, 8, &mut p, &mut n),
            proxy_set_shared_data(far, 8, far, 8, 0),
            proxy_get_current_time_nanoseconds(usize::MAX as *mut u64),
            proxy_get_header_map_value(0, far, 8, &mut p, &mut n),
            proxy_define_metric(0, far, 8, &mut 0),
            proxy_log(6, far, 8),
        ]
    };
    format!("{statuses:?}")
}
