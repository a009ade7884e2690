//! `dist/suite.wasm` in the emulator: that it does what the chain of the four modules does, and what is its own.

#[path = "emulator_suite/config.rs"]
mod config;
#[path = "emulator_suite/differential.rs"]
mod differential;
#[path = "emulator_suite/fuel.rs"]
mod fuel;
#[path = "emulator_suite/pair.rs"]
mod pair;
#[path = "emulator_suite/policies.rs"]
mod policies;
#[path = "emulator_suite/scenarios.rs"]
mod scenarios;
#[path = "emulator_suite/traffic.rs"]
mod traffic;
