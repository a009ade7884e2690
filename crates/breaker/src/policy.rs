//! What a breaker is told.
//!
//! Every number has been checked by who makes these types; what lies outside of its range here changes no more than how
//! the breaker behaves.

use fairlead_stage::Share;
use std::num::NonZeroU32;
use std::time::Duration;

/// One breaker, whatever it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How far back completed calls count.
    pub window: Window,
    /// With fewer completed calls in the window, rates do not trip. At least 1. Consecutive failures trip regardless.
    pub minimum_requests: u32,
    /// What opens it. At least one of its parts is there.
    pub trip: Trip,
    /// For how long it stays open.
    pub open: Open,
    /// How it finds out whether to close.
    pub half_open: HalfOpen,
    /// After closing, for how long the share of admitted requests grows from nothing to all; zero: all at once.
    pub recovery_ramp: Duration,
    /// After the breaker's first request, for how long nothing trips it; zero: not at all.
    pub warm_up: Duration,
    /// Where known libraries compare differently.
    pub rules: Rules,
}

/// How far back completed calls count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The last `duration`, in `buckets` equal parts that are dropped one by one. With one bucket the window does not
    /// roll: it is emptied when it is over, and with it calls that began before are dropped.
    Time {
        /// 100 ms to 1 h.
        duration: Duration,
        /// 1 to 60.
        buckets: NonZeroU32,
    },
    /// The last so many completed calls: 1 to 1,000.
    Calls(NonZeroU32),
}

/// What opens a breaker: any one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trip {
    /// The share of calls in the window that failed.
    pub error_rate: Option<Share>,
    /// The share of calls in the window that were slow.
    pub slow: Option<Slow>,
    /// Failures without a success between them.
    pub consecutive_failures: Option<NonZeroU32>,
}

/// When slowness opens a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// A call is slow that takes longer than this until its response headers.
    pub above: Duration,
    /// The share of calls in the window that may be slow.
    pub rate: Share,
}

/// For how long a breaker stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// The first time: 1 ms to 1 h.
    pub duration: Duration,
    /// How that grows when it opens again before it has recovered.
    pub backoff: Backoff,
    /// The most that it grows to, before jitter.
    pub max: Duration,
    /// By at most how much of itself each duration is changed at random, either way.
    pub jitter: Share,
}

/// How the time open grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// Each time by this factor, in thousandths: 1000 to 100,000. A close by probes ends the row.
    Factor {
        /// Thousandths.
        permille: u32,
    },
    /// Each time by [`Open::duration`], as Envoy's outlier detection does: the row grows shorter by one with each
    /// window's duration that the breaker stays closed.
    Linear,
}

/// How a breaker finds out whether to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HalfOpen {
    /// How many requests are let through to find out; 0: it closes without.
    pub probes: u32,
    /// Which share of them must succeed.
    pub success_rate: Share,
    /// The longest that it waits for them: at least 1 ms.
    pub max_wait: Duration,
    /// What it does then.
    pub then: Then,
}

/// What becomes of a breaker whose probes have not told in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// It opens again.
    #[default]
    Open,
    /// It closes.
    Close,
}

/// Where known libraries compare differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Rates trip only above their bound, not at it (opossum).
    pub trip_above: bool,
    /// Only a failed or slow call trips, not a good one that makes the volume sufficient (opossum, gobreaker).
    /// With `keep_window` too, whatever this says: a window full of failures would open it again at its first success.
    pub bad_calls_trip: bool,
    /// The window keeps its counts when the breaker closes (opossum).
    pub keep_window: bool,
    /// Probes are judged when all have completed, not as soon as the result is certain (resilience4j).
    pub judge_all_probes: bool,
    /// The share of successful probes must be above its bound, not at it (resilience4j: opens at the failure rate).
    pub close_above: bool,
    /// Ignored calls count as successes (opossum's `errorFilter`).
    pub ignored_succeed: bool,
    /// A probe that ends without a result opens the breaker again, instead of giving its permit back (Hystrix).
    pub lost_probe_opens: bool,
}

impl Default for Policy {
    /// A window of 10 s, 20 requests, an error rate of 50 %, 30 s open, one probe for at most 60 s.
    fn default() -> Self {
        Self {
            window: Window::Time {
                duration: Duration::from_secs(10),
                buckets: TEN,
            },
            minimum_requests: 20,
            trip: Trip {
                error_rate: Some(HALF),
                ..Trip::default()
            },
            open: Open {
                duration: Duration::from_secs(30),
                backoff: Backoff::Factor { permille: 1_000 },
                max: Duration::from_secs(300),
                jitter: Share::NONE,
            },
            half_open: HalfOpen {
                probes: 1,
                success_rate: Share::ALL,
                max_wait: Duration::from_secs(60),
                then: Then::Open,
            },
            recovery_ramp: Duration::ZERO,
            warm_up: Duration::ZERO,
            rules: Rules::default(),
        }
    }
}

/// Ten buckets.
pub(crate) const TEN: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
/// A half.
pub(crate) const HALF: Share = Share::ALL.halved(1);

/// Shedding in proportion instead of opening, as in Google's SRE book and Envoy's admission control.
///
/// Of `n` requests in the window of which `s` succeeded, the share `((n - s / success_rate) / (n + 1)) ^ (1 / aggression)`
/// of new ones is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// The share of successes below which it begins to refuse; above nothing.
    pub success_rate: Share,
    /// In thousandths: 1000 to 100,000.
    pub aggression_permille: u32,
    /// The most that is refused.
    pub max_rejection: Share,
}
