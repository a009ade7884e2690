//! One stream: what it remembers of its request, what its response tells, and what is counted at its end.

use crate::Canary;
use crate::trace::Traced;
use fairlead_rollout::guard::Outcome;
use fairlead_rollout::{Choice, Reason, Share};
use fairlead_stage::{HeaderMap, Proxy, Timestamp, View};

/// gRPC codes that say that the server is at fault: UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS.
/// (<https://grpc.io/docs/guides/status-codes/>)
const GRPC_FAILURES: [&[u8]; 5] = [b"2", b"4", b"13", b"14", b"15"];

/// What a stream remembers of its request.
pub struct Flight {
    /// Whether the filter is about this request at all.
    pub(crate) seen: bool,
    pub(crate) choice: Choice,
    pub(crate) reason: Reason,
    /// What a rule in shadow would have given.
    pub(crate) shadow_rule: Option<Choice>,
    pub(crate) removed: Removed,
    pub(crate) cookie: CookieWish,
    /// Whether there was a response to carry the cookie.
    pub(crate) responded: bool,
    pub(crate) cookie_rejected: bool,
    pub(crate) baggage_full: bool,
    pub(crate) traced: Traced,
    /// Whether a guard wants its outcome.
    pub(crate) watched: bool,
    /// When the request came, if the guard wants to know how long it took.
    pub(crate) start: Timestamp,
    outcome: Option<Outcome>,
}

/// What was taken off the request that a client had no right to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Removed {
    #[default]
    Nothing,
    RoutingHeader,
}

/// What the response does about the release cookie.
#[derive(Debug, Default)]
pub(crate) enum CookieWish {
    #[default]
    Keep,
    /// Sets it to this value.
    Issue(Vec<u8>),
    Clear,
}

impl Flight {
    /// A request that the filter is not about.
    pub(crate) fn untouched() -> Self {
        Self {
            seen: false,
            ..Self::decided(Choice::Default, Reason::Default)
        }
    }

    /// A request that got a variant.
    pub(crate) fn decided(choice: Choice, reason: Reason) -> Self {
        Self {
            seen: true,
            choice,
            reason,
            shadow_rule: None,
            removed: Removed::Nothing,
            cookie: CookieWish::Keep,
            responded: false,
            cookie_rejected: false,
            baggage_full: false,
            traced: Traced::No,
            watched: false,
            start: Timestamp::from_unix_nanos(0),
            outcome: None,
        }
    }
}

impl Canary {
    /// Notes how a request was answered, for the guard.
    #[inline(never)]
    pub(crate) fn answered(&self, flight: &mut Flight, view: &impl View) {
        let (Some(guard), true) = (&self.guard, flight.watched) else {
            return;
        };
        let status = view.header(HeaderMap::Response, ":status");
        let status = status.as_deref().unwrap_or_default();
        let grpc = view.header(HeaderMap::Response, "grpc-status");
        flight.outcome = Some(Outcome {
            failed: status.len() == 3 && status.first() == Some(&b'5')
                || grpc.as_deref().is_some_and(is_failure),
            latency: guard.measures_latency().then(|| view.now().since(flight.start)),
        });
    }

    /// Notes what gRPC says at the end of a response.
    #[inline(never)]
    pub(crate) fn trailed(&self, flight: &mut Flight, view: &impl View) {
        if let Some(outcome) = &mut flight.outcome {
            let grpc = view.header(HeaderMap::ResponseTrailers, "grpc-status");
            outcome.failed |= grpc.as_deref().is_some_and(is_failure);
        }
    }

    /// Counts the stream.
    #[inline(never)]
    pub(crate) fn account(&self, flight: &Flight, proxy: &impl Proxy) {
        if !flight.seen {
            return;
        }
        let metrics = &self.metrics;
        if let Some(exposure) = metrics.exposure(flight.choice, flight.reason) {
            proxy.add(exposure, 1);
        }
        if let Some(would) = flight.shadow_rule.and_then(|choice| metrics.shadow_rule(choice)) {
            proxy.add(would, 1);
        }
        if flight.removed == Removed::RoutingHeader {
            proxy.add(metrics.routing_headers_removed, 1);
        }
        match flight.cookie {
            CookieWish::Issue(_) if flight.responded => proxy.add(metrics.cookies_issued, 1),
            CookieWish::Clear if flight.responded => proxy.add(metrics.cookies_cleared, 1),
            _ => {}
        }
        if flight.cookie_rejected {
            proxy.add(metrics.cookies_rejected, 1);
        }
        if flight.baggage_full {
            proxy.add(metrics.baggage_full, 1);
        }
        match flight.traced {
            Traced::No => {}
            Traced::Hit => proxy.add(metrics.trace_hit, 1),
            Traced::Miss => proxy.add(metrics.trace_miss, 1),
            Traced::Stored => proxy.add(metrics.trace_stored, 1),
            Traced::Evicted => proxy.add(metrics.trace_evicted, 1),
        }
        if let (Some(guard), Some(outcome)) = (&self.guard, flight.outcome) {
            guard.record(flight.choice, outcome, proxy);
        }
    }

    /// Lets the guard judge, and shows the weights in force.
    #[inline(never)]
    pub(crate) fn tick(&self, now: Timestamp, proxy: &impl Proxy) {
        if let Some(guard) = &self.guard {
            guard.tick(now, &self.variants, &self.metrics, proxy);
        }
        let ranges = self.ranges(now, proxy);
        let mut rest = Share::WHOLE_PPM;
        for (index, range) in ranges.iter().enumerate().take(self.variants.list.len()) {
            rest = rest.saturating_sub(range.open.ppm());
            if let Some(of) = self.metrics.of(Choice::Variant(index)) {
                proxy.set(of.weight, u64::from(range.open.ppm()));
            }
        }
        if let Some(of) = self.metrics.of(Choice::Default) {
            proxy.set(of.weight, u64::from(rest));
        }
    }
}

fn is_failure(grpc_status: &[u8]) -> bool {
    GRPC_FAILURES.contains(&grpc_status)
}
