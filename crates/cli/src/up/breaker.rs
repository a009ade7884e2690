//! A circuit breaker of a policy, as the view and the checks need to know it.

use super::policy::component;
use fairlead_breaker::policy::{Backoff, Window};
use fairlead_config::Mode;
use fairlead_config::circuit_breaker::{self as config, CircuitBreaker};
use std::time::Duration;

/// A breaker, and where its metrics are.
#[derive(Clone, Debug)]
pub(super) struct Breaker {
    /// Label `component` of its metrics: the plugin that has it.
    pub(super) plugin: String,
    /// `enforce`, `shadow` or `off`.
    pub(super) mode: &'static str,
    config: config::Breaker,
}

impl Breaker {
    pub(super) fn new(plugin: &str, filter: &CircuitBreaker, breaker: &config::Breaker) -> Self {
        Self {
            plugin: component(plugin),
            mode: match filter.effective(breaker) {
                Mode::Enforce => "enforce",
                Mode::Shadow => "shadow",
                Mode::Off => "off",
            },
            config: breaker.clone(),
        }
    }

    /// Its name: label `tag` of its metrics.
    pub(super) fn name(&self) -> &str {
        &self.config.name
    }

    /// With fewer calls it does not trip.
    pub(super) const fn minimum(&self) -> u32 {
        self.config.policy.minimum_requests
    }

    /// How far back calls count, if that is a time; without an end if it is a number of calls.
    pub(super) const fn window(&self) -> Duration {
        match self.config.policy.window {
            Window::Time { duration, .. } => duration,
            Window::Calls(_) => Duration::MAX,
        }
    }

    /// How many requests find out whether it can close.
    pub(super) const fn probes(&self) -> u32 {
        self.config.policy.half_open.probes
    }

    /// For how long it is open for the `nth` time in a row, from 0 on.
    pub(super) fn open_for(&self, nth: u32) -> Duration {
        let open = self.config.policy.open;
        let longer = match open.backoff {
            Backoff::Factor { permille } => {
                let factor = f64::from(permille) / 1000.0;
                let power = i32::try_from(nth).unwrap_or(i32::MAX);
                Duration::try_from_secs_f64(open.duration.as_secs_f64() * factor.powi(power))
                    .unwrap_or(open.max)
            }
            Backoff::Linear => open.duration.saturating_mul(nth.saturating_add(1)),
        };
        longer.min(open.max)
    }

    /// The status of a refusal, where there is one.
    pub(super) fn refusal(&self) -> Option<u16> {
        let reroutes = self.config.fallback.reroute.is_some();
        (!reroutes).then_some(self.config.fallback.reply.status)
    }

    /// The body of a refusal.
    pub(super) fn refusal_body(&self) -> &[u8] {
        self.config.fallback.reply.body.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use crate::up::policy::Policy;
    use std::time::Duration;

    #[test]
    fn the_demos_breaker_is_what_the_checks_are_about() {
        let policy = Policy::demo().unwrap();
        assert_eq!(policy.breakers.len(), 1);
        let reviews = &policy.breakers[0];
        assert_eq!(
            (reviews.plugin.as_str(), reviews.name(), reviews.mode),
            ("circuit-breaker", "reviews", "enforce")
        );
        assert_eq!((reviews.minimum(), reviews.probes()), (20, 3));
        assert_eq!(reviews.window(), Duration::from_secs(2));
        assert_eq!(
            [0, 1, 2, 40].map(|nth| reviews.open_for(nth).as_secs()),
            [1, 2, 4, 30]
        );
        assert_eq!(
            (reviews.refusal(), reviews.refusal_body()),
            (Some(503), &b"no reviews at the moment\n"[..])
        );
    }
}
