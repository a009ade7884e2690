//! What the circuit breaker counts, for docs/metrics.md.

use fairlead_stage::{MetricDoc, MetricKind, Presence};

/// The metrics of the filter, besides those that every plugin has.
pub const METRICS: &[MetricDoc] = &[
    MetricDoc {
        name: "requests_total",
        kind: MetricKind::Counter,
        unit: "requests",
        tag: "the breaker",
        cache: &[
            ("success", "completed, and no failure"),
            ("failure", "completed, a failure by `failure`"),
            ("ignored", "completed, in no count: `ignore`, clients that left"),
            (
                "late",
                "completed after a transition, so dropped; with neither `throttle` nor `force`",
            ),
            ("rejected", "refused; in `enforce`"),
            ("would_reject", "would have been refused; in `shadow`"),
        ],
        when: Presence::Always,
        meaning: "What became of the requests that a breaker is about.",
    },
    MetricDoc {
        name: "slow_total",
        kind: MetricKind::Counter,
        unit: "requests",
        tag: "the breaker",
        cache: &[],
        when: Presence::Always,
        meaning: "Completed requests that took longer than `trip.slow.above`.",
    },
    MetricDoc {
        name: "rejected_total",
        kind: MetricKind::Counter,
        unit: "requests",
        tag: "the breaker",
        cache: &[
            ("open", "it is open"),
            ("half_open", "all probes are under way"),
            (
                "ramp",
                "it has closed, and `recovery_ramp` does not admit all yet",
            ),
            ("throttled", "`throttle` drew them"),
            ("bulkhead", "`max_in_flight` was reached"),
            ("forced", "`force: open`"),
        ],
        when: Presence::Always,
        meaning: "Why requests were refused, or would have been in `shadow`; each value is there if the config can make it count.",
    },
    MetricDoc {
        name: "fallbacks_total",
        kind: MetricKind::Counter,
        unit: "requests",
        tag: "the breaker",
        cache: &[
            ("reply", "the reply"),
            ("stale", "the last good response"),
            ("reroute", "another route"),
        ],
        when: Presence::If("in `enforce`; `stale` and `reroute` with that fallback"),
        meaning: "What refused requests got.",
    },
    MetricDoc {
        name: "probes_total",
        kind: MetricKind::Counter,
        unit: "probes",
        tag: "the breaker",
        cache: &[
            ("success", "it succeeded"),
            ("failure", "it failed"),
            ("lost", "it was ignored, as when its client left"),
        ],
        when: Presence::If("neither `throttle` nor `force`"),
        meaning: "Results of probes.",
    },
    MetricDoc {
        name: "transitions_total",
        kind: MetricKind::Counter,
        unit: "transitions",
        tag: "the breaker",
        cache: &[
            ("closed", "it closed"),
            ("half_open", "it began to probe"),
            ("open", "it opened"),
        ],
        when: Presence::If("neither `throttle` nor `force`"),
        meaning: "Transitions, by the phase they led to, over all keys.",
    },
    MetricDoc {
        name: "state",
        kind: MetricKind::Gauge,
        unit: "0 closed, 1 half-open, 2 open",
        tag: "the breaker",
        cache: &[],
        when: Presence::Always,
        meaning: "The phase; with keys 2 while any of them is not closed, else 0.",
    },
    MetricDoc {
        name: "epoch",
        kind: MetricKind::Gauge,
        unit: "transitions",
        tag: "the breaker",
        cache: &[],
        when: Presence::If("neither `throttle` nor `force`"),
        meaning: "Grows with each transition, which is how workers notice; of no use in a graph.",
    },
    MetricDoc {
        name: "consecutive_failures",
        kind: MetricKind::Gauge,
        unit: "requests",
        tag: "the breaker",
        cache: &[],
        when: Presence::If("`trip.consecutive_failures`"),
        meaning: "Failures in a row; stays 0 with keys, with a window of calls and with one bucket.",
    },
    MetricDoc {
        name: "open_keys",
        kind: MetricKind::Gauge,
        unit: "keys",
        tag: "the breaker",
        cache: &[],
        when: Presence::If("`per` is not `rule`"),
        meaning: "Keys whose breaker is not closed.",
    },
    MetricDoc {
        name: "overflow_total",
        kind: MetricKind::Counter,
        unit: "requests",
        tag: "the breaker",
        cache: &[],
        when: Presence::If("`per` is not `rule`"),
        meaning: "Requests that passed unprotected because their key found no room: `max_keys` is too small.",
    },
    MetricDoc {
        name: "rejection_ppm",
        kind: MetricKind::Gauge,
        unit: "parts per million",
        tag: "the breaker",
        cache: &[],
        when: Presence::If("`throttle`"),
        meaning: "The share of requests that is refused now.",
    },
    MetricDoc {
        name: "stale_total",
        kind: MetricKind::Counter,
        unit: "responses",
        tag: "the breaker",
        cache: &[
            ("stored", "a good response was kept"),
            ("missing", "there was none to serve"),
        ],
        when: Presence::If("`fallback.stale`"),
        meaning: "The store of last good responses.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CircuitBreaker;
    use fairlead_stage::{Needs, Stage as _};
    use serde_json::{Value, json};

    fn plan(config: &Value) -> Needs {
        CircuitBreaker::plan(config.to_string().as_bytes()).unwrap().1
    }

    #[test]
    fn the_catalogue_has_what_configs_declare_and_nothing_else() {
        let breaker = |fields: &Value| {
            let mut breaker = json!({"name": "b"});
            breaker
                .as_object_mut()
                .unwrap()
                .extend(fields.as_object().unwrap().clone());
            json!({"breakers": [breaker]})
        };
        let mut configs = [
            json!({}),
            json!({"mode": "shadow"}),
            json!({"recovery_ramp": "10s", "max_in_flight": 5, "trip": {"consecutive_failures": 3}}),
            json!({"throttle": {}}),
            json!({"force": "open"}),
            json!({"force": "closed"}),
            json!({"per": "host", "fallback": {"stale": {"max_age": "1m"}}}),
            json!({"fallback": {"reroute": {"header": "x-fallback", "value": "1"}}}),
        ];
        for config in &mut configs {
            *config = breaker(config);
        }
        let configs: Vec<Needs> = configs.iter().map(plan).collect();
        assert_eq!(MetricDoc::compare(METRICS, &configs), [""; 0]);
    }

    #[test]
    fn a_filter_that_is_off_counts_nothing() {
        let needs = plan(&json!({"mode": "off", "breakers": [{"name": "b"}]}));
        assert_eq!((needs.metrics(), needs.families()), (&[][..], &[][..]));
    }
}
