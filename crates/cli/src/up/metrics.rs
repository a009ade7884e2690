//! What the filters have counted, read from Envoy's metrics in Prometheus' text format.
//!
//! The numbers of the view and of the checks come from here and from nowhere else. A filter counts when a stream ends, a
//! moment after the client has its answer.

mod breaker;
mod canary;
mod sample;

use super::breaker::Breaker;
use super::policy::Rule;
use super::release::Release;
pub(super) use breaker::{Breaker as Counted, State};
pub(super) use canary::{Standing, Variant};
use fairlead_envoy::Envoy;
use fairlead_rollout::Share;
use sample::Sample;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Only what the filters count; Envoy's own metrics are a thousand lines.
const PATH: &str = "/stats/prometheus?filter=fairlead_";
/// How often metrics are looked at while something is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How many requests met which end, at one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Passed.
    pub(super) admitted: u64,
    /// Refused.
    pub(super) denied: u64,
    /// Passed, and would have been refused if the rule were enforced.
    pub(super) would_deny: u64,
    /// Undecided, as the bucket could not be reached.
    pub(super) undecided: u64,
}

impl Tally {
    /// All requests that the rule has counted.
    pub(super) fn total(&self) -> u64 {
        [self.denied, self.would_deny, self.undecided]
            .iter()
            .fold(self.admitted, |sum, n| sum.saturating_add(*n))
    }

    fn count(&mut self, outcome: &str, n: u64) {
        let field = match outcome {
            "admitted" => &mut self.admitted,
            "denied" => &mut self.denied,
            "would_deny" => &mut self.would_deny,
            "undecided" => &mut self.undecided,
            _ => return,
        };
        *field = field.saturating_add(n);
    }
}

/// All that is counted, by plugin and what it is counted of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tallies {
    /// Of rules.
    rules: BTreeMap<(String, String), Tally>,
    /// Of variants.
    variants: BTreeMap<(String, String), Variant>,
    /// Of canary filters as a whole, by metric and outcome.
    canaries: BTreeMap<(String, String), u64>,
    /// Of circuit breakers.
    breakers: BTreeMap<(String, String), Counted>,
}

impl Tallies {
    /// As of now.
    pub(super) fn read(envoy: &Envoy) -> Result<Self, fairlead_envoy::Error> {
        Ok(Self::parse(&envoy.admin_get(PATH)?))
    }

