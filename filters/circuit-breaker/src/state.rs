//! What workers share, and what each of them remembers of it.
//!
//! The truth is a record in a cell of all workers. A request does not read it as long as the count of transitions (a gauge
//! of the proxy, `epoch`) stands where it stood when this worker last read the record. Completed calls of a breaker without
//! keys are counted by the proxy's own counters; all others in the record (docs/adr/0011).

mod admit;
mod complete;

use crate::configure::Breaker;
use crate::metrics::{Metric, shown};
use crate::say::KeyName;
use crate::shared::Shared;
use fairlead_breaker::classes::Outcome;
use fairlead_breaker::policy::{Policy, Window};
use fairlead_breaker::{
    Breaker as Rules, Call, Counted, Counts, Known, Phase, Place, Snapshots, Table, Ticket,
};
use fairlead_config::circuit_breaker as config;
use fairlead_stage::{Cell, GroupId, Needs, Proxy, Scope, Step, Timestamp};
use std::cell::Cell as Slot;
use std::num::NonZeroU32;

/// Where one way of counting keeps its records.
pub(crate) struct Records {
    table: Table,
    group: GroupId,
}

/// Counts that the proxy keeps.
pub(crate) struct Counting {
    records: Records,
    pub(crate) snapshots: Snapshots,
    pub(crate) group: GroupId,
}

impl Counting {
    /// What remembers the beginnings of a window's buckets; `None` for windows that only a record can keep.
    pub(crate) fn snapshots(policy: &Policy) -> Option<Snapshots> {
        match policy.window {
            Window::Time { duration, buckets } if buckets > NonZeroU32::MIN => {
                Some(Snapshots::new(duration, buckets))
            }
            Window::Time { .. } | Window::Calls(_) => None,
        }
    }
}

/// A state machine and its state.
pub(crate) struct Machine {
    pub(crate) rules: Rules,
    /// Records with a window inside.
    inside: Records,
    /// Counts kept by the proxy, where that can be.
    pub(crate) outside: Option<Counting>,
    /// What this worker last knew.
    known: GroupId,
    known_cells: u32,
    /// The breaker of a rule: what this worker's cell says while all requests pass, for requests that need no more.
    freely: Freely,
    /// Whether slow calls count.
    pub(crate) is_timed: bool,
    /// Whether it matters when a call began.
    pub(crate) times: bool,
}

/// A breaker without keys that lets all requests pass, as the worker's cell has it.
#[derive(Default)]
struct Freely {
    /// Under this many transitions; `None`: the cell is to be asked.
    epoch: Slot<Option<u64>>,
    generation: Slot<u32>,
}

/// Where the breaker of a request is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    place: Place,
    /// Whether the proxy counts its calls.
    outside: bool,
    /// How many transitions there had been when it was looked up.
    epoch: Option<u64>,
}

/// Whose breaker it is: a rule, and the key as log lines have it.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'s> {
    pub(crate) breaker: &'s Breaker,
    pub(crate) name: &'s dyn Fn() -> KeyName,
}

impl Spot {
    /// That of a breaker without a record.
    pub(crate) const NONE: Self = Self {
        place: Place::ONLY,
        outside: true,
        epoch: None,
    };

    /// A hash of the key that nobody can turn back, or foresee without the proxy's seed.
    pub(crate) fn hash(&self) -> u64 {
        self.place.tag.into()
    }
}

/// How a breaker answers a request.
pub(crate) enum Admitted {
    /// It passes, and its outcome belongs to this ticket; `None`: nobody asks for it.
    Pass(Option<Ticket>),
    /// It does not, for so long.
    Refused(Phase, std::time::Duration),
}

