//! The buckets of any number of keys in a fixed amount of memory.
//!
//! A store can never delete a key, so buckets cannot be stored under the names of clients. A table is cut into *sets* of
//! eight slots; a key's hash says in which set it may live. Each set is one cell of a store, read and replaced whole, and
//! holds for each live slot the hash (the *tag*) and the TAT. So the number of cells is fixed when a config is read, and
//! two keys contend only if they share a set.
//!
//! # Finding a slot
//! A key takes its own slot; else a free one; else one whose TAT has passed. That bucket is full, which is what an absent
//! key has, so that nothing is lost. If all eight are live, [`OnOverflow`] decides. With Poisson arrivals and a quarter of
//! all slots live, one set in 4000 is full; at half, one in 48.
//!
//! # Exactness
//! Under [`OnOverflow::Shared`] and [`OnOverflow::Deny`] no key is ever admitted more than its quota (the bound of
//! [`crate::decide`]), however many keys there are. The overflow bucket of a set makes that so: a key that has spent from
//! it and later gets a slot starts with the *overflow's* TAT. When the key came to the overflow, it had no slot, so its own
//! bucket was full; since then the overflow has been charged for all that the key spent, and more. So it holds at most what
//! the key would hold. The price is paid by a new key that gets a slot soon after its set was full: it may start with less
//! than a burst. All keys without a slot together get at most the rate of one key for each set.
//!
//! Workers that share cells read the clock a moment before they decide. A worker that lags behind another by `l` may find
//! a slot gone that is still live by its own clock, and grants that key at most `l / T` units more: microseconds' worth.
//!
//! # Quotas
//! Keys of one table may have different quotas. Keys that share an overflow bucket should not: who spends slowly-returning
//! units makes the others wait for them. A key with an override is better given a [`Table::single`] of its own.
//!
//! # Memory and cost
//! At most 137 bytes a set: 17 bytes a key. Hashing a short key and deciding on it take about 50 ns natively, half of that
//! for reading the set; a single bucket takes 15 ns.
//!
//! What this does not do: store cells, hash-flood protection beyond the secret seed, any notion of a least recently used
//! key (which a flood of new keys empties, and with it the limit of every client).

mod set;
#[cfg(test)]
mod tests;

use crate::gcra::{self, Decision, Outcome};
use crate::key::KeyHash;
use crate::quota::Quota;
use fairlead_stage::{Step, Timestamp};
use set::{Change, Set};
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

/// What a key without a slot gets while all slots of its set are live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnOverflow {
    /// It shares one more bucket with all keys in this situation in its set, at the rate of one key.
    #[default]
    Shared,
    /// It is refused until a slot is free.
    Deny,
    /// It takes the slot that would be free first, with a full bucket. The key that had it is forgotten, so both may
    /// exceed their quota; a flood of new keys turns the limit off.
    Fresh,
}

/// What came of a full set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// The key has, or gets, a slot of its own.
    #[default]
    None,
    /// The shared bucket decided.
    Shared,
    /// Refused for want of a slot.
    Denied,
    /// Another key's live slot was taken.
    EvictedLive,
}

/// Where in a table a key lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The set: the index of its cell, below [`Table::sets`].
    pub set: u32,
    /// What tells the key from others in the set.
    pub tag: NonZeroU64,
}

/// The answer of a table, in few bytes: what is rarely asked for is worked out when it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Whether the request may pass.
    pub outcome: Outcome,
    /// Whether the set was full, and what came of it.
    pub overflow: Overflow,
    now: u64,
    /// The TAT that the decision left.
    tat: u64,
}

impl Spent {
    /// Whether the request may pass.
    #[must_use]
    pub const fn admitted(&self) -> bool {
        matches!(self.outcome, Outcome::Admitted)
    }

    /// The decision, and how the bucket that made it stands. `quota` is that which was spent from.
    #[must_use]
    pub fn decision(&self, quota: &Quota) -> Decision {
        match (self.overflow, self.outcome) {
            (Overflow::Denied, Outcome::Denied { retry_after }) => Decision::refused_for(retry_after),
            _ => Decision::standing(quota, self.now, self.tat, self.outcome),
        }
    }

    /// What [`Table::refund`] needs to take the spend of `n` units back; `None` if nothing was spent.
    #[must_use]
    pub fn receipt(&self, quota: &Quota, n: NonZeroU32) -> Option<Receipt> {
        let cost = u64::from(n.get()).saturating_mul(quota.interval_nanos().get());
        self.admitted().then_some(Receipt {
            left: self.tat,
            before: self.tat.saturating_sub(cost),
            shared: self.overflow == Overflow::Shared,
        })
    }
}

