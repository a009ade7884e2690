//! Which variant a canary gave a request, and why: as the filter itself counted it.

use super::metric::Metric;
use fairlead_emulator::Outcome;

/// What goes before a reason that was only counted, not acted upon.
const WOULD: &str = "would_";

/// One count of `exposures_total`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Exposure {
    /// The plugin, as metrics name it.
    pub(super) plugin: String,
    /// The variant's name.
    pub(super) variant: String,
    /// As metrics have it: `sticky`, `would_sticky`.
    pub(super) reason: String,
}

impl Exposure {
    /// The reason, if it was only counted.
    pub(super) fn would(&self) -> Option<&str> {
        self.reason.strip_prefix(WOULD)
    }
}

/// What canaries counted for a request, in the order of the chain. A canary in enforce mode with a rule in shadow mode
/// may have counted two.
pub(super) fn exposures(outcome: &Outcome) -> Vec<Exposure> {
    let counted = outcome.counted.iter();
    counted
        .filter(|(stat, _)| stat.ends_with("canary_exposures_total"))
        .filter_map(|(stat, _)| {
            let metric = Metric::of(stat);
            Some(Exposure {
                plugin: metric.label("component").unwrap_or_default().to_owned(),
                variant: metric.label("tag")?.to_owned(),
                reason: metric.label("cache")?.to_owned(),
            })
        })
        .collect()
}

/// The first that was acted upon.
pub(super) fn carried_out(exposures: &[Exposure]) -> Option<&Exposure> {
    exposures.iter().find(|exposure| exposure.would().is_none())
}

/// The first that was only counted.
pub(super) fn only_counted(exposures: &[Exposure]) -> Option<&Exposure> {
    exposures.iter().find(|exposure| exposure.would().is_some())
}