    /// Asks until `enough` holds or the time is over; the last that was read either way.
    pub(super) fn wait(
        envoy: &Envoy,
        within: Duration,
        enough: impl Fn(&Self) -> bool,
    ) -> Result<Self, fairlead_envoy::Error> {
        let deadline = Instant::now().checked_add(within);
        loop {
            let now = Self::read(envoy)?;
            if enough(&now) || deadline.is_none_or(|deadline| Instant::now() >= deadline) {
                return Ok(now);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// What one rule has counted; nothing if Envoy does not know it.
    pub(super) fn of(&self, plugin: &str, rule: &str) -> Tally {
        let key = (plugin.to_owned(), rule.to_owned());
        self.rules.get(&key).copied().unwrap_or_default()
    }

    /// The same for a rule of a policy.
    pub(super) fn of_rule(&self, rule: &Rule) -> Tally {
        self.of(&rule.plugin, &rule.name)
    }

    /// What is counted of a variant; nothing if Envoy does not know it.
    pub(super) fn variant(&self, release: &Release, name: &str) -> Variant {
        let key = (release.plugin.clone(), name.to_owned());
        self.variants.get(&key).cloned().unwrap_or_default()
    }

    /// A count of a release as a whole: `cookies_total issued`, `routing_headers_removed_total`.
    pub(super) fn whole(&self, release: &Release, metric: &str) -> u64 {
        let key = (release.plugin.clone(), metric.to_owned());
        self.canaries.get(&key).copied().unwrap_or_default()
    }

    /// What is counted of a circuit breaker; nothing if Envoy does not know it.
    pub(super) fn breaker(&self, breaker: &Breaker) -> Counted {
        let key = (breaker.plugin.clone(), breaker.name().to_owned());
        self.breakers.get(&key).copied().unwrap_or_default()
    }

    /// Whether the filter has said how the shares of a release stand: all of them come to the whole.
    pub(super) fn has_weights(&self, release: &Release) -> bool {
        let weights = release
            .names()
            .map(|name| self.variant(release, name).weight.ppm());
        weights.fold(0, u32::saturating_add) == Share::WHOLE_PPM
    }

    /// One rule that has admitted so many.
    #[cfg(test)]
    pub(super) fn admitted(plugin: &str, rule: &str, admitted: u64) -> Self {
        let tally = Tally {
            admitted,
            ..Tally::default()
        };
        Self {
            rules: [((plugin.to_owned(), rule.to_owned()), tally)].into(),
            ..Self::default()
        }
    }

    /// What these lines say.
    pub(super) fn parse(text: &str) -> Self {
        let mut tallies = Self::default();
        for sample in text.lines().filter_map(Sample::parse) {
            tallies.note(&sample);
        }
        tallies
    }

    fn note(&mut self, sample: &Sample<'_>) {
        let Some(metric) = sample.name.strip_prefix("fairlead_") else {
            return;
        };
        let label = |name: &str| sample.labels.get(name).map(String::as_str);
        let Some(plugin) = label("component") else { return };
        let of = |name: &str| (plugin.to_owned(), name.to_owned());
        if let Some(metric) = metric.strip_prefix("circuit_breaker_") {
            if let Some(name) = label("tag") {
                let breaker = self.breakers.entry(of(name)).or_default();
                breaker.note(metric, label("cache"), sample.value);
            }
            return;
        }
        match (metric.strip_prefix("canary_"), label("tag"), label("cache")) {
            (Some(metric), Some(variant), outcome) => {
                let variant = self.variants.entry(of(variant)).or_default();
                variant.note(metric, outcome, sample.value);
            }
            (Some(metric), None, outcome) => {
                let name = [metric, outcome.unwrap_or_default()].join(" ");
                self.canaries.insert(of(name.trim_end()), sample.value);
            }
            (None, Some(rule), Some(outcome)) if metric.ends_with("_requests_total") => {
                let tally = self.rules.entry(of(rule)).or_default();
                tally.count(outcome, sample.value);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::up::policy::Policy;
    use fairlead_rollout::Reason;

    const TEXT: &str = r#"# TYPE fairlead_rate_limit_requests_total counter
fairlead_rate_limit_requests_total{cache="admitted",component="rate-limit",tag="per-key",wasm_filter="rate_limit"} 12
fairlead_rate_limit_requests_total{cache="denied",component="rate-limit",tag="per-key",wasm_filter="rate_limit"} 3
fairlead_rate_limit_requests_total{cache="would_deny",component="rate-limit",tag="trial",wasm_filter="rate_limit"} 4
fairlead_rate_limit_requests_total{cache="of another kind",component="rate-limit",tag="trial",wasm_filter="rate_limit"} 4
fairlead_rate_limit_overflow_total{cache="denied",component="rate-limit",tag="per-key",wasm_filter="rate_limit"} 99
fairlead_rate_limit_requests_total{cache="admitted",component="other",tag="per-key",wasm_filter="rate_limit"} 1
envoy_requests_total{cache="admitted",component="rate-limit",tag="per-key"} 7
fairlead_rate_limit_requests_total{} 5
fairlead_rate_limit_requests_total{cache="admitted
"#;

    #[test]
    fn each_rule_of_each_plugin_has_its_own_tally() {
        let tallies = Tallies::parse(TEXT);
        let per_key = Tally {
            admitted: 12,
            denied: 3,
            ..Tally::default()
        };
        assert_eq!(tallies.of("rate-limit", "per-key"), per_key);
        assert_eq!(per_key.total(), 15);
        assert_eq!(
            tallies.of("rate-limit", "trial"),
            Tally {
                would_deny: 4,
                ..Tally::default()
            }
        );
        assert_eq!(
            tallies.of("other", "per-key"),
            Tally {
                admitted: 1,
                ..Tally::default()
            }
        );
        assert_eq!(tallies.of("rate-limit", "absent"), Tally::default());
    }

    #[test]
    fn a_variants_numbers_are_those_of_its_own_plugin() {
        let text = r#"
fairlead_canary_exposures_total{cache="sticky",component="canary",tag="v2",wasm_filter="canary"} 12
fairlead_canary_exposures_total{cache="force_header",component="canary",tag="v2",wasm_filter="canary"} 3
fairlead_canary_exposures_total{cache="would_sticky",component="other",tag="v2",wasm_filter="canary"} 7
fairlead_canary_outcomes_total{cache="success",component="canary",tag="v2",wasm_filter="canary"} 10
fairlead_canary_outcomes_total{cache="failure",component="canary",tag="v2",wasm_filter="canary"} 2
fairlead_canary_guard_state{component="canary",tag="v2",wasm_filter="canary"} 1
fairlead_canary_guard_trips_total{cache="error_rate",component="canary",tag="v2",wasm_filter="canary"} 1
fairlead_canary_guard_trips_total{cache="latency",component="canary",tag="v2",wasm_filter="canary"} 2
fairlead_canary_weight_ppm{component="canary",tag="v2",wasm_filter="canary"} 200000
fairlead_canary_weight_ppm{component="canary",tag="stable",wasm_filter="canary"} 800000
fairlead_canary_cookies_total{cache="issued",component="canary",wasm_filter="canary"} 5
fairlead_canary_routing_headers_removed_total{component="canary",wasm_filter="canary"} 6
"#;
        let release = Policy::demo().unwrap().releases.remove(0);
        let tallies = Tallies::parse(text);
        let v2 = tallies.variant(&release, "v2");
        assert_eq!((v2.exposed(Reason::Sticky), v2.requests()), (12, 15));
        assert_eq!((v2.succeeded, v2.failed, v2.trips), (10, 2, 3));
        assert_eq!((v2.guard, v2.weight.ppm()), (Some(Standing::Held), 200_000));
        assert_eq!(tallies.variant(&release, "absent"), Variant::default());
        assert_eq!(tallies.whole(&release, "cookies_total issued"), 5);
        assert_eq!(tallies.whole(&release, "routing_headers_removed_total"), 6);
        assert_eq!(tallies.whole(&release, "cookies_total cleared"), 0);
        assert!(tallies.has_weights(&release));
        assert!(!Tallies::default().has_weights(&release));
    }

    #[test]
    fn a_breakers_numbers_are_its_calls_its_refusals_and_its_state() {
        let text = r#"
fairlead_circuit_breaker_requests_total{cache="success",component="circuit-breaker",tag="reviews"} 12
fairlead_circuit_breaker_requests_total{cache="failure",component="circuit-breaker",tag="reviews"} 20
fairlead_circuit_breaker_requests_total{cache="late",component="circuit-breaker",tag="reviews"} 3
fairlead_circuit_breaker_requests_total{cache="rejected",component="circuit-breaker",tag="reviews"} 40
fairlead_circuit_breaker_requests_total{cache="rejected",component="other",tag="reviews"} 7
fairlead_circuit_breaker_rejected_total{cache="open",component="circuit-breaker",tag="reviews"} 99
fairlead_circuit_breaker_fallbacks_total{cache="stale",component="circuit-breaker",tag="reviews"} 25
fairlead_circuit_breaker_fallbacks_total{cache="reply",component="circuit-breaker",tag="reviews"} 15
fairlead_circuit_breaker_probes_total{cache="failure",component="circuit-breaker",tag="reviews"} 1
fairlead_circuit_breaker_transitions_total{cache="open",component="circuit-breaker",tag="reviews"} 2
fairlead_circuit_breaker_transitions_total{cache="half_open",component="circuit-breaker",tag="reviews"} 1
fairlead_circuit_breaker_state{component="circuit-breaker",tag="reviews"} 2
fairlead_circuit_breaker_epoch{component="circuit-breaker",tag="reviews"} 3
"#;
        let policy = Policy::demo().unwrap();
        let counted = Tallies::parse(text).breaker(&policy.breakers[0]);
        let expected = Counted {
            state: Some(State::Open),
            succeeded: 12,
            failed: 20,
            late: 3,
            rejected: 40,
            replies: 15,
            stale: 25,
            probes_failed: 1,
            opened: 2,
            half_opened: 1,
            ..Counted::default()
        };
        assert_eq!(counted, expected);
        assert_eq!(
            (counted.calls(), counted.requests(), counted.transitions()),
            (35, 75, 3)
        );
        assert_eq!(
            Tallies::default().breaker(&policy.breakers[0]),
            Counted::default()
        );
    }
}