/// A spend that may be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The TAT that the spend left.
    left: u64,
    /// The TAT that it would have left with nothing spent.
    before: u64,
    /// Whether the set's overflow bucket was charged.
    shared: bool,
}

/// The layout of a table, and its rules. It holds no buckets: they are in the cells that its steps are run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    shape: Shape,
    /// No bucket of the table fills slower than this, in nanoseconds.
    longest_fill: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Single,
    Sets {
        sets: NonZeroU32,
        on_overflow: OnOverflow,
    },
}

impl Table {
    /// A table with room for `max_keys` live keys, rounded up to a multiple of 8.
    ///
    /// `quotas` are those that its keys have: a stored TAT that none of them explains is corrected (see
    /// [`crate::decide`]). If one is missing here, an overflow bucket that it shares with others is exact only for them.
    #[must_use]
    pub fn new(max_keys: NonZeroU32, on_overflow: OnOverflow, quotas: &[Quota]) -> Self {
        let sets = NonZeroU32::new(max_keys.get().div_ceil(set::WAYS)).unwrap_or(NonZeroU32::MIN);
        Self {
            shape: Shape::Sets { sets, on_overflow },
            longest_fill: quotas.iter().map(Quota::fill_nanos).max().unwrap_or(0),
        }
    }

    /// A table of one bucket, for a limit without a key or for one key with an override: 9 bytes, no tag, no overflow.
    #[must_use]
    pub const fn single() -> Self {
        Self {
            shape: Shape::Single,
            longest_fill: 0,
        }
    }

    /// How many cells the table takes.
    #[must_use]
    pub const fn sets(&self) -> u32 {
        match self.shape {
            Shape::Single => 1,
            Shape::Sets { sets, .. } => sets.get(),
        }
    }

    /// The most bytes that a cell holds.
    #[must_use]
    pub const fn cell_bytes(&self) -> u32 {
        match self.shape {
            Shape::Single => set::SINGLE_BYTES,
            Shape::Sets { .. } => set::MAX_BYTES,
        }
    }

    /// Where a key in one piece lives, under the secret seed of the store.
    #[must_use]
    pub fn locate(&self, seed: [u64; 2], key: &[u8]) -> Place {
        match self.shape {
            Shape::Single => Place {
                set: 0,
                tag: NonZeroU64::MIN,
            },
            Shape::Sets { .. } => self.place(KeyHash::of(seed, key)),
        }
    }

    /// Where a hashed key lives.
    #[must_use]
    pub fn place(&self, key: KeyHash) -> Place {
        let bits = key.bits();
        // Multiply-shift (Lemire, 2019): the high half of hash x sets is even over the sets without a division.
        // In two halves, as a product of 128 bits is a call on a machine that has none: (high + low / 2^32) / 2^32.
        let sets = u64::from(self.sets());
        let (high, low) = (bits >> 32, bits & u64::from(u32::MAX));
        let set = high
            .saturating_mul(sets)
            .saturating_add(low.saturating_mul(sets) >> 32)
            >> 32;
        Place {
            set: u32::try_from(set).unwrap_or(0),
            tag: NonZeroU64::new(bits).unwrap_or(NonZeroU64::MIN),
        }
    }

    /// Spends `n` units of the key at `place`, or refuses: a step on cell `place.set`, whose bytes are `old`.
    ///
    /// Pure, so it may be run again on other bytes. A refusal leaves the cell alone, except to correct what a clock that
    /// was set back has left in it.
    #[must_use]
    #[inline(never)]
    pub fn spend(
        &self,
        place: Place,
        quota: &Quota,
        now: Timestamp,
        n: NonZeroU32,
        old: Option<&[u8]>,
        new: &mut Vec<u8>,
    ) -> Step<Spent> {
        let Shape::Sets { on_overflow, .. } = self.shape else {
            let (spent, tat) = spend_single(quota, now, n, old);
            let Some(tat) = tat else { return Step::Keep(spent) };
            set::write_single(tat, new);
            return Step::Write(spent);
        };
        let now = gcra::moment(now);
        let longest_fill = self.longest_fill.max(quota.fill_nanos());
        let set = Set::find(old, place.tag, now, longest_fill);
        let (spent, change) = spend_in(&set, on_overflow, quota, now, n);
        if change != Change::Nothing || set.corrected {
            set.write(change, place.tag, new);
            Step::Write(spent)
        } else {
            Step::Keep(spent)
        }
    }

    /// What [`Table::spend`] would answer, without spending: its decision says how the bucket would stand after it.
    #[must_use]
    pub fn peek(
        &self,
        place: Place,
        quota: &Quota,
        now: Timestamp,
        n: NonZeroU32,
        old: Option<&[u8]>,
    ) -> Spent {
        let Shape::Sets { on_overflow, .. } = self.shape else {
            let (spent, _) = spend_single(quota, now, n, old);
            return spent;
        };
        let now = gcra::moment(now);
        let set = Set::find(old, place.tag, now, self.longest_fill.max(quota.fill_nanos()));
        let (spent, _) = spend_in(&set, on_overflow, quota, now, n);
        spent
    }

