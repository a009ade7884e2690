//! From a checked config to what the request path uses: compiled rules and keys, tables, texts of replies, metrics.

use crate::CircuitBreaker;
use crate::keep::Keeper;
use crate::metrics::Metrics;
use crate::reply::Refusal as Reply;
use crate::shared::Shared;
use crate::state::{Counting, Machine};
use fairlead_breaker::classes::Classes;
use fairlead_breaker::policy::{Throttle, Window};
use fairlead_breaker::{Bulkhead, Bulkheads, Presence, Snapshots};
use fairlead_config::{Mode, OnInvalidConfig, circuit_breaker as config};
use fairlead_matching::{Key, MatchSpec, RuleSet};
use fairlead_stage::{Done, GroupId, HeaderMap, Needs, Refusal, Scope};
use std::num::NonZeroU32;
use std::time::Duration;

/// How often a worker shows that it lives, and sets gauges.
pub(crate) const BEAT: Duration = Duration::from_secs(1);
/// The shortest and the longest time between two looks at the counts that a window begins with.
const TICKS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// One breaker, ready to decide. Breakers that are off are not compiled.
pub(crate) struct Breaker {
    pub(crate) name: String,
    /// Whether a refusal is carried out, or only counted.
    pub(crate) enforced: bool,
    /// `None`: one breaker for all requests.
    pub(crate) key: Option<Key>,
    /// Whether keys are what a proxy knows, and may stand in logs.
    pub(crate) named_keys: bool,
    pub(crate) decides: Decides,
    pub(crate) bulkhead: Option<Limit>,
    pub(crate) classes: Classes,
    /// As the header has it, in milliseconds.
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) reply: Reply,
    pub(crate) stale: Option<Keeper>,
    /// A request header that leads to another route.
    pub(crate) reroute: Option<config::Reroute>,
    pub(crate) metrics: Metrics,
}

/// What lets requests pass or not.
pub(crate) enum Decides {
    /// The config: all pass.
    Always,
    /// The config: none passes.
    Never,
    /// A state machine.
    Machine(Box<Machine>),
    /// A share that is refused.
    Throttle(Box<Throttling>),
}

/// Shedding in proportion.
pub(crate) struct Throttling {
    pub(crate) throttle: Throttle,
    pub(crate) snapshots: Snapshots,
    pub(crate) group: GroupId,
    /// What this worker refuses at present: a cell of four bytes.
    pub(crate) rejection: GroupId,
}

/// A limit on requests in flight.
pub(crate) struct Limit {
    pub(crate) ledger: Bulkheads,
    pub(crate) group: GroupId,
}

#[inline(never)]
pub(crate) fn plan(bytes: &[u8]) -> Result<(CircuitBreaker, Needs), Refusal> {
    let config = config::parse(bytes).map_err(|errors| Refusal {
        message: errors.to_string(),
        pass_at_first_load: fairlead_config::pass_at_first_load(bytes),
    })?;
    Ok(planned(config, hash(bytes)))
}

/// A checked config, compiled. `version` tells it from any other.
#[inline(never)]
pub(crate) fn planned(config: config::CircuitBreaker, version: u32) -> (CircuitBreaker, Needs) {
    let mut needs = Needs::default();
    needs.passes = config.on_invalid_config == OnInvalidConfig::Pass;
    let filter = compile(config, version, &mut needs);
    (filter, needs)
}

#[inline(never)]
fn compile(config: config::CircuitBreaker, version: u32, needs: &mut Needs) -> CircuitBreaker {
    let mode = config.mode;
    let mut active = config.breakers;
    active.retain(|breaker| mode.min(breaker.mode) != Mode::Off);
    let everyone = !active.is_empty() && active.iter().all(|breaker| breaker.matches.is_empty());
    let matches: Vec<Vec<MatchSpec>> = active
        .iter_mut()
        .map(|breaker| std::mem::take(&mut breaker.matches))
        .collect();
    let tick = period(&active);
    let rules = RuleSet::compile(&matches, needs);
    let shared = Shared {
        presence: needs.cells("presence", Scope::Proxy, 1, Presence::SHARED_BYTES),
        seen: needs.cells("seen", Scope::Worker, 1, Presence::SEEN_BYTES),
        own: needs.cells("own", Scope::Worker, 1, 4),
        shown: needs.cells("shown", Scope::Worker, 1, 8),
        draws: needs.cells("draws", Scope::Worker, 1, 8),
    };
    let breakers: Vec<Breaker> = active
        .into_iter()
        .map(|breaker| one(breaker, (mode, version), needs))
        .collect();
    let flags = needs.attribute(&["response", "flags"]);
    if !breakers.is_empty() {
        needs.seed = true;
        needs.reads_metrics = true;
        needs.request = true;
        needs.response = true;
        needs.trailers = true;
        needs.body = breakers.iter().any(|breaker| breaker.stale.is_some());
        needs.done = Done::Ended;
        needs.tick = Some(tick);
        needs.header(HeaderMap::Response, ":status");
        needs.rare_header(HeaderMap::Response, "grpc-status");
        needs.rare_header(HeaderMap::ResponseTrailers, "grpc-status");
        needs.rare_header(HeaderMap::Request, "te");
        needs.rare_header(HeaderMap::Request, "content-type");
    }
    let (mut adds, mut limits, mut times) = (false, false, false);
    let mut reroutes = Vec::new();
    for breaker in &breakers {
        adds |= breaker.timeout_ms.is_some() || breaker.stale.is_some();
        limits |= breaker.bulkhead.is_some();
        times |= matches!(&breaker.decides, Decides::Machine(machine) if machine.times);
        if let Some(reroute) = &breaker.reroute {
            reroutes.push(reroute.header.clone());
        }
    }
    CircuitBreaker {
        rules,
        everyone,
        breakers,
        shared,
        reroutes,
        flags,
        adds,
        limits,
        times,
    }
}

