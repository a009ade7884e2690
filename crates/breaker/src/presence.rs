//! Which instances are alive.
//!
//! What an instance holds (permits of probes, requests in flight) must come back when its VM ends without saying so. Each
//! instance beats once a tick in a cell that all share, and each observes, once a tick of its own, whose beats move. Who has
//! not moved for [`Presence::QUIET_TICKS`] ticks of the observer is taken for dead. No clock is compared with another.
//!
//! Numbers of instances grow by one, so that an observer can tell one that began after it last looked, which is alive,
//! from one whose place has been given away, which is not. Who beats moves to the front; who registers while all
//! [`Presence::PLACES`] are taken gets the place of the one that has not beaten for longest.
//!
//! | bytes | shared | seen, in a worker's heap |
//! |---|---|---|
//! | 1, 4 | version 1, number of the next instance | version 2, the same |
//! | each | 4, 4: instance, beats | 4, 4, 1: instance, beats, ticks without a beat |
//!
//! Bytes of any other form count as absent.
//!
//! What this does not do: tell a dead instance from one that does not run for as long.

use crate::read::{Reader, put32};
use fairlead_stage::Step;

const SHARED_VERSION: u8 = 1;
const SEEN_VERSION: u8 = 2;

/// Which instances are alive: the steps on the cell that all share, and on the one in which a worker keeps what it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence;

struct Sign {
    instance: u32,
    beats: u32,
    quiet: u8,
}

struct Roll {
    next: u32,
    signs: Vec<Sign>,
}

impl Presence {
    /// How many instances there may be at a time.
    pub const PLACES: u32 = 64;
    /// After so many of its own ticks without a beat an observer takes an instance for dead.
    pub const QUIET_TICKS: u8 = 5;
    /// The most bytes of the shared cell.
    pub const SHARED_BYTES: u32 = 5 + 8 * Self::PLACES;
    /// The most bytes of a worker's cell of what it has seen.
    pub const SEEN_BYTES: u32 = 5 + 9 * Self::PLACES;

    /// Gives a new instance its number: a step on the shared cell. The first number of all comes from `entropy`.
    #[must_use]
    #[inline(never)]
    pub fn register(entropy: u64, old: Option<&[u8]>, new: &mut Vec<u8>) -> Step<u32> {
        let mut roll = Roll::shared(old).unwrap_or(Roll {
            next: u32::try_from(entropy >> 32).unwrap_or(0),
            signs: Vec::new(),
        });
        let instance = roll.next.max(1);
        roll.next = instance.wrapping_add(1).max(1);
        roll.lead(instance, 0);
        roll.write(false, new);
        Step::Write(instance)
    }

    /// Says that an instance is alive: a step on the shared cell, once a tick.
    #[must_use]
    #[inline(never)]
    pub fn beat(instance: u32, old: Option<&[u8]>, new: &mut Vec<u8>) -> Step<()> {
        let mut roll = Roll::shared(old).unwrap_or(Roll {
            next: instance.wrapping_add(1).max(1),
            signs: Vec::new(),
        });
        let position = roll.signs.iter().position(|sign| sign.instance == instance);
        let beats = position.map_or(0, |position| roll.signs.remove(position).beats);
        roll.lead(instance, beats.wrapping_add(1));
        roll.write(false, new);
        Step::Write(())
    }

    /// Sees whose beats have moved since the last tick: a step on the worker's own cell, whose bytes are `old_seen`; `shared`
    /// are those of the shared cell. Exactly once a tick.
    #[must_use]
    #[inline(never)]
    pub fn observe(shared: Option<&[u8]>, old_seen: Option<&[u8]>, new_seen: &mut Vec<u8>) -> Step<()> {
        let Some(mut roll) = Roll::shared(shared) else {
            return Step::Keep(());
        };
        let seen = Roll::seen(old_seen);
        for sign in &mut roll.signs {
            let before = seen
                .iter()
                .flat_map(|seen| &seen.signs)
                .find(|before| before.instance == sign.instance && before.beats == sign.beats);
            sign.quiet = before.map_or(0, |before| before.quiet.saturating_add(1));
        }
        roll.write(true, new_seen);
        Step::Write(())
    }

    /// Whether an instance is alive, as far as the worker has `seen`. Who asks is, whatever it has seen of itself: a
    /// [`crate::Moment`] does not ask about its own instance.
    #[must_use]
    #[inline(never)]
    pub fn live(instance: u32, seen: Option<&[u8]>) -> bool {
        let Some(roll) = Roll::seen(seen) else {
            return true;
        };
        match roll.signs.iter().find(|sign| sign.instance == instance) {
            Some(sign) => sign.quiet < Self::QUIET_TICKS,
            // Numbers wrap around: the nearer half lies ahead.
            None => instance.wrapping_sub(roll.next) < 1 << 31,
        }
    }
}

impl Roll {
    fn shared(bytes: Option<&[u8]>) -> Option<Self> {
        Self::read(bytes?.strip_prefix(&[SHARED_VERSION])?, false)
    }

    fn seen(bytes: Option<&[u8]>) -> Option<Self> {
        Self::read(bytes?.strip_prefix(&[SEEN_VERSION])?, true)
    }

    #[inline(never)]
    fn read(content: &[u8], seen: bool) -> Option<Self> {
        let mut reader = Reader(content);
        let mut roll = Self {
            next: reader.u32()?,
            signs: Vec::new(),
        };
        while !reader.0.is_empty() {
            let sign = Sign {
                instance: reader.u32()?,
                beats: reader.u32()?,
                quiet: if seen { reader.u8()? } else { 0 },
            };
            if roll.signs.len() >= Presence::PLACES as usize {
                return None;
            }
            roll.signs.push(sign);
        }
        Some(roll)
    }

    fn lead(&mut self, instance: u32, beats: u32) {
        let sign = Sign {
            instance,
            beats,
            quiet: 0,
        };
        self.signs.insert(0, sign);
        self.signs.truncate(Presence::PLACES as usize);
    }

    #[inline(never)]
    fn write(&self, seen: bool, out: &mut Vec<u8>) {
        out.clear();
        out.push(if seen { SEEN_VERSION } else { SHARED_VERSION });
        put32(out, self.next);
        for sign in &self.signs {
            put32(out, sign.instance);
            put32(out, sign.beats);
            if seen {
                out.push(sign.quiet);
            }
        }
    }
}

#[cfg(test)]
mod tests;
