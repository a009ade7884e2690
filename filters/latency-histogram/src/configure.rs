//! From a checked config to what the request path uses: compiled rules, labels, families of metrics, cells.

use crate::LatencyHistogram;
use crate::access_log::AccessLog;
use crate::labels::Labels;
use crate::metrics::{Metrics, Names};
use crate::request::Reason;
use fairlead_config::latency_histogram::{self as config, Dimension, Failures, Phase, Unit};
use fairlead_config::{Mode, OnInvalidConfig};
use fairlead_histogram::Windows;
use fairlead_histogram::buckets::Bounds;
use fairlead_matching::{MatchSpec, RuleSet};
use fairlead_stage::{
    AttributeId, Done, Family, FamilyId, GroupId, HeaderMap, MetricId, MetricKind, Needs, Refusal, Scope,
};
use std::borrow::Cow;
use std::time::Duration;

/// How often gauges are set, and exact buckets handed on, where no window asks for more.
const TICK: Duration = Duration::from_secs(1);
/// Names the layout of cells that exact buckets wait in.
const EXACT_CELLS: &str = "exact/";

/// What is not measured.
pub(crate) struct Exclude {
    pub(crate) matches: Option<RuleSet>,
    pub(crate) health_checks: bool,
    pub(crate) grpc_streams: bool,
    pub(crate) websockets: bool,
    /// `response.flags`, where requests whose client has gone are not measured.
    pub(crate) client_aborts: Option<AttributeId>,
}

/// What is measured of a phase.
pub(crate) struct Measures {
    pub(crate) phase: Phase,
    /// The proxy's own histogram.
    pub(crate) histogram: Option<(FamilyId, Unit)>,
    /// Our own buckets.
    pub(crate) exact: Option<Exact>,
}

/// Cumulative counters of our own, with exact bounds. Counted in the worker, handed on every tick.
pub(crate) struct Exact {
    pub(crate) bounds: Bounds,
    /// A cell for each series.
    pub(crate) pending: GroupId,
    pub(crate) series: u32,
    /// By bound, and one for all.
    pub(crate) buckets: Vec<FamilyId>,
    pub(crate) sum: FamilyId,
    pub(crate) count: FamilyId,
}

/// The size of requests or responses.
pub(crate) struct Size {
    pub(crate) attribute: AttributeId,
    pub(crate) family: FamilyId,
}

/// An objective.
pub(crate) struct Slo {
    pub(crate) matches: Option<RuleSet>,
    pub(crate) phase: Phase,
    pub(crate) threshold_micros: u64,
    pub(crate) failures: Failures,
    pub(crate) requests: MetricId,
    pub(crate) good: MetricId,
    /// What an objective says does not change, and is shown nevertheless: rules can be written against it.
    pub(crate) objective: (MetricId, u64),
    pub(crate) threshold: MetricId,
}

/// Quantiles over a sliding window, of all workers.
pub(crate) struct Quantiles {
    pub(crate) phase: Phase,
    pub(crate) by: Vec<Dimension>,
    pub(crate) groups: u32,
    pub(crate) windows: Windows,
    /// What a worker has counted since its last tick: a cell for each group.
    pub(crate) pending: GroupId,
    /// What all have, in windows.
    pub(crate) shared: GroupId,
    pub(crate) of: Vec<(fairlead_stage::Share, FamilyId)>,
    pub(crate) requests: FamilyId,
}

#[inline(never)]
pub(crate) fn plan(bytes: &[u8]) -> Result<(LatencyHistogram, Needs), Refusal> {
    let config = config::parse(bytes).map_err(|errors| Refusal {
        message: errors.to_string(),
        pass_at_first_load: fairlead_config::pass_at_first_load(bytes),
    })?;
    Ok(planned(&config))
}

/// A checked config, compiled.
#[inline(never)]
pub(crate) fn planned(config: &config::LatencyHistogram) -> (LatencyHistogram, Needs) {
    let mut needs = Needs::default();
    needs.passes = config.on_invalid_config == OnInvalidConfig::Pass;
    if config.mode == Mode::Off {
        // Compiled like any other, so that it is checked, and then asked nothing.
        return (compile(config, &mut Needs::default()), needs);
    }
    let stage = compile(config, &mut needs);
    needs.remark = Some(remark(config));
    (stage, needs)
}

