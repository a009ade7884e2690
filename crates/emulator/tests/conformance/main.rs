//! The emulator's behaviour, and the emulator against a real Envoy: the same probe module, the same traffic, the same log
//! lines and responses.
//!
//! `golden` compares the emulator with what Envoy 1.40 logged once; `differential` runs Envoy itself (`FAIRLEAD_ENVOY`
//! names the binary; without it these tests say so and pass, but fail where `CI=true`).

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says on stdout why it does nothing"
)]

mod concurrency;
mod differential;
mod emulate;
mod envoy;
mod golden;
mod hostile;
mod lifecycle;
mod probe;
mod scenario;
mod traffic;
