//! What the canary filter counts, for docs/metrics.md.

use fairlead_stage::{MetricDoc, MetricKind, Presence};

/// The metrics of the filter, besides those that every plugin has.
pub const METRICS: &[MetricDoc] = &[
    MetricDoc {
        name: "exposures_total",
        kind: MetricKind::Counter,
        unit: "requests",
        tag: "the variant",
        cache: &[
            ("force_header", "a tester's header"),
            ("force_cookie", "a tester's cookie"),
            ("routing_header", "a trusted caller had decided"),
            ("trace", "an earlier request of the same trace"),
            ("release_cookie", "the user was drawn before"),
            ("rule", "a rule"),
            ("sticky", "the draw"),
            ("default", "nothing to draw by, or no variant has a share"),
            ("would_force_header", "in `shadow`: a tester's header"),
            ("would_force_cookie", "in `shadow`: a tester's cookie"),
            (
                "would_routing_header",
                "in `shadow`: a trusted caller had decided",
            ),
            ("would_trace", "in `shadow`: an earlier request of the same trace"),
            ("would_release_cookie", "in `shadow`: the user was drawn before"),
            ("would_rule", "in `shadow`, or by a rule in `shadow`: a rule"),
            ("would_sticky", "in `shadow`: the draw"),
            (
                "would_default",
                "in `shadow`: nothing to draw by, or no variant has a share",
            ),
        ],
        when: Presence::Always,
        meaning: "Requests that got a variant, by the reason; requests, not users.",
    },
    MetricDoc {
        name: "weight_ppm",
        kind: MetricKind::Gauge,
        unit: "parts per million",
        tag: "the variant",
        cache: &[],
        when: Presence::Always,
        meaning: "The share in force now, after ramp and guard; the default variant has the rest.",
    },
    MetricDoc {
        name: "cookies_total",
        kind: MetricKind::Counter,
        unit: "cookies",
        tag: "",
        cache: &[
            ("issued", "set in a response"),
            ("cleared", "taken back in a response"),
            ("rejected", "sent by a client and not believed"),
        ],
        when: Presence::Always,
        meaning: "Release cookies.",
    },
    MetricDoc {
        name: "routing_headers_removed_total",
        kind: MetricKind::Counter,
        unit: "requests",
        tag: "",
        cache: &[],
        when: Presence::Always,
        meaning: "Requests whose routing header came from a client that may not send one, and was taken off.",
    },
    MetricDoc {
        name: "baggage_total",
        kind: MetricKind::Counter,
        unit: "requests",
        tag: "",
        cache: &[("full", "there was no room for the member")],
        when: Presence::Always,
        meaning: "Requests whose W3C baggage could not be appended to.",
    },
    MetricDoc {
        name: "trace_total",
        kind: MetricKind::Counter,
        unit: "requests",
        tag: "",
        cache: &[
            ("stored", "the variant of a trace was remembered"),
            ("evicted", "the same, and another trace was forgotten for it"),
            ("hit", "the trace was known"),
            ("miss", "the trace was not known"),
        ],
        when: Presence::Always,
        meaning: "What requests met in the table of traces.",
    },
    MetricDoc {
        name: "outcomes_total",
        kind: MetricKind::Counter,
        unit: "requests",
        tag: "the variant",
        cache: &[
            ("success", "by the measure of the guard"),
            ("failure", "by the same measure"),
        ],
        when: Presence::If("there is a `guard`, in `enforce`"),
        meaning: "What the guard has counted.",
    },
    MetricDoc {
        name: "guard_state",
        kind: MetricKind::Gauge,
        unit: "0 watching, 1 held, 2 out",
        tag: "the variant, but the default one",
        cache: &[],
        when: Presence::If("there is a `guard`, in `enforce`"),
        meaning: "What the guard makes of a variant.",
    },
    MetricDoc {
        name: "guard_trips_total",
        kind: MetricKind::Counter,
        unit: "trips",
        tag: "the variant, but the default one",
        cache: &[("error_rate", "by its failures"), ("latency", "by its slowness")],
        when: Presence::If("there is a `guard`, in `enforce`"),
        meaning: "How often the guard has taken a variant out.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Canary;
    use fairlead_stage::{Needs, Stage as _};
    use serde_json::{Value, json};

    fn plan(config: &Value) -> Needs {
        Canary::plan(config.to_string().as_bytes()).unwrap().1
    }

    #[test]
    fn the_catalogue_has_what_configs_declare_and_nothing_else() {
        let small = json!({"release": "r", "variants": [{"name": "v2", "weight": "10%"}]});
        let mut rich = small.clone();
        rich["rules"] = json!([{"match": [{"headers": {"x-beta": {"present": true}}}], "variant": "v2", "mode": "shadow"}]);
        rich["guard"] = json!({"error_rate": {"max": "5%"}, "latency": {"max": "1s"}});
        let mut shadow = rich.clone();
        shadow["mode"] = json!("shadow");
        let configs = [small, rich, shadow];
        let configs: Vec<Needs> = configs.iter().map(plan).collect();
        assert_eq!(MetricDoc::compare(METRICS, &configs), [""; 0]);
    }

    #[test]
    fn a_filter_that_is_off_counts_nothing() {
        let needs = plan(&json!({"mode": "off", "release": "r", "variants": [{"name": "v2"}]}));
        assert_eq!((needs.metrics(), needs.families()), (&[][..], &[][..]));
    }
}
