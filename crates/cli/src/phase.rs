//! The times of a ramp in which its weight stays as it is, as commands list them.

use crate::time::rfc3339;
use fairlead_rollout::{Finish, Ramp, Share, Standing};
use fairlead_stage::Timestamp;
use std::time::Duration;

/// A time in which a weight stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Phase {
    pub(crate) standing: Standing,
    /// Of all variants together.
    pub(crate) weight: Share,
    /// When it begins, and how long that is since the start; `None`: before the first step.
    pub(crate) begins: Option<(Timestamp, Duration)>,
    /// Whether it ever begins: not after a pause.
    pub(crate) is_reached: bool,
}

impl Phase {
    /// The steps of a ramp, and its finish if it has one.
    pub(crate) fn all(ramp: &Ramp) -> Vec<Self> {
        let steps = ramp.steps().iter().enumerate();
        let steps = steps.map(|(index, step)| (Standing::Step(index), step.weight, step.at));
        let finish = ramp.finish().map(|(since, finish)| {
            let weight = match finish {
                Finish::Promoted => Share::ALL,
                Finish::Ended => Share::NONE,
            };
            (Standing::Finished(finish), weight, since)
        });
        steps
            .chain(finish)
            .map(|(standing, weight, since)| {
                let begins = ramp.start().saturating_add(since);
                Self {
                    standing,
                    weight,
                    begins: Some((begins, since)),
                    is_reached: ramp.standing(begins) == standing,
                }
            })
            .collect()
    }

    /// The one in which a ramp stands so.
    pub(crate) fn of(ramp: &Ramp, standing: Standing) -> Self {
        let found = Self::all(ramp)
            .into_iter()
            .find(|phase| phase.standing == standing);
        found.unwrap_or(Self {
            standing,
            weight: Share::NONE,
            begins: None,
            is_reached: true,
        })
    }

    /// `2` for the second step, `promoted`.
    pub(crate) fn name(&self) -> String {
        match self.standing {
            Standing::Ahead => "not started".to_owned(),
            Standing::Step(index) => index.saturating_add(1).to_string(),
            Standing::Finished(finish) => word(finish).to_owned(),
        }
    }

    /// When it begins; empty before the first step.
    pub(crate) fn begins_at(&self) -> String {
        match self.begins {
            _ if !self.is_reached => "never (paused)".to_owned(),
            None => String::new(),
            Some((begins, _)) => rfc3339(begins),
        }
    }
}

/// As the config has it.
pub(crate) const fn word(finish: Finish) -> &'static str {
    match finish {
        Finish::Promoted => "promoted",
        Finish::Ended => "ended",
    }
}
