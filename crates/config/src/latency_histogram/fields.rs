//! The fields of the latency-histogram filter's config as they are written, and how they become a [`LatencyHistogram`].

use super::buckets::Buckets;
use super::estimate::metrics;
use super::labels::WrittenLabels;
use super::slos::Slos;
use super::{AccessLog, Exclude, LatencyHistogram, MAX_METRICS, Phase, Quantiles, Sizes, Slo, Unit};
use crate::filter::{ApiVersion, Mode, OnInvalidConfig};
use crate::json::Json;
use crate::problem::{Problems, or_list};
use crate::read::{List1, Read};
use crate::request::Match;

object! {
    /// Latency histograms, counted in the proxy: how long requests take, by route, status, variant and more.
    struct LatencyHistogramFields, "a latency-histogram config" {
        /// Version of this format.
        "apiVersion" Optional _api_version: ApiVersion = "fairlead.dev/v1";
        /// What the filter may do. It changes no request, so that shadow is the same as enforce.
        "mode" Optional mode: Mode = "enforce";
        /// Which requests it is about: those that meet at least one entry. Without it: every request.
        "match" Optional matches: List1<Match>;
        /// What tells requests apart. With {}: nothing.
        "labels" Optional labels: WrittenLabels = { "status_class": true };
        /// What is timed.
        "phases" Optional phases: Phases = ["total"];
        /// What the proxy's own histograms of durations count in. Exact buckets and quantiles are in microseconds.
        "unit" Optional unit: Unit = "ms";
        /// Whether durations are recorded in the proxy's own histograms.
        "envoy_histogram" Optional envoy_histogram: bool = true;
        /// Exact buckets with bounds of your own, as counters. Without it: none.
        "buckets" Optional buckets: Buckets;
        /// Which requests are left out. Without it: none.
        "exclude" Optional exclude: Exclude;
        /// Objectives: for each, exact counters of all requests and of those that are fast enough.
        "slos" Optional slos: Slos = [];
        /// Quantiles as gauges, over a sliding window and all workers of this proxy. Without it: none.
        "quantiles" Optional quantiles: Quantiles;
        /// Which sizes are recorded, in the proxy's own histograms. Without it: none.
        "sizes" Optional sizes: Sizes;
        /// Lines in the proxy's log about single requests. Without it: none.
        "access_log" Optional access_log: AccessLog;
        /// What to do if the first config of a proxy cannot be used.
        "on_invalid_config" Optional on_invalid_config: OnInvalidConfig = "refuse";
    }
}

words! {
    Phase, "a phase" {
        /// From the request's headers until the stream has ended.
        "total" => Phase::Total;
        /// From the first byte that is sent upstream until the last one that is received.
        "upstream" => Phase::Upstream;
        /// From the request's headers until the response's headers: the time to the first byte.
        "filter" => Phase::FirstByte;
    }
}

words! {
    Unit, "a unit" {
        /// Milliseconds, which the proxy's own buckets suit.
        "ms" => Unit::Millis;
        /// Microseconds, for which a proxy has to be given buckets.
        "us" => Unit::Micros;
    }
}

object! {
    /// Which sizes are recorded.
    struct SizesFields, "a set of sizes" {
        /// Bytes of the request's body.
        "request" AnyOf request: bool = false;
        /// Bytes of the response's body.
        "response" AnyOf response: bool = false;
    }
}

impl Read for Sizes {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let fields = SizesFields::read(value, at)?;
        Some(Self {
            request: fields.request.unwrap_or_default(),
            response: fields.response.unwrap_or_default(),
        })
    }
}

/// `phases: [...]`, in the order of [`Phase::ALL`].
pub(super) struct Phases;

impl Read for Phases {
    type Out = Vec<Phase>;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Vec<Phase>> {
        let before = at.count();
        let mut phases = List1::<Phase>::read(value, at)?;
        repeated(value, PartialEq::eq, at);
        phases.sort_unstable();
        (at.count() == before).then_some(phases)
    }
}

