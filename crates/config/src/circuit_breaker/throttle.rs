//! Shedding in proportion, as it is written. The defaults are those of Envoy's admission control.

use crate::json::Json;
use crate::leaf::{Factor, PercentAbove0};
use crate::problem::Problems;
use crate::read::Read;
use fairlead_breaker::policy::Throttle;
use fairlead_stage::Share;

object! {
    /// Refuses a share of the requests that grows with the failures.
    struct ThrottleFields, "a throttle" {
        /// The share of successes below which it begins to refuse.
        "success_rate" Optional success_rate: PercentAbove0 = "95%";
        /// How steeply it refuses: 1 is in proportion, more is earlier and steeper.
        "aggression" Optional aggression: Factor<1000> = 1;
        /// The most that is refused, so that there are always calls that tell.
        "max_rejection" Optional max_rejection: PercentAbove0 = "80%";
    }
}

impl Read for Throttle {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = ThrottleFields::read(value, at)?;
        Some(Self {
            success_rate: fields.success_rate.or(Share::from_ppm(950_000))?,
            aggression_permille: fields.aggression.unwrap_or(1000),
            max_rejection: fields.max_rejection.or(Share::from_ppm(800_000))?,
        })
    }
}

described_as! {
    Throttle => ThrottleFields;
}