/// What the operator is told of a config's price.
#[inline(never)]
fn remark(config: &config::LatencyHistogram) -> String {
    let estimate = config::estimate(config);
    let mut text = String::from(", at most ");
    text.push_str(&estimate.series.to_string());
    text.push_str(" label sets, about ");
    text.push_str(&estimate.instructions.to_string());
    text.push_str(" instructions a request");
    text
}

#[inline(never)]
fn compile(config: &config::LatencyHistogram, needs: &mut Needs) -> LatencyHistogram {
    let matches = rules(&config.matches, needs);
    let exclude = Exclude {
        matches: rules(&config.exclude.matches, needs),
        health_checks: config.exclude.health_checks,
        grpc_streams: config.exclude.grpc_streams,
        websockets: config.exclude.websockets,
        client_aborts: config
            .exclude
            .client_aborts
            .then(|| needs.attribute(&["response", "flags"])),
    };
    if exclude.health_checks {
        needs.header(HeaderMap::Request, "user-agent");
    }
    let labels = Labels::compile(&config.labels, needs);
    let series = series(&config.labels);
    let judges_failures = config.slos.iter().any(|slo| slo.failures != Failures::Count);
    let log = config
        .access_log
        .as_ref()
        .map(|log| AccessLog::compile(log, needs));
    let judges = judges_failures || config.access_log.as_ref().is_some_and(|log| log.failed);
    let wants_status = judges || config.labels.has(Dimension::Status) || exclude.websockets;
    if wants_status {
        needs.header(HeaderMap::Response, ":status");
    }
    let wants_grpc_status = judges || config.labels.has(Dimension::Grpc) || exclude.grpc_streams;
    if wants_grpc_status {
        needs.rare_header(HeaderMap::Request, "te");
        needs.rare_header(HeaderMap::Request, "content-type");
        needs.rare_header(HeaderMap::Response, "grpc-status");
        needs.header(HeaderMap::ResponseTrailers, "grpc-status");
    }
    let wants_first_byte = config.phases.contains(&Phase::FirstByte);
    let answers_label = config
        .labels
        .variant
        .as_ref()
        .is_some_and(|variant| variant.from == HeaderMap::Response);
    let excludes = |reason| match reason {
        Reason::Match => exclude.matches.is_some(),
        Reason::HealthCheck => exclude.health_checks,
        Reason::GrpcStream => exclude.grpc_streams,
        Reason::Websocket => exclude.websockets,
        Reason::ClientAbort => exclude.client_aborts.is_some(),
    };
    let metrics = Metrics::declare(excludes, needs);
    let measures: Vec<Measures> = config
        .phases
        .iter()
        .map(|phase| measures(*phase, config, &labels, needs))
        .collect();
    let quantiles = config
        .quantiles
        .as_ref()
        .map(|quantiles| compile_quantiles(quantiles, config, &labels, needs));
    let ticks = quantiles.is_some() || !config.buckets.is_empty() || !config.slos.is_empty();
    let slos: Vec<Slo> = config.slos.iter().map(|slo| compile_slo(slo, needs)).collect();
    let asks_request = matches.is_some()
        || exclude.matches.is_some()
        || exclude.health_checks
        || wants_grpc_status
        || labels.ask_request()
        || slos.iter().any(|slo| slo.matches.is_some())
        || log.is_some();
    needs.request = true;
    needs.response = wants_status || wants_grpc_status || wants_first_byte || answers_label;
    needs.trailers = wants_grpc_status;
    needs.done = Done::Ended;
    needs.tick = ticks.then(|| {
        quantiles
            .as_ref()
            .map_or(TICK, |quantiles| quantiles.windows.tick().min(TICK))
    });
    let upstream = needs.attribute(&["response", "backend_latency"]);
    let sizes = sizes(&config.sizes, series, needs);
    LatencyHistogram {
        matches,
        exclude,
        labels,
        measures,
        upstream: config.phases.contains(&Phase::Upstream).then_some(upstream),
        counts_more: !sizes.is_empty() || !slos.is_empty() || quantiles.is_some() || log.is_some(),
        sizes,
        slos,
        quantiles,
        log,
        asks_request,
        asks_more: asks_request || wants_first_byte,
        wants_status,
        wants_grpc_status,
        wants_first_byte,
        metrics,
    }
}

/// How many label sets there can be.
fn series(labels: &config::Labels) -> u32 {
    u32::try_from(labels.series()).unwrap_or(u32::MAX)
}

fn rules(matches: &[MatchSpec], needs: &mut Needs) -> Option<RuleSet> {
    (!matches.is_empty()).then(|| RuleSet::compile(&[matches.to_vec()], needs))
}

