//! Advice on what opens a breaker, on how it closes, and on throttles.

use super::super::Breaker;
use crate::leaf::{share_text, span_text};
use crate::warning::Warnings;
use fairlead_breaker::classes::LocalReplies;
use fairlead_breaker::policy::{Backoff, Policy, Throttle, Window};
use fairlead_stage::Share;
use std::time::Duration;

/// With fewer calls than this a rate is chance.
const FEW: u32 = 5;

impl Warnings {
    pub(super) fn throttle(&mut self, path: &str, breaker: &Breaker, throttle: &Throttle) {
        if breaker.policy.minimum_requests != Policy::default().minimum_requests {
            self.warn(
                format!("{path}.minimum_requests"),
                "is not used with throttle; leave it out",
            );
        }
        if throttle.max_rejection == Share::ALL {
            self.warn(
                format!("{path}.throttle.max_rejection"),
                "lets it refuse every request, and then no call tells that it could stop; write less",
            );
        }
    }

    pub(super) fn tripping(&mut self, path: &str, breaker: &Breaker) {
        let policy = &breaker.policy;
        self.rates(path, breaker);
        self.slow(path, breaker);
        if policy
            .trip
            .consecutive_failures
            .is_some_and(|failures| failures.get() == 1)
        {
            self.warn(
                format!("{path}.trip.consecutive_failures"),
                "lets a single failure open it",
            );
        }
        self.failures(path, breaker);
        let grows = !matches!(policy.open.backoff, Backoff::Factor { permille } if permille <= 1000);
        if grows && policy.open.max == policy.open.duration {
            self.warn(
                format!("{path}.open.backoff"),
                format!(
                    "has no effect, as the time open never grows above {}",
                    text(policy.open.max)
                ),
            );
        }
        if policy.half_open.success_rate == Share::NONE
            && policy.half_open.probes > 0
            && !policy.rules.close_above
        {
            self.warn(
                format!("{path}.half_open.success_rate"),
                "closes it whatever its probes say",
            );
        }
    }

    /// Rates, and how many calls they are of.
    fn rates(&mut self, path: &str, breaker: &Breaker) {
        let policy = &breaker.policy;
        if let (Some(written), Window::Calls(calls)) = (breaker.capped_minimum, policy.window) {
            self.warn(
                format!("{path}.minimum_requests"),
                format!("a window of {calls} calls never holds {written}, so that it trips from {calls} on"),
            );
        }
        let Some(rate) = policy.trip.error_rate else {
            return;
        };
        if policy.minimum_requests < FEW {
            let minimum = format!("{path}.minimum_requests");
            let advice = format!(
                "of so few calls {} is easily reached by chance; write {FEW} or more",
                share_text(rate.ppm())
            );
            let preset = breaker.preset.map(|preset| preset.policy().minimum_requests);
            if preset == Some(policy.minimum_requests) {
                self.info(minimum, advice);
            } else {
                self.warn(minimum, advice);
            }
        }
        if policy.rules.trip_above && rate == Share::ALL {
            self.warn(
                format!("{path}.trip.error_rate"),
                "never opens it, as this preset compares with more than that; write less than 100%",
            );
        }
    }

    fn slow(&mut self, path: &str, breaker: &Breaker) {
        let Some(slow) = &breaker.policy.trip.slow else {
            return;
        };
        let half_open = &breaker.policy.half_open;
        match breaker.timeout {
            None => self.info(
                format!("{path}.trip.slow"),
                "a call that hangs counts only once it ends; write a timeout",
            ),
            Some(timeout) if timeout < slow.above => self.warn(
                format!("{path}.trip.slow.above"),
                format!(
                    "no call is ever as slow: the timeout ends it after {}",
                    text(timeout)
                ),
            ),
            Some(_) => {}
        }
        if half_open.probes > 0 && half_open.max_wait < slow.above {
            self.warn(
                format!("{path}.half_open.max_wait"),
                format!(
                    "is over before a probe can be slow; write more than {}",
                    text(slow.above)
                ),
            );
        }
    }

    /// What can never be a failure.
    fn failures(&mut self, path: &str, breaker: &Breaker) {
        let classes = &breaker.classes;
        let trip = &breaker.policy.trip;
        if trip.error_rate.is_none() && trip.consecutive_failures.is_none() {
            return;
        }
        let fails = |status: u16| classes.failures.contains(status) && !classes.ignored.contains(status);
        if !(100..=599).any(fails) {
            self.warn(
                format!("{path}.failure.status"),
                "no status is a failure, so that only replies of the proxy itself and gRPC statuses are",
            );
        }
        if breaker.timeout.is_some() && !classes.local_replies.contains(LocalReplies::UT) {
            self.warn(
                format!("{path}.failure.local_replies"),
                "lacks UT, so that calls which the timeout ends are no failures",
            );
        }
    }
}

fn text(duration: Duration) -> String {
    span_text(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
