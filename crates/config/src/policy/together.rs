//! Advice on filters that stand in one policy, most of it on their order.

use super::{Checked, Configured};
use crate::canary::Canary;
use crate::circuit_breaker::{CircuitBreaker, Per};
use crate::latency_histogram::LatencyHistogram;
use crate::rate_limit::RateLimit;
use crate::warning::Warnings;
use crate::{Filter, Mode, OnInvalidConfig};
use fairlead_matching::{KeyPartSpec, KeySource, MatchSpec};
use fairlead_stage::HeaderMap;

impl Warnings {
    /// On the order, whether one module or several run the filters.
    pub(super) fn order(&mut self, filters: &[Configured]) {
        let mut behind = filters.iter();
        while let Some(one) = behind.next() {
            for later in behind.clone() {
                match (&one.checked, &later.checked) {
                    (earlier, Checked::Canary(canary)) => self.too_early(earlier, canary),
                    (Checked::CircuitBreaker(breakers), Checked::RateLimit(limits)) => {
                        self.breaker_before_limit(breakers, limits);
                    }
                    (Checked::Canary(canary), Checked::CircuitBreaker(breakers)) => {
                        self.guard_before_breaker(canary, breakers);
                    }
                    (earlier, Checked::LatencyHistogram(_)) => self.unmeasured(earlier),
                    _ => {}
                }
            }
        }
    }

    /// A filter reads the header that a canary behind it sets.
    fn too_early(&mut self, earlier: &Checked, canary: &Canary) {
        for path in reads(earlier, &canary.header) {
            self.warn(
                path,
                "the canary sets it only after this filter has read it; write an order in which canary comes first",
            );
        }
    }

    fn breaker_before_limit(&mut self, breakers: &CircuitBreaker, limits: &RateLimit) {
        if breakers.breakers.is_empty() || limits.limits.is_empty() || limits.mode != Mode::Enforce {
            return;
        }
        self.info(
            "circuit_breaker.breakers",
            "rate_limit comes behind: what it refuses counts as calls here, by its status; \
             write an order in which rate_limit comes first to leave it out",
        );
    }

    fn guard_before_breaker(&mut self, canary: &Canary, breakers: &CircuitBreaker) {
        if canary.guard.is_none() || breakers.breakers.is_empty() || breakers.mode != Mode::Enforce {
            return;
        }
        self.info(
            "canary.guard",
            "circuit_breaker comes behind: what an open breaker refuses counts here as responses of the variant, by their status",
        );
    }

    fn unmeasured(&mut self, earlier: &Checked) {
        let name = match earlier {
            Checked::RateLimit(config) if config.mode == Mode::Enforce && !config.limits.is_empty() => {
                Filter::RateLimit.name()
            }
            Checked::CircuitBreaker(config)
                if config.mode == Mode::Enforce && !config.breakers.is_empty() =>
            {
                Filter::CircuitBreaker.name()
            }
            _ => return,
        };
        self.info(
            Filter::LatencyHistogram.name(),
            format!(
                "{name} comes first: requests that it refuses are not measured, nor counted by objectives"
            ),
        );
    }

    /// On what only holds in one module: `on_invalid_config` is that of all filters together.
    pub(super) fn one_module(&mut self, filters: &[Configured]) {
        let refuses = |one: &Configured| one.checked.on_invalid_config() == OnInvalidConfig::Refuse;
        let Some(first) = filters.iter().find(|one| refuses(one)) else {
            return;
        };
        for one in filters.iter().filter(|one| !refuses(one)) {
            self.warn(
                format!("{}.on_invalid_config", one.filter.name()),
                format!(
                    "has no effect, as {} does not say pass: one module starts with all of its filters, or with none",
                    first.filter.name()
                ),
            );
        }
    }
}

/// Where a config reads a request header.
fn reads(checked: &Checked, header: &str) -> Vec<String> {
    let mut found = Reads {
        header,
        paths: Vec::new(),
    };
    match checked {
        Checked::LatencyHistogram(config) => found.latency_histogram(config),
        Checked::RateLimit(config) => {
            for (index, limit) in config.limits.iter().enumerate() {
                let path = format!("rate_limit.limits[{index}]");
                found.matches(&path, &limit.matches);
                found.key(&format!("{path}.key"), limit.key.as_deref().unwrap_or_default());
            }
        }
        Checked::CircuitBreaker(config) => {
            for (index, breaker) in config.breakers.iter().enumerate() {
                let path = format!("circuit_breaker.breakers[{index}]");
                found.matches(&path, &breaker.matches);
                if let Per::Key(parts) = &breaker.per {
                    found.key(&format!("{path}.per.key"), parts);
                }
            }
        }
        Checked::Canary(_) => {}
    }
    found.paths
}

/// Looks for a header.
struct Reads<'h> {
    /// Lower case.
    header: &'h str,
    paths: Vec<String>,
}

impl Reads<'_> {
    fn latency_histogram(&mut self, config: &LatencyHistogram) {
        if let Some(variant) = &config.labels.variant
            && variant.from == HeaderMap::Request
            && variant.header == self.header
        {
            self.paths
                .push("latency_histogram.labels.variant.header".to_owned());
        }
        self.matches("latency_histogram", &config.matches);
        self.matches("latency_histogram.exclude", &config.exclude.matches);
        for (index, slo) in config.slos.iter().enumerate() {
            self.matches(&format!("latency_histogram.slos[{index}]"), &slo.matches);
        }
    }

    /// In `match: [...]` of the object at `path`.
    fn matches(&mut self, path: &str, matches: &[MatchSpec]) {
        for (index, entry) in matches.iter().enumerate() {
            self.entry(format!("{path}.match[{index}]"), entry);
        }
    }

    fn entry(&mut self, path: String, entry: &MatchSpec) {
        if entry.headers.iter().any(|(name, _)| name == self.header) {
            self.paths.push(format!("{path}.headers.{}", self.header));
        }
        if let Some(not) = &entry.not {
            self.entry(format!("{path}.not"), not);
        }
    }

    fn key(&mut self, path: &str, parts: &[KeyPartSpec]) {
        for (index, part) in parts.iter().enumerate() {
            if matches!(&part.source, KeySource::Header(name) if name == self.header) {
                self.paths.push(format!("{path}[{index}].header"));
            }
        }
    }
}