impl Machine {
    #[inline(never)]
    pub(crate) fn new(breaker: &config::Breaker, version: u32, needs: &mut Needs) -> Self {
        let policy = breaker.policy;
        let keys = (breaker.per != config::Per::Rule).then_some(breaker.max_keys);
        let snapshots = Counting::snapshots(&policy).filter(|_| keys.is_none());
        let records = |what: &str, counted, needs: &mut Needs| {
            let rules = Rules::new(policy, counted);
            let table = match keys {
                None => Table::single(rules),
                Some(keys) => Table::keyed(rules, keys),
            };
            // In a table of another size a key lives elsewhere, and a window of another shape cannot be read.
            let parts = [
                breaker.name.as_str(),
                what,
                &table.sets().to_string(),
                "/",
                &table.cell_bytes().to_string(),
            ];
            Records {
                group: needs.cells(parts.concat(), Scope::Proxy, table.sets(), table.cell_bytes()),
                table,
            }
        };
        let known_cells = keys.map_or(1, NonZeroU32::get);
        Self {
            rules: Rules::new(policy, Counted::Outside),
            outside: snapshots.map(|snapshots| Counting {
                records: records("/record/", Counted::Outside, needs),
                group: needs.cells(
                    [&breaker.name, "/snapshots"].concat(),
                    Scope::Proxy,
                    1,
                    snapshots.bytes(),
                ),
                snapshots,
            }),
            inside: records("/window/", Counted::Inside, needs),
            known: needs.cells(
                // What was known under another policy, or of another record, is forgotten.
                [&breaker.name, "/known/", &version.to_string()].concat(),
                Scope::Worker,
                known_cells,
                KNOWN_BYTES,
            ),
            known_cells,
            freely: Freely::default(),
            is_timed: policy.trip.slow.is_some(),
            times: policy.trip.slow.is_some()
                || matches!(policy.window, Window::Time { buckets, .. } if buckets == NonZeroU32::MIN),
        }
    }

    const fn records(&self, spot: &Spot) -> &Records {
        match &self.outside {
            Some(counting) if spot.outside => &counting.records,
            _ => &self.inside,
        }
    }

    fn record(&self, spot: &Spot) -> Cell {
        Cell {
            group: self.records(spot).group,
            index: spot.place.set,
        }
    }

    /// The breaker of a rule, after so many transitions.
    pub(crate) fn spot(&self, epoch: Option<u64>) -> Spot {
        Spot {
            place: Place::ONLY,
            outside: epoch.is_some() && self.outside.is_some(),
            epoch,
        }
    }

    /// The breaker of a key.
    #[inline(never)]
    pub(crate) fn spot_of(&self, breaker: &Breaker, key: &[u8], proxy: &impl Proxy) -> Spot {
        let mut spot = self.spot(breaker.metrics.read(Metric::Epoch, proxy));
        spot.place = self.records(&spot).table.locate(proxy.seed(), key);
        spot
    }

    /// Whether the breaker of a rule lets all requests pass, as an earlier request has found: in this generation.
    #[inline]
    pub(crate) fn passes_freely(&self, epoch: Option<u64>) -> Option<u32> {
        let holds = epoch.is_some() && epoch == self.freely.epoch.get();
        holds.then(|| self.freely.generation.get())
    }

    fn memory(&self, spot: &Spot) -> Cell {
        let index = u64::from(spot.place.tag) % u64::from(self.known_cells.max(1));
        Cell {
            group: self.known,
            index: u32::try_from(index).unwrap_or(0),
        }
    }

    /// What this worker last knew of a breaker, at a glance: all that most requests need.
    #[inline(never)]
    fn glance(&self, spot: &Spot, proxy: &impl Proxy) -> Option<Glance> {
        let read = proxy.update(self.memory(spot), |old, _| {
            Step::Keep(old.and_then(|bytes| Glance::read(bytes, spot.hash())))
        });
        read.ok().flatten()
    }

    /// What this worker knows that still holds.
    #[inline(never)]
    fn known(&self, spot: &Spot, proxy: &impl Proxy) -> Option<Known> {
        let read = proxy.update(self.memory(spot), |old, _| {
            let glance = old.and_then(|bytes| Glance::read(bytes, spot.hash()));
            let holds = glance.is_some_and(|glance| Some(glance.epoch) == spot.epoch);
            let known = old.and_then(|bytes| bytes.get(GLANCE_BYTES..)).filter(|_| holds);
            Step::Keep(known.and_then(Known::decode))
        });
        read.ok().flatten()
    }

    fn remember(&self, spot: &Spot, known: &Known, proxy: &impl Proxy) {
        let Some(epoch) = spot.epoch else { return };
        self.freely.epoch.set(None);
        let _ = proxy.update(self.memory(spot), |_, new| {
            new.extend_from_slice(&epoch.to_le_bytes());
            new.extend_from_slice(&spot.hash().to_le_bytes());
            new.extend_from_slice(&known.generation.to_le_bytes());
            new.push(u8::from(known.passes_freely()));
            new.push(u8::from(known.phase == Phase::Open));
            new.extend_from_slice(&known.since.as_unix_nanos().to_le_bytes());
            new.extend_from_slice(&known.until.as_unix_nanos().to_le_bytes());
            known.encode(new);
            Step::Write(())
        });
    }

