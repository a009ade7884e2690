//! What a circuit breaker has counted, and in which state it is.

/// The state of a breaker, as its metric says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::up) enum State {
    Closed,
    HalfOpen,
    Open,
}

impl State {
    fn of(gauge: u64) -> Option<Self> {
        match gauge {
            0 => Some(Self::Closed),
            1 => Some(Self::HalfOpen),
            2 => Some(Self::Open),
            _ => None,
        }
    }

    pub(in crate::up) const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        }
    }
}

/// The numbers of one breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::up) struct Breaker {
    /// `None` until the filter has said so for the first time.
    pub(in crate::up) state: Option<State>,
    /// Calls of the upstream, by what came of them.
    pub(in crate::up) succeeded: u64,
    pub(in crate::up) failed: u64,
    pub(in crate::up) ignored: u64,
    /// Calls that ended after a transition, and decide nothing any more.
    pub(in crate::up) late: u64,
    /// Requests that were refused, and that would have been in shadow mode.
    pub(in crate::up) rejected: u64,
    pub(in crate::up) would_reject: u64,
    /// What refused requests got: a reply, or a kept response.
    pub(in crate::up) replies: u64,
    pub(in crate::up) stale: u64,
    /// Calls that decided whether it closes.
    pub(in crate::up) probes_succeeded: u64,
    pub(in crate::up) probes_failed: u64,
    pub(in crate::up) probes_lost: u64,
    /// Transitions to each state.
    pub(in crate::up) opened: u64,
    pub(in crate::up) half_opened: u64,
    pub(in crate::up) closed: u64,
}

impl Breaker {
    /// Requests that it has seen the end of.
    pub(in crate::up) const fn requests(&self) -> u64 {
        self.calls().saturating_add(self.rejected)
    }

    /// Requests that it has let pass.
    pub(in crate::up) const fn calls(&self) -> u64 {
        self.succeeded
            .saturating_add(self.failed)
            .saturating_add(self.ignored)
            .saturating_add(self.late)
    }

    /// How often its state has changed.
    pub(in crate::up) const fn transitions(&self) -> u64 {
        self.opened
            .saturating_add(self.half_opened)
            .saturating_add(self.closed)
    }

    /// Enters a sample: the metric's name without its prefix, label `cache`, and the number.
    pub(super) fn note(&mut self, metric: &str, outcome: Option<&str>, n: u64) {
        let count = match (metric, outcome) {
            ("state", None) => {
                self.state = State::of(n);
                return;
            }
            ("requests_total", Some("success")) => &mut self.succeeded,
            ("requests_total", Some("failure")) => &mut self.failed,
            ("requests_total", Some("ignored")) => &mut self.ignored,
            ("requests_total", Some("late")) => &mut self.late,
            ("requests_total", Some("rejected")) => &mut self.rejected,
            ("requests_total", Some("would_reject")) => &mut self.would_reject,
            ("fallbacks_total", Some("reply")) => &mut self.replies,
            ("fallbacks_total", Some("stale")) => &mut self.stale,
            ("probes_total", Some("success")) => &mut self.probes_succeeded,
            ("probes_total", Some("failure")) => &mut self.probes_failed,
            ("probes_total", Some("lost")) => &mut self.probes_lost,
            ("transitions_total", Some("open")) => &mut self.opened,
            ("transitions_total", Some("half_open")) => &mut self.half_opened,
            ("transitions_total", Some("closed")) => &mut self.closed,
            _ => return,
        };
        *count = count.saturating_add(n);
    }
}