    /// Takes a spend back, because a later limit refused the request. Says whether it did.
    ///
    /// It does so only if nothing else was spent from the bucket since: then the result is exactly as if the spend had
    /// never been. Otherwise the units stay spent, since what they would be worth by now depends on when the others came;
    /// that takes another worker's request for the same key within the same callback.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn refund(
        &self,
        place: Place,
        receipt: &Receipt,
        old: Option<&[u8]>,
        new: &mut Vec<u8>,
    ) -> Step<bool> {
        if matches!(self.shape, Shape::Single) {
            if set::read_single(old) != Some(receipt.left) {
                return Step::Keep(false);
            }
            set::write_single(receipt.before, new);
            return Step::Write(true);
        }
        let set = Set::find_as_is(old, place.tag);
        let (left, change) = if receipt.shared {
            (Some(set.overflow), Change::Overflow(receipt.before))
        } else {
            match set.own {
                Some((way, tat)) => (Some(tat), Change::Slot(way, receipt.before)),
                None => (None, Change::Nothing),
            }
        };
        if left != Some(receipt.left) {
            return Step::Keep(false);
        }
        set.write(change, place.tag, new);
        Step::Write(true)
    }
}

/// Decides on a single bucket, and says which TAT it gets, if it changes.
#[inline(never)]
fn spend_single(quota: &Quota, now: Timestamp, n: NonZeroU32, old: Option<&[u8]>) -> (Spent, Option<u64>) {
    let now = gcra::moment(now);
    let stored = set::read_single(old);
    let tat = stored.map_or(now, |stored| gcra::plausible(stored, now, quota.fill_nanos()));
    let (outcome, next) = gcra::decide_at(quota, now, tat, n);
    let spent = Spent {
        outcome,
        overflow: Overflow::None,
        now,
        tat: next.unwrap_or(tat),
    };
    let corrected = stored.is_some_and(|stored| stored != tat).then_some(tat);
    (spent, next.or(corrected))
}

/// Decides within one set, and says what becomes of the set.
#[inline]
fn spend_in(
    set: &Set<'_>,
    on_overflow: OnOverflow,
    quota: &Quota,
    now: u64,
    n: NonZeroU32,
) -> (Spent, Change) {
    let (way, stored, overflow) = match (set.own, set.vacant) {
        (Some((way, tat)), _) => (way, tat, Overflow::None),
        // A new slot inherits what the key may have spent from the overflow bucket.
        (None, Some(way)) => (way, set.overflow, Overflow::None),
        (None, None) => match on_overflow {
            OnOverflow::Shared => return spend_shared(set, quota, now, n),
            OnOverflow::Deny => return (denied(set, quota, now, n), Change::Nothing),
            OnOverflow::Fresh => (set.first_to_expire.0, 0, Overflow::EvictedLive),
        },
    };
    let tat = gcra::plausible(stored, now, quota.fill_nanos());
    let (outcome, next) = gcra::decide_at(quota, now, tat, n);
    // A TAT that this quota cannot explain is put right at once, even by a request that is refused.
    let changed = next.or((tat != stored).then_some(tat));
    let spent = Spent {
        outcome,
        overflow: if next.is_some() { overflow } else { Overflow::None },
        now,
        tat: next.unwrap_or(tat),
    };
    (
        spent,
        changed.map_or(Change::Nothing, |tat| Change::Slot(way, tat)),
    )
}

#[cold]
#[inline(never)]
fn spend_shared(set: &Set<'_>, quota: &Quota, now: u64, n: NonZeroU32) -> (Spent, Change) {
    let (outcome, next) = gcra::decide_at(quota, now, set.overflow, n);
    let spent = Spent {
        outcome,
        overflow: Overflow::Shared,
        now,
        tat: next.unwrap_or(set.overflow),
    };
    (spent, next.map_or(Change::Nothing, Change::Overflow))
}

/// The refusal for want of a slot.
#[cold]
#[inline(never)]
fn denied(set: &Set<'_>, quota: &Quota, now: u64, n: NonZeroU32) -> Spent {
    let (_, until) = set.first_to_expire;
    let outcome = if n > quota.burst() {
        Outcome::InsufficientCapacity { burst: quota.burst() }
    } else {
        Outcome::Denied {
            retry_after: Duration::from_nanos(until.saturating_sub(now)),
        }
    };
    Spent {
        outcome,
        overflow: Overflow::Denied,
        now,
        tat: now,
    }
}
