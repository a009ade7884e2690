//! What the guard has done about a variant, and what it does next.
//!
//! [`Guard::advance`] is a pure function of the stored state, the clock and the judgement, so that the worker that loses a
//! race runs it again on what the winner has left: two workers that both see a breach trip once.
//!
//! # Clocks
//! A moment that is stored too far ahead (the clock was set back, or the config has a shorter hold now) is brought to where
//! it would be if it was stored now: no hold lasts longer than a hold from now. A clock set forward ends holds early.

use super::windows::nanos;
use super::{Breach, Guard, Then};
use crate::Share;
use fairlead_stage::Timestamp;
use std::time::Duration;

const VERSION: u8 = 1;

/// Where a variant stands with its guard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Outcomes are counted and judged.
    #[default]
    Watching,
    /// It has tripped, and is held at [`super::OnTrip::weight`] for a while.
    Held,
    /// It has tripped, and stays out.
    Out,
}

/// What has just happened to a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// A window broke a bound, and [`Guard::failure_limit`] lets it pass.
    Broke,
    /// The guard has tripped.
    Tripped,
    /// The hold is over: watching again.
    Resumed,
}

/// What the guard remembers of a variant. The default is that of a variant that was never in trouble.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    phase: Phase,
    setbacks: u32,
    /// Windows that broke a bound since the start, or since the last hold.
    broken: u32,
    since: Timestamp,
    /// Held: the end of the hold. Watching: when the next broken window can be counted.
    until: Timestamp,
}

impl State {
    /// The bytes of a stored state.
    pub const BYTES: u32 = 26;
    /// Setbacks beyond this are not counted: more than any ramp has steps, and than a weight can be halved.
    pub const MAX_SETBACKS: u32 = 100;

    /// The state in these bytes; that of a variant that was never in trouble if there are none, or none that can be read.
    #[must_use]
    pub fn decode(bytes: Option<&[u8]>) -> Self {
        bytes.and_then(Self::read).unwrap_or_default()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let ([version, phase], rest) = bytes.split_first_chunk()?;
        let (setbacks, rest) = rest.split_first_chunk()?;
        let (broken, rest) = rest.split_first_chunk()?;
        let (since, rest) = rest.split_first_chunk()?;
        let phase = match (*version, *phase) {
            (VERSION, 0) => Phase::Watching,
            (VERSION, 1) => Phase::Held,
            (VERSION, 2) => Phase::Out,
            _ => return None,
        };
        Some(Self {
            phase,
            setbacks: u32::from_le_bytes(*setbacks).min(Self::MAX_SETBACKS),
            broken: u32::from_le_bytes(*broken),
            since: Timestamp::from_unix_nanos(u64::from_le_bytes(*since)),
            until: Timestamp::from_unix_nanos(u64::from_le_bytes(rest.try_into().ok()?)),
        })
    }

    /// Appends the [`State::BYTES`] bytes that [`State::decode`] reads.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.push(match self.phase {
            Phase::Watching => 0,
            Phase::Held => 1,
            Phase::Out => 2,
        });
        out.extend_from_slice(&self.setbacks.to_le_bytes());
        out.extend_from_slice(&self.broken.to_le_bytes());
        out.extend_from_slice(&self.since.as_unix_nanos().to_le_bytes());
        out.extend_from_slice(&self.until.as_unix_nanos().to_le_bytes());
    }

    /// Where the variant stands.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// How many steps the variant was set back, 0 to [`State::MAX_SETBACKS`].
    #[must_use]
    pub const fn setbacks(&self) -> u32 {
        self.setbacks
    }

    /// Outcomes before this do not matter any more.
    #[must_use]
    pub const fn since(&self) -> Timestamp {
        self.since
    }

    /// The weight that a variant gets of the one that is planned.
    #[must_use]
    pub fn cap(&self, guard: &Guard, planned: Share) -> Share {
        match self.phase {
            Phase::Watching => planned,
            Phase::Held => planned.min(guard.on_trip.weight),
            Phase::Out => Share::NONE,
        }
    }

    /// Counts anew from `now` on.
    const fn begin(self, phase: Phase, now: Timestamp) -> Self {
        Self {
            phase,
            broken: 0,
            since: now,
            until: now,
            ..self
        }
    }
}

impl Guard {
    /// What becomes of a variant at `now`, and what is to be told about it. `breach` is the judgement of what was counted
    /// since [`State::since`] of this very state: judge inside the step that changes the cell.
    ///
    /// The cell has to be written if the state is another one than before, also without a transition.
    #[must_use]
    pub fn advance(
        &self,
        state: State,
        now: Timestamp,
        breach: Option<Breach>,
    ) -> (State, Option<Transition>) {
        match state.phase {
            Phase::Out => (state, None),
            Phase::Held if self.on_trip.then == Then::StayOut => (state.begin(Phase::Out, now), None),
            Phase::Held => self.wait(state, now),
            Phase::Watching => self.watch(state, now, breach),
        }
    }

    fn wait(&self, mut state: State, now: Timestamp) -> (State, Option<Transition>) {
        state.until = at_most(state.until, now, self.on_trip.hold);
        if now < state.until {
            return (state, None);
        }
        if self.on_trip.then == Then::StepDown {
            state.setbacks = state.setbacks.saturating_add(1).min(State::MAX_SETBACKS);
        }
        (state.begin(Phase::Watching, now), Some(Transition::Resumed))
    }

    fn watch(&self, mut state: State, now: Timestamp, breach: Option<Breach>) -> (State, Option<Transition>) {
        state.since = state.since.min(now);
        state.until = at_most(state.until, now, self.window);
        if breach.is_none() || now < state.until {
            return (state, None);
        }
        let broken = state.broken.saturating_add(1);
        if broken <= self.failure_limit {
            let mut state = state.begin(Phase::Watching, now);
            state.broken = broken;
            state.until = now.saturating_add(self.window);
            return (state, Some(Transition::Broke));
        }
        let state = match self.on_trip.then {
            Then::StayOut => state.begin(Phase::Out, now),
            Then::StepDown | Then::Resume => {
                let mut held = state.begin(Phase::Held, now);
                held.until = now.saturating_add(self.on_trip.hold);
                held
            }
        };
        (state, Some(Transition::Tripped))
    }
}

/// `until`, but no further than `longest` from now.
fn at_most(until: Timestamp, now: Timestamp, longest: Duration) -> Timestamp {
    until.min(Timestamp::from_unix_nanos(
        now.as_unix_nanos().saturating_add(nanos(longest)),
    ))
}

#[cfg(test)]
mod tests;
