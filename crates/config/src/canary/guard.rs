//! The guard: what takes a bad variant out.

use super::GuardConfig;
use crate::json::Json;
use crate::leaf::{DAY, Factor, HOUR, Percent, Quantile, SECOND, Span};
use crate::problem::Problems;
use crate::read::{Int, Read};
use fairlead_rollout::Share;
use fairlead_rollout::guard::{ErrorRate, Guard, Latency, OnTrip, Then};
use std::time::Duration;

object! {
    /// Takes a variant out that does worse than these bounds, inside the proxy, within one window.
    struct GuardFields, "a guard" {
        /// How far back outcomes count.
        "window" Optional window: Span<{ SECOND }, { HOUR }> = "60s";
        /// A variant with fewer requests in the window is not judged, nor compared with.
        "minimum_requests" Optional minimum_requests: Int<1, 1_000_000> = 50;
        /// Bounds on failures: status 5xx, and gRPC UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE and DATA_LOSS.
        "error_rate" AnyOf error_rate: ErrorRate;
        /// Bounds on the time until response headers.
        "latency" AnyOf latency: Latency;
        /// How many windows may break a bound before it trips.
        "failure_limit" Optional failure_limit: Int<0, 100> = 0;
        /// What happens when it trips.
        "on_trip" Optional on_trip: OnTrip;
        /// Another number forgets earlier trips of this release.
        "attempt" Optional attempt: Int<1, { u32::MAX }> = 1;
    }
}

object! {
    /// Bounds on failures. Any of them trips.
    struct ErrorRateFields, "a bound on failures" {
        /// The share of requests that may fail.
        "max" AnyOf max: Percent;
        /// By how much that share may be above the default variant's.
        "or_above_stable_by" AnyOf above_stable: Percent;
    }
}

object! {
    /// Bounds on the time until response headers. Any of them trips.
    struct LatencyFields, "a bound on latency" {
        /// Of which quantile.
        "quantile" Optional quantile: Quantile = "p95";
        /// How long it may be.
        "max" AnyOf max: Span<1, { 60 * SECOND }>;
        /// How many times the default variant's it may be, from 1.01 to 100.
        "max_ratio_to_stable" AnyOf ratio: Factor<1010>;
    }
}

object! {
    /// What happens to a variant that broke a bound.
    struct OnTripFields, "an answer to a trip" {
        /// The most that its weight can be while it is held.
        "weight" Optional weight: Percent = "0%";
        /// For how long it is held.
        "hold" Optional hold: Span<{ SECOND }, { 30 * DAY }> = "10m";
        /// What comes after.
        "then" Optional then: Then = "step_down";
    }
}

words! {
    Then, "a way to go on" {
        /// It comes back one step of its ramp lower; without a ramp, with half of its weight.
        "step_down" => Then::StepDown;
        /// It comes back as it was.
        "resume" => Then::Resume;
        /// It stays out until the release or the attempt is another.
        "stay_out" => Then::StayOut;
    }
}

impl Read for GuardConfig {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = GuardFields::read(value, at)?;
        Some(Self {
            guard: Guard {
                window: fields.window.unwrap_or(Duration::from_secs(60)),
                minimum_requests: fields.minimum_requests.unwrap_or(50),
                error_rate: fields.error_rate,
                latency: fields.latency,
                failure_limit: fields.failure_limit.unwrap_or_default(),
                on_trip: fields.on_trip.unwrap_or(ON_TRIP),
            },
            attempt: fields.attempt.unwrap_or(1),
        })
    }
}

/// What happens where the config does not say.
const ON_TRIP: OnTrip = OnTrip {
    weight: Share::NONE,
    hold: Duration::from_secs(600),
    then: Then::StepDown,
};

impl Read for ErrorRate {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = ErrorRateFields::read(value, at)?;
        Some(Self {
            max: fields.max,
            above_stable: fields.above_stable,
        })
    }
}

impl Read for Latency {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = LatencyFields::read(value, at)?;
        Some(Self {
            quantile: fields.quantile.or(Share::from_ppm(950_000))?,
            max: fields.max,
            max_ratio_to_stable_permille: fields.ratio,
        })
    }
}

impl Read for OnTrip {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = OnTripFields::read(value, at)?;
        Some(Self {
            weight: fields.weight.unwrap_or(ON_TRIP.weight),
            hold: fields.hold.unwrap_or(ON_TRIP.hold),
            then: fields.then.unwrap_or(ON_TRIP.then),
        })
    }
}

described_as! {
    GuardConfig => GuardFields;
    ErrorRate => ErrorRateFields;
    Latency => LatencyFields;
    OnTrip => OnTripFields;
}
