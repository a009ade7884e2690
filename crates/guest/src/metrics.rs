//! Metrics: defined once while the filter is configured, then used by their id.
//!
//! Proxies have no labels for what Wasm modules count; they cut labels out of names by the patterns of their bootstrap.
//! The names here fit the patterns that Istio ships, so that `component` (the plugin), `tag` (the rule), `cache` (the
//! outcome) and `wasm_filter` become labels without any change on the operator's side. Envoy: `wasmcustom.<name>`.

use crate::abi;
use fairlead_stage::{Family, FamilyId, Meter, MetricDef, MetricId, MetricKind, Needs};
use std::cell::Cell;

/// The host's ids of metrics, by [`MetricId`]: first those declared, then the series of each family.
pub(crate) struct HostMeter {
    ids: Vec<Cell<u32>>,
    families: Vec<(Family, u32)>,
    readable: bool,
    filter: &'static str,
    plugin: String,
}

/// Stands for the id of a series that is not defined yet, and of a metric that the host would not define. The ids of hosts
/// are small: they count metrics.
const UNDEFINED: u32 = u32::MAX;
const REFUSED: u32 = u32::MAX - 1;

impl HostMeter {
    #[inline(never)]
    pub(crate) fn new(filter: &'static str, plugin: &str, needs: &Needs) -> Self {
        let declared = needs.metrics().iter();
        let mut ids: Vec<Cell<u32>> = declared
            .map(|def| Cell::new(define(filter, plugin, def).unwrap_or(REFUSED)))
            .collect();
        let mut families = Vec::new();
        for family in needs.families() {
            let base = u32::try_from(ids.len()).unwrap_or(UNDEFINED);
            families.push((family.clone(), base));
            let series = usize::try_from(family.series).unwrap_or(0);
            ids.resize(ids.len().saturating_add(series), Cell::new(UNDEFINED));
        }
        Self {
            ids,
            families,
            readable: needs.reads_metrics && are_kept(filter, plugin),
            filter,
            plugin: plugin.to_owned(),
        }
    }

    fn id(&self, metric: MetricId) -> Option<u32> {
        let id = self.ids.get(metric.index())?.get();
        (id < REFUSED).then_some(id)
    }

    /// Defines a series of a family: once, also if the host refuses.
    #[inline(never)]
    fn define_series(&self, family: &Family, rule: Option<String>) -> u32 {
        let def = MetricDef {
            name: family.name,
            kind: family.kind,
            rule,
            outcome: family.outcome.clone(),
        };
        define(self.filter, &self.plugin, &def).unwrap_or(REFUSED)
    }
}

impl Meter for HostMeter {
    fn add(&self, metric: MetricId, n: u64) {
        // The host refuses to add nothing, and what a metric cannot take is lost: counting never fails a request.
        if let (Some(id), Ok(n @ 1..)) = (self.id(metric), i64::try_from(n)) {
            let _ = abi::increment_metric(id, n);
        }
    }

    fn set(&self, metric: MetricId, value: u64) {
        self.record(metric, value);
    }

    fn adjust(&self, metric: MetricId, by: i64) {
        if let Some(id) = self.id(metric) {
            let _ = abi::increment_metric(id, by);
        }
    }

    fn read(&self, metric: MetricId) -> Option<u64> {
        if !self.readable {
            return None;
        }
        abi::metric(self.id(metric)?)
    }

    fn open(&self, family: FamilyId, series: u32, rule: &mut dyn FnMut() -> Option<String>) -> MetricId {
        let Some((def, base)) = self.families.get(family.index()) else {
            return MetricId::at(UNDEFINED);
        };
        if series >= def.series {
            return MetricId::at(UNDEFINED);
        }
        let metric = MetricId::at(base.saturating_add(series));
        if let Some(id) = self.ids.get(metric.index())
            && id.get() == UNDEFINED
        {
            id.set(self.define_series(def, rule()));
        }
        metric
    }

