//! What workers share: the bucket of a key, spent from and refunded through [`Cells`].

use crate::configure::{Limit, Override};
use fairlead_matching::{Key, Lone, Request};
use fairlead_quota::{KeyHash, Place, Quota, Receipt, Spent, Table};
use fairlead_stage::{Cell, CellError, Cells, Step, Timestamp, View};
use std::num::NonZeroU32;

/// Every request costs one unit.
const COST: NonZeroU32 = NonZeroU32::MIN;

/// The table of a key with a bucket of its own.
const OWN: &Table = &Table::single();

/// What a limit has for a request.
pub(crate) enum Found<'l> {
    /// The request has no key: the limit is not about it.
    NoKey,
    /// The key is unlimited.
    Unlimited,
    Bucket(Bucket<'l>),
}

/// The bucket that a request draws from.
#[derive(Clone, Copy)]
pub(crate) struct Bucket<'l> {
    pub(crate) quota: &'l Quota,
    table: &'l Table,
    place: Place,
    cell: Cell,
}

impl Limit {
    /// The bucket of a request.
    #[inline]
    pub(crate) fn bucket<'v, V: View>(
        &'v self,
        request: &Request<'v, V>,
        seed: impl FnOnce() -> [u64; 2],
    ) -> Found<'v> {
        let table = &self.buckets.table;
        let place = match &self.key {
            Some(key) if self.overrides.is_empty() => match key.lone(request) {
                // The hash of what the key would be written as.
                Lone::Value(value) => table.place(KeyHash::of_framed(seed(), Key::frame(&value), &value)),
                Lone::Missing => return Found::NoKey,
                Lone::Composed => return self.written(request, seed()),
            },
            None if self.overrides.is_empty() => table.locate([0, 0], &[]),
            _ => return self.written(request, seed()),
        };
        self.shared(place)
    }

    /// The same by the key as it is written: overrides are found by it.
    #[inline(never)]
    fn written<'v, V: View>(&'v self, request: &Request<'v, V>, seed: [u64; 2]) -> Found<'v> {
        let mut key = Vec::new();
        if self
            .key
            .as_ref()
            .is_some_and(|parts| !parts.write(request, &mut key))
        {
            return Found::NoKey;
        }
        match self.overrides.get(&key) {
            Some(Override::Unlimited) => Found::Unlimited,
            Some(Override::Own { quota, index }) => Found::Bucket(Bucket {
                quota,
                table: OWN,
                place: OWN.locate(seed, &key),
                cell: Cell {
                    group: self.own_buckets(),
                    index: *index,
                },
            }),
            None => self.shared(self.buckets.table.locate(seed, &key)),
        }
    }

    /// A bucket of a key without an override.
    #[inline]
    fn shared(&self, place: Place) -> Found<'_> {
        let buckets = &self.buckets;
        Found::Bucket(Bucket {
            quota: &buckets.quota,
            table: &buckets.table,
            place,
            cell: Cell {
                group: buckets.group,
                index: place.set,
            },
        })
    }
}

impl Bucket<'_> {
    /// Spends one unit, or refuses.
    #[inline]
    pub(crate) fn spend(&self, cells: &impl Cells, now: Timestamp) -> Result<Spent, CellError> {
        // The answer is put where it stays: it is too large to be handed from one to the next.
        let mut spent = None;
        cells.update(self.cell, |old, new| {
            match self.table.spend(self.place, self.quota, now, COST, old, new) {
                Step::Keep(answer) => {
                    spent = Some(answer);
                    Step::Keep(())
                }
                Step::Write(answer) => {
                    spent = Some(answer);
                    Step::Write(())
                }
            }
        })?;
        spent.ok_or(CellError::Unavailable)
    }

    /// What [`Bucket::refund`] needs to take a spend back; `None` if nothing was spent.
    pub(crate) fn receipt(&self, spent: &Spent) -> Option<Receipt> {
        spent.receipt(self.quota, COST)
    }

    /// Takes a spend back, because a later limit refused the request. What cannot be taken back stays spent, which can
    /// only refuse more, never admit more.
    pub(crate) fn refund(&self, cells: &impl Cells, receipt: &Receipt) {
        let _ = cells.update(self.cell, |old, new| {
            self.table.refund(self.place, receipt, old, new)
        });
    }
}
