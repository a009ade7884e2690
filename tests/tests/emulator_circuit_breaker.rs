//! `dist/circuit-breaker.wasm` in the emulator: what needs virtual time, seeded schedules, exact fuel or a host that fails.
//! What one request after the other shows is in `scenarios/`.

#[path = "emulator_circuit_breaker/clocks.rs"]
mod clocks;
#[path = "emulator_circuit_breaker/config.rs"]
mod config;
#[path = "emulator_circuit_breaker/crash.rs"]
mod crash;
#[path = "emulator_circuit_breaker/failures.rs"]
mod failures;
#[path = "emulator_circuit_breaker/fuel.rs"]
mod fuel;
#[path = "emulator_circuit_breaker/hostile.rs"]
mod hostile;
#[path = "emulator_circuit_breaker/keys.rs"]
mod keys;
#[path = "emulator_circuit_breaker/rig.rs"]
mod rig;
#[path = "emulator_circuit_breaker/schedules.rs"]
mod schedules;
