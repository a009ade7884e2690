//! What the filters have counted, read from Envoy's metrics in Prometheus' text format.
//!
//! The numbers of the view and of the checks come from here and from nowhere else. A filter counts when a stream ends, a
//! moment after the client has its answer.

mod breaker;
mod canary;
mod latency;
mod sample;
#[cfg(test)]
mod tests;

use super::breaker::Breaker;
use super::histogram::Histogram;
use super::policy::Rule;
use super::release::Release;
pub(super) use breaker::{Breaker as Counted, State};
pub(super) use canary::{Standing, Variant};
use fairlead_envoy::Envoy;
use fairlead_rollout::Share;
#[cfg(test)]
pub(super) use latency::Objective;
pub(super) use latency::{Exact, Latency, Window};
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
    /// Of latency histograms, by plugin.
    latencies: BTreeMap<String, Latency>,
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

    /// What a latency histogram shows; nothing if Envoy does not know it.
    pub(super) fn latency(&self, histogram: &Histogram) -> Latency {
        self.latencies.get(&histogram.plugin).cloned().unwrap_or_default()
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
        if let Some(metric) = metric.strip_prefix("latency_histogram_") {
            let latency = self.latencies.entry(plugin.to_owned()).or_default();
            latency.note(
                metric,
                label("tag").unwrap_or_default(),
                label("cache"),
                sample.value,
            );
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
