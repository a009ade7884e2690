//! What workers share about outcomes, and what becomes of it.
//!
//! A worker counts outcomes in cells of its own heap, one a variant. Every tick it moves them into the windows that all
//! workers share, looks at the windows of all, and changes the state of a variant that has broken its bound: by one
//! compare-and-swap, so that exactly one worker trips the guard and says so. It then copies all states into a heap cell
//! of its own, which is what its requests look at. So a request costs no call of the host, and what a worker knows is at
//! most one tick old.

use crate::configure::Variants;
use crate::metrics::Metrics;
use fairlead_config::canary as config;
use fairlead_rollout::guard::{
    Against, Bound, Breach, Counts, Guard, Outcome, Pending, Phase, State, Transition, Windows,
};
use fairlead_rollout::{Choice, Share};
use fairlead_stage::{Cell, Cells, GroupId, Journal, Needs, Proxy, Scope, Step, Timestamp};
use std::time::Duration;

/// The longest and the shortest time between two looks.
const TICK: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// A guard with its cells. Groups of one cell a variant hold the default variant's last.
pub(crate) struct Watch {
    guard: Guard,
    windows: Windows,
    /// How many variants there are besides the default one.
    variants: usize,
    /// What a worker has counted since its last tick.
    pending: GroupId,
    /// What all have, in windows.
    shared: GroupId,
    /// The states of the variants.
    states: GroupId,
    /// The same as this worker last saw them: one cell with all, one after the other.
    seen: GroupId,
}

impl Watch {
    #[inline(never)]
    pub(crate) fn new(guard: &config::GuardConfig, config: &config::Canary, needs: &mut Needs) -> Self {
        let windows = guard.guard.windows();
        let variants = config.variants.len();
        let count = u32::try_from(variants).unwrap_or(u32::MAX);
        let with_default = count.saturating_add(1);
        let release = [
            &config.release,
            "/",
            &config::fingerprint(config).to_string(),
            "/",
            &guard.attempt.to_string(),
        ]
        .concat();
        let shape = [
            &release,
            "/",
            &guard.guard.window.as_millis().to_string(),
            "/",
            &windows.window_bytes().to_string(),
        ]
        .concat();
        let mut group = |what: &str, of: &str, scope, cells, bytes| {
            needs.cells(["guard/", what, "/", of].concat(), scope, cells, bytes)
        };
        Self {
            pending: group(
                "pending",
                &shape,
                Scope::Worker,
                with_default,
                windows.pending_bytes(),
            ),
            shared: group(
                "window",
                &shape,
                Scope::Proxy,
                with_default,
                windows.window_bytes(),
            ),
            states: group("state", &release, Scope::Proxy, count, State::BYTES),
            seen: group(
                "seen",
                &release,
                Scope::Worker,
                1,
                count.saturating_mul(State::BYTES),
            ),
            guard: guard.guard,
            windows,
            variants,
        }
    }

    /// How often to tick.
    pub(crate) fn period(&self) -> Duration {
        let (shortest, longest) = TICK;
        (self.guard.window / 10).clamp(shortest, longest)
    }

    /// Whether outcomes count how long they took.
    pub(crate) const fn measures_latency(&self) -> bool {
        self.guard.latency.is_some()
    }

    fn cell(&self, group: GroupId, choice: Choice) -> Cell {
        let position = match choice {
            Choice::Variant(index) => index,
            Choice::Default => self.variants,
        };
        Cell {
            group,
            index: u32::try_from(position).unwrap_or(u32::MAX),
        }
    }

    /// Counts the outcome of a request in this worker.
    pub(crate) fn record(&self, choice: Choice, outcome: Outcome, cells: &impl Cells) {
        // A worker's own cell is always there.
        let _ = cells.update(self.cell(self.pending, choice), |old, new| {
            self.windows.record(old, outcome, new)
        });
    }

