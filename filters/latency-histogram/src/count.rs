//! The end of a stream: what it has taken is counted, wherever the config says that it counts.

use crate::LatencyHistogram;
use crate::configure::{Exact, Measures, Quantiles, Slo};
use crate::labels::Said;
use crate::request::{Flight, Reason};
use fairlead_config::latency_histogram::{Failures, Phase, Unit};
use fairlead_stage::{AttributeId, Cell, Proxy, Timestamp, View};

/// A gRPC call whose response goes on for longer than this is a stream: a unary call answers in one piece.
const LONGEST_UNARY_RESPONSE_MICROS: u64 = 1_000_000;
/// The response flags that say that the client has gone: DC and DR, by Envoy's bits (`envoy/stream_info/stream_info.h`).
const CLIENT_ABORTS: u64 = 0x4000 | 0x1000_0000;
const SWITCHING_PROTOCOLS: u16 = 101;
/// gRPC codes that say that the server is at fault: UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS.
/// (<https://grpc.io/docs/guides/status-codes/>)
const GRPC_FAILURES: [u8; 5] = [2, 4, 13, 14, 15];

/// How long the phases of a request took, in microseconds; `None`: there was no such phase.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    pub(crate) total: u64,
    pub(crate) upstream: Option<u64>,
    pub(crate) first_byte: Option<u64>,
}

impl Took {
    pub(crate) const fn of(&self, phase: Phase) -> Option<u64> {
        match phase {
            Phase::Total => Some(self.total),
            Phase::Upstream => self.upstream,
            Phase::FirstByte => self.first_byte,
        }
    }
}

impl LatencyHistogram {
    /// Counts a stream that has ended, however it ended.
    #[inline(never)]
    pub(crate) fn ended(&self, flight: Flight, view: &impl View, proxy: &impl Proxy) {
        let mut said = flight.said;
        let more = flight.more();
        if !more.seen {
            return;
        }
        let now = view.steady();
        let excluded = more.excluded.or_else(|| {
            let goes_on = more.first_byte.map(|first| micros(now, first));
            self.excluded_in_the_end(&flight, goes_on, view)
        });
        if let Some(reason) = excluded {
            self.metrics.excluded(reason, proxy);
            return;
        }
        let took = Took {
            total: micros(now, flight.started),
            upstream: self
                .upstream
                .and_then(|took| integer(view, took))
                .map(|nanos| nanos / 1000),
            first_byte: more.first_byte.map(|first| micros(first, flight.started)),
        };
        let grpc = if more.grpc { more.grpc_status } else { None };
        self.labels
            .at_the_end(&mut said, flight.status, grpc, view, proxy);
        let series = self.labels.number(|_| true, &said);
        for measures in &self.measures {
            if let Some(micros) = took.of(measures.phase) {
                self.measure(measures, series, micros, proxy);
            }
        }
        if self.counts_more {
            self.count_more(&flight, &said, series, took, view, proxy);
        }
    }

    /// Counts what is not the duration of a phase.
    #[inline(never)]
    fn count_more(
        &self,
        flight: &Flight,
        said: &Said,
        series: u32,
        took: Took,
        view: &impl View,
        proxy: &impl Proxy,
    ) {
        for size in &self.sizes {
            if let Some(bytes) = integer(view, size.attribute) {
                let metric = proxy.open(size.family, series, &mut || {
                    self.labels.text(|_| true, series, proxy)
                });
                proxy.record(metric, bytes);
            }
        }
        let more = flight.more();
        let failed = failed(flight);
        for (index, slo) in self.slos.iter().enumerate() {
            if more.slos & (1 << (index & 31)) != 0 {
                slo.count(took.of(slo.phase), failed, proxy);
            }
        }
        if let Some(quantiles) = &self.quantiles
            && let Some(micros) = took.of(quantiles.phase)
        {
            let group = self.labels.number(|label| quantiles.by.contains(&label), said);
            quantiles.count(group, micros, proxy);
        }
        if let (Some(log), Some(captured)) = (&self.log, &more.captured) {
            let labels = || self.labels.text(|_| true, series, proxy);
            log.say(captured, flight, took, failed, &labels, view, proxy);
        }
    }

