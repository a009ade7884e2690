//! Weights that follow the clock.
//!
//! A ramp is a list of steps, each a share from so long after the start. Every proxy works out the step in force from its
//! own clock, so that all agree without talking, as far as their clocks do, and a proxy that starts late joins in where
//! the others are. Nothing is stored. Cost: a walk along the steps, of which there are at most [`Ramp::MAX_STEPS`].
//!
//! What this does not do: wait for anybody's approval (that is `pause`), look at metrics (that is the guard).

use crate::Share;
use fairlead_stage::Timestamp;
use std::time::Duration;

/// One step: this share from `at` after the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RampStep {
    /// When it begins, since the start.
    pub at: Duration,
    /// The share of users that is drawn from then on.
    pub weight: Share,
}

/// What becomes of the release when its ramp is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Everyone is drawn.
    Promoted,
    /// Nobody is: the release has ended, users go home.
    Ended,
}

/// Where a ramp stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Before its start, or before its first step: nobody is drawn.
    Ahead,
    /// In this step.
    Step(usize),
    /// Over.
    Finished(Finish),
}

/// A schedule of shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ramp {
    start: Timestamp,
    steps: Box<[RampStep]>,
    pause: Option<Timestamp>,
    finish: Option<(Duration, Finish)>,
}

/// Why steps are no ramp. Positions count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RampError {
    /// There are none, or more than [`Ramp::MAX_STEPS`].
    Count,
    /// This step does not begin after the one before it.
    NotLater(usize),
    /// It is over before its last step begins.
    FinishTooEarly,
}

impl Ramp {
    /// The most steps.
    pub const MAX_STEPS: usize = 64;

    /// A ramp from `start` on. At `pause` its clock stands still; `finish` says when it is over, since the start, and how.
    ///
    /// # Errors
    /// [`RampError`], the first that is found.
    pub fn new(
        start: Timestamp,
        steps: Vec<RampStep>,
        pause: Option<Timestamp>,
        finish: Option<(Duration, Finish)>,
    ) -> Result<Self, RampError> {
        if steps.is_empty() || steps.len() > Self::MAX_STEPS {
            return Err(RampError::Count);
        }
        for (index, (before, step)) in steps.iter().zip(steps.iter().skip(1)).enumerate() {
            let index = index.saturating_add(1);
            if step.at <= before.at {
                return Err(RampError::NotLater(index));
            }
        }
        if let (Some((over, _)), Some(last)) = (finish, steps.last())
            && over <= last.at
        {
            return Err(RampError::FinishTooEarly);
        }
        Ok(Self {
            start,
            steps: steps.into_boxed_slice(),
            pause,
            finish,
        })
    }

    /// When it starts.
    #[must_use]
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// Its steps, in order; at least one.
    #[must_use]
    pub fn steps(&self) -> &[RampStep] {
        &self.steps
    }

    /// When it is over, since its start, and how.
    #[must_use]
    pub const fn finish(&self) -> Option<(Duration, Finish)> {
        self.finish
    }

    /// Where it stands at `now`.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Standing {
        let now = self.pause.map_or(now, |pause| now.min(pause));
        if now < self.start {
            return Standing::Ahead;
        }
        let elapsed = now.since(self.start);
        if let Some((over, how)) = self.finish
            && elapsed >= over
        {
            return Standing::Finished(how);
        }
        match self.steps.iter().rposition(|step| step.at <= elapsed) {
            Some(step) => Standing::Step(step),
            None => Standing::Ahead,
        }
    }

    /// The share that is drawn at `now`, held back by `setback` steps.
    #[must_use]
    pub fn weight(&self, now: Timestamp, setback: u32) -> Share {
        let back = usize::try_from(setback).unwrap_or(usize::MAX);
        let step = match self.standing(now) {
            Standing::Ahead | Standing::Finished(Finish::Ended) => return Share::NONE,
            Standing::Finished(Finish::Promoted) if back == 0 => return Share::ALL,
            // Promotion is one step after the last.
            Standing::Finished(Finish::Promoted) => self.steps.len().checked_sub(back),
            Standing::Step(step) => step.checked_sub(back),
        };
        step.and_then(|step| self.steps.get(step))
            .map_or(Share::NONE, |step| step.weight)
    }
}

#[cfg(test)]
mod tests;