    /// The states of all variants as this worker last saw them; looks once where it never has.
    pub(crate) fn seen(&self, cells: &impl Cells) -> [State; config::MAX_VARIANTS] {
        let seen = Cell {
            group: self.seen,
            index: 0,
        };
        let known = cells.update(seen, |old, _| Step::Keep(old.map(unpack)));
        match known {
            Ok(Some(states)) => states,
            _ => self.look(cells),
        }
    }

    /// Reads the states of all variants, and keeps them.
    #[inline(never)]
    fn look(&self, cells: &impl Cells) -> [State; config::MAX_VARIANTS] {
        let mut states = [State::default(); config::MAX_VARIANTS];
        for (index, state) in states.iter_mut().enumerate().take(self.variants) {
            let cell = self.cell(self.states, Choice::Variant(index));
            let read = cells.update(cell, |old, _| Step::Keep(State::decode(old)));
            *state = read.unwrap_or_default();
        }
        self.keep(&states, cells);
        states
    }

    fn keep(&self, states: &[State; config::MAX_VARIANTS], cells: &impl Cells) {
        let seen = Cell {
            group: self.seen,
            index: 0,
        };
        let _ = cells.update(seen, |_, new| {
            for state in states.iter().take(self.variants) {
                state.encode(new);
            }
            Step::Write(())
        });
    }

    /// The share of a variant under the state it is in.
    pub(crate) fn cap(&self, state: &State, planned: Share) -> Share {
        state.cap(&self.guard, planned)
    }

    /// Moves what this worker has counted to all, judges every variant, and keeps and shows the states.
    #[inline(never)]
    pub(crate) fn tick(&self, now: Timestamp, variants: &Variants, metrics: &Metrics, proxy: &impl Proxy) {
        for index in 0..self.variants {
            self.flush(Choice::Variant(index), now, metrics, proxy);
        }
        self.flush(Choice::Default, now, metrics, proxy);
        let mut states = [State::default(); config::MAX_VARIANTS];
        for (index, state) in states.iter_mut().enumerate().take(self.variants) {
            *state = self.judge(index, now, variants, metrics, proxy);
        }
        self.keep(&states, proxy);
    }

    /// Takes this worker's counts of one variant and adds them to the window that all share.
    #[inline(never)]
    fn flush(&self, choice: Choice, now: Timestamp, metrics: &Metrics, proxy: &impl Proxy) {
        let mut taken = Vec::new();
        let own = self.cell(self.pending, choice);
        let _ = proxy.update(own, |old, _| {
            taken.clear();
            taken.extend_from_slice(old.unwrap_or_default());
            Step::Write(())
        });
        let Pending { succeeded, failed } = self.windows.pending(Some(&taken));
        if succeeded == 0 && failed == 0 {
            return;
        }
        let merged = proxy.update(self.cell(self.shared, choice), |old, new| {
            self.windows.merge(old, &taken, now, new)
        });
        if merged.is_err() {
            // Nothing was recorded in between: a worker does one thing at a time.
            let _ = proxy.update(own, |_, new| {
                new.extend_from_slice(&taken);
                Step::Write(())
            });
            return;
        }
        if let Some(guarded) = metrics.of(choice).and_then(|of| of.guard.as_ref()) {
            proxy.add(guarded.succeeded, u64::from(succeeded));
            proxy.add(guarded.failed, u64::from(failed));
        }
    }

    /// The counts of a variant since `since`, over all workers.
    fn counts(&self, choice: Choice, now: Timestamp, since: Timestamp, cells: &impl Cells) -> Counts {
        let cell = self.cell(self.shared, choice);
        let counts = cells.update(cell, |old, _| Step::Keep(self.windows.counts(old, now, since)));
        counts.unwrap_or(Counts::NONE)
    }

