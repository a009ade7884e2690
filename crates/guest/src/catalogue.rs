//! What every plugin counts, whatever its filter: for docs/metrics.md.

use fairlead_stage::{MetricDoc, MetricKind, Presence};

/// The metrics of each plugin, under the name of its filter. Those that a config declares come on top.
pub const COMMON: &[MetricDoc] = &[
    MetricDoc {
        name: "config_rejected",
        kind: MetricKind::Gauge,
        unit: "0 or 1",
        tag: "",
        cache: &[],
        when: Presence::Always,
        meaning: "1 while the last config that was offered is refused; the one before it stays in force. Going back to that one \
                  [leaves it at 1](failure-modes.md#a-config-is-refused), the next other one clears it.",
    },
    MetricDoc {
        name: "config_fingerprint",
        kind: MetricKind::Gauge,
        unit: "a 32-bit hash",
        tag: "",
        cache: &[],
        when: Presence::Always,
        meaning: "FNV-1a of the bytes of the config in force: proxies that show the same number run the same config.",
    },
    MetricDoc {
        name: "state_limit_bytes",
        kind: MetricKind::Gauge,
        unit: "bytes",
        tag: "",
        cache: &[],
        when: Presence::Always,
        meaning: "The most memory that the state of this config can take: all that workers share, and what one worker has of \
                  its own.",
    },
    MetricDoc {
        name: "faults_total",
        kind: MetricKind::Counter,
        unit: "faults",
        tag: "",
        cache: &[
            (
                "cas_retry",
                "another worker changed a shared cell first, so the step was run again: harmless",
            ),
            (
                "cas_exhausted",
                "all attempts on a cell were lost; the filter's own page says what became of the request",
            ),
            ("host_error", "the proxy refused a call that it should have taken"),
        ],
        when: Presence::Always,
        meaning: "What went wrong between a decision and the proxy.",
    },
    MetricDoc {
        name: "metrics_kept",
        kind: MetricKind::Gauge,
        unit: "0 or 1",
        tag: "",
        cache: &[],
        when: Presence::If("the config has the filter read its own metrics, as breakers do"),
        meaning: "1: the proxy keeps what the plugin counts, so that it can be read back; if its statistics exclude the \
                  plugin, this series is not there either.",
    },
];