    /// Reads the record.
    #[inline(never)]
    pub(crate) fn look(&self, spot: &Spot, now: Timestamp, proxy: &impl Proxy) -> Option<Known> {
        let table = &self.records(spot).table;
        let known = proxy
            .update(self.record(spot), |old, _| {
                Step::Keep(table.known(spot.place, now, old))
            })
            .ok()?
            .unwrap_or_default();
        self.remember(spot, &known, proxy);
        Some(known)
    }

    /// Notes where the counts of a new bucket begin, shows the state, and sees whether a good call has made the volume
    /// sufficient. For breakers without keys.
    #[inline(never)]
    pub(crate) fn tick(
        &self,
        breaker: &Breaker,
        shared: &Shared,
        now: Timestamp,
        shows: bool,
        proxy: &impl Proxy,
    ) {
        let spot = self.spot(breaker.metrics.read(Metric::Epoch, proxy));
        let spot = &spot;
        let known = match self.known(spot, proxy) {
            Some(known) => Some(known),
            None => self.look(spot, now, proxy),
        };
        let Some(known) = known else { return };
        if shows {
            breaker.metrics.set(Metric::State, shown(known.phase), proxy);
            // Another worker may have made a transition meanwhile, and shown it before this.
            if breaker.metrics.read(Metric::Epoch, proxy) != spot.epoch
                && let Some(known) = self.look(spot, now, proxy)
            {
                breaker.metrics.set(Metric::State, shown(known.phase), proxy);
            }
        }
        let window = self.window(breaker, spot, &known, now, proxy);
        let rules = &self.rules.policy().rules;
        let judges = known.phase == Phase::Closed && !(rules.bad_calls_trip || rules.keep_window);
        if let Some(counts) = window.filter(|_| judges) {
            let ticket = Ticket {
                generation: known.generation,
                probe: false,
                started: now,
            };
            let call = Call {
                outcome: Outcome::Failure,
                slow: false,
            };
            let of = Subject {
                breaker,
                name: &|| KeyName::None,
            };
            self.weigh(of, (spot, &ticket), (counts, call), shared, now, proxy);
        }
    }

    /// What the proxy has counted of a breaker's calls, if it counts them.
    fn totals(breaker: &Breaker, spot: &Spot, proxy: &impl Proxy) -> Option<Counts> {
        if spot.outside {
            breaker.metrics.totals(proxy)
        } else {
            None
        }
    }

    /// What the proxy has counted in the window. Notes where the counts of the bucket begin, if nobody has.
    #[inline(never)]
    fn window(
        &self,
        of: &Breaker,
        spot: &Spot,
        known: &Known,
        now: Timestamp,
        proxy: &impl Proxy,
    ) -> Option<Counts> {
        let counting = self.outside.as_ref().filter(|_| spot.outside)?;
        let totals = of.metrics.totals(proxy)?;
        let cell = Cell {
            group: counting.group,
            index: 0,
        };
        let window = proxy.update(cell, |old, new| {
            let snapshots = &counting.snapshots;
            let window = |cell| snapshots.window(now, known.since, &known.base, &totals, cell);
            match snapshots.note(now, known.since, &totals, old, new) {
                Step::Keep(()) => Step::Keep(window(old)),
                Step::Write(()) => Step::Write(window(Some(new))),
            }
        });
        window.ok()
    }
}

/// The beginning of what a worker keeps: the rest is [`Known`].
#[derive(Clone, Copy)]
struct Glance {
    epoch: u64,
    generation: u32,
    passes_freely: bool,
    /// Since when and until when it is open.
    open: Option<(Timestamp, Timestamp)>,
}

const GLANCE_BYTES: usize = 38;
const KNOWN_BYTES: u32 = 38 + Known::BYTES;

impl Glance {
    /// What is kept, if it is of the key with this hash.
    fn read(bytes: &[u8], hash: u64) -> Option<Self> {
        let (epoch, rest) = bytes.split_first_chunk()?;
        let (whose, rest) = rest.split_first_chunk()?;
        let (generation, rest) = rest.split_first_chunk()?;
        if u64::from_le_bytes(*whose) != hash {
            return None;
        }
        let (flags, rest) = rest.split_first_chunk::<2>()?;
        let time = |bytes: &[u8; 8]| Timestamp::from_unix_nanos(u64::from_le_bytes(*bytes));
        let open = if flags[1] == 1 {
            let (since, rest) = rest.split_first_chunk()?;
            Some((time(since), time(rest.first_chunk()?)))
        } else {
            None
        };
        Some(Self {
            epoch: u64::from_le_bytes(*epoch),
            generation: u32::from_le_bytes(*generation),
            passes_freely: flags[0] == 1,
            open,
        })
    }
}
