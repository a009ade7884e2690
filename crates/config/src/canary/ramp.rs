//! The ramp: weights that follow the clock.

use crate::json::Json;
use crate::leaf::{DAY, Percent, Span, Time};
use crate::problem::Problems;
use crate::read::{Each, Read};
use fairlead_rollout::{Finish, Ramp, RampError, RampStep};
use fairlead_stage::Timestamp;
use std::time::Duration;

/// How long after the start something can be.
type Since = Span<0, { 3650 * DAY }>;

object! {
    /// Weights that follow the clock, so that all proxies agree without talking. Before the start nobody is drawn.
    struct RampFields, "a ramp" {
        /// When it starts, as in 2026-11-20T09:00:00Z.
        "start" Required start: Time;
        /// The steps, each later than the one before.
        "steps" Required steps: Steps;
        /// From then on its clock stands still.
        "pause" Optional pause: Time;
        /// When it is over, and how. Without it: the last step stays.
        "finish" Optional finish: FinishFields;
    }
}

object! {
    /// A share from some time on.
    struct StepFields, "a step" {
        /// When it begins, since the start.
        "at" Required at: Since;
        /// The share of users that all variants have together from then on.
        "weight" Required weight: Percent;
    }
}

object! {
    /// The end of a ramp.
    struct FinishFields, "an end of a ramp" {
        /// When, since the start; later than the last step.
        "at" Required at: Since;
        /// What becomes of the release.
        "as" Required how: Finish;
    }
}

words! {
    Finish, "an end of a release" {
        /// Everyone gets a variant.
        "promoted" => Finish::Promoted;
        /// Nobody does, and their cookies are cleared.
        "ended" => Finish::Ended;
    }
}

/// `steps: [...]`, as far as each can be read.
pub(super) struct Steps;

impl Read for Steps {
    type Out = Vec<Option<StepFields>>;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self::Out> {
        match value {
            Json::List(items) if items.is_empty() => {
                at.say(&["is empty: write at least one step"]);
                return None;
            }
            Json::List(items) if items.len() > Ramp::MAX_STEPS => {
                at.say(&["has ", &items.len().to_string(), " steps, and 64 are the most"]);
                return None;
            }
            _ => {}
        }
        Each::<StepFields>::read(value, at)
    }
}

impl Read for Ramp {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = RampFields::read(value, at)?;
        let finish = fields.finish.and_then(|finish| Some((finish.at?, finish.how?)));
        let (mut places, mut steps) = (Vec::new(), Vec::new());
        for (index, step) in fields.steps.into_iter().flatten().enumerate() {
            let Some(step) = step else { continue };
            if let (Some(at), Some(weight)) = (step.at, step.weight) {
                places.push(index);
                steps.push(RampStep { at, weight });
            }
        }
        // A start that could not be read says nothing about the steps.
        let start = fields.start.unwrap_or_default();
        checked(start, steps, places, fields.pause, finish, at)
    }
}

/// The ramp of these steps, which stand at these places of the list. A step that is not one is noted and left out, so that
/// the next one is compared with the one before it.
#[inline(never)]
fn checked(
    start: Timestamp,
    mut steps: Vec<RampStep>,
    mut places: Vec<usize>,
    pause: Option<Timestamp>,
    finish: Option<(Duration, Finish)>,
    at: &mut Problems,
) -> Option<Ramp> {
    loop {
        match Ramp::new(start, steps.clone(), pause, finish) {
            Ok(ramp) => return Some(ramp),
            Err(RampError::NotLater(index)) if index < steps.len() && index < places.len() => {
                steps.remove(index);
                let mark = at.enter("steps");
                at.enter_item(places.remove(index));
                at.say_at(
                    "at",
                    &["is not later than the step before: write the steps in order"],
                );
                at.leave(mark);
            }
            Err(RampError::FinishTooEarly) => {
                let mark = at.enter("finish");
                at.say_at("at", &["is not later than the last step: write a later one"]);
                at.leave(mark);
                return None;
            }
            // Of no step, or of too many: noted where they were read.
            Err(_) => return None,
        }
    }
}

described_as! {
    Ramp => RampFields;
    Steps => Each<StepFields>, { "minItems": 1, "maxItems": 64 };
}