    fn record(&self, metric: MetricId, value: u64) {
        if let Some(id) = self.id(metric) {
            let _ = abi::record_metric(id, value);
        }
    }
}

/// Whether the host keeps what it is told: statistics that its configuration excludes read as 0 whatever is written.
#[inline(never)]
fn are_kept(filter: &str, plugin: &str) -> bool {
    let def = MetricDef {
        name: "metrics_kept",
        kind: MetricKind::Gauge,
        rule: None,
        outcome: None,
    };
    define(filter, plugin, &def)
        .is_some_and(|id| abi::record_metric(id, 1).is_ok() && abi::metric(id) == Some(1))
}

/// Defines one metric with the host.
pub(crate) fn define(filter: &str, plugin: &str, def: &MetricDef) -> Option<u32> {
    let kind = match def.kind {
        MetricKind::Counter => abi::Metric::Counter,
        MetricKind::Gauge => abi::Metric::Gauge,
        MetricKind::Histogram => abi::Metric::Histogram,
    };
    abi::define_metric(kind, stat_name(filter, plugin, def).as_bytes()).ok()
}

/// The words that begin a label in Istio's patterns, each followed by a dot.
const LABELS: [&str; 4] = ["cache", "component", "tag", "wasm_filter"];

fn begins_label(text: &str) -> bool {
    LABELS
        .iter()
        .any(|label| text.as_bytes().ends_with(label.as_bytes()))
}

/// The host's name of a metric, which its bootstrap's patterns take apart again.
fn stat_name(filter: &str, plugin: &str, def: &MetricDef) -> String {
    let mut name = String::from("wasm_filter.");
    name.push_str(filter);
    name.push_str(".component.");
    name.extend(plugin.chars().map(|c| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    }));
    // The patterns are not anchored: what ends like one of their words would begin a label of its own.
    if begins_label(plugin) {
        name.push('_');
    }
    name.push('.');
    if let Some(rule) = &def.rule {
        name.push_str("tag.");
        let begin = name.len();
        for character in rule.chars() {
            let written = name.get(begin..).unwrap_or_default();
            let ends = character == ';' || character == '.' && begins_label(written);
            name.push(if ends { '_' } else { character });
        }
        name.push_str(";.");
    }
    if let Some(outcome) = &def.outcome {
        name.push_str("cache.");
        name.push_str(outcome);
        name.push('.');
    }
    name.push_str("fairlead_");
    name.push_str(filter);
    name.push('_');
    name.push_str(def.name);
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn name(plugin: &str, rule: Option<&str>, outcome: Option<&'static str>) -> String {
        let def = MetricDef {
            name: "requests_total",
            kind: MetricKind::Counter,
            rule: rule.map(str::to_owned),
            outcome: outcome.map(Cow::Borrowed),
        };
        stat_name("rate_limit", plugin, &def)
    }

    #[test]
    fn labels_stand_where_the_bootstrap_looks_for_them() {
        assert_eq!(
            name("edge", Some("per-key"), Some("denied")),
            "wasm_filter.rate_limit.component.edge.tag.per-key;.cache.denied.fairlead_rate_limit_requests_total"
        );
        assert_eq!(
            name("edge", None, None),
            "wasm_filter.rate_limit.component.edge.fairlead_rate_limit_requests_total"
        );
    }

    #[test]
    fn names_cannot_break_out_of_their_label() {
        assert_eq!(
            name("demo.client~istio", Some("a;.b"), None),
            "wasm_filter.rate_limit.component.demo_client_istio.tag.a_.b;.fairlead_rate_limit_requests_total"
        );
        assert_eq!(
            name("edge-cache", Some("v1.cache.hot"), None),
            "wasm_filter.rate_limit.component.edge-cache_.tag.v1.cache_hot;.fairlead_rate_limit_requests_total"
        );
    }
}
