//! The values of a label that are not known beforehand: the first so many that are seen, with the same numbers in all
//! workers.
//!
//! A store can never delete a key and a proxy never a metric, so the number of a label's values is bounded for ever.
//! Values are admitted into a *log* of cells that all workers share, each written once: a new value goes into the first
//! cell that is free, by compare-and-swap, so that who loses the race finds what the winner wrote and goes on behind
//! it. A value's number is its position, the same for everyone. Each worker has an *index* of what it has read of the
//! log, a hash table in its own heap, and how far it has read: a known value costs no shared read, and neither does an
//! unknown one once the log is full.
//!
//! | bytes | log | index | the index's last cell |
//! |---|---|---|---|
//! | 1 | version 1 | version 1 | version 2 |
//! | 4 | | number | how much of the log is read |
//! | the rest | value | value | |
//!
//! Numbers are little-endian. Bytes of any other form count as absent: such a cell of the log is free.
//!
//! # Exactness
//! Two values are one if [`sanitize`] makes them one. A worker that has lost its heap reads the log again. One that has
//! lost single values of its index does so before it admits another, so that none is admitted twice; once the log is
//! full, it takes what it has lost for one value too many. Whatever is in a log, a value has its lowest number there.
//!
//! # Cost
//! 65 bytes of shared memory a value, and 138 to 276 in each worker. A known value takes one hash and about one cell of
//! the heap, an unknown one of a full log two. Each worker reads each cell of the log once. The hash is keyed, so that
//! clients cannot choose values that meet.
//!
//! What this does not do: forget values, define metrics.

use fairlead_stage::{Cell, Cells, GroupId, Needs, Scope, Step};

const VERSION: u8 = 1;
const CURSOR_VERSION: u8 = 2;
/// The most bytes of a value.
const MOST: usize = 64;
const LOG_BYTES: u32 = 1 + MOST as u32;
const INDEX_BYTES: u32 = 5 + MOST as u32;
/// What would end a value where it stands, or be read as something else there.
const UNSAFE: &[u8] = b",;=\"\\";

/// A label with at most so many values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Values {
    max: u32,
    /// Cells of the index, without its last one. A power of two.
    slots: u32,
    log: GroupId,
    index: GroupId,
}

/// What came of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// It has this number, below the label's maximum.
    Known(u32),
    /// It has none: there are as many values as there may be, or the store did not answer.
    Full,
}

/// What was found in a cell, or made of it.
#[derive(Clone, Copy)]
enum Found {
    /// Nothing: it was never written.
    Free,
    /// What is asked for, under this number.
    Own(u32),
    /// Another value.
    Other,
    /// Not to be read, so to be overwritten; but a value may have been put behind it when it was.
    Damaged,
}

/// A step on a cell.
type Run<'s> = dyn FnMut(Option<&[u8]>, &mut Vec<u8>) -> Step<Found> + 's;

impl Values {
    /// Declares the cells of a label with at most `max` values, and that the seed is used. `name` tells it from other
    /// groups of cells; a label that keeps its name keeps its values, also when `max` changes.
    #[must_use]
    #[inline(never)]
    pub fn declare(needs: &mut Needs, name: &str, max: u32) -> Self {
        needs.seed = true;
        let slots = max
            .saturating_mul(2)
            .checked_next_power_of_two()
            .unwrap_or(1 << 31)
            .max(2);
        let log = needs.cells(name, Scope::Proxy, max, LOG_BYTES);
        let index = [name, "/index"].concat();
        let index = needs.cells(index, Scope::Worker, slots.saturating_add(1), INDEX_BYTES);
        Self {
            max,
            slots,
            log,
            index,
        }
    }

    /// The number of a value, in the form that [`sanitize`] gives it: from 0 on, in the order of admission.
    #[inline(never)]
    pub fn number(&self, value: &[u8], cells: &impl Cells) -> Admitted {
        let mut buffer = [0; MOST];
        let value = clean(value, &mut buffer);
        let number = match self.find(value, cells) {
            Some(number) => Some(number),
            None => self.admit(value, cells),
        };
        // A label that once had more values has left them behind.
        match number.filter(|number| *number < self.max) {
            Some(number) => Admitted::Known(number),
            None => Admitted::Full,
        }
    }

    /// The value of a number; `None` if there is none yet. A shared read.
    #[must_use]
    #[inline(never)]
    pub fn value(&self, number: u32, cells: &impl Cells) -> Option<String> {
        if number >= self.max {
            return None;
        }
        let mut value = None;
        update(cells, self.log_cell(number), &mut |old, _| {
            value = logged(old).map(<[u8]>::to_vec);
            Step::Keep(Found::Other)
        })?;
        value.map(|value| text(&value))
    }

    /// Reads on in the log until the value is found, or writes it.
    #[inline(never)]
    fn admit(&self, value: &[u8], cells: &impl Cells) -> Option<u32> {
        let mut next = self.read_so_far(cells);
        if next < self.max && self.entries(cells) < next {
            // Something of the index is lost; what is lost must not be admitted again.
            next = 0;
        }
        while next < self.max {
            let mut taken = Vec::new();
            let entry = update(cells, self.log_cell(next), &mut |old, new| match logged(old) {
                Some(value) => {
                    taken = value.to_vec();
                    Step::Keep(Found::Other)
                }
                None => {
                    new.push(VERSION);
                    new.extend_from_slice(value);
                    Step::Write(Found::Own(next))
                }
            })?;
            let found = match entry {
                Found::Own(_) => true,
                _ => taken == value,
            };
            self.insert(if found { value } else { &taken }, next, cells);
            let number = next;
            next = next.saturating_add(1);
            self.note_read(next, cells);
            if found {
                return Some(number);
            }
        }
        None
    }

