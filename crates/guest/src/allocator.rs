//! The allocator of a module.
//!
//! The standard library's on wasip1 is dlmalloc in C: 9 KB of a module, of which one function alone costs the proxy more
//! memory to compile than anything of ours (docs/adr/0007). talc is a third of that.

#![allow(
    unsafe_code,
    reason = "an allocator of WebAssembly memory is only sound where it is the only one"
)]

// SAFETY: a module has one thread, and nothing else in it grows its memory.
#[global_allocator]
static ALLOCATOR: talc::TalckWasm = unsafe { talc::TalckWasm::new_global() };
