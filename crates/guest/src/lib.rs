//! The Wasm front end: drives a [`fairlead_stage::Stage`] from proxy-wasm callbacks.
//!
//! The only crate that calls the host. The SDK (`proxy-wasm`) gives `main!`, the context traits, the dispatcher and the
//! allocator; every host call goes through this crate's own imports, because the SDK's getters panic on what clients and
//! proxies really send (`abi`). Off wasm32 the host is absent and every call fails in its defined way.
//!
//! A filter's module is one line: `proxy_wasm::main! {{ fairlead_guest::start(fairlead_guest::root::<MyStage>) }}`.

mod abi;
#[cfg(target_arch = "wasm32")]
mod allocator;
mod catalogue;
mod cells;
mod faults;
mod journal;
mod metrics;
mod pairs;
mod plugin;
mod root;
mod stream;
mod surroundings;
mod view;

use fairlead_stage::Stage;
use proxy_wasm::traits::RootContext;
use proxy_wasm::types::{LogLevel, NewRootContext};

pub use catalogue::COMMON;
pub use proxy_wasm;

/// Sets up logging and names the root context: the body of a module's `main!`.
pub fn start(root: NewRootContext) {
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(root);
}

/// Makes the root context of a module that serves stage `S`.
#[must_use]
pub fn root<S: Stage>(_context_id: u32) -> Box<dyn RootContext> {
    Box::new(root::Root::<S>::new())
}
