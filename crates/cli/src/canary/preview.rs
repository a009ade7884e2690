//! Which users a release gets, and when, without traffic.
//!
//! A user's place and the ranges of the variants are worked out by the crate that is compiled into the module, so that
//! the answer is the module's. A user costs a hash and a look at each row, and no memory unless users are to be named.
//!
//! What this does not do: find keys in requests, or know of what comes before the draw or takes a variant out.

use crate::phase::Phase;
use fairlead_config::canary::Canary;
use fairlead_rollout::Share;
use fairlead_rollout::draw::{self, Place};
use fairlead_rollout::ranges::{self, Range};
use fairlead_stage::Timestamp;

/// A policy's release, and the users counted so far.
#[derive(Debug)]
pub(super) struct Preview<'c> {
    pub(super) canary: &'c Canary,
    /// The moment that was asked for.
    pub(super) at: Option<Timestamp>,
    /// How many users there are.
    pub(super) users: u64,
    pub(super) rows: Vec<Row>,
    /// Everyone who is in some variant at some time, if users are to be named.
    drawn: Option<Vec<(Box<[u8]>, Place)>>,
    /// The salt, and after it the last key.
    salted: Vec<u8>,
}

/// A time in which weights stay as they are.
#[derive(Debug)]
pub(super) struct Row {
    /// `None`: always, as there is no ramp.
    pub(super) phase: Option<Phase>,
    /// Of all variants together.
    pub(super) weight: Share,
    /// In the order of the variants.
    ranges: Vec<Range>,
    pub(super) tallies: Vec<Tally>,
}

/// The users of a variant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) users: u64,
    /// Who was not in it in the row before.
    pub(super) new: u64,
    /// Who was in it in the row before, and is not any more.
    pub(super) left: u64,
}

impl<'c> Preview<'c> {
    /// A preview without users: of each step, or of one moment.
    pub(super) fn new(canary: &'c Canary, at: Option<Timestamp>, names: bool) -> Self {
        Self {
            canary,
            at,
            users: 0,
            rows: rows(canary, at),
            drawn: names.then(Vec::new),
            salted: canary.sticky.salt.clone().into_bytes(),
        }
    }

    /// Counts a user.
    pub(super) fn add(&mut self, key: &[u8]) {
        let sticky = &self.canary.sticky;
        self.salted.truncate(sticky.salt.len());
        self.salted.extend_from_slice(key);
        let place = draw::place(sticky.hash, &self.salted);
        self.users = self.users.saturating_add(1);
        let mut before = None;
        let mut is_drawn = false;
        for row in &mut self.rows {
            let variant = ranges::pick(place, &row.ranges);
            is_drawn |= variant.is_some();
            if variant != before {
                count(&mut row.tallies, variant, |tally| &mut tally.new);
                count(&mut row.tallies, before, |tally| &mut tally.left);
            }
            count(&mut row.tallies, variant, |tally| &mut tally.users);
            before = variant;
        }
        if let Some(drawn) = self.drawn.as_mut().filter(|_| is_drawn) {
            drawn.push((key.into(), place));
        }
    }

    /// Who is in a variant in a row, in the order of the list; `None` if users are not to be named.
    pub(super) fn names<'p>(
        &'p self,
        row: &'p Row,
        variant: usize,
    ) -> Option<impl Iterator<Item = &'p [u8]>> {
        let drawn = self.drawn.as_ref()?.iter();
        Some(
            drawn
                .filter(move |(_, place)| ranges::pick(*place, &row.ranges) == Some(variant))
                .map(|(key, _)| &key[..]),
        )
    }
}

impl Row {
    fn new(canary: &Canary, phase: Option<Phase>) -> Self {
        let variants = &canary.variants;
        let weights = variants.iter().map(|variant| variant.weight.ppm());
        let sum = Share::from_ppm(weights.fold(0, u32::saturating_add)).unwrap_or(Share::ALL);
        let range = |own: Share| match phase {
            None => Range::whole(own),
            Some(phase) => Range::of_ramp(phase.weight, own, sum, variants.len()),
        };
        Self {
            phase,
            weight: phase.map_or(sum, |phase| phase.weight),
            ranges: variants.iter().map(|variant| range(variant.weight)).collect(),
            tallies: vec![Tally::default(); variants.len()],
        }
    }

    /// The weight of each variant, in their order.
    pub(super) fn weights(&self) -> impl Iterator<Item = Share> {
        self.ranges.iter().map(|range| range.open)
    }

    /// How many users are in any variant.
    pub(super) fn drawn(&self) -> u64 {
        self.tallies
            .iter()
            .fold(0, |sum, tally| sum.saturating_add(tally.users))
    }
}

fn count(tallies: &mut [Tally], variant: Option<usize>, of: impl FnOnce(&mut Tally) -> &mut u64) {
    if let Some(tally) = variant.and_then(|variant| tallies.get_mut(variant)) {
        let number = of(tally);
        *number = number.saturating_add(1);
    }
}

fn rows(canary: &Canary, at: Option<Timestamp>) -> Vec<Row> {
    let phases = match (&canary.ramp, at) {
        (None, _) => vec![None],
        (Some(ramp), Some(at)) => vec![Some(Phase::of(ramp, ramp.standing(at)))],
        (Some(ramp), None) => Phase::all(ramp).into_iter().map(Some).collect(),
    };
    phases.into_iter().map(|phase| Row::new(canary, phase)).collect()
}
