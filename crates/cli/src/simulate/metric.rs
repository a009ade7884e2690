//! What Prometheus shows for a metric of a Wasm module.
//!
//! Envoy cuts labels out of a stat's name by the patterns of its bootstrap. These are the ones that Istio ships for every
//! proxy (`stats_tags` of its bootstrap template), which Fairlead's names are made for: unanchored, shortest match first.

/// Label, what begins it, what ends it. Sorted by label, as Prometheus prints them.
const LABELS: [(&str, &str, &str); 4] = [
    ("cache", "cache.", "."),
    ("component", "component.", "."),
    ("tag", "tag.", ";."),
    ("wasm_filter", "wasm_filter.", "."),
];

/// A stat taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Metric {
    pub(super) name: String,
    labels: Vec<(&'static str, String)>,
}

impl Metric {
    /// Takes the name of a stat apart, which is given without `wasmcustom.`.
    pub(super) fn of(stat: &str) -> Self {
        let mut labels = Vec::new();
        let mut cuts: Vec<(usize, usize)> = Vec::new();
        for (label, begins, ends) in LABELS {
            let Some(start) = stat.find(begins) else { continue };
            let value_at = start.saturating_add(begins.len());
            // At least one character belongs to the value.
            let Some(rest) = stat.get(value_at..) else {
                continue;
            };
            let Some(first) = rest.chars().next().map(char::len_utf8) else {
                continue;
            };
            let Some(length) = rest.get(first..).and_then(|rest| rest.find(ends)) else {
                continue;
            };
            let length = first.saturating_add(length);
            if let Some(value) = rest.get(..length) {
                labels.push((label, value.to_owned()));
                cuts.push((start, value_at.saturating_add(length).saturating_add(ends.len())));
            }
        }
        let left = stat
            .char_indices()
            .filter(|(at, _)| !cuts.iter().any(|(from, to)| (*from..*to).contains(at)));
        let name = left
            .map(|(_, c)| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        Self { name, labels }
    }

    /// A label's value.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels
            .iter()
            .find(|(label, _)| *label == name)
            .map(|(_, value)| value.as_str())
    }

    /// `name{label="value"}`.
    pub(super) fn shown(&self) -> String {
        if self.labels.is_empty() {
            return self.name.clone();
        }
        let escaped = |value: &str| {
            value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n")
        };
        let labels: Vec<String> = self
            .labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect();
        format!("{}{{{}}}", self.name, labels.join(","))
    }

    /// `rate_limit/per-key`: the filter and the rule that it counts for.
    pub(super) fn rule(&self) -> Option<String> {
        Some(format!("{}/{}", self.label("wasm_filter")?, self.label("tag")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stats_are_shown_as_istio_shows_them() {
        for (stat, shown) in [
            (
                "wasm_filter.rate_limit.component.edge.tag.per-key;.cache.denied.fairlead_rate_limit_requests_total",
                r#"fairlead_rate_limit_requests_total{cache="denied",component="edge",tag="per-key",wasm_filter="rate_limit"}"#,
            ),
            (
                "wasm_filter.rate_limit.component.edge.fairlead_rate_limit_state_limit_bytes",
                r#"fairlead_rate_limit_state_limit_bytes{component="edge",wasm_filter="rate_limit"}"#,
            ),
            (
                "wasm_filter.latency.tag.svc.ns.svc.cluster.local;.mk_latency_ms",
                r#"mk_latency_ms{tag="svc.ns.svc.cluster.local",wasm_filter="latency"}"#,
            ),
            ("plain", "plain"),
            ("a.b-c", "a_b_c"),
            ("cache.", "cache_"),
        ] {
            assert_eq!(Metric::of(stat).shown(), shown, "{stat}");
        }
    }

    #[test]
    fn a_rule_is_named_as_access_logs_name_it() {
        let stat =
            "wasm_filter.rate_limit.component.e.tag.a.b;.cache.would_deny.fairlead_rate_limit_requests_total";
        assert_eq!(Metric::of(stat).rule().as_deref(), Some("rate_limit/a.b"));
        assert_eq!(Metric::of("plain").rule(), None);
    }
}
