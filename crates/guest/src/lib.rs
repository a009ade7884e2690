//! The Wasm front end: drives a [`fairlead_stage::Stage`] from proxy-wasm callbacks.
//!
//! The only crate that calls the host. The SDK (`proxy-wasm`) gives `main!`, the context traits, the dispatcher and the
//! allocator; every host call goes through this crate's own imports, because the SDK's getters panic on what clients and
//! proxies really send (`abi`). Off wasm32 the host is absent and every call fails in its defined way.
//!
//! A filter's module is one line: `fairlead_guest::module!(MyStage);`.

mod abi;
#[cfg(target_arch = "wasm32")]
mod allocator;
mod catalogue;
mod cells;
mod faults;
mod journal;
mod lean;
mod metrics;
mod pairs;
mod plugin;
mod pulse;
mod root;
mod stream;
mod streams;
mod surroundings;
mod view;

use fairlead_stage::Stage;
use proxy_wasm::traits::RootContext;
use proxy_wasm::types::{LogLevel, NewRootContext};

pub use abi::allocate;
pub use catalogue::COMMON;
pub use lean::LeftOut;
pub use proxy_wasm;
pub use streams::Streams;

/// Sets up logging and names the root context: the body of a module's `main!`.
pub fn start(root: NewRootContext) {
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(root);
}

/// Makes the root context of a module that serves stage `S`, of which some callbacks may be left out (`lean`).
#[must_use]
pub fn root<S: Stage>(
    context_id: u32,
    streams: &'static Streams<S>,
    left_out: LeftOut,
) -> Box<dyn RootContext> {
    Box::new(root::Root::new(context_id, streams, left_out))
}

/// Makes a crate the Wasm module of a stage.
///
/// Plugins are the SDK's: it makes their contexts, and calls them to configure and to tick. Streams are [`Streams`]'. The
/// functions for streams are exported as `fairlead_on_..`; when the module is linked, `cargo xtask build` exports those in
/// place of the SDK's `proxy_on_..`.
#[macro_export]
macro_rules! module {
    ($stage:ty) => {
        mod module {
            #![allow(unsafe_code, reason = "the proxy finds functions by unmangled names")]
            #![allow(missing_docs, reason = "so does the SDK's macro")]

            use super::*;
            use $crate::proxy_wasm;
            use $crate::{LeftOut, Streams};

            static STREAMS: Streams<$stage> = Streams::new();

            proxy_wasm::main! {{ $crate::start(|number| $crate::root(number, &STREAMS, left_out())) }}

            /// Which callbacks this build leaves out: `cargo xtask build` writes the number into lean builds.
            #[unsafe(no_mangle)]
            #[inline(never)]
            pub extern "C" fn fairlead_left_out() -> u32 {
                std::hint::black_box(0)
            }

            #[inline(always)]
            fn left_out() -> LeftOut {
                LeftOut(fairlead_left_out())
            }

            unsafe extern "C" {
                fn proxy_on_context_create(context: u32, parent: u32);
                fn proxy_on_delete(context: u32);
                fn proxy_on_tick(context: u32);
            }

            #[unsafe(no_mangle)]
            pub extern "C" fn fairlead_on_memory_allocate(size: usize) -> *mut u8 {
                $crate::allocate(size)
            }

            #[unsafe(no_mangle)]
            pub extern "C" fn fairlead_on_context_create(context: u32, parent: u32) {
                if parent == 0 {
                    STREAMS.announce(context);
                    // SAFETY: the SDK's own callback.
                    unsafe { proxy_on_context_create(context, parent) }
                } else if left_out().without_ends() {
                    STREAMS.expect(context, parent);
                } else {
                    STREAMS.begin(context, parent);
                }
            }

            #[unsafe(no_mangle)]
            pub extern "C" fn fairlead_on_tick(context: u32) {
                if STREAMS.has(context) {
                    // SAFETY: the SDK's own callback.
                    unsafe { proxy_on_tick(context) }
                }
                if left_out().without_ends() {
                    while let Some(gone) = STREAMS.outlived(context) {
                        // SAFETY: the SDK's own callback.
                        unsafe { proxy_on_delete(gone) }
                    }
                }
            }

            #[unsafe(no_mangle)]
            pub extern "C" fn fairlead_on_request_headers(context: u32, _lines: u32, ends: u32) -> u32 {
                u32::from(if left_out().without_ends() {
                    STREAMS.pass(context, ends != 0)
                } else {
                    STREAMS.request_headers(context, ends != 0)
                })
            }

            #[unsafe(no_mangle)]
            pub extern "C" fn fairlead_on_response_headers(context: u32, _lines: u32, ends: u32) -> u32 {
                u32::from(STREAMS.response_headers(context, ends != 0))
            }

            #[unsafe(no_mangle)]
            pub extern "C" fn fairlead_on_response_body(context: u32, size: usize, ends: u32) -> u32 {
                STREAMS.response_body(context, size, ends != 0);
                0
            }

            #[unsafe(no_mangle)]
            pub extern "C" fn fairlead_on_response_trailers(context: u32, _lines: u32) -> u32 {
                STREAMS.response_trailers(context);
                0
            }

            #[unsafe(no_mangle)]
            pub extern "C" fn fairlead_on_log(context: u32) {
                STREAMS.log(context);
            }

            #[unsafe(no_mangle)]
            pub extern "C" fn fairlead_on_delete(context: u32) {
                if STREAMS.end(context) {
                    // SAFETY: the SDK's own callback.
                    unsafe { proxy_on_delete(context) }
                }
            }
        }
    };
}
