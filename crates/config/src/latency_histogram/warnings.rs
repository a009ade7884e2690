//! What a checked config of the latency-histogram filter takes for granted, and where it does not do what it seems to.

mod labels;
#[cfg(test)]
mod tests;

use super::{AccessLog, Failures, LatencyHistogram, Quantiles, Unit};
use crate::leaf::{fine_text, span_text};
use crate::warning::Warnings;
use crate::{Mode, OnInvalidConfig, Warning};
use fairlead_stage::Share;
use std::time::Duration;

/// How often Prometheus usually looks at a proxy in a mesh.
const SCRAPE: Duration = Duration::from_secs(15);

/// Advice on a config, in the order of its fields.
#[must_use]
pub fn warnings(config: &LatencyHistogram) -> Vec<Warning> {
    let mut out = Warnings::default();
    match config.mode {
        Mode::Enforce => {}
        Mode::Shadow => out.info(
            "mode",
            "is the same as enforce, as this filter changes no request; leave it out",
        ),
        Mode::Off => out.info("mode", "the filter does nothing"),
    }
    out.matches("", &config.matches);
    out.labels(&config.labels);
    out.unit(config);
    out.recorded(config);
    out.matches("exclude", &config.exclude.matches);
    if config.labels.grpc_status && !config.exclude.grpc_streams {
        out.info(
            "exclude.grpc_streams",
            "a stream lasts as long as its client likes, and is counted by that; write true if there are streams",
        );
    }
    out.objectives(config);
    if let Some(quantiles) = &config.quantiles {
        out.quantiles(quantiles);
    }
    if let Some(log) = &config.access_log {
        out.access_log(log);
    }
    if config.on_invalid_config == OnInvalidConfig::Pass {
        out.info(
            "on_invalid_config",
            "a proxy that starts with a config that cannot be used counts nothing",
        );
    }
    out.0
}

impl Warnings {
    /// What the proxy's own histograms can show.
    fn unit(&mut self, config: &LatencyHistogram) {
        if !config.envoy_histogram {
            return;
        }
        if config.unit == Unit::Micros {
            self.info(
                "unit",
                "the proxy's own buckets suit milliseconds; in Istio, sidecar.istio.io/statsHistogramBuckets sets others for wasmcustom",
            );
            return;
        }
        let finer = |threshold: Duration| threshold.subsec_nanos().checked_rem(1_000_000) != Some(0);
        let index = config.slos.iter().position(|slo| finer(slo.threshold));
        if let (Some(index), true) = (index, config.buckets.is_empty()) {
            self.warn(
                "unit",
                format!(
                    "histograms in ms cannot show what slos[{index}].threshold tells apart; write us, or buckets"
                ),
            );
        }
    }

    /// Whether anything is recorded at all.
    fn recorded(&mut self, config: &LatencyHistogram) {
        let durations = config.envoy_histogram
            || !config.buckets.is_empty()
            || !config.slos.is_empty()
            || config.quantiles.is_some();
        if !durations {
            self.warn(
                "envoy_histogram",
                "no duration is recorded; write true, or buckets, slos or quantiles",
            );
        }
    }

    fn objectives(&mut self, config: &LatencyHistogram) {
        for (index, slo) in config.slos.iter().enumerate() {
            let path = format!("slos[{index}]");
            self.matches(&path, &slo.matches);
            if slo.failures == Failures::Count {
                self.info(
                    format!("{path}.failures"),
                    "a failure that is fast counts as good; write bad if users should not get it either",
                );
            }
            if let Some(log) = &config.access_log
                && let Some(slow) = log.slow_above
                && slow > slo.threshold
            {
                let micros = u64::try_from(slo.threshold.as_micros()).unwrap_or(u64::MAX);
                self.info(
                    "access_log.slow_above",
                    format!(
                        "requests that miss slos[{index}] are not all logged; write {} for that",
                        fine_text(micros)
                    ),
                );
            }
        }
    }

    fn quantiles(&mut self, quantiles: &Quantiles) {
        if quantiles.window < SCRAPE {
            let scrape = span_text(u64::try_from(SCRAPE.as_millis()).unwrap_or(u64::MAX));
            self.warn(
                "quantiles.window",
                format!(
                    "is shorter than the time between two looks at metrics usually is, so that requests in between show nowhere; write {scrape} or more"
                ),
            );
        }
    }

    fn access_log(&mut self, log: &AccessLog) {
        if log.sample == Share::ALL {
            self.warn(
                "access_log.sample",
                format!(
                    "logs every request, up to {} a second in each worker; for that, the proxy's own access log is cheaper",
                    log.max_per_second
                ),
            );
        }
    }
}
