//! What `fairlead check` says about latency histograms that can be used, above all what they cost.

use super::mode;
use crate::percent;
use fairlead_config::Mode;
use fairlead_config::latency_histogram::{
    Dimension, Estimate, Failures, LatencyHistogram, Slo, Unit, estimate, quantile_label,
};
use humantime::format_duration;
use serde_json::{Value, json};

/// `total by status_class (6); up to 6 series, 12 metrics, 1 KiB of memory; about 28k instructions a request`
pub(super) fn summary(config: &LatencyHistogram) -> String {
    let phases: Vec<&str> = config.phases.iter().map(|phase| phase.written()).collect();
    let labels: Vec<String> = sizes(config)
        .map(|(label, size)| format!("{label} ({size})"))
        .collect();
    let mut what = phases.join(", ");
    if !labels.is_empty() {
        what.push_str(&format!(" by {}", labels.join(", ")));
    }
    let mut parts = vec![what];
    parts.extend(config.slos.iter().map(objective));
    if let Some(quantiles) = &config.quantiles {
        let of: Vec<String> = quantiles.of.iter().map(|share| quantile_label(*share)).collect();
        parts.push(format!(
            "{} over {}",
            of.join(", "),
            format_duration(quantiles.window)
        ));
    }
    let Estimate {
        series,
        metrics,
        memory_bytes,
        instructions,
    } = estimate(config);
    parts.push(format!(
        "up to {series} series, {metrics} metrics, {} KiB of memory",
        memory_bytes.div_ceil(1024)
    ));
    parts.push(format!(
        "about {}k instructions a request",
        instructions.div_ceil(1000)
    ));
    if config.mode != Mode::Enforce {
        parts.push(mode(config.mode).to_owned());
    }
    parts.join("; ")
}

/// The labels, each with how many values it has.
fn sizes(config: &LatencyHistogram) -> impl Iterator<Item = (&'static str, u32)> {
    let labels = &config.labels;
    let configured = Dimension::ALL
        .into_iter()
        .filter(|dimension| labels.has(*dimension));
    configured.map(|dimension| (dimension.field(), labels.size(dimension)))
}

/// `checkout: 95 % within 500ms`
fn objective(slo: &Slo) -> String {
    format!(
        "{}: {} within {}",
        slo.name,
        percent::weight(slo.objective),
        format_duration(slo.threshold)
    )
}

/// The same for machines.
pub(super) fn json(config: &LatencyHistogram) -> Value {
    let Estimate {
        series,
        metrics,
        memory_bytes,
        instructions,
    } = estimate(config);
    let labels: serde_json::Map<String, Value> = sizes(config)
        .map(|(label, size)| (label.to_owned(), size.into()))
        .collect();
    json!({
        "mode": mode(config.mode),
        "phases": config.phases.iter().map(|phase| phase.written()).collect::<Vec<_>>(),
        "labels": labels,
        "unit": match config.unit { Unit::Millis => "ms", Unit::Micros => "us" },
        "envoy_histogram": config.envoy_histogram,
        "buckets_us": config.buckets,
        "slos": config.slos.iter().map(slo_json).collect::<Vec<_>>(),
        "quantiles": config.quantiles.as_ref().map(|quantiles| json!({
            "of_ppm": quantiles.of.iter().map(|share| share.ppm()).collect::<Vec<_>>(),
            "window_ms": quantiles.window.as_millis(),
            "by": quantiles.by.iter().map(|dimension| dimension.field()).collect::<Vec<_>>(),
            "phase": quantiles.phase.written(),
            "scale": quantiles.scale.get(),
        })),
        "estimate": {
            "series": series,
            "metrics": metrics,
            "memory_bytes": memory_bytes,
            "instructions": instructions,
        },
    })
}

fn slo_json(slo: &Slo) -> Value {
    json!({
        "name": slo.name,
        "threshold_us": slo.threshold.as_micros(),
        "objective_ppm": slo.objective.ppm(),
        "phase": slo.phase.written(),
        "failures": match slo.failures {
            Failures::Count => "count",
            Failures::Bad => "bad",
            Failures::Ignore => "ignore",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairlead_config::latency_histogram::parse;

    fn check(config: &str, expected: &str) {
        let config = parse(config.as_bytes()).unwrap_or_else(|errors| panic!("{config}: {errors:?}"));
        assert_eq!(summary(&config), expected);
    }

    #[test]
    fn a_line_says_what_is_counted_and_what_that_costs() {
        check(
            "{}",
            "total by status_class (6); up to 6 series, 12 metrics, 1 KiB of memory; about 28k instructions a request",
        );
        let all = r#"{"mode":"shadow","labels":{},"phases":["upstream","total"],"quantiles":{"of":["p99.9","50%"],"window":"90s"},
            "slos":[{"name":"fast","threshold":"500ms","objective":"99.5%"}]}"#;
        let kib = estimate(&parse(all.as_bytes()).unwrap())
            .memory_bytes
            .div_ceil(1024);
        check(
            all,
            &format!(
                "total, upstream; fast: 99.5 % within 500ms; p99_9, p50 over 1m 30s; \
                 up to 1 series, 15 metrics, {kib} KiB of memory; about 34k instructions a request; shadow"
            ),
        );
    }

    #[test]
    fn machines_get_the_estimate_in_numbers() {
        let config = parse(
            br#"{"labels":{"route":{"templates":["/a","/{b}"]},"grpc_status":true},"buckets":["250us","5ms"],
                "quantiles":{"by":["route"]},"slos":[{"name":"fast","threshold":"5ms","objective":"99%","failures":"bad"}]}"#,
        );
        let json = json(&config.unwrap());
        assert_eq!(json["labels"], json!({ "route": 3, "grpc_status": 18 }));
        assert_eq!(json["buckets_us"], json!([250, 5000]));
        assert_eq!(json["estimate"]["series"], json!(54));
        assert_eq!(json["estimate"]["metrics"], json!(54 * 6 + 3 * 4 + 4 + 6));
        assert_eq!(json["quantiles"]["by"], json!(["route"]));
        assert_eq!(
            json["slos"][0],
            json!({ "name": "fast", "threshold_us": 5000, "objective_ppm": 990_000, "phase": "total", "failures": "bad" })
        );
    }
}
