//! What the rate limiter counts, for docs/metrics.md.

use fairlead_stage::{MetricDoc, MetricKind, Presence};

/// The metrics of the filter, besides those that every plugin has.
pub const METRICS: &[MetricDoc] = &[
    MetricDoc {
        name: "requests_total",
        kind: MetricKind::Counter,
        unit: "requests",
        tag: "the limit",
        cache: &[
            ("admitted", "the limit let them pass"),
            ("denied", "it refused them"),
            (
                "would_deny",
                "in `shadow`, instead of `denied`: it would have refused them",
            ),
            (
                "undecided",
                "its state could not be reached or changed in time; `faults_total` says why",
            ),
        ],
        when: Presence::Always,
        meaning: "Requests that a limit applied to, counted when they end (by the lean build when it decides); what one limit refuses counts for that limit only.",
    },
    MetricDoc {
        name: "overflow_total",
        kind: MetricKind::Counter,
        unit: "requests",
        tag: "the limit",
        cache: &[
            ("shared", "the bucket decided that such keys of a set share"),
            ("denied", "refused for want of a bucket (`on_overflow: deny`)"),
            (
                "evicted",
                "another key lost its live bucket (`on_overflow: fresh`)",
            ),
        ],
        when: Presence::Always,
        meaning: "Requests whose key found all buckets of its set live: `max_keys` is too small for the keys in use.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RateLimit;
    use fairlead_stage::{Needs, Stage as _};
    use serde_json::{Value, json};

    fn plan(config: &Value) -> Needs {
        RateLimit::plan(config.to_string().as_bytes()).unwrap().1
    }

    #[test]
    fn the_catalogue_has_what_configs_declare_and_nothing_else() {
        let limits = json!([
            {"name": "all", "rate": "10/s"},
            {"name": "per-key", "key": [{"header": "x-api-key"}], "rate": "1/s", "on_overflow": "fresh"},
        ]);
        let configs = [
            json!({"limits": limits}),
            json!({"mode": "shadow", "limits": limits}),
        ];
        let configs: Vec<Needs> = configs.iter().map(plan).collect();
        assert_eq!(MetricDoc::compare(METRICS, &configs), [""; 0]);
    }

    #[test]
    fn a_filter_that_is_off_counts_nothing() {
        let needs = plan(&json!({"mode": "off", "limits": [{"name": "a", "rate": "1/s"}]}));
        assert_eq!((needs.metrics(), needs.families()), (&[][..], &[][..]));
    }
}