    /// Judges one variant; says its state, which this or another worker may just have changed.
    #[inline(never)]
    #[allow(clippy::too_many_arguments, reason = "all that a tick is given")]
    fn judge(
        &self,
        index: usize,
        now: Timestamp,
        variants: &Variants,
        metrics: &Metrics,
        proxy: &impl Proxy,
    ) -> State {
        let choice = Choice::Variant(index);
        let cell = self.cell(self.states, choice);
        let known = proxy.update(cell, |old, _| Step::Keep(State::decode(old)));
        let known = known.unwrap_or_default();
        let breach = match known.phase() {
            Phase::Watching => {
                let canary = self.counts(choice, now, known.since(), proxy);
                let stable = self.counts(Choice::Default, now, known.since(), proxy);
                self.guard.judge(&canary, &stable)
            }
            Phase::Held | Phase::Out => None,
        };
        let advanced = proxy.update(cell, |old, new| {
            let state = State::decode(old);
            // What was judged is another's past, if another worker has changed the state since.
            let breach = breach.filter(|_| state == known);
            match self.guard.advance(state, now, breach) {
                (same, None) if same == state => Step::Keep((state, None)),
                (state, transition) => {
                    state.encode(new);
                    Step::Write((state, transition))
                }
            }
        });
        let Ok((state, transition)) = advanced else {
            return known;
        };
        let judged = metrics.of(choice).and_then(|of| of.guard.as_ref());
        if let Some(judged) = judged.and_then(|guarded| guarded.judged.as_ref()) {
            let value = match state.phase() {
                Phase::Watching => 0,
                Phase::Held => 1,
                Phase::Out => 2,
            };
            proxy.set(judged.state, value);
            if let (Some(Transition::Tripped), Some(breach)) = (transition, breach) {
                proxy.add(judged.trips(breach.bound), 1);
            }
        }
        if let Some(transition) = transition {
            self.say(transition, variants.name(choice), &state, breach, proxy);
        }
        state
    }

    /// One line for the operator, as JSON.
    #[inline(never)]
    fn say(
        &self,
        transition: Transition,
        variant: &str,
        state: &State,
        breach: Option<Breach>,
        journal: &impl Journal,
    ) {
        let event = match transition {
            Transition::Broke => "guard_broke",
            Transition::Tripped => "guard_tripped",
            Transition::Resumed => "guard_resumed",
        };
        let mut line = Line::new(event, variant);
        if let Some(breach) = breach {
            line.text(
                "bound",
                match breach.bound {
                    Bound::ErrorRate => "error_rate",
                    Bound::Latency => "latency",
                },
            );
            line.text(
                "against",
                match breach.against {
                    Against::Max => "max",
                    Against::Stable => "stable",
                },
            );
            line.number("share_ppm", u64::from(breach.share.ppm()));
            line.number("limit_ppm", u64::from(breach.limit.ppm()));
            if let Some(threshold) = breach.threshold {
                line.number("slower_than_ms", millis(threshold));
            }
        }
        if transition == Transition::Tripped {
            line.number("weight_ppm", u64::from(self.guard.on_trip.weight.ppm()));
            if state.phase() == Phase::Held {
                line.number("hold_ms", millis(self.guard.on_trip.hold));
            }
        }
        line.number("setbacks", u64::from(state.setbacks()));
        let line = line.end();
        match transition {
            Transition::Broke | Transition::Tripped => journal.warn(&line),
            Transition::Resumed => journal.info(&line),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// States that were written one after the other.
fn unpack(bytes: &[u8]) -> [State; config::MAX_VARIANTS] {
    let mut states = [State::default(); config::MAX_VARIANTS];
    let size = usize::try_from(State::BYTES).unwrap_or(usize::MAX);
    for (state, bytes) in states.iter_mut().zip(bytes.chunks(size)) {
        *state = State::decode(Some(bytes));
    }
    states
}

/// A JSON object of one line. Names of variants and keys need no escapes.
struct Line(String);

impl Line {
    fn new(event: &str, variant: &str) -> Self {
        let mut line = Self(String::from("{"));
        line.text("event", event);
        line.text("variant", variant);
        line
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(key);
        self.0.push_str("\":");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        self.0.push('"');
        self.0.push_str(value);
        self.0.push('"');
    }

    fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        self.0.push_str(&value.to_string());
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}
