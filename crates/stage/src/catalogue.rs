//! What a filter counts, told to people: the source of docs/metrics.md.
//!
//! A catalogue is a constant beside the code that declares the metrics; tests compare the two ([`MetricDoc::compare`]).
//! Nothing that runs refers to it, so no byte of it is in a module.

use crate::{MetricKind, Needs};

/// What is to be known of a metric: of all its series together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricDoc {
    /// Name without the prefix `fairlead_<filter>_`.
    pub name: &'static str,
    /// Kind.
    pub kind: MetricKind,
    /// What it is a number of: `requests`, `bytes`; or what its numbers say.
    pub unit: &'static str,
    /// What the label `tag` names; empty if there is no such label.
    pub tag: &'static str,
    /// The values of the label `cache`, and what each means. Empty if there is no such label. A value in `<>` says what
    /// stands there: any value is one of these.
    pub cache: &'static [(&'static str, &'static str)],
    /// With which config it exists.
    pub when: Presence,
    /// What it tells, in one sentence.
    pub meaning: &'static str,
}

/// With which configs a metric exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// With each under which the filter does anything at all. That need not hold for each value of `cache`.
    Always,
    /// With those that this is said of.
    If(&'static str),
}

impl MetricDoc {
    /// Whether it has a series with this value of `cache`, or with none.
    #[must_use]
    pub fn has(&self, outcome: Option<&str>) -> bool {
        let fits = |value: &str, outcome: &str| value == outcome || value.starts_with('<');
        match outcome {
            Some(outcome) => self.cache.iter().any(|(value, _)| fits(value, outcome)),
            None => self.cache.is_empty(),
        }
    }

    /// What a catalogue and what configs declare disagree about, a line each. The configs have to declare all that it promises
    /// between them, and each has to make the filter do something; one that they all declare is always there.
    #[must_use]
    pub fn compare(catalogue: &[Self], configs: &[Needs]) -> Vec<String> {
        let mut problems = Vec::new();
        for (index, doc) in catalogue.iter().enumerate() {
            if catalogue.iter().take(index).any(|other| other.name == doc.name) {
                problems.push(format!("{} stands there twice", doc.name));
            }
        }
        let mut seen = vec![Seen::default(); catalogue.len()];
        for (number, needs) in configs.iter().enumerate() {
            for series in declared(needs) {
                let found = catalogue.iter().position(|doc| doc.name == series.name);
                let pair = found.and_then(|index| catalogue.get(index).zip(seen.get_mut(index)));
                match pair {
                    None => problems.push(format!("{} is not there", series.name)),
                    Some((doc, seen)) => {
                        seen.configs.push(number);
                        seen.tag |= series.tag != Some(false);
                        seen.outcomes.extend(series.outcome);
                        problems.extend(doc.disagrees(&series));
                    }
                }
            }
        }
        for (doc, seen) in catalogue.iter().zip(&seen) {
            problems.extend(doc.promises_too_much(seen, configs.len()));
        }
        problems.sort();
        problems.dedup();
        problems
    }

    fn disagrees(&self, series: &Series<'_>) -> Option<String> {
        if self.kind != series.kind {
            Some(format!("{} is a {:?}", self.name, series.kind))
        } else if !self.has(series.outcome) {
            Some(format!("{} has cache {:?}", self.name, series.outcome))
        } else if self.tag.is_empty() && series.tag == Some(true) {
            Some(format!("{} has a tag", self.name))
        } else {
            None
        }
    }

    fn promises_too_much(&self, seen: &Seen<'_>, configs: usize) -> Vec<String> {
        if seen.configs.is_empty() {
            return vec![format!("no config declares {}", self.name)];
        }
        let mut problems = Vec::new();
        for (value, _) in self.cache.iter().filter(|(value, _)| !value.starts_with('<')) {
            if !seen.outcomes.contains(value) {
                problems.push(format!("no config declares {} with cache {value}", self.name));
            }
        }
        if !self.tag.is_empty() && !seen.tag {
            problems.push(format!("{} never has a tag", self.name));
        }
        if self.when == Presence::Always {
            let lacking = (0..configs).filter(|number| !seen.configs.contains(number));
            problems.extend(lacking.map(|number| format!("config {number} declares no {}", self.name)));
        } else if configs > 1 && (0..configs).all(|number| seen.configs.contains(&number)) {
            problems.push(format!("each config declares {}", self.name));
        }
        problems
    }
}

/// What configs declare of one metric.
#[derive(Clone, Debug, Default)]
struct Seen<'n> {
    configs: Vec<usize>,
    outcomes: Vec<&'n str>,
    tag: bool,
}

