//! The guard: takes a bad canary out inside the proxy, in one window instead of minutes.
//!
//! A guard counts the outcomes of each variant in a sliding window over all workers, and compares the canary's with the
//! stable variant's. A canary that breaks its bound has its weight taken down for a while, comes back one step lower,
//! or stays out.
//!
//! - [`Windows`]: what cells hold. A worker records into its own *pending* cell, and once a tick merges that into the
//!   *window* cell that all workers share, one for each variant;
//! - [`Guard::judge`]: whether the counts of two variants are a [`Breach`] of a bound;
//! - [`Guard::advance`]: what the [`State`] of a variant becomes, a third cell that all workers share.
//!
//! A tick merges, takes the counts since [`State::since`], judges, advances and stores the state, as a step that runs again
//! when another worker was faster. Each of these is a pure function, so that it does not matter which worker does it.
//!
//! What this does not do: correct for time of day or for users that differ; a canary that is drawn by a hash gets the same
//! mix of users as the stable variant, and one that is reached by rules may not. Nor does it see what no request shows.

mod judge;
mod latency;
mod proportion;
mod state;
mod windows;

pub use judge::{Against, Bound, Breach};
pub use state::{Phase, State, Transition};
pub use windows::{Counts, Outcome, Pending, Windows};

use crate::Share;
use std::time::Duration;

/// What a guard watches for and what it does then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// How far back outcomes count: 1 s to 1 h.
    pub window: Duration,
    /// A variant with fewer requests in the window is not judged, nor compared with. At least 1.
    pub minimum_requests: u32,
    /// Bounds on failures.
    pub error_rate: Option<ErrorRate>,
    /// Bounds on how long responses take to begin.
    pub latency: Option<Latency>,
    /// How many windows may break a bound before the guard trips: 0 trips at once. As `failureLimit` of Argo Rollouts; one
    /// less than `threshold` of Flagger. They need not follow each other, and are counted from the start or from the last
    /// hold. What trips takes as many windows longer.
    pub failure_limit: u32,
    /// What happens then.
    pub on_trip: OnTrip,
}

/// Bounds on failures: either trips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorRate {
    /// The canary's rate of failures is above this.
    pub max: Option<Share>,
    /// It is above the stable variant's rate by more than this.
    pub above_stable: Option<Share>,
}

/// Bounds on a quantile of the time until the response begins: either trips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// Which quantile: 50 % is the median, 95 % is p95. Above nothing, below all.
    pub quantile: Share,
    /// The canary's is above this.
    pub max: Option<Duration>,
    /// It is above the stable variant's by this factor, in thousandths: 1500 is one and a half times. Above 1000.
    pub max_ratio_to_stable_permille: Option<u32>,
}

impl Latency {
    /// 67.1 s: what is longer cannot be told apart, so that a `max` beyond it is never exceeded.
    pub const LONGEST: Duration = Duration::from_micros(latency::LONGEST_MICROS);
}

/// What a tripped guard does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnTrip {
    /// The most that the variant's weight can be while it is held.
    pub weight: Share,
    /// For how long it is held.
    pub hold: Duration,
    /// What comes after.
    pub then: Then,
}

/// What comes after a hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// The variant comes back one step of its ramp lower; without a ramp, with half of its weight.
    #[default]
    StepDown,
    /// It comes back as it was.
    Resume,
    /// It stays out until the operator begins anew.
    StayOut,
}

#[cfg(test)]
mod tests;