/// Notes the items of a list of texts that are there before.
#[inline(never)]
pub(super) fn repeated(list: &Json, is_same: fn(&str, &str) -> bool, at: &mut Problems) {
    let Json::List(items) = list else { return };
    for (index, item) in items.iter().enumerate() {
        let Json::Text(text) = item else { continue };
        let before = |earlier: &Json| matches!(earlier, Json::Text(earlier) if is_same(earlier, text));
        if items.iter().take(index).any(before) {
            let mark = at.enter_item(index);
            at.say(&[&item.excerpt(), " is there twice: write it once"]);
            at.leave(mark);
        }
    }
}

impl Read for LatencyHistogram {
    type Out = Self;

    #[inline(never)]
    fn read(value: &Json, at: &mut Problems) -> Option<Self> {
        let before = at.count();
        let fields = LatencyHistogramFields::read(value, at)?;
        let labels = match fields.labels {
            None if value.has("labels") => WrittenLabels::default(),
            labels => labels.unwrap_or_else(WrittenLabels::unsaid),
        };
        // Of broken phases nothing is known.
        let phases = match fields.phases {
            None if value.has("phases") => Phase::ALL.into(),
            phases => phases.unwrap_or_else(|| vec![Phase::default()]),
        };
        let slos = fields.slos.unwrap_or_default();
        timed(&slos, fields.quantiles.as_ref(), &phases, at);
        labels.check(fields.quantiles.as_ref(), at);
        let config = Self {
            mode: fields.mode.unwrap_or_default(),
            matches: fields.matches.unwrap_or_default(),
            labels: labels.labels,
            phases,
            unit: fields.unit.unwrap_or_default(),
            envoy_histogram: fields.envoy_histogram.unwrap_or(true),
            buckets: fields.buckets.unwrap_or_default(),
            exclude: fields.exclude.unwrap_or_default(),
            slos: slos.into_iter().flatten().collect(),
            quantiles: fields.quantiles,
            sizes: fields.sizes.unwrap_or_default(),
            access_log: fields.access_log,
            on_invalid_config: fields.on_invalid_config.unwrap_or_default(),
        };
        if at.count() == before {
            affordable(&config, at);
        }
        Some(config)
    }
}

/// Notes what is about a phase that is not timed. The walk is at the config.
#[inline(never)]
fn timed(slos: &[Option<Slo>], quantiles: Option<&Quantiles>, phases: &[Phase], at: &mut Problems) {
    let mark = at.enter("slos");
    for (index, slo) in slos.iter().enumerate() {
        let Some(slo) = slo else { continue };
        let item = at.enter_item(index);
        among(slo.phase, phases, at);
        at.leave(item);
    }
    at.leave(mark);
    if let Some(quantiles) = quantiles {
        let mark = at.enter("quantiles");
        among(quantiles.phase, phases, at);
        at.leave(mark);
    }
}

#[inline(never)]
fn among(phase: Phase, phases: &[Phase], at: &mut Problems) {
    if phases.contains(&phase) {
        return;
    }
    let timed: Vec<&str> = phases.iter().map(|phase| phase.written()).collect();
    at.say_at(
        "phase",
        &[
            phase.written(),
            " is not timed: add ",
            phase.written(),
            " to phases, or write ",
            &or_list(&timed),
        ],
    );
}

/// Notes that there would be more metrics than a proxy should have, as only buckets make as many. The walk is at the config.
#[inline(never)]
fn affordable(config: &LatencyHistogram, at: &mut Problems) {
    let metrics = metrics(config);
    if metrics > MAX_METRICS {
        at.say_at(
            "buckets",
            &[
                "lead to up to ",
                &metrics.to_string(),
                " metrics for ",
                &config.labels.series().to_string(),
                " sets of labels, and 60000 are the most: write fewer bounds, phases or values of labels",
            ],
        );
    }
}

described_as! {
    LatencyHistogram => LatencyHistogramFields;
    Sizes => SizesFields;
    Phases => List1<Phase>, { "maxItems": 3 };
}
