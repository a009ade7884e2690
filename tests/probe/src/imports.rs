//! The host functions of proxy-wasm 0.2.1 and WASI, as the module imports them.

use crate::abi::Slice;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    pub fn proxy_log(level: u32, p: *const u8, n: usize) -> u32;
    pub fn proxy_get_log_level(to: *mut u32) -> u32;
    pub fn proxy_get_current_time_nanoseconds(to: *mut u64) -> u32;
    pub fn proxy_set_tick_period_milliseconds(ms: u32) -> u32;
    pub fn proxy_get_buffer_bytes(buffer: u32, start: u32, max: u32, p: *mut *mut u8, n: *mut usize) -> u32;
    pub fn proxy_set_buffer_bytes(buffer: u32, start: u32, size: u32, p: *const u8, n: usize) -> u32;
    pub fn proxy_get_buffer_status(buffer: u32, length: *mut u32, flags: *mut u32) -> u32;
    pub fn proxy_get_header_map_size(map: u32, to: *mut u32) -> u32;
    pub fn proxy_get_header_map_pairs(map: u32, p: *mut *mut u8, n: *mut usize) -> u32;
    pub fn proxy_set_header_map_pairs(map: u32, p: *const u8, n: usize) -> u32;
    pub fn proxy_get_header_map_value(
        map: u32,
        kp: *const u8,
        kn: usize,
        p: *mut *mut u8,
        n: *mut usize,
    ) -> u32;
    pub fn proxy_add_header_map_value(map: u32, kp: *const u8, kn: usize, vp: *const u8, vn: usize) -> u32;
    pub fn proxy_replace_header_map_value(
        map: u32,
        kp: *const u8,
        kn: usize,
        vp: *const u8,
        vn: usize,
    ) -> u32;
    pub fn proxy_remove_header_map_value(map: u32, kp: *const u8, kn: usize) -> u32;
    pub fn proxy_get_property(kp: *const u8, kn: usize, p: *mut *mut u8, n: *mut usize) -> u32;
    pub fn proxy_set_property(kp: *const u8, kn: usize, vp: *const u8, vn: usize) -> u32;
    pub fn proxy_continue_stream(kind: u32) -> u32;
    pub fn proxy_close_stream(kind: u32) -> u32;
    pub fn proxy_send_local_response(
        status: u32,
        dp: *const u8,
        dn: usize,
        bp: *const u8,
        bn: usize,
        hp: *const u8,
        hn: usize,
        grpc: i32,
    ) -> u32;
    pub fn proxy_get_status(code: *mut u32, p: *mut *mut u8, n: *mut usize) -> u32;
    pub fn proxy_http_call(
        up: *const u8,
        un: usize,
        hp: *const u8,
        hn: usize,
        bp: *const u8,
        bn: usize,
        tp: *const u8,
        tn: usize,
        ms: u32,
        id: *mut u32,
    ) -> u32;
    pub fn proxy_grpc_call(
        up: *const u8,
        un: usize,
        sp: *const u8,
        sn: usize,
        mp: *const u8,
        mn: usize,
        ip: *const u8,
        in_: usize,
        bp: *const u8,
        bn: usize,
        ms: u32,
        id: *mut u32,
    ) -> u32;
    pub fn proxy_grpc_stream(
        up: *const u8,
        un: usize,
        sp: *const u8,
        sn: usize,
        mp: *const u8,
        mn: usize,
        ip: *const u8,
        in_: usize,
        id: *mut u32,
    ) -> u32;
    pub fn proxy_grpc_send(id: u32, p: *const u8, n: usize, end: u32) -> u32;
    pub fn proxy_grpc_cancel(id: u32) -> u32;
    pub fn proxy_grpc_close(id: u32) -> u32;
    pub fn proxy_set_shared_data(kp: *const u8, kn: usize, vp: *const u8, vn: usize, cas: u32) -> u32;
    pub fn proxy_get_shared_data(
        kp: *const u8,
        kn: usize,
        p: *mut *mut u8,
        n: *mut usize,
        cas: *mut u32,
    ) -> u32;
    pub fn proxy_register_shared_queue(p: *const u8, n: usize, id: *mut u32) -> u32;
    pub fn proxy_resolve_shared_queue(vp: *const u8, vn: usize, p: *const u8, n: usize, id: *mut u32) -> u32;
    pub fn proxy_enqueue_shared_queue(id: u32, p: *const u8, n: usize) -> u32;
    pub fn proxy_dequeue_shared_queue(id: u32, p: *mut *mut u8, n: *mut usize) -> u32;
    pub fn proxy_define_metric(kind: u32, p: *const u8, n: usize, id: *mut u32) -> u32;
    pub fn proxy_increment_metric(id: u32, by: i64) -> u32;
    pub fn proxy_record_metric(id: u32, value: i64) -> u32;
    pub fn proxy_get_metric(id: u32, to: *mut u64) -> u32;
    pub fn proxy_set_effective_context(id: u32) -> u32;
    pub fn proxy_done() -> u32;
    pub fn proxy_call_foreign_function(
        np: *const u8,
        nn: usize,
        ap: *const u8,
        an: usize,
        p: *mut *mut u8,
        n: *mut usize,
    ) -> u32;
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    pub fn clock_time_get(id: u32, precision: u64, to: *mut u64) -> u32;
    pub fn random_get(p: *mut u8, n: usize) -> u32;
    pub fn fd_write(fd: u32, iovs: *const Slice, count: usize, to: *mut usize) -> u32;
}
