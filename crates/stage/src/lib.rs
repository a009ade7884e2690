//! The seam between deciding and hosting.
//!
//! A filter is a [`Stage`]: a plain Rust type that a front end drives. The front end decodes a proxy's callback into a
//! [`View`], lends the stage the [`Proxy`]'s state ([`Cells`]), counts ([`Meter`]) and log ([`Journal`]), collects the stage's
//! wishes in [`Effects`] and a [`Verdict`], and applies them when the stage has returned. No type here knows proxy-wasm, so that the same stage runs as a Wasm filter
//! and as a native module.
//!
//! What this crate does not do: call a host, read a clock, keep state of its own, allocate on the request path.
//! [`memory`] holds versions of each part that live in memory, for tests that run without a proxy.

mod catalogue;
mod cells;
mod compose;
mod effects;
mod journal;
pub mod memory;
mod meter;
mod needs;
mod proxy;
mod share;
mod time;
mod verdict;
mod view;

pub use catalogue::{MetricDoc, Presence};
pub use cells::{Cell, CellError, CellGroup, Cells, GroupId, Scope, Step};
pub use compose::Within;
pub use effects::{Edit, EditKind, Effects};
pub use journal::Journal;
pub use meter::{Family, FamilyId, Meter, MetricDef, MetricId, MetricKind};
pub use needs::{AttributeId, Done, HeaderNeed, Needs, Part, Refusal};
pub use proxy::{Parts, Proxy};
pub use share::{Share, ShareError};
pub use time::Timestamp;
pub use verdict::{Reply, Verdict};
pub use view::{HeaderMap, View, line_separator, status_code};

use std::time::Duration;

/// A filter, as a front end sees it: configured once, then driven by the callbacks of each stream.
///
/// All methods take `&self`: state that outlives a callback is kept in [`Cells`], state of one stream in
/// [`Stage::Flight`]. A stage never panics: a panic takes the worker's VM, or the whole proxy, with it.
pub trait Stage: Sized + 'static {
    /// What the stage remembers of one stream from its request to its end. Request data is gone in later callbacks, so
    /// whatever is needed then is copied here.
    type Flight;

    /// The filter's name as it stands in metrics, log lines and shared keys: `rate_limit`.
    const NAME: &'static str;

    /// Checks and compiles a `pluginConfig` (JSON; empty means `{}`), and says what the stage will use.
    ///
    /// # Errors
    /// A [`Refusal`] that lists every problem of the config, each with path, value and fix.
    fn plan(config: &[u8]) -> Result<(Self, Needs), Refusal>;

    /// Decides on a request whose headers have arrived.
    fn on_request<'s>(
        &'s self,
        view: &impl View,
        proxy: &impl Proxy,
        effects: &mut Effects,
    ) -> (Verdict<'s>, Self::Flight);

    /// Sees the response headers of a request that this stage let pass. Not called for the stage's own reply.
    fn on_response<'s>(
        &'s self,
        _flight: &mut Self::Flight,
        _view: &impl View,
        _proxy: &impl Proxy,
        _effects: &mut Effects,
    ) -> Verdict<'s> {
        Verdict::Continue
    }

    /// Whether the stage wants to see the body of this response. Each part that it sees costs as much as a header.
    fn wants_body(&self, _flight: &Self::Flight) -> bool {
        false
    }

    /// Sees a part of the body of a response, if it wants to; the last one says so ([`View::ends`]).
    fn on_body(&self, _flight: &mut Self::Flight, _part: &[u8], _view: &impl View, _proxy: &impl Proxy) {}

    /// Sees the response trailers of a request that this stage let pass, if there are any: gRPC states its outcome there.
    fn on_trailers(&self, _flight: &mut Self::Flight, _view: &impl View, _proxy: &impl Proxy) {}

    /// Accounts for a stream, however it ended or will end.
    ///
    /// `flight` is `None` for a stream that never reached [`Stage::on_request`], because something before this filter
    /// answered it. What `view` can tell depends on [`Needs::done`].
    fn on_done(&self, _flight: Option<Self::Flight>, _view: &impl View, _proxy: &impl Proxy) {}

    /// Runs every [`Needs::tick`], on each worker and perhaps on a thread without streams: the work must be idempotent.
    fn on_tick(&self, _now: Timestamp, _proxy: &impl Proxy) {}

    /// Runs once on each worker when another config has taken over and the last stream under this one has ended: what is
    /// still to be handed on, is now.
    fn on_retire(&self, _now: Timestamp, _proxy: &impl Proxy) {}
}

/// How often a stage is ticked, or never.
pub type Tick = Option<Duration>;
