//! A real Envoy as a child process: find or fetch the binary, write its bootstrap, start it, ask its admin
//! interface, change its filters live, stop it.
//!
//! Everything is synchronous: the callers are command line tools and `#[test]` functions, which have nothing
//! else to do while Envoy starts, and an async runtime would be most of the compile time of this crate.
//!
//! ```no_run
//! use fairlead_envoy::{Bootstrap, Envoy, Listener, Locator, Options, Route};
//!
//! let found = Locator::from_env(".fairlead").locate()?;
//! let listener = Listener::http("main").route(Route::prefix("/").respond(200, "hello"));
//! let envoy = Envoy::start(Options::new(found.path, Bootstrap::new("demo").listener(listener)))?;
//! println!("listening on port {}", envoy.listener_port("main")?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What it does not do: no TLS, no xDS server (dynamic configuration comes from files), no Windows; macOS only
//! with an Envoy that is already installed.

mod admin;
mod bootstrap;
mod discovery;
mod error;
mod locate;
mod process;
#[cfg(test)]
#[cfg(unix)]
mod script;

pub use bootstrap::{
    AccessLog, Bootstrap, Cluster, Codec, FailurePolicy, HttpFilter, ISTIO_STATS_TAGS, Listener, Route, Wasm,
};
pub use discovery::{ExtensionFile, ListenerFile, Update};
pub use error::Error;
pub use locate::{ENVOY_VERSION, LocateError, Located, Locator, Release, Source, UnknownRelease, Version};
pub use process::{Envoy, Options};
