//! `pluginConfig` of the suite, which is also a policy of the command line: a map of filter name to that filter's config.
//!
//! What this does not do: join the filters; `filters/suite` does.

#[cfg(test)]
mod tests;

use crate::canary::Canary;
use crate::circuit_breaker::CircuitBreaker;
use crate::filter::ApiVersion;
use crate::json::{Json, quoted};
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

    /// What the filter does when its first config cannot be used.
    #[cfg(feature = "native")]
    pub(crate) const fn on_invalid_config(&self) -> crate::OnInvalidConfig {
        match self {
            Self::LatencyHistogram(config) => config.on_invalid_config,
            Self::RateLimit(config) => config.on_invalid_config,
            Self::Canary(config) => config.on_invalid_config,
            Self::CircuitBreaker(config) => config.on_invalid_config,
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

/// The names of all fields.
#[cfg(all(test, feature = "schema"))]
pub(crate) fn fields() -> Vec<&'static str> {
    SHAPE.fields.iter().map(|(name, _)| *name).collect()
}

/// Reads and checks the suite's config.
///
/// # Errors
/// Every mistake, of each filter's config too, each with its path.
#[inline(never)]
pub fn parse(bytes: &[u8]) -> Result<Suite, Errors> {
    crate::read::document(bytes, read)
}

/// Whether a config that cannot be used asks for all requests to pass: each filter that it names says so.
///
/// Bytes that are not JSON ask for nothing: what they would have named is not known.
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
        let named = |name: &str| fields.iter().any(|(field, _)| field == name);
        sort(&mut filters, &order, &named, at);
        at.leave(mark);
    }
    Some(Suite { filters })
}

/// The most entries of an order that are looked at: each is compared with those before it.
const MOST: usize = 64;

/// Brings the filters into the order that the policy asks for, which must name each of them once. `has` says whether the
/// policy has a field: one that could not be read is in its place all the same.
fn sort(filters: &mut [(Filter, Checked)], order: &[String], has: &dyn Fn(&str) -> bool, at: &mut Problems) {
    let known = |name: &str| Filter::ALL.iter().any(|filter| filter.name() == name);
    for (index, name) in order.iter().enumerate().take(MOST) {
        let mark = at.enter_item(index);
        if !known(name) {
            let all: Vec<&str> = Filter::ALL.iter().map(|filter| filter.name()).collect();
            at.say(&[&quoted(name), " is not a filter: write ", &or_list(&all)]);
        } else if order.iter().take(index).any(|earlier| earlier == name) {
            at.say(&[name, " is there twice: write it once"]);
        } else if !has(name) {
            at.say(&[name, " is not a filter of this policy: leave it out"]);
        }
        at.leave(mark);
    }
    for filter in Filter::ALL {
        let name = filter.name();
        if has(name) && !order.iter().any(|one| one == name) {
            at.say(&["lacks ", name, ": write every filter of this policy"]);
        }
    }
    filters.sort_by_key(|one| order.iter().position(|name| name == one.0.name()));
}

#[cfg(feature = "schema")]
impl crate::schema::Describe for Suite {
    fn describe(definitions: &mut crate::schema::Definitions) -> serde_json::Value {
        let docs = [
            "Several filters in one: what each is to do, under its name. At least one; each takes what its own module takes.",
        ];
        definitions.object("Suite", &docs, |definitions, object| {
            let version = ApiVersion::describe(definitions);
            let first = serde_json::json!("fairlead.dev/v1");
            object.field("apiVersion", Need::Optional, &["Version of this format."], version, Some(first));
            let names = Filter::ALL.map(Filter::name);
            let order = serde_json::json!({
                "type": "array",
                "items": { "enum": names },
                "minItems": 1,
                "maxItems": names.len(),
                "uniqueItems": true,
            });
            let text = "The order in which a request meets the filters, each filter of this config once; responses go the other way. \
                Without it: latency_histogram, rate_limit, canary, circuit_breaker.";
            object.field("order", Need::Optional, &[text], order, None);
            for filter in Filter::ALL {
                let text = match filter {
                    Filter::LatencyHistogram => "Latency histograms; absent: none.",
                    Filter::RateLimit => "Rate limits; absent: none.",
                    Filter::Canary => "A canary release; absent: none.",
                    Filter::CircuitBreaker => "Circuit breakers; absent: none.",
                };
                let schema = crate::schema::describe(filter, definitions);
                object.field(filter.name(), Need::AnyOf, &[text], schema, None);
            }
        })
    }
}
