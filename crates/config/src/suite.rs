//! `pluginConfig` of the suite, which is also a policy of the command line: a map of filter name to that filter's config.
//!
//! What this does not do: join the filters; `filters/suite` does.

use crate::canary::Canary;
use crate::circuit_breaker::CircuitBreaker;
use crate::filter::ApiVersion;
use crate::json::Json;
use crate::latency_histogram::LatencyHistogram;
use crate::leaf::Text;
use crate::problem::{Errors, Problems, or_list};
use crate::rate_limit::RateLimit;
use crate::read::{List, Need, Read, Shape};
use crate::{Filter, canary, circuit_breaker, latency_histogram, rate_limit};

/// Filters with their configs, in the order in which a request meets them.
#[derive(Clone, Debug)]
pub struct Suite {
    /// At least one; each filter at most once.
    pub filters: Vec<(Filter, Checked)>,
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
    #[cfg(feature = "native")]
    #[must_use]
    pub fn warnings(&self) -> Vec<crate::Warning> {
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

/// Reads and checks the suite's config.
///
/// # Errors
/// Every mistake, of each filter's config too, each with its path.
#[inline(never)]
pub fn parse(bytes: &[u8]) -> Result<Suite, Errors> {
    crate::read::document(bytes, read)
}

/// Whether a config that cannot be used asks for all requests to pass: each filter that it names says so.
#[must_use]
#[inline(never)]
pub fn pass_at_first_load(bytes: &[u8]) -> bool {
    let Ok(Json::Object(fields)) = Json::parse(bytes) else {
        return false;
    };
    let known = |name: &str| Filter::ALL.iter().any(|filter| filter.name() == name);
    let mut filters = fields.iter().filter(|(name, _)| known(name)).peekable();
    filters.peek().is_some() && filters.all(|(_, config)| crate::filter::says_pass(config))
}

pub(crate) fn read(json: &Json, at: &mut Problems) -> Option<Suite> {
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
        filters.extend(checked.map(|checked| (filter, checked)));
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
    Some(Suite { filters })
}

/// Brings the filters into the order that the policy asks for, which must name each of them once.
fn sort(filters: &mut [(Filter, Checked)], order: &[String], at: &mut Problems) {
    for (index, name) in order.iter().enumerate() {
        let mark = at.enter_item(index);
        if order.iter().take(index).any(|earlier| earlier == name) {
            at.say(&[name, " is there twice: write it once"]);
        } else if !filters.iter().any(|one| one.0.name() == name) {
            at.say(&[name, " is not a filter of this policy: leave it out"]);
        }
        at.leave(mark);
    }
    for one in filters.iter() {
        if !order.iter().any(|name| name == one.0.name()) {
            at.say(&["lacks ", one.0.name(), ": write every filter of this policy"]);
        }
    }
    filters.sort_by_key(|one| order.iter().position(|name| name == one.0.name()));
}