    /// Why a stream that could be measured is not: what it was only shows in the end.
    fn excluded_in_the_end(&self, flight: &Flight, goes_on: Option<u64>, view: &impl View) -> Option<Reason> {
        let exclude = &self.exclude;
        let more = flight.more();
        if exclude.websockets && flight.status == SWITCHING_PROTOCOLS {
            return Some(Reason::Websocket);
        }
        if exclude.grpc_streams
            && more.grpc
            && goes_on.is_some_and(|goes_on| goes_on > LONGEST_UNARY_RESPONSE_MICROS)
        {
            return Some(Reason::GrpcStream);
        }
        let flags = exclude.client_aborts?;
        (integer(view, flags).unwrap_or(0) & CLIENT_ABORTS != 0).then_some(Reason::ClientAbort)
    }

    /// Counts how long a phase took.
    #[inline(never)]
    fn measure(&self, measures: &Measures, series: u32, micros: u64, proxy: &impl Proxy) {
        let mut text = || self.labels.text(|_| true, series, proxy);
        if let Some((family, unit)) = measures.histogram {
            let metric = proxy.open(family, series, &mut text);
            proxy.record(metric, in_unit(micros, unit));
        }
        if let Some(exact) = &measures.exact {
            exact.count(series, micros, proxy);
        }
    }
}

impl Exact {
    fn count(&self, series: u32, micros: u64, proxy: &impl Proxy) {
        let cell = Cell {
            group: self.pending,
            index: series,
        };
        // A worker's own cell is always there.
        let _ = proxy.update(cell, |old, new| self.bounds.record(old, micros, new));
    }
}

impl Slo {
    fn count(&self, micros: Option<u64>, failed: bool, proxy: &impl Proxy) {
        let good = match (self.failures, failed, micros) {
            // Whether it got as far as this phase or not.
            (Failures::Bad, true, _) => false,
            (Failures::Ignore, true, _) | (_, _, None) => return,
            (_, _, Some(micros)) => micros <= self.threshold_micros,
        };
        proxy.add(self.requests, 1);
        if good {
            proxy.add(self.good, 1);
        }
    }
}

impl Quantiles {
    fn count(&self, group: u32, micros: u64, proxy: &impl Proxy) {
        let cell = Cell {
            group: self.pending,
            index: group,
        };
        let _ = proxy.update(cell, |old, new| self.windows.record(old, micros, new));
    }
}

/// Whether the server has failed the request: a status of 500 or more, a gRPC code that says so, or no response.
fn failed(flight: &Flight) -> bool {
    match flight.more().grpc_status {
        Some(code) => GRPC_FAILURES.contains(&code),
        None => flight.status == 0 || flight.status >= 500,
    }
}

/// How long ago `earlier` was; 0 when it lies ahead, and where the host did not say when it was, which a steady clock that has
/// only begun to run does not either.
const fn micros(now: Timestamp, earlier: Timestamp) -> u64 {
    if earlier.as_unix_nanos() == 0 {
        return 0;
    }
    now.as_unix_nanos().saturating_sub(earlier.as_unix_nanos()) / 1000
}

/// Rounded to the nearest.
const fn in_unit(micros: u64, unit: Unit) -> u64 {
    match unit {
        Unit::Micros => micros,
        Unit::Millis => micros.saturating_add(500) / 1000,
    }
}

/// An attribute that is a number or a duration in nanoseconds, neither of which is ever below 0.
pub(crate) fn integer(view: &impl View, id: AttributeId) -> Option<u64> {
    let bytes = view.attribute(id)?;
    let number = i64::from_le_bytes(bytes.as_ref().try_into().ok()?);
    u64::try_from(number).ok()
}
