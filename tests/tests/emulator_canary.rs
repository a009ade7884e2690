//! `dist/canary.wasm` in the emulator: what needs virtual time, seeded schedules, exact fuel or a host that fails. What one
//! request after the other shows is in `scenarios/`.

#[path = "emulator_canary/cookies.rs"]
mod cookies;
#[path = "emulator_canary/draws.rs"]
mod draws;
#[path = "emulator_canary/failures.rs"]
mod failures;
#[path = "emulator_canary/fuel.rs"]
mod fuel;
#[path = "emulator_canary/guard.rs"]
mod guard;
#[path = "emulator_canary/hostile.rs"]
mod hostile;
#[path = "emulator_canary/keys.rs"]
mod keys;
#[path = "emulator_canary/rig.rs"]
mod rig;
#[path = "emulator_canary/schedules.rs"]
mod schedules;
