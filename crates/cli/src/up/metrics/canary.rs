//! What a canary filter has counted of one variant, and how the guard stands to it.

use fairlead_rollout::{Reason, Share};
use std::collections::BTreeMap;

/// Where a variant stands with its guard, as its metric says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::up) enum Standing {
    Watching,
    Held,
    Out,
}

impl Standing {
    fn of(gauge: u64) -> Option<Self> {
        match gauge {
            0 => Some(Self::Watching),
            1 => Some(Self::Held),
            2 => Some(Self::Out),
            _ => None,
        }
    }

    pub(in crate::up) const fn name(self) -> &'static str {
        match self {
            Self::Watching => "watching",
            Self::Held => "held",
            Self::Out => "out",
        }
    }
}

/// The numbers of one variant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::up) struct Variant {
    /// Requests that got it, by reason.
    pub(in crate::up) exposures: BTreeMap<String, u64>,
    /// The share in force. Nothing until the filter has said so for the first time.
    pub(in crate::up) weight: Share,
    /// `None` without a guard. The default variant is never anything but watched.
    pub(in crate::up) guard: Option<Standing>,
    /// How often the guard has tripped.
    pub(in crate::up) trips: u64,
    /// Outcomes that the guard has counted.
    pub(in crate::up) succeeded: u64,
    pub(in crate::up) failed: u64,
}

impl Variant {
    /// Requests that got it for a reason, whether that is acted upon or only counted.
    pub(in crate::up) fn exposed(&self, reason: Reason) -> u64 {
        let of = |label: &str| self.exposures.get(label).copied().unwrap_or(0);
        of(reason.name()).saturating_add(of(reason.would()))
    }

    /// All requests that got it.
    pub(in crate::up) fn requests(&self) -> u64 {
        Reason::ALL
            .iter()
            .fold(0, |sum, reason| sum.saturating_add(self.exposed(*reason)))
    }

    /// Enters a sample: the metric's name without its prefix, label `cache`, and the number.
    pub(super) fn note(&mut self, metric: &str, outcome: Option<&str>, n: u64) {
        let count = match (metric, outcome) {
            ("exposures_total", Some(reason)) => self.exposures.entry(reason.to_owned()).or_default(),
            ("outcomes_total", Some("success")) => &mut self.succeeded,
            ("outcomes_total", Some("failure")) => &mut self.failed,
            ("guard_trips_total", Some(_)) => &mut self.trips,
            ("weight_ppm", None) => {
                let weight = u32::try_from(n).ok().and_then(Share::from_ppm);
                self.weight = weight.unwrap_or_default();
                return;
            }
            ("guard_state", None) => {
                self.guard = Standing::of(n);
                return;
            }
            _ => return,
        };
        *count = count.saturating_add(n);
    }
}