    /// The number of a value in the worker's index.
    fn find(&self, value: &[u8], cells: &impl Cells) -> Option<u32> {
        for cell in self.probes(value, cells) {
            match update(cells, cell, &mut |old, _| Step::Keep(slot(old, value)))? {
                Found::Own(number) => return Some(number),
                Found::Free => return None,
                Found::Other | Found::Damaged => {}
            }
        }
        None
    }

    /// Puts a value into the worker's index, unless it is there.
    #[inline(never)]
    fn insert(&self, value: &[u8], number: u32, cells: &impl Cells) {
        for cell in self.probes(value, cells) {
            let put = update(cells, cell, &mut |old, new| match slot(old, value) {
                found @ (Found::Other | Found::Own(_)) => Step::Keep(found),
                Found::Free | Found::Damaged => {
                    new.push(VERSION);
                    new.extend_from_slice(&number.to_le_bytes());
                    new.extend_from_slice(value);
                    Step::Write(Found::Own(number))
                }
            });
            // What cannot be stored is missing from the entries, so that the log will be read again.
            if !matches!(put, Some(Found::Other)) {
                return;
            }
        }
    }

    /// How many values the worker's index has.
    fn entries(&self, cells: &impl Cells) -> u32 {
        // No value is empty, so each one is another.
        let held = |index| {
            let found = update(cells, self.index_cell(index), &mut |old, _| {
                Step::Keep(slot(old, &[]))
            });
            matches!(found, Some(Found::Other))
        };
        (0..self.slots).fold(0, |sum, index| sum.saturating_add(u32::from(held(index))))
    }

    fn read_so_far(&self, cells: &impl Cells) -> u32 {
        let found = update(cells, self.index_cell(self.slots), &mut |old, _| {
            let number = old.and_then(|old| old.strip_prefix(&[CURSOR_VERSION])?.try_into().ok());
            Step::Keep(Found::Own(number.map_or(0, u32::from_le_bytes)))
        });
        match found {
            Some(Found::Own(number)) => number,
            _ => 0,
        }
    }

    fn note_read(&self, next: u32, cells: &impl Cells) {
        // If it cannot be stored, the same cells are read once more.
        let _ = update(cells, self.index_cell(self.slots), &mut |_, new| {
            new.push(CURSOR_VERSION);
            new.extend_from_slice(&next.to_le_bytes());
            Step::Write(Found::Own(next))
        });
    }

    /// The cells of the index in which a value may be, in order.
    fn probes(&self, value: &[u8], cells: &impl Cells) -> impl Iterator<Item = Cell> {
        let [k0, k1] = cells.seed();
        let hash = siphasher::sip::SipHasher13::new_with_keys(k0, k1).hash(value) as u32;
        let (values, mask) = (*self, self.slots.wrapping_sub(1));
        (0..self.slots).map(move |step| values.index_cell(hash.wrapping_add(step) & mask))
    }

    const fn index_cell(&self, index: u32) -> Cell {
        Cell {
            group: self.index,
            index,
        }
    }

    const fn log_cell(&self, index: u32) -> Cell {
        Cell {
            group: self.log,
            index,
        }
    }
}

/// A value as it can stand in a metric's name: its first 64 bytes, of which those that are not visible ASCII, or would
/// end the value, are `_`; an empty one is `_`.
#[must_use]
pub fn sanitize(value: &[u8]) -> String {
    let mut buffer = [0; MOST];
    text(clean(value, &mut buffer))
}

/// ASCII as text.
fn text(clean: &[u8]) -> String {
    clean.iter().map(|byte| char::from(*byte)).collect()
}

fn clean<'b>(value: &[u8], buffer: &'b mut [u8; MOST]) -> &'b [u8] {
    let value = if value.is_empty() { b"_" } else { value };
    for (to, from) in buffer.iter_mut().zip(value) {
        *to = if is_clean(*from) { *from } else { b'_' };
    }
    buffer.get(..value.len().min(MOST)).unwrap_or_default()
}

fn is_clean(byte: u8) -> bool {
    byte.is_ascii_graphic() && !UNSAFE.contains(&byte)
}

/// The value in a cell of the log.
fn logged(bytes: Option<&[u8]>) -> Option<&[u8]> {
    let value = bytes?.strip_prefix(&[VERSION])?;
    let sound = (1..=MOST).contains(&value.len()) && value.iter().all(|byte| is_clean(*byte));
    sound.then_some(value)
}

/// The number and the value in a cell of the index.
fn indexed(bytes: Option<&[u8]>) -> Option<(u32, &[u8])> {
    let (number, value) = bytes?.strip_prefix(&[VERSION])?.split_first_chunk()?;
    (1..=MOST)
        .contains(&value.len())
        .then_some((u32::from_le_bytes(*number), value))
}

/// What a cell of the index is to a value.
fn slot(bytes: Option<&[u8]>, own: &[u8]) -> Found {
    match indexed(bytes) {
        None if bytes.is_none() => Found::Free,
        None => Found::Damaged,
        Some((number, value)) if value == own => Found::Own(number),
        Some(_) => Found::Other,
    }
}

/// A step on a cell; `None` if the store did not answer. One for all, as each kind of step that a store runs is code of
/// its own.
#[inline(never)]
fn update(cells: &impl Cells, cell: Cell, step: &mut Run<'_>) -> Option<Found> {
    cells.update(cell, step).ok()
}

#[cfg(test)]
mod tests;
