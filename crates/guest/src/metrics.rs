//! Metrics: defined once while the filter is configured, then used by their id.
//!
//! Proxies have no labels for what Wasm modules count; they cut labels out of names by the patterns of their bootstrap.
//! The names here fit the patterns that Istio ships, so that `component` (the plugin), `tag` (the rule), `cache` (the
//! outcome) and `wasm_filter` become labels without any change on the operator's side. Envoy: `wasmcustom.<name>`.

use crate::abi;
use fairlead_stage::{Meter, MetricDef, MetricId, MetricKind, Needs};

/// The host's ids of the declared metrics; `None` for one that the host would not define.
#[derive(Debug)]
pub(crate) struct HostMeter {
    ids: Vec<Option<u32>>,
    readable: bool,
}

impl HostMeter {
    #[inline(never)]
    pub(crate) fn new(filter: &str, plugin: &str, needs: &Needs) -> Self {
        let defs = needs.metrics().iter();
        Self {
            ids: defs.map(|def| define(filter, plugin, def)).collect(),
            readable: needs.reads_metrics && are_kept(filter, plugin),
        }
    }

    fn id(&self, metric: MetricId) -> Option<u32> {
        self.ids.get(metric.index()).copied().flatten()
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
        let dots = rule.rsplit('.').skip(1).any(begins_label);
        name.extend(
            rule.chars()
                .map(|c| if c == ';' || (dots && c == '.') { '_' } else { c }),
        );
        name.push_str(";.");
    }
    if let Some(outcome) = def.outcome {
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

    fn name(plugin: &str, rule: Option<&str>, outcome: Option<&'static str>) -> String {
        let def = MetricDef {
            name: "requests_total",
            kind: MetricKind::Counter,
            rule: rule.map(str::to_owned),
            outcome,
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
            "wasm_filter.rate_limit.component.edge-cache_.tag.v1_cache_hot;.fairlead_rate_limit_requests_total"
        );
    }
}