fn family(
    name: &'static str,
    kind: MetricKind,
    outcome: Option<String>,
    series: u32,
    needs: &mut Needs,
) -> FamilyId {
    needs.family(Family {
        name,
        kind,
        outcome: outcome.map(Cow::Owned),
        series,
    })
}

#[inline(never)]
fn measures(phase: Phase, config: &config::LatencyHistogram, labels: &Labels, needs: &mut Needs) -> Measures {
    let names = Names::of(phase);
    let series = series(&config.labels);
    let histogram = config.envoy_histogram.then(|| {
        let name = names.duration(config.unit);
        (
            family(name, MetricKind::Histogram, None, series, needs),
            config.unit,
        )
    });
    let exact = (!config.buckets.is_empty()).then(|| {
        let bounds = Bounds::new(config.buckets.clone());
        // Cells under other bounds are of no use to these, nor under other labels.
        let mut labelled: Vec<String> = config.buckets.iter().map(u64::to_string).collect();
        let labels = labels.fingerprint(|_| true).to_string();
        let name = [EXACT_CELLS, phase.name(), "/", &labels, "/", &labelled.join(",")].concat();
        labelled.push("+Inf".to_owned());
        Exact {
            pending: needs.cells(name, Scope::Worker, series, bounds.pending_bytes()),
            series,
            buckets: labelled
                .into_iter()
                .map(|bound| family(names.bucket, MetricKind::Counter, Some(bound), series, needs))
                .collect(),
            sum: family(names.sum, MetricKind::Counter, None, series, needs),
            count: family(names.count, MetricKind::Counter, None, series, needs),
            bounds,
        }
    });
    Measures {
        phase,
        histogram,
        exact,
    }
}

fn sizes(sizes: &config::Sizes, series: u32, needs: &mut Needs) -> Vec<Size> {
    let mut list = Vec::new();
    for (wanted, of, name) in [
        (sizes.request, "request", "request_size_bytes"),
        (sizes.response, "response", "response_size_bytes"),
    ] {
        if wanted {
            list.push(Size {
                attribute: needs.attribute(&[of, "total_size"]),
                family: family(name, MetricKind::Histogram, None, series, needs),
            });
        }
    }
    list
}

#[inline(never)]
fn compile_slo(slo: &config::Slo, needs: &mut Needs) -> Slo {
    let name = Some(slo.name.as_str());
    Slo {
        matches: rules(&slo.matches, needs),
        phase: slo.phase,
        threshold_micros: u64::try_from(slo.threshold.as_micros()).unwrap_or(u64::MAX),
        failures: slo.failures,
        requests: needs.counter("slo_requests_total", name, None),
        good: needs.counter("slo_good_total", name, None),
        objective: (
            needs.gauge("slo_objective_ppm", name),
            u64::from(slo.objective.ppm()),
        ),
        threshold: needs.gauge("slo_threshold_microseconds", name),
    }
}

#[inline(never)]
fn compile_quantiles(
    quantiles: &config::Quantiles,
    config: &config::LatencyHistogram,
    labels: &Labels,
    needs: &mut Needs,
) -> Quantiles {
    let windows = Windows::new(quantiles.window, quantiles.scale);
    let groups = u32::try_from(config.labels.series_by(&quantiles.by)).unwrap_or(u32::MAX);
    let names = Names::of(quantiles.phase);
    // Groups are numbers, which mean something else under other labels: what tells labels apart is part of the name.
    let mut shape = [names.quantile, "/"].concat();
    for part in [
        quantiles.window.as_millis().to_string(),
        quantiles.scale.get().to_string(),
        labels
            .fingerprint(|label| quantiles.by.contains(&label))
            .to_string(),
    ] {
        shape.push_str(&part);
        shape.push('/');
    }
    let mut cells = |what: &str, scope, bytes| needs.cells([what, &shape].concat(), scope, groups, bytes);
    let pending = cells("pending/", Scope::Worker, windows.pending_bytes());
    let shared = cells("window/", Scope::Proxy, windows.window_bytes());
    let mut of = Vec::new();
    for share in &quantiles.of {
        let label = config::quantile_label(*share);
        let gauge = family(names.quantile, MetricKind::Gauge, Some(label), groups, needs);
        of.push((*share, gauge));
    }
    Quantiles {
        phase: quantiles.phase,
        by: quantiles.by.clone(),
        groups,
        pending,
        shared,
        of,
        requests: family("window_requests", MetricKind::Gauge, None, groups, needs),
        windows,
    }
}
