//! One stream: what it remembers of its request, what its response tells, and what is counted at its end.

use crate::Canary;
use crate::trace::Traced;
use fairlead_rollout::draw::Place;
use fairlead_rollout::guard::Outcome;
use fairlead_rollout::{Choice, Reason, Share};
use fairlead_stage::{HeaderMap, Proxy, Timestamp, View};

/// gRPC codes that say that the server is at fault: UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS.
/// (<https://grpc.io/docs/guides/status-codes/>)
const GRPC_FAILURES: [&[u8]; 5] = [b"2", b"4", b"13", b"14", b"15"];

/// What a stream remembers of its request. Small, as it is moved more often than read.
#[derive(Clone, Copy)]
pub struct Flight {
    /// When the request came and when its response began, if the guard wants to know how long that took.
    pub(crate) start: Timestamp,
    answered: Timestamp,
    /// Where the draw has put the user, for the cookie.
    pub(crate) place: Place,
    /// Nothing: the filter is not about this request.
    pub(crate) choice: Kept,
    /// What a rule in shadow would have given.
    pub(crate) shadow_rule: Kept,
    pub(crate) reason: Reason,
    pub(crate) removed: Removed,
    pub(crate) cookie: CookieWish,
    pub(crate) traced: Traced,
    outcome: Told,
    /// Whether there was a response to carry the cookie.
    pub(crate) responded: bool,
    pub(crate) cookie_rejected: bool,
    pub(crate) baggage_full: bool,
    /// Whether a guard wants its outcome.
    pub(crate) watched: bool,
}

/// A choice or nothing, in one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept(u8);

impl Kept {
    pub(crate) const NOTHING: Self = Self(u8::MAX);
    /// Beyond all positions of variants.
    const DEFAULT: Self = Self(u8::MAX - 1);

    pub(crate) fn of(choice: Choice) -> Self {
        match choice {
            Choice::Variant(position) => u8::try_from(position).map_or(Self::NOTHING, Self),
            Choice::Default => Self::DEFAULT,
        }
    }

    pub(crate) fn get(self) -> Option<Choice> {
        match self {
            Self::NOTHING => None,
            Self::DEFAULT => Some(Choice::Default),
            Self(position) => Some(Choice::Variant(usize::from(position))),
        }
    }
}

/// What was taken off the request that a client had no right to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Removed {
    #[default]
    Nothing,
    RoutingHeader,
}

/// What the response does about the release cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CookieWish {
    #[default]
    Keep,
    /// Sets it to what was drawn.
    Issue,
    Clear,
}

/// How a request ended, as its response tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Told {
    #[default]
    Nothing,
    Succeeded,
    Failed,
}

impl Flight {
    /// A request that the filter is not about.
    pub(crate) fn untouched() -> Self {
        Self {
            choice: Kept::NOTHING,
            ..Self::decided(Choice::Default, Reason::Default)
        }
    }

    /// A request that got a variant.
    pub(crate) fn decided(choice: Choice, reason: Reason) -> Self {
        Self {
            start: Timestamp::default(),
            answered: Timestamp::default(),
            place: Place::default(),
            choice: Kept::of(choice),
            shadow_rule: Kept::NOTHING,
            reason,
            removed: Removed::Nothing,
            cookie: CookieWish::Keep,
            traced: Traced::No,
            outcome: Told::Nothing,
            responded: false,
            cookie_rejected: false,
            baggage_full: false,
            watched: false,
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
        let grpc = view.header(HeaderMap::Response, "grpc-status");
        let failed = matches!(view.status(), Some(500..=599)) || grpc.as_deref().is_some_and(is_failure);
        flight.outcome = if failed { Told::Failed } else { Told::Succeeded };
        if guard.measures_latency() {
            flight.answered = view.now();
        }
    }

    /// Notes what gRPC says at the end of a response.
    #[inline(never)]
    pub(crate) fn trailed(&self, flight: &mut Flight, view: &impl View) {
        if flight.outcome != Told::Nothing {
            let grpc = view.header(HeaderMap::ResponseTrailers, "grpc-status");
            if grpc.as_deref().is_some_and(is_failure) {
                flight.outcome = Told::Failed;
            }
        }
    }

    /// Counts the stream.
    #[inline(never)]
    pub(crate) fn account(&self, flight: &Flight, proxy: &impl Proxy) {
        let Some(choice) = flight.choice.get() else {
            return;
        };
        let metrics = &self.metrics;
        if let Some(exposure) = metrics.exposure(choice, flight.reason) {
            proxy.add(exposure, 1);
        }
        if flight.removed == Removed::RoutingHeader {
            proxy.add(metrics.routing_headers_removed, 1);
        }
        if self.plain.is_none() {
            self.account_for_more(flight, choice, proxy);
        }
    }

    /// Counts what only befalls a stream where there is more than a draw.
    #[inline(never)]
    fn account_for_more(&self, flight: &Flight, choice: Choice, proxy: &impl Proxy) {
        let metrics = &self.metrics;
        let shadow_rule = flight.shadow_rule.get();
        if let Some(would) = shadow_rule.and_then(|choice| metrics.shadow_rule(choice)) {
            proxy.add(would, 1);
        }
        match flight.cookie {
            CookieWish::Issue if flight.responded => proxy.add(metrics.cookies_issued, 1),
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
        if let (Some(guard), Told::Succeeded | Told::Failed) = (&self.guard, flight.outcome) {
            let took = flight.answered.since(flight.start);
            let outcome = Outcome {
                failed: flight.outcome == Told::Failed,
                latency: guard.measures_latency().then_some(took),
            };
            guard.record(choice, outcome, proxy);
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
