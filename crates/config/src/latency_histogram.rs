//! `pluginConfig` of the latency-histogram filter.
//!
//! [`parse`] turns the bytes that the proxy hands over into a [`LatencyHistogram`] in which everything holds that the
//! filter relies on, or into the list of every mistake. [`estimate`] says beforehand what a config costs. Both run once a
//! configuration; nothing of them is on the request path.

mod access_log;
mod buckets;
mod dimension;
mod estimate;
mod exclude;
mod fields;
mod labels;
mod quantiles;
mod route;
mod slos;
#[cfg(test)]
mod tests;
mod variant;
#[cfg(feature = "native")]
mod warnings;

pub use dimension::Dimension;
pub use estimate::{Estimate, estimate};
pub use quantiles::quantile_label;
#[cfg(feature = "native")]
pub use warnings::warnings;

use crate::problem::Errors;
use crate::read::Read;
use crate::{Mode, OnInvalidConfig};
use fairlead_histogram::Scale;
use fairlead_matching::{HostSpec, MatchSpec, Template};
use fairlead_stage::{HeaderMap, Share};
use std::time::Duration;

/// The most label sets: each has metrics of its own, which a proxy can never delete.
pub const MAX_SERIES: u64 = 10_000;
/// The most metrics that a config can lead to.
pub const MAX_METRICS: u64 = 60_000;
/// The most label sets of quantiles: each has a window of its own.
pub const MAX_QUANTILE_SERIES: u64 = 1000;
/// The most templates of a route label.
pub const MAX_TEMPLATES: usize = 500;
/// The most hosts of a host label.
pub const MAX_HOSTS: usize = 100;
/// The most values of a variant label that are named.
pub const MAX_VARIANTS: usize = 32;
/// The most bounds of buckets: as many buckets as OpenTelemetry's exponential histograms have.
pub const MAX_BOUNDS: usize = 160;
/// The most objectives.
pub const MAX_SLOS: usize = 16;
/// The most quantiles.
pub const MAX_QUANTILES: usize = 8;
/// `max` of a label whose values are taken from traffic, where the config does not say.
pub const DEFAULT_MAX: u32 = 100;
/// The same for variants.
pub const DEFAULT_VARIANTS: u32 = 10;
/// `access_log.max_per_second` where the config does not say.
pub const DEFAULT_LINES: u32 = 100;

/// A checked config of the filter.
#[derive(Clone, Debug)]
pub struct LatencyHistogram {
    /// What the filter may do. It changes no request, so that [`Mode::Shadow`] is the same as [`Mode::Enforce`].
    pub mode: Mode,
    /// Which requests it is about: alternatives, one of which a request must meet. Empty: every request.
    pub matches: Vec<MatchSpec>,
    /// What tells requests apart: at most [`MAX_SERIES`] sets.
    pub labels: Labels,
    /// What is timed: at least one, each once, in the order of [`Phase::ALL`].
    pub phases: Vec<Phase>,
    /// What the proxy's own histograms count in.
    pub unit: Unit,
    /// Whether the proxy's own histograms of durations are recorded.
    pub envoy_histogram: bool,
    /// Upper bounds of exact buckets in microseconds, ascending, at most [`MAX_BOUNDS`]. Empty: no exact buckets.
    pub buckets: Vec<u64>,
    /// Which requests are left out.
    pub exclude: Exclude,
    /// Objectives, of unique names, at most [`MAX_SLOS`]. Their phases are among `phases`.
    pub slos: Vec<Slo>,
    /// Quantiles as gauges. Their phase is among `phases`, and they have at most [`MAX_QUANTILE_SERIES`] sets of labels.
    pub quantiles: Option<Quantiles>,
    /// Which sizes are recorded.
    pub sizes: Sizes,
    /// Lines in the log about single requests.
    pub access_log: Option<AccessLog>,
    /// What the filter does when its first config cannot be used; see [`crate::pass_at_first_load`].
    pub on_invalid_config: OnInvalidConfig,
}

/// A part of the time that a request takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// From the request's headers until the stream has ended. Written `total`.
    #[default]
    Total,
    /// From the first byte that is sent upstream until the last one that is received. Written `upstream`.
    Upstream,
    /// From the request's headers until the response's headers: the time to the first byte. Written `filter`.
    FirstByte,
}

impl Phase {
    /// Every phase, in the order of metrics.
    pub const ALL: [Self; 3] = [Self::Total, Self::Upstream, Self::FirstByte];

    /// How its metrics begin: `request`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Total => "request",
            Self::Upstream => "upstream",
            Self::FirstByte => "first_byte",
        }
    }

    /// How a config writes it: `total`.
    #[must_use]
    pub const fn written(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Upstream => "upstream",
            Self::FirstByte => "filter",
        }
    }
}

