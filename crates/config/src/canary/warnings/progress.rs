//! Advice on the ramp, and on the guard that watches it.

use super::super::Canary;
use super::{NOT_WHOLE, Shares, is_whole_percent};
use crate::Mode;
use crate::leaf::share_text;
use crate::warning::Warnings;
use fairlead_rollout::draw::Hash;
use fairlead_rollout::guard::Guard;
use fairlead_rollout::{Choice, Ramp, Share, Standing};
use fairlead_stage::Timestamp;

/// Requests a second that a proxy does not often have.
const BUSY: u128 = 1000;

impl Warnings {
    pub(super) fn ramp(&mut self, ramp: &Ramp, config: &Canary) {
        let steps = ramp.steps();
        let percents = config.sticky.hash == Hash::Sha256Percent;
        let mut before = None;
        for (index, step) in steps.iter().enumerate() {
            let path = format!("ramp.steps[{index}].weight");
            if percents && !is_whole_percent(step.weight) {
                self.warn(&path, NOT_WHOLE);
            }
            if before.is_some_and(|before| step.weight < before) {
                self.warn(
                    path,
                    "is less than the step before, so that users who were drawn go back",
                );
            }
            before = Some(step.weight);
        }
        if ramp.standing(Timestamp::from_unix_nanos(u64::MAX)) == Standing::Ahead {
            self.warn(
                "ramp.pause",
                "comes before the first step, so that nobody is ever drawn",
            );
        }
    }

    pub(super) fn guard(&mut self, guard: &Guard, config: &Canary, shares: &Shares) {
        if !shares.draws() {
            self.warn("guard", "nobody is drawn, so that it has nothing to take back");
            return;
        }
        if let Some(ramp) = &config.ramp {
            self.steps(ramp, guard);
        }
        self.traffic(guard, shares);
        self.bounds(guard);
        self.comparison(guard, config, shares);
        if guard.on_trip.weight >= shares.largest() {
            self.warn(
                "guard.on_trip.weight",
                format!(
                    "changes nothing: no variant ever has more than {}",
                    text(shares.largest())
                ),
            );
        }
    }

    /// Steps that are over before they can be judged.
    fn steps(&mut self, ramp: &Ramp, guard: &Guard) {
        for (index, (step, next)) in ramp.steps().iter().zip(ramp.steps().iter().skip(1)).enumerate() {
            if next.at.saturating_sub(step.at) < guard.window {
                let next = index.saturating_add(1);
                self.warn(
                    format!("ramp.steps[{next}].at"),
                    "comes sooner than the guard's window after the step before, which is then not judged yet",
                );
            }
        }
    }

    /// How much traffic it takes until a variant is judged.
    fn traffic(&mut self, guard: &Guard, shares: &Shares) {
        let Some(least) = shares.smallest() else { return };
        let whole = u128::from(Share::WHOLE_PPM).saturating_mul(1000);
        let needed = u128::from(guard.minimum_requests).saturating_mul(whole);
        let per = u128::from(least.ppm()).saturating_mul(guard.window.as_millis());
        let per_second = needed.div_ceil(per.max(1));
        let plural = if per_second == 1 { "" } else { "s" };
        let advice = format!(
            "at a weight of {} a variant is judged from {per_second} request{plural} a second on, all variants together",
            text(least)
        );
        let path = "guard.minimum_requests";
        if per_second > BUSY {
            self.warn(path, format!("{advice}; write less, or a longer window"));
        } else {
            self.info(path, advice);
        }
    }

    fn bounds(&mut self, guard: &Guard) {
        let never = "can never be exceeded";
        if let Some(rate) = &guard.error_rate {
            if rate.max == Some(Share::ALL) {
                self.warn("guard.error_rate.max", never);
            }
            if rate.above_stable == Some(Share::ALL) {
                self.warn("guard.error_rate.or_above_stable_by", never);
            }
        }
        let Some(latency) = &guard.latency else { return };
        let above = Share::WHOLE_PPM.saturating_sub(latency.quantile.ppm());
        let needed = Share::WHOLE_PPM.div_ceil(above.max(1));
        if guard.minimum_requests < needed {
            self.info(
                "guard.latency.quantile",
                format!(
                    "of {} requests this is the slowest one; write a minimum_requests of {needed} or more",
                    guard.minimum_requests
                ),
            );
        }
    }

    /// Bounds that need requests to the default variant, where there are hardly any.
    fn comparison(&mut self, guard: &Guard, config: &Canary, shares: &Shares) {
        let stable = |rule: &super::Rule| rule.variant == Choice::Default && rule.mode == Mode::Enforce;
        if shares.total < Share::ALL || config.rules.iter().any(stable) {
            return;
        }
        let (rate, latency) = (guard.error_rate.as_ref(), guard.latency.as_ref());
        let compared = [
            (
                "guard.error_rate.or_above_stable_by",
                rate.is_some_and(|rate| rate.above_stable.is_some()),
            ),
            (
                "guard.latency.max_ratio_to_stable",
                latency.is_some_and(|latency| latency.max_ratio_to_stable_permille.is_some()),
            ),
        ];
        let absolute = rate.is_some_and(|rate| rate.max.is_some())
            || latency.is_some_and(|latency| latency.max.is_some());
        for (path, _) in compared.into_iter().filter(|(_, is_there)| *is_there) {
            if config.ramp.is_none() {
                self.warn(
                    path,
                    "has hardly any requests of the default variant to compare with, as everyone is drawn; write max",
                );
            } else if !absolute {
                self.warn(
                    path,
                    "has hardly any requests of the default variant to compare with once everyone is drawn; write max too",
                );
            }
        }
    }
}

fn text(share: Share) -> String {
    share_text(share.ppm())
}
