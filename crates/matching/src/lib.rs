//! Which requests a rule is about, and by which key.
//!
//! [`spec`] describes matches and keys; [`RuleSet`] and [`Key`] are their compiled forms, made once when a filter
//! is configured; [`Request`] is what one request says, decoded as it is asked for and at most once. Everything is
//! compared as bytes, since a client may send any, and nothing here can fail or panic on what a client sends.
//!
//! What this crate does not do: verify tokens, normalise paths (the proxy has done so, as far as it is told to), keep
//! state, read the clock. Cost: an index finds the rules by host or path, so that a request pays for the rules that
//! could be meant and not for the length of the list; nothing is allocated for the first
//! value that is looked up by name, and a block for all else and one for each further name, besides what has to be decoded.

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        reason = "a test that overflows fails, as it should"
    )
)]

mod client;
mod key;
mod request;
mod rules;
pub mod spec;

pub use client::Client;
pub use key::{Key, Lone};
pub use request::Request;
pub use rules::RuleSet;
pub use spec::{
    Cidr, ClientAddress, ClientSpec, GrpcSpec, HostSpec, KeyPartSpec, KeySource, MatchSpec, PathSpec,
    Pattern, SpecError, Template, TextSpec,
};
