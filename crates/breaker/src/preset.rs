//! The starting values and comparison rules of known libraries.
//!
//! Only what a breaker here can be told: what a library does beyond that (fallbacks, caches, ejecting single hosts) is not
//! part of these. Where a library has no value of its own, the default is that of [`Policy`].

use crate::classes::Classes;
use crate::policy::{Backoff, HALF, Policy, Rules, Slow, Trip, Window};
use fairlead_stage::Share;
use std::num::NonZeroU32;
use std::time::Duration;

/// A library whose breaker is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    /// Node.js: opossum.
    Opossum,
    /// Java: resilience4j.
    Resilience4j,
    /// Go: sony/gobreaker.
    Gobreaker,
    /// Envoy's outlier detection.
    Envoy,
    /// Java: Netflix Hystrix.
    Hystrix,
}

const FIVE: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);
const SIX: NonZeroU32 = NonZeroU32::MIN.saturating_add(5);
const HUNDRED: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);

impl Preset {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Opossum,
        Self::Resilience4j,
        Self::Gobreaker,
        Self::Envoy,
        Self::Hystrix,
    ];

    /// The word for a config.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opossum => "opossum",
            Self::Resilience4j => "resilience4j",
            Self::Gobreaker => "gobreaker",
            Self::Envoy => "envoy",
            Self::Hystrix => "hystrix",
        }
    }

    /// What a breaker is told to begin with.
    #[must_use]
    #[inline(never)]
    pub fn policy(self) -> Policy {
        let mut policy = Policy::default();
        match self {
            Self::Opossum => {
                policy.minimum_requests = 1;
                policy.rules = Rules {
                    trip_above: true,
                    bad_calls_trip: true,
                    keep_window: true,
                    ignored_succeed: true,
                    ..Rules::default()
                };
            }
            Self::Resilience4j => {
                policy.window = Window::Calls(HUNDRED);
                policy.minimum_requests = 100;
                policy.trip.slow = Some(Slow {
                    above: Duration::from_secs(60),
                    rate: Share::ALL,
                });
                policy.open.duration = Duration::from_secs(60);
                policy.half_open.probes = 10;
                policy.half_open.success_rate = HALF;
                policy.rules.judge_all_probes = true;
                policy.rules.close_above = true;
            }
            Self::Gobreaker => {
                policy.window = Window::Time {
                    duration: Duration::from_secs(60),
                    buckets: NonZeroU32::MIN,
                };
                policy.trip = consecutive(SIX);
                policy.rules.bad_calls_trip = true;
                policy.open.duration = Duration::from_secs(60);
            }
            Self::Envoy => {
                policy.trip = consecutive(FIVE);
                policy.open.backoff = Backoff::Linear;
                policy.half_open.probes = 0;
            }
            Self::Hystrix => {
                policy.open.duration = Duration::from_secs(5);
                policy.rules.lost_probe_opens = true;
            }
        }
        policy
    }

    /// What its responses count as to begin with.
    #[must_use]
    pub fn classes(self) -> Classes {
        Classes::default()
    }
}

const fn consecutive(failures: NonZeroU32) -> Trip {
    Trip {
        error_rate: None,
        slow: None,
        consecutive_failures: Some(failures),
    }
}

#[cfg(test)]
mod tests;
