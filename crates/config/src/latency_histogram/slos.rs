//! Objectives, as they are written.

use super::{Failures, MAX_SLOS, Phase, Slo};
use crate::json::Json;
use crate::leaf::{FineSpan, Name, Percent};
use crate::problem::Problems;
use crate::read::{Each, List1, Read};
use crate::request::Match;
use fairlead_stage::Share;
use std::time::Duration;

object! {
    /// An objective: a share of requests that is faster than a threshold.
    struct SloFields, "an objective" {
        /// Unique in this config. It names the objective in metrics.
        "name" Required name: Name;
        /// Which requests it is about: those that meet at least one entry. Without it: every request.
        "match" Optional matches: List1<Match>;
        /// A request is good that takes at most this.
        "threshold" Required threshold: FineSpan;
        /// The share of good requests that is aimed at.
        "objective" Required objective: Objective;
        /// What is timed: one of phases.
        "phase" Optional phase: Phase = "total";
        /// What a failed request counts as: a status of 5xx, a failed gRPC call, or no response.
        "failures" Optional failures: Failures = "count";
    }
}

words! {
    Failures, "a word for failures" {
        /// What it counts as by its time.
        "count" => Failures::Count;
        /// As a bad one, however fast it was.
        "bad" => Failures::Bad;
        /// As none.
        "ignore" => Failures::Ignore;
    }
}

/// `slos: [...]`, as far as each can be read.
pub(super) struct Slos;

impl Read for Slos {
    type Out = Vec<Option<Slo>>;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self::Out> {
        if let Json::List(items) = value
            && items.len() > MAX_SLOS
        {
            at.say(&[
                "has ",
                &items.len().to_string(),
                " objectives, and 16 are the most",
            ]);
            return None;
        }
        at.unique(value, "name");
        Each::<Slo>::read(value, at)
    }
}

impl Read for Slo {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = SloFields::read(value, at)?;
        // Of a broken phase nothing is known, so that it is not compared with those that are timed.
        if fields.phase.is_none() && value.has("phase") {
            return None;
        }
        Some(Self {
            name: fields.name?,
            matches: fields.matches.unwrap_or_default(),
            threshold: Duration::from_micros(fields.threshold?),
            objective: fields.objective?,
            phase: fields.phase.unwrap_or_default(),
            failures: fields.failures.unwrap_or_default(),
        })
    }
}

/// More than nothing, less than all: nothing is left to be missed of either.
pub(super) struct Objective;

impl Read for Objective {
    type Out = Share;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Share> {
        let share = Percent::read(value, at)?;
        if share == Share::NONE || share == Share::ALL {
            at.wrong(value, "a percentage above 0% and below 100%");
            return None;
        }
        Some(share)
    }
}

described_as! {
    Slos => Each<Slo>, { "maxItems": 16 };
    Slo => SloFields;
    Objective => Percent, { "not": { "pattern": "^0*(0(\\.0*)?|100(\\.0*)?)%$" } };
}
