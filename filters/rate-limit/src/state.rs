//! What workers share: the bucket of a key, spent from and refunded through [`Cells`].

use crate::configure::{Limit, Override};
use fairlead_quota::{Place, Quota, Receipt, Spent, Table};
use fairlead_stage::{Cell, CellError, Cells, Timestamp};
use std::num::NonZeroU32;

/// Every request costs one unit.
const COST: NonZeroU32 = NonZeroU32::MIN;

/// The bucket that a request draws from.
#[derive(Clone, Copy)]
pub(crate) struct Bucket {
    pub(crate) quota: Quota,
    table: Table,
    place: Place,
    cell: Cell,
}

impl Bucket {
    /// The bucket of `key` (empty for a limit without one) under `limit`; `None` if the key is unlimited.
    pub(crate) fn find(limit: &Limit, key: &[u8], cells: &impl Cells) -> Option<Self> {
        match limit.overrides.get(key) {
            Some(Override::Unlimited) => None,
            Some(Override::Own { quota, index }) => {
                let table = Table::single();
                let place = table.locate(cells.seed(), key);
                let cell = Cell {
                    group: limit.own_buckets(),
                    index: *index,
                };
                Some(Self {
                    quota: *quota,
                    table,
                    place,
                    cell,
                })
            }
            None => {
                let buckets = &limit.buckets;
                let place = buckets.table.locate(cells.seed(), key);
                let cell = Cell {
                    group: buckets.group,
                    index: place.set,
                };
                Some(Self {
                    quota: buckets.quota,
                    table: buckets.table,
                    place,
                    cell,
                })
            }
        }
    }

    /// Spends one unit, or refuses.
    pub(crate) fn spend(&self, cells: &impl Cells, now: Timestamp) -> Result<Spent, CellError> {
        cells.update(self.cell, |old, new| {
            self.table.spend(self.place, &self.quota, now, COST, old, new)
        })
    }

    /// Takes a spend back, because a later limit refused the request. What cannot be taken back stays spent, which can
    /// only refuse more, never admit more.
    pub(crate) fn refund(&self, cells: &impl Cells, receipt: &Receipt) {
        let _ = cells.update(self.cell, |old, new| {
            self.table.refund(self.place, receipt, old, new)
        });
    }
}
