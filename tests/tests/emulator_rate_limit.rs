//! `dist/rate-limit.wasm` in the emulator: what needs virtual time, seeded schedules or exact fuel.

#[path = "emulator_rate_limit/config.rs"]
mod config;
#[path = "emulator_rate_limit/crash.rs"]
mod crash;
#[path = "emulator_rate_limit/fuel.rs"]
mod fuel;
#[path = "emulator_rate_limit/hostile.rs"]
mod hostile;
#[path = "emulator_rate_limit/keys.rs"]
mod keys;
#[path = "emulator_rate_limit/rig.rs"]
mod rig;
#[path = "emulator_rate_limit/schedules.rs"]
mod schedules;