/// What the proxy's own histograms count in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds, rounded to the nearest: the proxy's own buckets suit them.
    #[default]
    Millis,
    /// Microseconds.
    Micros,
}

/// What tells requests apart. Each part has a fixed number of values, so that the number of sets is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    /// The route.
    pub route: Option<RouteLabel>,
    /// The method.
    pub method: bool,
    /// The class of the status.
    pub status_class: bool,
    /// The status of gRPC.
    pub grpc_status: bool,
    /// The variant of a release.
    pub variant: Option<VariantLabel>,
    /// The host is the first of these that it meets, or another one. At most [`MAX_HOSTS`]. Empty: no such label.
    pub hosts: Vec<HostSpec>,
    /// The upstream cluster: the first so many that are seen, 1 to 1000.
    pub cluster: Option<u32>,
}

/// What a route is.
#[derive(Clone, Debug, PartialEq)]
pub enum RouteLabel {
    /// The first of these that the path meets, or another one. 1 to [`MAX_TEMPLATES`], each once.
    Templates(Vec<Template>),
    /// The name that the proxy's route has.
    Name {
        /// How many names, the first that are seen: 1 to 1000.
        max: u32,
    },
}

/// What a variant is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantLabel {
    /// Whose header it is.
    pub from: HeaderMap,
    /// The header that says it, in lower case.
    pub header: String,
    /// The values that have a label of their own: at most [`MAX_VARIANTS`], each once, none of them `default`. Empty: the
    /// first `max` values that are seen.
    pub values: Vec<String>,
    /// What a request without the header has.
    pub default: String,
    /// 1 to 1000. Without a meaning where there are `values`.
    pub max: u32,
}

/// Which requests are left out. All are `false`, or empty, where the config does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exclude {
    /// gRPC calls that are streams, as far as their response shows.
    pub grpc_streams: bool,
    /// Connections that became a WebSocket.
    pub websockets: bool,
    /// Requests whose client went away.
    pub client_aborts: bool,
    /// Requests of those who look after a service's health.
    pub health_checks: bool,
    /// Requests that meet one of these.
    pub matches: Vec<MatchSpec>,
}

/// An objective: a share of requests that is faster than a threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Slo {
    /// Unique in its config; 1 to 64 of `A-Z a-z 0-9 _ . -`, as it becomes a metric label.
    pub name: String,
    /// Alternatives, one of which a request must meet. Empty: every request.
    pub matches: Vec<MatchSpec>,
    /// A request is good that takes at most this: 1 microsecond to 24 h.
    pub threshold: Duration,
    /// The share of good requests that is aimed at: more than nothing, less than all.
    pub objective: Share,
    /// What is timed; among [`LatencyHistogram::phases`].
    pub phase: Phase,
    /// What a failed request counts as.
    pub failures: Failures,
}

/// What a failed request counts as: a status of 5xx, a failed gRPC call, no response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Failures {
    /// What it counts as by its time.
    #[default]
    Count,
    /// As a bad one, however fast it was.
    Bad,
    /// As none.
    Ignore,
}

/// Quantiles over a sliding window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantiles {
    /// Which: 1 to [`MAX_QUANTILES`], each once, more than nothing and less than all.
    pub of: Vec<Share>,
    /// How far back requests count: 1 s to 1 h.
    pub window: Duration,
    /// The labels whose values have quantiles of their own, in the order of [`Dimension::ALL`]; all are configured. Empty:
    /// one for all requests.
    pub by: Vec<Dimension>,
    /// What is timed; among [`LatencyHistogram::phases`].
    pub phase: Phase,
    /// How fine: -1 to 5.
    pub scale: Scale,
}

/// Which sizes are recorded, in histograms of the proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes of the request's body.
    pub request: bool,
    /// Bytes of the response's body.
    pub response: bool,
}

impl Sizes {
    /// How many are recorded.
    #[must_use]
    pub fn count(self) -> u32 {
        u32::from(self.request).saturating_add(u32::from(self.response))
    }
}

/// Lines in the log about single requests: a JSON object each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessLog {
    /// The share of requests that are logged at random.
    pub sample: Share,
    /// A request is logged that takes longer: 1 microsecond to 24 h.
    pub slow_above: Option<Duration>,
    /// Whether failed requests are logged.
    pub failed: bool,
    /// The most lines that a worker writes a second: 1 to 10,000.
    pub max_per_second: u32,
}

/// Reads and checks a config. Empty bytes are `{}`.
///
/// # Errors
/// Every mistake, each with its path.
#[inline(never)]
pub fn parse(bytes: &[u8]) -> Result<LatencyHistogram, Errors> {
    crate::read::document(bytes, LatencyHistogram::read)
}
