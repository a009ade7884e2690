//! `dist/latency-histogram.wasm` in the emulator: what needs virtual time, seeded schedules, exact fuel or a host that fails.
//! What one request after the other shows is in `scenarios/`.

#[path = "emulator_latency_histogram/clocks.rs"]
mod clocks;
#[path = "emulator_latency_histogram/config.rs"]
mod config;
#[path = "emulator_latency_histogram/crash.rs"]
mod crash;
#[path = "emulator_latency_histogram/failures.rs"]
mod failures;
#[path = "emulator_latency_histogram/fuel.rs"]
mod fuel;
#[path = "emulator_latency_histogram/hostile.rs"]
mod hostile;
#[path = "emulator_latency_histogram/keys.rs"]
mod keys;
#[path = "emulator_latency_histogram/labels.rs"]
mod labels;
#[path = "emulator_latency_histogram/names.rs"]
mod names;
#[path = "emulator_latency_histogram/outcomes.rs"]
mod outcomes;
#[path = "emulator_latency_histogram/rig.rs"]
mod rig;
#[path = "emulator_latency_histogram/schedules.rs"]
mod schedules;
#[path = "emulator_latency_histogram/updates.rs"]
mod updates;
