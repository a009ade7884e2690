//! Who holds how many of something: permits of probes, requests in flight.
//!
//! Holders are instances: a VM each. What an instance holds that is no longer alive comes back.

use crate::read::{Reader, put32};

/// At most so many instances hold something of one breaker at a time.
pub(crate) const MAX_HOLDERS: u32 = 64;
/// Instance and number.
const HOLDER_BYTES: u32 = 8;

/// The most bytes that a ledger of `holders` takes.
pub(crate) const fn bytes(holders: u32) -> u32 {
    holders.saturating_mul(HOLDER_BYTES).saturating_add(1)
}

/// The instances that hold something, in no order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger(Vec<(u32, u32)>);

impl Ledger {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let count = u32::from(reader.u8()?);
        if count > MAX_HOLDERS {
            return None;
        }
        let mut ledger = Self::default();
        for _ in 0..count {
            ledger.0.push((reader.u32()?, reader.u32()?));
        }
        Some(ledger)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::try_from(self.0.len()).unwrap_or(0));
        for (instance, held) in &self.0 {
            put32(out, *instance);
            put32(out, *held);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Forgets all holders but so many; says whether there were more.
    pub(crate) fn shorten(&mut self, holders: u32) -> bool {
        let more = self.0.len() > holders as usize;
        self.0.truncate(holders as usize);
        more
    }

    /// What all hold together.
    pub(crate) fn sum(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |sum: u64, (_, held)| sum.saturating_add(u64::from(*held)))
    }

    /// Takes back what instances hold that are no longer alive; `own` is. Says how much that was.
    #[inline(never)]
    pub(crate) fn reap(&mut self, own: u32, live: &dyn Fn(u32) -> bool) -> u64 {
        let before = self.sum();
        self.0.retain(|(instance, _)| *instance == own || live(*instance));
        before.saturating_sub(self.sum())
    }

    /// Notes one more for an instance. Says whether there was room to do so.
    #[inline(never)]
    pub(crate) fn take(&mut self, own: u32) -> bool {
        if let Some((_, held)) = self.0.iter_mut().find(|(instance, _)| *instance == own) {
            *held = held.saturating_add(1);
            return true;
        }
        let room = self.0.len() < MAX_HOLDERS as usize;
        if room {
            self.0.push((own, 1));
        }
        room
    }

    /// Notes one less for an instance. Says whether it held any.
    #[inline(never)]
    pub(crate) fn give(&mut self, own: u32) -> bool {
        let Some(position) = self.0.iter().position(|(instance, _)| *instance == own) else {
            return false;
        };
        let Some((_, held)) = self.0.get_mut(position) else {
            return false;
        };
        let some = *held > 0;
        *held = held.saturating_sub(1);
        if *held == 0 {
            self.0.swap_remove(position);
        }
        some
    }
}
