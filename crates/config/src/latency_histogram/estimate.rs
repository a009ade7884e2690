//! What a config costs, known before the first request: metrics, memory, and time for each request.
//!
//! Metrics and memory are ceilings, as each label has a fixed number of values. Time is an approximation: the prices of what
//! a request asks the proxy for were measured on Envoy 1.40, where each text that crosses the border costs the most. What
//! the filter does by itself, and what gRPC calls and logged requests cost more, is not in it.

use super::{Dimension, Failures, LatencyHistogram, Phase, RouteLabel};
use crate::Mode;
use fairlead_histogram::labels::Values;
use fairlead_histogram::{Bounds, Windows};
use fairlead_matching::{MatchSpec, RuleSet};
use fairlead_stage::{HeaderMap, Needs, Scope, Share};

/// Metrics that every filter has: three kinds of faults, whether the config was refused, its fingerprint, the memory limit.
const OF_EVERY_FILTER: u64 = 6;
/// What an objective has: all requests, good ones, what is aimed at, the threshold.
const OF_A_SLO: u64 = 4;
/// What an access log has: lines by three reasons, and those that were dropped.
const OF_A_LOG: u64 = 4;
/// Bytes by which a module knows a metric.
const METRIC_BYTES: u64 = 4;
/// Bytes in which a worker draws which requests it logs, and counts how many lines it has written in a second.
const LOG_BYTES: u32 = 20;

/// Instructions of a filter that is asked nothing.
const IDLE: u64 = 12_700;
/// Two looks at the clock, and one record.
const TIMED: u64 = 17_200;
const CLOCK: u64 = 1_200;
const RECORD: u64 = 1_300;
const HEADER: u64 = 10_800;
/// A header that is not there.
const ABSENT_HEADER: u64 = 2_000;
/// All headers at once, which is what the module asks for where single ones cost more.
const ALL_HEADERS: u64 = 24_000;
const ATTRIBUTE: u64 = 12_300;

/// What a config costs at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// How many sets of labels there can be.
    pub series: u64,
    /// How many metrics the proxy can come to have, with those that every filter has.
    pub metrics: u64,
    /// Bytes of the module's heap and of shared cells, with one worker.
    pub memory_bytes: u64,
    /// Instructions that a request takes, on Envoy, over a proxy without the filter: about so many.
    pub instructions: u64,
}

/// What a config costs.
#[must_use]
#[inline(never)]
pub fn estimate(config: &LatencyHistogram) -> Estimate {
    if config.mode == Mode::Off {
        return Estimate {
            series: 0,
            metrics: OF_EVERY_FILTER,
            memory_bytes: 0,
            instructions: IDLE,
        };
    }
    let metrics = metrics(config);
    Estimate {
        series: config.labels.series(),
        metrics,
        memory_bytes: cells(config)
            .cell_memory_bytes()
            .saturating_add(metrics.saturating_mul(METRIC_BYTES)),
        instructions: instructions(config),
    }
}

/// How many metrics a config can lead to, whatever its mode.
#[inline(never)]
pub(super) fn metrics(config: &LatencyHistogram) -> u64 {
    let histogram = u64::from(config.envoy_histogram);
    // Each bound, what is above all, the sum and the count.
    let exact = match config.buckets.len() {
        0 => 0,
        bounds => count(bounds).saturating_add(3),
    };
    let of_a_phase = histogram.saturating_add(exact);
    let of_a_set = of_a_phase
        .saturating_mul(count(config.phases.len()))
        .saturating_add(config.sizes.count().into());
    let quantiles = config.quantiles.as_ref().map_or(0, |quantiles| {
        let gauges = count(quantiles.of.len()).saturating_add(1);
        config.labels.series_by(&quantiles.by).saturating_mul(gauges)
    });
    let exclude = &config.exclude;
    let reasons = [
        exclude.grpc_streams,
        exclude.websockets,
        exclude.client_aborts,
        exclude.health_checks,
        !exclude.matches.is_empty(),
    ];
    let overflows = |dimension: &Dimension| config.labels.dynamic(*dimension).is_some();
    [
        config.labels.series().saturating_mul(of_a_set),
        quantiles,
        count(config.slos.len()).saturating_mul(OF_A_SLO),
        count(reasons.into_iter().filter(|reason| *reason).count()),
        count(Dimension::ALL.iter().filter(|one| overflows(one)).count()),
        config.access_log.map_or(0, |_| OF_A_LOG),
        OF_EVERY_FILTER,
    ]
    .into_iter()
    .fold(0, u64::saturating_add)
}

