//! A latency histogram of a policy, as the view and the checks need to know it.

use super::policy::component;
use fairlead_config::latency_histogram::{LatencyHistogram, Quantiles, RouteLabel, Slo, quantile_label};
use fairlead_stage::Share;

/// A latency-histogram filter, and where its metrics are.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    /// Label `component` of its metrics: the plugin's name.
    pub(super) plugin: String,
    config: LatencyHistogram,
}

impl Histogram {
    pub(super) fn new(plugin: &str, config: &LatencyHistogram) -> Self {
        Self {
            plugin: component(plugin),
            config: config.clone(),
        }
    }

    /// Its quantiles, if it has any.
    pub(super) const fn quantiles(&self) -> Option<&Quantiles> {
        self.config.quantiles.as_ref()
    }

    /// Which quantiles it shows, in ascending order, with the names that they have in metrics.
    pub(super) fn shares(&self) -> Vec<(Share, String)> {
        let mut shares = self.quantiles().map_or_else(Vec::new, |it| it.of.clone());
        shares.sort_unstable();
        shares
            .into_iter()
            .map(|share| (share, quantile_label(share)))
            .collect()
    }

    /// The labels that have quantiles of their own, by their names in metrics.
    pub(super) fn by(&self) -> Vec<&'static str> {
        let by = self.quantiles().map_or(&[][..], |quantiles| &quantiles.by);
        by.iter().map(|dimension| dimension.name()).collect()
    }

    /// Its objectives.
    pub(super) fn objectives(&self) -> &[Slo] {
        &self.config.slos
    }

    /// The label of a path: the first template that it meets.
    pub(super) fn route(&self, path: &str) -> &str {
        let templates = match &self.config.labels.route {
            Some(RouteLabel::Templates(templates)) => templates.as_slice(),
            _ => &[],
        };
        let found = templates.iter().find(|template| meets(template.as_str(), path));
        found.map_or("_other", |template| template.as_str())
    }

    /// Where a route stands among the templates; others come last.
    pub(super) fn place(&self, route: &str) -> usize {
        match &self.config.labels.route {
            Some(RouteLabel::Templates(templates)) => {
                let found = templates.iter().position(|template| template.as_str() == route);
                found.unwrap_or(templates.len())
            }
            _ => 0,
        }
    }
}

/// What metrics call the label set of a route and a variant.
pub(super) fn label_set(route: &str, variant: &str) -> String {
    format!("route={route},variant={variant}")
}

/// The value of a label in a label set: `stable` of `variant` in `route=/,variant=stable`.
pub(super) fn value<'s>(label_set: &'s str, label: &str) -> Option<&'s str> {
    let mut pairs = label_set.split(',').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == label).map(|(_, value)| value)
}

/// Whether a path meets a template, each of whose variables stands for one segment.
fn meets(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted.starts_with('{') && !given.is_empty() => {}
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::up::policy::Policy;
    use std::time::Duration;

    #[test]
    fn the_demos_histogram_is_what_the_checks_are_about() {
        let policy = Policy::demo().unwrap();
        let histogram = &policy.histograms[0];
        assert_eq!(histogram.plugin, "latency-histogram");
        assert_eq!(histogram.by(), ["route", "variant"]);
        let names: Vec<String> = histogram.shares().into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["p50", "p95", "p99"]);
        let [pay] = histogram.objectives() else { panic!() };
        assert_eq!(
            (pay.name.as_str(), pay.threshold),
            ("pay", Duration::from_millis(100))
        );
    }

    #[test]
    fn the_label_of_a_path_is_the_template_that_it_meets() {
        let histogram = Policy::demo().unwrap().histograms.remove(0);
        for (path, route, place) in [
            ("/shop/", "/shop/", 0),
            ("/shop/items/7", "/shop/items/{id}", 1),
            ("/shop/pay", "/shop/pay", 2),
            ("/shop/items/", "_other", 5),
            ("/shop/items/7/8", "_other", 5),
            ("/", "_other", 5),
        ] {
            assert_eq!((histogram.route(path), histogram.place(route)), (route, place));
        }
    }

    #[test]
    fn a_label_set_is_pairs() {
        let set = label_set("/shop/pay", "v2");
        assert_eq!(value(&set, "route"), Some("/shop/pay"));
        assert_eq!(value(&set, "variant"), Some("v2"));
        assert_eq!(value(&set, "vari"), None);
    }
}