/// What tells a config from another: FNV-1a.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// How often windows of time are looked at: twice a bucket of the shortest.
#[inline(never)]
fn period(breakers: &[config::Breaker]) -> Duration {
    let buckets = breakers.iter().filter_map(|breaker| match breaker.policy.window {
        Window::Time { duration, buckets } if buckets > NonZeroU32::MIN => {
            duration.checked_div(buckets.get().saturating_mul(2))
        }
        Window::Time { .. } | Window::Calls(_) => None,
    });
    let (shortest, longest) = TICKS;
    buckets.min().unwrap_or(longest).clamp(shortest, longest)
}

#[inline(never)]
fn one(breaker: config::Breaker, (mode, version): (Mode, u32), needs: &mut Needs) -> Breaker {
    let enforced = mode.min(breaker.mode) == Mode::Enforce;
    let keys = (breaker.per != config::Per::Rule).then_some(breaker.max_keys);
    let name = &breaker.name;
    let decides = match (breaker.force, breaker.throttle) {
        (Some(config::Force::Closed), _) => Decides::Always,
        (Some(config::Force::Open), _) => Decides::Never,
        (None, Some(throttle)) => Decides::Throttle(Box::new(throttling(&breaker, throttle, needs))),
        (None, None) => Decides::Machine(Box::new(Machine::new(&breaker, version, needs))),
    };
    let bulkhead = breaker.max_in_flight.map(|max| {
        let ledger = match keys {
            None => Bulkheads::single(Bulkhead { max }),
            Some(keys) => Bulkheads::keyed(Bulkhead { max }, keys),
        };
        Limit {
            group: needs.cells(
                [name, "/in_flight/", &ledger.sets().to_string()].concat(),
                Scope::Proxy,
                ledger.sets(),
                ledger.cell_bytes(),
            ),
            ledger,
        }
    });
    let stale = breaker.fallback.stale.as_ref();
    if let Some(reroute) = &breaker.fallback.reroute {
        needs.rare_header(HeaderMap::Request, &reroute.header);
    }
    let stale = stale
        .filter(|_| enforced)
        .map(|stale| Keeper::new(name, stale, needs));
    let metrics = Metrics::declare(&breaker, enforced, needs);
    Breaker {
        enforced,
        named_keys: !matches!(breaker.per, config::Per::Key(_)),
        key: breaker.per.into_key().map(|parts| Key::compile(&parts, needs)),
        decides,
        bulkhead,
        classes: breaker.classes,
        timeout_ms: breaker
            .timeout
            .filter(|_| enforced)
            .and_then(|timeout| u64::try_from(timeout.as_millis()).ok()),
        reply: Reply::new(&breaker.name, breaker.fallback.reply),
        stale,
        reroute: breaker.fallback.reroute.filter(|_| enforced),
        metrics,
        name: breaker.name,
    }
}

#[inline(never)]
fn throttling(breaker: &config::Breaker, throttle: Throttle, needs: &mut Needs) -> Throttling {
    // The config has checked that the window is one of time.
    let shortest = || Snapshots::new(Duration::from_secs(1), NonZeroU32::MIN);
    let snapshots = Counting::snapshots(&breaker.policy).unwrap_or_else(shortest);
    Throttling {
        throttle,
        group: needs.cells(
            [&breaker.name, "/snapshots"].concat(),
            Scope::Proxy,
            1,
            snapshots.bytes(),
        ),
        snapshots,
        rejection: needs.cells([&breaker.name, "/rejection"].concat(), Scope::Worker, 1, 4),
    }
}