/// What is kept between requests.
#[inline(never)]
fn cells(config: &LatencyHistogram) -> Needs {
    let mut needs = Needs::default();
    let mut add = |cells: u64, each: u32| {
        let cells = u32::try_from(cells).unwrap_or(u32::MAX);
        needs.cells(String::new(), Scope::Worker, cells, each);
    };
    if !config.buckets.is_empty() {
        let sets = config.labels.series().saturating_mul(count(config.phases.len()));
        add(sets, Bounds::new(config.buckets.clone()).pending_bytes());
    }
    if let Some(quantiles) = &config.quantiles {
        let windows = Windows::new(quantiles.window, quantiles.scale);
        let each = windows.pending_bytes().saturating_add(windows.window_bytes());
        add(config.labels.series_by(&quantiles.by), each);
    }
    if config.access_log.is_some() {
        add(1, LOG_BYTES);
    }
    for dimension in Dimension::ALL {
        if let Some(max) = config.labels.dynamic(dimension) {
            let _ = Values::declare(&mut needs, dimension.name(), max);
        }
    }
    needs
}

/// What a request asks the proxy for, at its price.
#[inline(never)]
fn instructions(config: &LatencyHistogram) -> u64 {
    let needs = needs(config);
    let of_phases = count(config.phases.len()).saturating_mul(config.envoy_histogram.into());
    let records = of_phases
        .saturating_add(config.sizes.count().into())
        .saturating_add(count(config.slos.len()).saturating_mul(2));
    let clocks = u64::from(config.phases.contains(&Phase::FirstByte));
    [
        TIMED,
        clocks.saturating_mul(CLOCK),
        records.saturating_sub(1).saturating_mul(RECORD),
        headers(&needs, HeaderMap::Request).max(logged(config)),
        headers(&needs, HeaderMap::Response),
        count(needs.attributes().len()).saturating_mul(ATTRIBUTE),
    ]
    .into_iter()
    .fold(0, u64::saturating_add)
}

/// The headers and attributes that are read of each request.
#[inline(never)]
fn needs(config: &LatencyHistogram) -> Needs {
    let mut needs = Needs::default();
    let labels = &config.labels;
    let exclude = &config.exclude;
    let slos = config.slos.iter().map(|slo| &slo.matches);
    let all: Vec<Vec<MatchSpec>> = [&config.matches, &exclude.matches]
        .into_iter()
        .chain(slos)
        .filter(|matches| !matches.is_empty())
        .cloned()
        .collect();
    if !all.is_empty() {
        // Says what it reads.
        let _ = RuleSet::compile(&all, &mut needs);
    }
    let judges = config.slos.iter().any(|slo| slo.failures != Failures::Count)
        || config.access_log.is_some_and(|log| log.failed);
    for (is_read, name) in [
        (matches!(labels.route, Some(RouteLabel::Templates(_))), ":path"),
        (!labels.hosts.is_empty(), ":authority"),
        (labels.method, ":method"),
        (exclude.health_checks, "user-agent"),
    ] {
        if is_read {
            needs.header(HeaderMap::Request, name);
        }
    }
    if let Some(variant) = &labels.variant {
        needs.header(variant.from, &variant.header);
    }
    if judges || labels.grpc_status || exclude.grpc_streams {
        needs.rare_header(HeaderMap::Request, "te");
    }
    if judges || labels.grpc_status || labels.status_class || exclude.websockets {
        needs.header(HeaderMap::Response, ":status");
    }
    for (is_read, path) in [
        (
            config.phases.contains(&Phase::Upstream),
            ["response", "backend_latency"],
        ),
        (exclude.client_aborts, ["response", "flags"]),
        (config.sizes.request, ["request", "total_size"]),
        (config.sizes.response, ["response", "total_size"]),
        (labels.cluster.is_some(), ["xds", "cluster_name"]),
        (
            matches!(labels.route, Some(RouteLabel::Name { .. })),
            ["xds", "route_name"],
        ),
    ] {
        if is_read {
            needs.attribute(&path);
        }
    }
    needs
}

fn headers(needs: &Needs, map: HeaderMap) -> u64 {
    needs
        .headers()
        .iter()
        .filter(|need| need.map == map)
        .map(|need| if need.rare { ABSENT_HEADER } else { HEADER })
        .fold(0, u64::saturating_add)
        .min(ALL_HEADERS)
}

/// What the access log reads of a request when it comes: of each one, if only its end says whether there is a line.
fn logged(config: &LatencyHistogram) -> u64 {
    let Some(log) = &config.access_log else { return 0 };
    let share = if log.failed || log.slow_above.is_some() {
        Share::ALL
    } else {
        log.sample
    };
    let parts = ALL_HEADERS.saturating_mul(share.ppm().into());
    parts.checked_div(Share::WHOLE_PPM.into()).unwrap_or_default()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
