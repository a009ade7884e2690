//! What the filter counts, for docs/metrics.md.

use fairlead_stage::{MetricDoc, MetricKind, Presence};

const LABELS: &str = "the labels of the request: `route=/users/{id},status=2xx`";
const GROUP: &str = "the labels of the group, those in `quantiles.by`";
const SLO: &str = "the objective";

/// A duration in the proxy's own histogram.
const fn duration(
    name: &'static str,
    unit: &'static str,
    when: &'static str,
    meaning: &'static str,
) -> MetricDoc {
    MetricDoc {
        name,
        kind: MetricKind::Histogram,
        unit,
        tag: LABELS,
        cache: &[],
        when: Presence::If(when),
        meaning,
    }
}

/// A counter of exact buckets.
const fn exact(
    name: &'static str,
    unit: &'static str,
    when: &'static str,
    meaning: &'static str,
) -> MetricDoc {
    MetricDoc {
        name,
        kind: MetricKind::Counter,
        unit,
        tag: LABELS,
        cache: &[],
        when: Presence::If(when),
        meaning,
    }
}

const fn bucket(name: &'static str, when: &'static str) -> MetricDoc {
    MetricDoc {
        cache: &[(
            "<bound>",
            "in microseconds, or `+Inf`: what `le` is in Prometheus",
        )],
        ..exact(
            name,
            "requests",
            when,
            "Requests of at most this time; cumulative.",
        )
    }
}

const fn quantile(name: &'static str, when: &'static str) -> MetricDoc {
    MetricDoc {
        name,
        kind: MetricKind::Gauge,
        unit: "microseconds",
        tag: GROUP,
        cache: &[("<quantile>", "`p50`, `p95`, `p99`, `p99_9`")],
        when: Presence::If(when),
        meaning: "The quantile of the window, over all workers; 0 when it is empty.",
    }
}

const fn objective(
    name: &'static str,
    kind: MetricKind,
    unit: &'static str,
    meaning: &'static str,
) -> MetricDoc {
    MetricDoc {
        name,
        kind,
        unit,
        tag: SLO,
        cache: &[],
        when: Presence::If("there are `slos`"),
        meaning,
    }
}

const TOTAL: &str = "`phases` has `total`, with `buckets`";
const UPSTREAM: &str = "`phases` has `upstream`, with `buckets`";
const FILTER: &str = "`phases` has `filter`, with `buckets`";

