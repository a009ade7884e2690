//! What each variant can get, over all of its time.

use super::super::Canary;
use fairlead_rollout::draw::portion;
use fairlead_rollout::{Finish, Ramp, Share};

/// The largest share of each variant, and the smallest one that is more than nothing.
pub(super) struct Shares {
    largest: Vec<Share>,
    smallest: Option<Share>,
    /// The largest of all variants together.
    pub(super) total: Share,
}

impl Shares {
    pub(super) fn of(config: &Canary) -> Self {
        let weights: Vec<Share> = config.variants.iter().map(|variant| variant.weight).collect();
        let sum = weights
            .iter()
            .fold(0_u32, |sum, weight| sum.saturating_add(weight.ppm()));
        let sum = Share::from_ppm(sum).unwrap_or(Share::ALL);
        let totals: Vec<Share> = match &config.ramp {
            None => vec![sum],
            Some(ramp) => totals(ramp).collect(),
        };
        let part = |total: Share, weight: Share| match config.ramp {
            None => weight,
            Some(_) => portion(total, weight, sum, weights.len()),
        };
        let parts = |weight: Share| totals.iter().map(move |total| part(*total, weight));
        Self {
            largest: weights
                .iter()
                .map(|weight| parts(*weight).max().unwrap_or_default())
                .collect(),
            smallest: weights
                .iter()
                .flat_map(|weight| parts(*weight))
                .filter(|share| *share > Share::NONE)
                .min(),
            total: totals.iter().copied().max().unwrap_or_default(),
        }
    }

    /// Whether the variant at this position is ever drawn.
    pub(super) fn reaches(&self, variant: usize) -> bool {
        self.largest
            .get(variant)
            .is_some_and(|share| *share > Share::NONE)
    }

    /// Whether any is.
    pub(super) fn draws(&self) -> bool {
        self.total > Share::NONE
    }

    /// The most that any gets.
    pub(super) fn largest(&self) -> Share {
        self.largest.iter().copied().max().unwrap_or_default()
    }

    /// The least that any gets while it gets something.
    pub(super) const fn smallest(&self) -> Option<Share> {
        self.smallest
    }
}

/// What a ramp gives all variants together, in order.
fn totals(ramp: &Ramp) -> impl Iterator<Item = Share> {
    let finish = match ramp.finish() {
        Some((_, Finish::Promoted)) => Some(Share::ALL),
        Some((_, Finish::Ended)) => Some(Share::NONE),
        None => None,
    };
    ramp.steps().iter().map(|step| step.weight).chain(finish)
}
