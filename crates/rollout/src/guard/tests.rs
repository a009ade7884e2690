//! The guard as a whole: in simulated traffic over thousands of hours of virtual time, and through cells that several
//! workers share. What each part does by itself is tested next to it.

use super::*;
use fairlead_stage::Timestamp;

#[cfg(not(target_arch = "wasm32"))]
mod failing;
#[cfg(not(target_arch = "wasm32"))]
mod slow;
#[cfg(not(target_arch = "wasm32"))]
mod traffic;
mod workers;

pub(super) const SECOND: u64 = 1_000_000_000;
/// Some day in 2026, at the beginning of a slice of 6 s.
pub(super) const START: u64 = 1_795_000_002 * SECOND;

pub(super) fn at(nanos: u64) -> Timestamp {
    Timestamp::from_unix_nanos(nanos)
}

pub(super) fn share(text: &str) -> Share {
    text.parse().unwrap()
}

/// The guard of the documentation: windows of a minute, 50 requests, `max: 5%`, `or_above_stable_by: 2%`.
pub(super) fn guard() -> Guard {
    Guard {
        window: Duration::from_secs(60),
        minimum_requests: 50,
        error_rate: Some(ErrorRate {
            max: Some(share("5%")),
            above_stable: Some(share("2%")),
        }),
        latency: None,
        failure_limit: 0,
        on_trip: OnTrip {
            weight: Share::NONE,
            hold: Duration::from_secs(600),
            then: Then::StepDown,
        },
    }
}

/// One that watches p95.
pub(super) fn latency_guard(max: Option<Duration>, ratio: Option<u32>) -> Guard {
    Guard {
        error_rate: None,
        latency: Some(Latency {
            quantile: share("95%"),
            max,
            max_ratio_to_stable_permille: ratio,
        }),
        ..guard()
    }
}
