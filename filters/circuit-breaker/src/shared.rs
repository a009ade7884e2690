//! What all breakers of a worker have in common: which VMs are alive, chance, and the moment.

use fairlead_breaker::{Counts, Moment, Presence};
use fairlead_stage::{Cell, Cells, GroupId, Proxy, Step, Timestamp};
use std::time::Duration;

/// What all breakers of a worker have in common.
pub(crate) struct Shared {
    /// Which VMs are alive: one cell for all workers.
    pub(crate) presence: GroupId,
    /// What this worker has seen of that.
    pub(crate) seen: GroupId,
    /// This VM's number, once it has needed one.
    pub(crate) own: GroupId,
    /// When gauges were last set.
    pub(crate) shown: GroupId,
    /// How often something was left to chance.
    pub(crate) draws: GroupId,
}

impl Shared {
    const fn cell(group: GroupId) -> Cell {
        Cell { group, index: 0 }
    }

    /// A number that nobody can foresee who does not know the proxy's seed.
    #[inline(never)]
    pub(crate) fn draw(&self, now: Timestamp, proxy: &impl Cells) -> u64 {
        let drawn = proxy.update(Self::cell(self.draws), |old, new| {
            let before = old
                .and_then(|bytes| bytes.try_into().ok())
                .map_or(0, u64::from_le_bytes);
            let next = before.wrapping_add(0x9e37_79b9_7f4a_7c15);
            new.extend_from_slice(&next.to_le_bytes());
            Step::Write(next)
        });
        let [k0, _] = proxy.seed();
        mix(drawn.unwrap_or(0) ^ now.as_unix_nanos().rotate_left(20) ^ k0)
    }

    /// This VM's number among those that are alive.
    #[inline(never)]
    pub(crate) fn instance(&self, now: Timestamp, proxy: &impl Proxy) -> u32 {
        if let Some(id) = self.registered(proxy) {
            return id;
        }
        let entropy = self.draw(now, proxy);
        let id = proxy.update(Self::cell(self.presence), |old, new| {
            Presence::register(entropy, old, new)
        });
        let Ok(id) = id else { return 0 };
        let _ = proxy.update(Self::cell(self.own), |_, new| {
            new.extend_from_slice(&id.to_le_bytes());
            Step::Write(())
        });
        id
    }

    fn registered(&self, proxy: &impl Proxy) -> Option<u32> {
        let known = proxy.update(Self::cell(self.own), |old, _| {
            Step::Keep(
                old.and_then(|bytes| bytes.first_chunk())
                    .map(|id| u32::from_le_bytes(*id)),
            )
        });
        known.ok().flatten()
    }

    /// Whether it is time to show things again, which is then noted.
    pub(crate) fn is_time(&self, now: Timestamp, every: Duration, proxy: &impl Proxy) -> bool {
        let due = proxy.update(Self::cell(self.shown), |old, new| {
            let last = old
                .and_then(|bytes| bytes.try_into().ok())
                .map(u64::from_le_bytes);
            let last = last.map(Timestamp::from_unix_nanos);
            if last.is_some_and(|last| now >= last && now.since(last) < every) {
                return Step::Keep(false);
            }
            new.extend_from_slice(&now.as_unix_nanos().to_le_bytes());
            Step::Write(true)
        });
        due.unwrap_or(false)
    }

    /// Shows that this VM lives, if it ever held anything, and looks who else does.
    #[inline(never)]
    pub(crate) fn beat(&self, proxy: &impl Proxy) {
        let Some(id) = self.registered(proxy) else {
            return;
        };
        let presence = proxy.update(Self::cell(self.presence), |old, new| {
            match Presence::beat(id, old, new) {
                Step::Write(()) => Step::Write(new.clone()),
                Step::Keep(()) => Step::Keep(old.unwrap_or_default().to_vec()),
            }
        });
        let Ok(presence) = presence else { return };
        let _ = proxy.update(Self::cell(self.seen), |old, new| {
            Presence::observe(Some(&presence), old, new)
        });
    }

    /// What a record has to know of this moment; `totals` where the proxy counts.
    #[inline(never)]
    pub(crate) fn here(&self, totals: Option<Counts>, now: Timestamp, proxy: &impl Proxy) -> Here {
        let instance = self.instance(now, proxy);
        let seen = proxy.update(Self::cell(self.seen), |old, _| {
            Step::Keep(old.map(<[u8]>::to_vec))
        });
        Here {
            now,
            entropy: self.draw(now, proxy),
            instance,
            seen: seen.ok().flatten(),
            totals: totals.unwrap_or_default(),
        }
    }
}

/// What a record has to know of a moment, owned.
pub(crate) struct Here {
    now: Timestamp,
    entropy: u64,
    instance: u32,
    seen: Option<Vec<u8>>,
    pub(crate) totals: Counts,
}

impl Here {
    /// Runs `step` with it.
    #[inline]
    pub(crate) fn with<T>(&self, step: impl FnOnce(&Moment<'_>) -> T) -> T {
        step(&Moment {
            now: self.now,
            entropy: self.entropy,
            instance: self.instance,
            live: &|id| Presence::live(id, self.seen.as_deref()),
            totals: self.totals,
        })
    }
}

/// The finalizer of splitmix64 (Steele, Lea, Flood 2014).
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
