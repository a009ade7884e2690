//! Several filters in one document, as the command line reads it: a map of filter name to that filter's pluginConfig.
//!
//! What this does not do: read files or YAML, or Kubernetes manifests ([`crate::istio`] reads what is in those).

#[cfg(test)]
mod tests;
mod together;

use crate::json::Json;
use crate::problem::{Errors, Problems};
pub use crate::suite::Checked;
use crate::warning::Warnings;
use crate::{Filter, Warning, suite};
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
        out.order(&self.filters);
        out.0
    }

    /// The same where one module runs them all, the suite, which adds what they share there.
    #[must_use]
    pub fn suite_warnings(&self) -> Vec<Warning> {
        let mut out = Warnings::default();
        out.order(&self.filters);
        out.one_module(&self.filters);
        out.0
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
    let suite = suite::read(json, at)?;
    let configured = suite.filters.into_iter().filter_map(|(filter, checked)| {
        let config = value.get(filter.name())?;
        Some(Configured {
            filter,
            plugin_config: config.to_string().into_bytes(),
            checked,
        })
    });
    Some(Policy {
        filters: configured.collect(),
    })
}
