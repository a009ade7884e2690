//! What the filters have counted, read from Envoy's metrics in Prometheus' text format.
//!
//! The numbers of the view and of the checks come from here and from nowhere else. A filter counts when a stream ends, a
//! moment after the client has its answer.

use super::policy::Rule;
use fairlead_envoy::Envoy;
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

/// The tallies of all rules, by plugin and rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tallies(BTreeMap<(String, String), Tally>);

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
        self.0
            .get(&(plugin.to_owned(), rule.to_owned()))
            .copied()
            .unwrap_or_default()
    }

    /// The same for a rule of a policy.
    pub(super) fn of_rule(&self, rule: &Rule) -> Tally {
        self.of(&rule.plugin, &rule.name)
    }

    /// One rule that has admitted so many.
    #[cfg(test)]
    pub(super) fn admitted(plugin: &str, rule: &str, admitted: u64) -> Self {
        let tally = Tally {
            admitted,
            ..Tally::default()
        };
        Self([((plugin.to_owned(), rule.to_owned()), tally)].into())
    }

    fn parse(text: &str) -> Self {
        let mut tallies = Self::default();
        for sample in text.lines().filter_map(Sample::parse) {
            if !(sample.name.starts_with("fairlead_") && sample.name.ends_with("_requests_total")) {
                continue;
            }
            let label = |name: &str| sample.labels.get(name).cloned();
            let (Some(plugin), Some(rule), Some(outcome)) =
                (label("component"), label("tag"), label("cache"))
            else {
                continue;
            };
            tallies
                .0
                .entry((plugin, rule))
                .or_default()
                .count(&outcome, sample.value);
        }
        tallies
    }
}

impl<'a> FromIterator<(&'a Rule, Tally)> for Tallies {
    fn from_iter<T: IntoIterator<Item = (&'a Rule, Tally)>>(tallies: T) -> Self {
        let entry = |(rule, tally): (&Rule, Tally)| ((rule.plugin.clone(), rule.name.clone()), tally);
        Self(tallies.into_iter().map(entry).collect())
    }
}

/// One line of Prometheus' text format that holds a whole number.
#[derive(Debug, PartialEq, Eq)]
struct Sample<'a> {
    name: &'a str,
    labels: BTreeMap<&'a str, String>,
    value: u64,
}

impl<'a> Sample<'a> {
    /// `None` for comments, histograms' and other lines that are not `name{label="value",...} number`.
    fn parse(line: &'a str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        let (name, mut rest) = line.split_once('{')?;
        let mut labels = BTreeMap::new();
        loop {
            rest = rest.trim_start_matches(',');
            if let Some(after) = rest.strip_prefix('}') {
                return Some(Self {
                    name,
                    labels,
                    value: after.trim().parse().ok()?,
                });
            }
            let (label, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            labels.insert(label, value);
            rest = after;
        }
    }
}

/// A label's value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, text.get(at.saturating_add(1)..)?)),
            '\\' => value.push(match letters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn label_values_may_hold_quotes_commas_and_braces() {
        let sample = Sample::parse(r#"a{x="1,\"}\\",y="\n"} 5"#).unwrap();
        assert_eq!(sample.labels["x"], "1,\"}\\");
        assert_eq!(sample.labels["y"], "\n");
        assert_eq!((sample.name, sample.value), ("a", 5));
    }

    #[test]
    fn what_is_no_whole_number_is_left_out() {
        for line in ["a{x=\"1\"} 0.5", "a 1", "", "# HELP a{}", "a{x=\"1\"", "a{x} 1"] {
            assert_eq!(Sample::parse(line), None, "{line}");
        }
    }
}