/// The metrics of the filter, besides those that every plugin has.
pub const METRICS: &[MetricDoc] = &[
    duration(
        "request_duration_milliseconds",
        "milliseconds",
        "`phases` has `total`, unless `unit: us`",
        "From the request's headers to the end of the stream, rounded to the nearest.",
    ),
    duration(
        "request_duration_microseconds",
        "microseconds",
        "`phases` has `total`, with `unit: us`",
        "From the request's headers to the end of the stream.",
    ),
    duration(
        "upstream_duration_milliseconds",
        "milliseconds",
        "`phases` has `upstream`, unless `unit: us`",
        "From the first byte sent to the upstream to the last one received, rounded to the nearest.",
    ),
    duration(
        "upstream_duration_microseconds",
        "microseconds",
        "`phases` has `upstream`, with `unit: us`",
        "From the first byte sent to the upstream to the last one received.",
    ),
    duration(
        "first_byte_duration_milliseconds",
        "milliseconds",
        "`phases` has `filter`, unless `unit: us`",
        "From the request's headers to those of the response, rounded to the nearest.",
    ),
    duration(
        "first_byte_duration_microseconds",
        "microseconds",
        "`phases` has `filter`, with `unit: us`",
        "From the request's headers to those of the response.",
    ),
    bucket("request_exact_microseconds_bucket", TOTAL),
    exact(
        "request_exact_microseconds_sum",
        "microseconds",
        TOTAL,
        "The sum of all times.",
    ),
    exact(
        "request_exact_microseconds_count",
        "requests",
        TOTAL,
        "All requests.",
    ),
    bucket("upstream_exact_microseconds_bucket", UPSTREAM),
    exact(
        "upstream_exact_microseconds_sum",
        "microseconds",
        UPSTREAM,
        "The sum of all times.",
    ),
    exact(
        "upstream_exact_microseconds_count",
        "requests",
        UPSTREAM,
        "All requests that have this phase.",
    ),
    bucket("first_byte_exact_microseconds_bucket", FILTER),
    exact(
        "first_byte_exact_microseconds_sum",
        "microseconds",
        FILTER,
        "The sum of all times.",
    ),
    exact(
        "first_byte_exact_microseconds_count",
        "requests",
        FILTER,
        "All requests that have this phase.",
    ),
    quantile(
        "request_quantile_microseconds",
        "there are `quantiles`, of `phase: total`",
    ),
    quantile(
        "upstream_quantile_microseconds",
        "there are `quantiles`, of `phase: upstream`",
    ),
    quantile(
        "first_byte_quantile_microseconds",
        "there are `quantiles`, of `phase: filter`",
    ),
    MetricDoc {
        name: "window_requests",
        kind: MetricKind::Gauge,
        unit: "requests",
        tag: GROUP,
        cache: &[],
        when: Presence::If("there are `quantiles`"),
        meaning: "Requests in the window, over all workers: what the quantiles are of.",
    },
    objective(
        "slo_requests_total",
        MetricKind::Counter,
        "requests",
        "Requests that the objective is about.",
    ),
    objective(
        "slo_good_total",
        MetricKind::Counter,
        "requests",
        "Those of them that met it.",
    ),
    objective(
        "slo_objective_ppm",
        MetricKind::Gauge,
        "parts per million",
        "The share of good requests that is aimed at.",
    ),
    objective(
        "slo_threshold_microseconds",
        MetricKind::Gauge,
        "microseconds",
        "The time that a good request takes at most.",
    ),
    MetricDoc {
        name: "request_size_bytes",
        kind: MetricKind::Histogram,
        unit: "bytes",
        tag: LABELS,
        cache: &[],
        when: Presence::If("`sizes` has `request`"),
        meaning: "Bodies of requests, as the proxy has received them.",
    },
    MetricDoc {
        name: "response_size_bytes",
        kind: MetricKind::Histogram,
        unit: "bytes",
        tag: LABELS,
        cache: &[],
        when: Presence::If("`sizes` has `response`"),
        meaning: "Bodies of responses, as the proxy has sent them.",
    },
    MetricDoc {
        name: "excluded_total",
        kind: MetricKind::Counter,
        unit: "requests",
        tag: "",
        cache: &[
            ("match", "met an entry of `exclude.match`"),
            ("health_check", "came from a health check"),
            ("grpc_stream", "a gRPC call whose response went on"),
            ("websocket", "became a websocket"),
            ("client_abort", "the client went away"),
        ],
        when: Presence::If("`exclude` names the reason"),
        meaning: "Requests that were not measured.",
    },
    MetricDoc {
        name: "label_overflow_total",
        kind: MetricKind::Counter,
        unit: "requests",
        tag: "",
        cache: &[
            ("route", "of routes by name"),
            ("variant", "of variants without `values`"),
            ("cluster", "of clusters"),
        ],
        when: Presence::If("values of the label are taken from traffic"),
        meaning: "Requests whose value is `_other`, as the label has as many as it may have.",
    },
    MetricDoc {
        name: "access_log_lines_total",
        kind: MetricKind::Counter,
        unit: "lines",
        tag: "",
        cache: &[
            ("sampled", "by chance"),
            ("slow", "longer than `slow_above`"),
            ("failed", "a failed request"),
        ],
        when: Presence::If("there is an `access_log`"),
        meaning: "Lines written.",
    },
    MetricDoc {
        name: "access_log_dropped_total",
        kind: MetricKind::Counter,
        unit: "lines",
        tag: "",
        cache: &[],
        when: Presence::If("there is an `access_log`"),
        meaning: "Lines not written, as a worker had written `max_per_second`.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LatencyHistogram;
    use fairlead_stage::{Needs, Stage as _};
    use serde_json::{Value, json};

    fn plan(config: &Value) -> Needs {
        LatencyHistogram::plan(config.to_string().as_bytes()).unwrap().1
    }

    #[test]
    fn the_catalogue_has_what_configs_declare_and_nothing_else() {
        let all = ["total", "upstream", "filter"];
        let taken =
            json!({"route": {"name": true}, "variant": {"header": "x-v", "max": 2}, "cluster": {"max": 2}});
        let rich = json!({
            "phases": all, "unit": "us", "labels": taken, "sizes": {"request": true, "response": true},
            "slos": [{"name": "a", "threshold": "1s", "objective": "99%"}], "access_log": {"sample": "1%"},
            "quantiles": {"by": ["route"]},
            "exclude": {"grpc_streams": true, "websockets": true, "client_aborts": true, "health_checks": true, "match": [{"methods": ["PUT"]}]},
        });
        let quantiles = |phase| json!({"phases": [phase], "quantiles": {"phase": phase}, "labels": {}});
        let configs = [
            rich,
            json!({"phases": all}),
            json!({"phases": all, "buckets": ["1ms"], "envoy_histogram": false}),
            quantiles("upstream"),
            quantiles("filter"),
        ];
        let configs: Vec<Needs> = configs.iter().map(plan).collect();
        assert_eq!(MetricDoc::compare(METRICS, &configs), [""; 0]);
    }
}