/// One series, or the series of a family.
struct Series<'n> {
    name: &'n str,
    kind: MetricKind,
    outcome: Option<&'n str>,
    /// `None`: it is not known before it is counted.
    tag: Option<bool>,
}

fn declared(needs: &Needs) -> impl Iterator<Item = Series<'_>> {
    let metrics = needs.metrics().iter().map(|def| Series {
        name: def.name,
        kind: def.kind,
        outcome: def.outcome.as_deref(),
        tag: Some(def.rule.is_some()),
    });
    let families = needs.families().iter().map(|family| Series {
        name: family.name,
        kind: family.kind,
        outcome: family.outcome.as_deref(),
        tag: None,
    });
    metrics.chain(families)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const REQUESTS: MetricDoc = MetricDoc {
        name: "requests_total",
        kind: MetricKind::Counter,
        unit: "requests",
        tag: "the rule",
        cache: &[("yes", "it passed"), ("no", "it did not")],
        when: Presence::Always,
        meaning: "Requests.",
    };
    const STATE: MetricDoc = MetricDoc {
        name: "state",
        kind: MetricKind::Gauge,
        cache: &[],
        when: Presence::If("there is one"),
        ..REQUESTS
    };

    /// Needs that declare these: `name{outcome}`, with a rule but after `-`.
    fn needs(declared: &[&'static str]) -> Needs {
        let mut needs = Needs::default();
        for text in declared {
            let (text, rule) = text
                .strip_prefix('-')
                .map_or((*text, Some("r")), |text| (text, None));
            let (name, outcome) = text.strip_suffix('}').and_then(|it| it.split_once('{')).unzip();
            match name {
                Some(name) => needs.counter(name, rule, outcome),
                None => needs.gauge(text, rule),
            };
        }
        needs
    }

    #[test]
    fn a_catalogue_agrees_with_configs_that_declare_all_of_it_between_them() {
        let configs = [
            needs(&["requests_total{yes}", "requests_total{no}"]),
            needs(&["requests_total{yes}", "state"]),
        ];
        assert_eq!(MetricDoc::compare(&[REQUESTS, STATE], &configs), [""; 0]);
    }

    #[test]
    fn what_is_missing_wrong_or_promised_in_vain_is_said() {
        let all = ["requests_total{yes}", "requests_total{no}", "state"];
        let with = |more: &[&'static str]| needs(&[&all[..], more].concat());
        let tagless = MetricDoc { tag: "", ..STATE };
        for (catalogue, configs, problem) in [
            ([REQUESTS, STATE], vec![with(&["other"])], "other is not there"),
            (
                [REQUESTS, STATE],
                vec![with(&["requests_total{maybe}"])],
                "requests_total has cache Some(\"maybe\")",
            ),
            (
                [REQUESTS, STATE],
                vec![with(&["requests_total"])],
                "requests_total is a Gauge",
            ),
            ([REQUESTS, tagless], vec![with(&[])], "state has a tag"),
            (
                [REQUESTS, STATE],
                vec![needs(&["requests_total{yes}", "requests_total{no}"])],
                "no config declares state",
            ),
            (
                [REQUESTS, STATE],
                vec![needs(&["requests_total{yes}", "state"])],
                "no config declares requests_total with cache no",
            ),
            (
                [REQUESTS, STATE],
                vec![needs(&["requests_total{yes}", "requests_total{no}", "-state"])],
                "state never has a tag",
            ),
            (
                [REQUESTS, STATE],
                vec![with(&[]), needs(&["requests_total{yes}"]), needs(&["other"])],
                "config 2 declares no requests_total; other is not there",
            ),
            (
                [REQUESTS, STATE],
                vec![with(&[]), with(&[])],
                "each config declares state",
            ),
        ] {
            assert_eq!(MetricDoc::compare(&catalogue, &configs).join("; "), problem);
        }
        let twice = MetricDoc::compare(&[REQUESTS, STATE, STATE], &[with(&[])]);
        assert!(
            twice.contains(&"state stands there twice".to_owned()),
            "{twice:?}"
        );
    }

    #[test]
    fn a_value_in_angle_brackets_stands_for_any() {
        let doc = MetricDoc {
            cache: &[("+Inf", "all"), ("<bound>", "at most that")],
            ..REQUESTS
        };
        assert!(doc.has(Some("+Inf")) && doc.has(Some("250")) && !doc.has(None));
        assert!(!REQUESTS.has(Some("maybe")) && STATE.has(None));
    }
}
