//! Several filters in one document, as the command line reads it: a map of filter name to that filter's pluginConfig.
//!
//! What this does not do: read files or YAML, or Kubernetes manifests ([`crate::istio`] reads what is in those).

#[cfg(test)]
mod tests;

use crate::canary::Canary;
use crate::circuit_breaker::CircuitBreaker;
use crate::filter::ApiVersion;
use crate::json::Json;
use crate::latency_histogram::LatencyHistogram;
use crate::leaf::Text;
use crate::problem::{Errors, Problems, or_list};
use crate::rate_limit::RateLimit;
use crate::read::{List, Need, Read, Shape};
use crate::warning::Warnings;
use crate::{Filter, Warning, canary, circuit_breaker, latency_histogram, rate_limit};
use fairlead_stage::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

/// Filters with their configs, in the order in which a request meets them.
#[derive(Clone, Debug)]
pub struct Policy {
    /// At least one; each filter at most once.
    pub filters: Vec<Configured>,
}

impl Policy {
    /// Advice on the filters as they stand together, with paths in the policy; that on each of them is
    /// [`Checked::warnings`].
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let mut out = Warnings::default();
        let mut filters = self.filters.iter();
        while let Some(one) = filters.next() {
            if let Checked::LatencyHistogram(config) = &one.checked
                && let Some(variant) = &config.labels.variant
                && variant.from == HeaderMap::Request
                && filters.clone().any(|later| later.sets(&variant.header))
            {
                out.warn(
                    "latency_histogram.labels.variant.header",
                    "the canary sets it only after this filter has read it; write an order in which canary comes first",
                );
            }
        }
        out.0
    }
}

impl Configured {
    /// Whether this filter sets a request header of that name.
    fn sets(&self, header: &str) -> bool {
        matches!(&self.checked, Checked::Canary(canary) if canary.header == header)
    }
}

/// A filter with its config.
#[derive(Clone, Debug)]
pub struct Configured {
    /// Which filter.
    pub filter: Filter,
    /// What its module is handed: compact JSON with sorted keys, as Istio sends it.
    pub plugin_config: Vec<u8>,
    /// The same, checked.
    pub checked: Checked,
}

/// A checked config of some filter.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Checked {
    /// Of [`Filter::LatencyHistogram`].
    LatencyHistogram(Box<LatencyHistogram>),
    /// Of [`Filter::RateLimit`].
    RateLimit(RateLimit),
    /// Of [`Filter::Canary`].
    Canary(Box<Canary>),
    /// Of [`Filter::CircuitBreaker`].
    CircuitBreaker(CircuitBreaker),
}

impl Checked {
    /// Reads and checks the pluginConfig of a filter. Empty bytes are `{}`.
    ///
    /// # Errors
    /// Every mistake, each with its path in the pluginConfig.
    pub fn parse(filter: Filter, plugin_config: &[u8]) -> Result<Self, Errors> {
        match filter {
            Filter::LatencyHistogram => latency_histogram::parse(plugin_config)
                .map(Box::new)
                .map(Self::LatencyHistogram),
            Filter::RateLimit => rate_limit::parse(plugin_config).map(Self::RateLimit),
            Filter::Canary => canary::parse(plugin_config).map(Box::new).map(Self::Canary),
            Filter::CircuitBreaker => circuit_breaker::parse(plugin_config).map(Self::CircuitBreaker),
        }
    }

    /// Advice on the config, with paths in the pluginConfig.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        match self {
            Self::LatencyHistogram(config) => latency_histogram::warnings(config),
            Self::RateLimit(config) => rate_limit::warnings(config),
            Self::Canary(config) => canary::warnings(config),
            Self::CircuitBreaker(config) => circuit_breaker::warnings(config),
        }
    }
}

const SHAPE: Shape = Shape {
    what: "a policy",
    fields: &[
        ("apiVersion", Need::Optional),
        ("order", Need::Optional),
        ("latency_histogram", Need::Optional),
        ("rate_limit", Need::Optional),
        ("canary", Need::Optional),
        ("circuit_breaker", Need::Optional),
    ],
    later: &[],
};

/// Reads and checks a policy.
///
/// # Errors
/// Every mistake of the policy and of each filter's config, each with its path in the policy.
pub fn parse_policy(value: &Value) -> Result<Policy, Errors> {
    let mut at = Problems::default();
    let policy = match Json::deserialize(value) {
        Ok(json) => read(&json, value, &mut at),
        Err(error) => {
            at.say(&["cannot be read: ", &error.to_string()]);
            None
        }
    };
    at.finish(policy)
}

fn read(json: &Json, value: &Value, at: &mut Problems) -> Option<Policy> {
    let fields = at.object(json, &SHAPE)?;
    at.field(fields, "apiVersion", ApiVersion::read);
    let mut filters = Vec::new();
    for filter in Filter::ALL {
        let checked = match filter {
            Filter::LatencyHistogram => at
                .field(fields, filter.name(), LatencyHistogram::read)
                .map(Box::new)
                .map(Checked::LatencyHistogram),
            Filter::RateLimit => at
                .field(fields, filter.name(), RateLimit::read)
                .map(Checked::RateLimit),
            Filter::Canary => at
                .field(fields, filter.name(), Canary::read)
                .map(Box::new)
                .map(Checked::Canary),
            Filter::CircuitBreaker => at
                .field(fields, filter.name(), CircuitBreaker::read)
                .map(Checked::CircuitBreaker),
        };
        if let (Some(checked), Some(config)) = (checked, value.get(filter.name())) {
            filters.push(Configured {
                filter,
                plugin_config: config.to_string().into_bytes(),
                checked,
            });
        }
    }
    if filters.is_empty() && at.count() == 0 {
        let known: Vec<&str> = Filter::ALL.iter().map(|filter| filter.name()).collect();
        at.say(&["is a policy without a filter: write ", &or_list(&known)]);
    }
    if let Some(order) = at.field(fields, "order", List::<Text>::read) {
        let mark = at.enter("order");
        sort(&mut filters, &order, at);
        at.leave(mark);
    }
    Some(Policy { filters })
}

/// Brings the filters into the order that the policy asks for, which must name each of them once.
fn sort(filters: &mut [Configured], order: &[String], at: &mut Problems) {
    for (index, name) in order.iter().enumerate() {
        let mark = at.enter_item(index);
        if order.iter().take(index).any(|earlier| earlier == name) {
            at.say(&[name, " is there twice: write it once"]);
        } else if !filters.iter().any(|one| one.filter.name() == name) {
            at.say(&[name, " is not a filter of this policy: leave it out"]);
        }
        at.leave(mark);
    }
    for one in filters.iter() {
        if !order.iter().any(|name| name == one.filter.name()) {
            at.say(&["lacks ", one.filter.name(), ": write every filter of this policy"]);
        }
    }
    filters.sort_by_key(|one| order.iter().position(|name| name == one.filter.name()));
}
