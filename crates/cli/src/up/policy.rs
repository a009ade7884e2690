//! The policy that the demo runs: its own, or one from a file.

use super::breaker::Breaker;
use super::histogram::Histogram;
use super::release::Release;
use crate::policy_file::{self, Placed, Plugin, PolicyFile, Refused};
use anyhow::Context as _;
use fairlead_config::Mode;
use fairlead_config::policy::Checked;
use fairlead_config::rate_limit::{Limit, RateLimit};

/// The demo's own policy.
const DEMO: &str = include_str!("../../../../examples/demo/policy.yaml");

/// A policy, ready to run.
#[derive(Debug)]
pub(super) struct Policy {
    /// The filters in the order in which a request meets them.
    pub(super) filters: Vec<Placed>,
    /// What the proxy loads for them, in the same order.
    pub(super) plugins: Vec<Plugin>,
    /// Every rule, in the same order.
    pub(super) rules: Vec<Rule>,
    /// Every canary filter, in the same order.
    pub(super) releases: Vec<Release>,
    /// Every circuit breaker, in the same order.
    pub(super) breakers: Vec<Breaker>,
    /// Every latency-histogram filter, in the same order.
    pub(super) histograms: Vec<Histogram>,
    /// The statuses with which a request can be refused.
    pub(super) refusals: Vec<u16>,
    /// Whether it is the demo's own.
    pub(super) is_demo: bool,
}

/// A rule as the view shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// Label `component` of its metrics: the plugin that has it.
    pub(super) plugin: String,
    /// Its name: label `tag`.
    pub(super) name: String,
    /// `enforce`, `shadow` or `off`.
    pub(super) mode: &'static str,
    /// `20/s burst 20`
    pub(super) quota: String,
}

/// A limit's numbers, as a check needs them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Numbers {
    /// Units a second.
    pub(super) per_second: f64,
    /// Units at once.
    pub(super) burst: u32,
}

impl Policy {
    /// The demo's own policy.
    pub(super) fn demo() -> Result<Self, Refused> {
        Ok(Self::new(policy_file::parse(DEMO)?, true))
    }

    /// The policy in a file, whatever the other commands accept; `-` is standard input.
    pub(super) fn read(file: &str) -> Result<Self, Refused> {
        Ok(Self::new(policy_file::load(file)?, false))
    }

    fn new(file: PolicyFile, is_demo: bool) -> Self {
        let mut rules = Vec::new();
        let mut releases = Vec::new();
        let mut breakers = Vec::new();
        let mut histograms = Vec::new();
        let mut refusals = Vec::new();
        for placed in &file.filters {
            match &placed.checked {
                Checked::RateLimit(config) => {
                    let plugin = component(&placed.plugin);
                    rules.extend(
                        config
                            .limits
                            .iter()
                            .map(|limit| Rule::new(&plugin, config, limit)),
                    );
                    refusals.push(config.deny.status);
                }
                Checked::Canary(config) => releases.push(Release::new(&placed.plugin, config)),
                Checked::CircuitBreaker(config) => {
                    let all = config.breakers.iter();
                    breakers.extend(all.map(|one| Breaker::new(&placed.plugin, config, one)));
                }
                Checked::LatencyHistogram(config) => histograms.push(Histogram::new(&placed.plugin, config)),
                _ => {}
            }
        }
        refusals.extend(breakers.iter().filter_map(Breaker::refusal));
        Self {
            filters: file.filters,
            plugins: file.plugins,
            rules,
            releases,
            breakers,
            histograms,
            refusals,
            is_demo,
        }
    }

    /// The numbers of a limit.
    pub(super) fn numbers(&self, limit: &str) -> anyhow::Result<Numbers> {
        let mut limits = self.filters.iter().flat_map(|placed| match &placed.checked {
            Checked::RateLimit(config) => config.limits.as_slice(),
            _ => &[],
        });
        let found = limits.find(|one| one.name == limit);
        let quota = found
            .with_context(|| format!("the policy has no limit `{limit}`"))?
            .quota;
        Ok(Numbers {
            per_second: quota.interval().as_secs_f64().recip(),
            burst: quota.burst().get(),
        })
    }
}

impl Rule {
    fn new(plugin: &str, config: &RateLimit, limit: &Limit) -> Self {
        let mode = match config.effective(limit) {
            Mode::Enforce => "enforce",
            Mode::Shadow => "shadow",
            Mode::Off => "off",
        };
        let quota = format!("{} burst {}", limit.quota.rate(), limit.quota.burst());
        Self {
            plugin: plugin.to_owned(),
            name: limit.name.clone(),
            mode,
            quota,
        }
    }
}

/// A plugin's name as it stands in metrics, where only these characters are kept.
pub(super) fn component(plugin: &str) -> String {
    let kept = |letter: char| {
        if letter.is_ascii_alphanumeric() || letter == '-' {
            letter
        } else {
            '_'
        }
    };
    plugin.chars().map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demos_policy_has_the_limits_that_the_checks_are_about() {
        let policy = Policy::demo().unwrap();
        let names: Vec<&str> = policy.rules.iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(names, ["per-key", "anonymous", "search-trial"]);
        assert_eq!(policy.rules[2].mode, "shadow");
        assert_eq!(policy.rules[0].quota, "20/s burst 20");
        assert_eq!(policy.refusals, [429, 503]);
        assert_eq!(
            policy.numbers("anonymous").unwrap(),
            Numbers {
                per_second: 1.0,
                burst: 5
            }
        );
        assert_eq!(
            policy.numbers("absent").unwrap_err().to_string(),
            "the policy has no limit `absent`"
        );
    }

    #[test]
    fn the_demos_latencies_are_taken_behind_the_canary_and_before_whoever_refuses() {
        let policy = Policy::demo().unwrap();
        let order: Vec<&str> = policy.filters.iter().map(|placed| placed.filter.name()).collect();
        assert_eq!(
            order,
            ["canary", "latency_histogram", "rate_limit", "circuit_breaker"]
        );
    }

    #[test]
    fn plugins_are_named_as_in_metrics() {
        assert_eq!(component("demo.rate-limit"), "demo_rate-limit");
    }
}
