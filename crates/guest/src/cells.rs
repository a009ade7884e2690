//! Cells over the VM's heap, and over the proxy's shared store with compare-and-swap.
//!
//! The shared store is one map for all plugins of the process (Istio gives them one namespace), it never forgets a key,
//! a write with number 0 is blind, and a write to an absent key succeeds whatever number it carries: so keys begin with
//! the plugin's name, their number is fixed, and the first write of a key carries a number that no value has, which
//! makes it create-only.

use crate::abi::{self, Status};
use crate::faults::Faults;
use fairlead_stage::{Cell, CellError, CellGroup, Cells, Needs, Scope, Step};
use std::cell::{Cell as Slot, RefCell};
use std::rc::Rc;

/// How often a step is tried before the update is given up. Each lost race means that another worker won one, so with
/// `w` workers that touch a cell once each, `w` attempts suffice.
const MAX_ATTEMPTS: u32 = 64;

/// The number of the create-only write. Envoy counts writes of the process from 1, so no value carries it before 2^32-1
/// writes, and then only that one.
const CREATE_ONLY: u32 = u32::MAX;

const SEED_KEY: &[u8] = b"seed";

/// The cells of one group in the VM's heap.
type HeapGroup = Rc<RefCell<Vec<Option<Box<[u8]>>>>>;

thread_local! {
    /// Heap cells outlive a config update: the next config's groups of the same name and size continue with them.
    static HEAP: RefCell<Vec<(Vec<u8>, HeapGroup)>> = const { RefCell::new(Vec::new()) };
}

enum Group {
    Heap(HeapGroup),
    Shared {
        /// The key of a cell is this and the cell's number.
        prefix: Vec<u8>,
        cells: u32,
    },
}

/// The cells of a configured plugin.
pub(crate) struct HostCells {
    seed: [u64; 2],
    groups: Vec<Group>,
    faults: Faults,
    key: Slot<Vec<u8>>,
    value: Slot<Vec<u8>>,
}

impl HostCells {
    /// Binds the declared groups to their stores. `prefix` begins every key and names the plugin.
    #[inline(never)]
    pub(crate) fn new(prefix: &[u8], needs: &Needs, faults: Faults) -> Self {
        let seed = if needs.seed { seed(prefix) } else { [0, 0] };
        let groups: Vec<Group> = needs.groups().iter().map(|group| bind(prefix, group)).collect();
        Self {
            seed,
            groups,
            faults,
            key: Slot::default(),
            value: Slot::default(),
        }
    }

    /// One of these for all steps: a module has dozens of them.
    #[inline(never)]
    fn change(&self, cell: Cell, step: &mut Change<'_>) -> Result<(), CellError> {
        let mut new = self.value.take();
        let answer = match self.groups.get(cell.group.index()) {
            Some(Group::Heap(cells)) => update_heap(cells, cell.index, &mut new, step),
            Some(Group::Shared { prefix, cells }) if cell.index < *cells => {
                let mut key = self.key.take();
                key.clear();
                key.extend_from_slice(prefix);
                key.extend_from_slice(&cell.index.to_le_bytes());
                let answer = self.update_shared(&key, &mut new, step);
                self.key.set(key);
                answer
            }
            _ => Err(CellError::Unavailable),
        };
        self.value.set(new);
        answer
    }

    fn update_shared(&self, key: &[u8], new: &mut Vec<u8>, step: &mut Change<'_>) -> Result<(), CellError> {
        for _ in 0..MAX_ATTEMPTS {
            let (old, cas) = match abi::shared_data(key) {
                Ok(Some((bytes, cas))) => (Some(bytes), cas),
                Ok(None) => (None, CREATE_ONLY),
                Err(_) => return Err(self.unavailable()),
            };
            new.clear();
            if !step(old.as_deref(), new) {
                return Ok(());
            }
            match abi::set_shared_data(key, new, cas) {
                Ok(()) => return Ok(()),
                Err(Status::CAS_MISMATCH) => self.faults.lost_race(),
                Err(_) => return Err(self.unavailable()),
            }
        }
        self.faults.gave_up();
        Err(CellError::Contended)
    }

    fn unavailable(&self) -> CellError {
        self.faults.host_error();
        CellError::Unavailable
    }
}

/// Drops the heap cells that no config needs any more.
pub(crate) fn forget_unused() {
    HEAP.with_borrow_mut(|heap| heap.retain(|(_, cells)| Rc::strong_count(cells) > 1));
}

impl Cells for HostCells {
    fn seed(&self) -> [u64; 2] {
        self.seed
    }

    fn update<T>(
        &self,
        cell: Cell,
        mut step: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> Step<T>,
    ) -> Result<T, CellError> {
        let mut answer = None;
        self.change(cell, &mut |old, new| {
            let (given, writes) = match step(old, new) {
                Step::Keep(given) => (given, false),
                Step::Write(given) => (given, true),
            };
            answer = Some(given);
            writes
        })?;
        answer.ok_or(CellError::Unavailable)
    }
}

/// A step whose answer is kept elsewhere: whether it writes.
type Change<'s> = dyn FnMut(Option<&[u8]>, &mut Vec<u8>) -> bool + 's;

fn update_heap(
    cells: &HeapGroup,
    index: u32,
    new: &mut Vec<u8>,
    step: &mut Change<'_>,
) -> Result<(), CellError> {
    let Ok(mut cells) = cells.try_borrow_mut() else {
        return Err(CellError::Unavailable);
    };
    let Some(cell) = usize::try_from(index).ok().and_then(|i| cells.get_mut(i)) else {
        return Err(CellError::Unavailable);
    };
    new.clear();
    if step(cell.as_deref(), new) {
        match cell {
            Some(bytes) if bytes.len() == new.len() => bytes.copy_from_slice(new),
            _ => *cell = Some(new.as_slice().into()),
        }
    }
    Ok(())
}

#[inline(never)]
fn bind(prefix: &[u8], group: &CellGroup) -> Group {
    let mut key = prefix.to_vec();
    key.extend_from_slice(group.name.as_bytes());
    key.push(b'/');
    match group.scope {
        Scope::Proxy => Group::Shared {
            prefix: key,
            cells: group.cells,
        },
        Scope::Worker => {
            key.extend_from_slice(&group.cells.to_le_bytes());
            let count = usize::try_from(group.cells).unwrap_or(0);
            let cells = HEAP.with_borrow_mut(|heap| {
                if let Some((_, known)) = heap.iter().find(|(name, _)| *name == key) {
                    return Rc::clone(known);
                }
                let fresh: HeapGroup = Rc::new(RefCell::new(vec![None; count]));
                heap.push((key, Rc::clone(&fresh)));
                fresh
            });
            Group::Heap(cells)
        }
    }
}

/// The plugin's hash seed: random, made once for as long as its shared cells live.
#[inline(never)]
fn seed(prefix: &[u8]) -> [u64; 2] {
    let mut key = prefix.to_vec();
    key.extend_from_slice(SEED_KEY);
    let mut fresh = [0; 16];
    // Without randomness the hash is keyed by the time of the first start: worse, and still the same for all workers.
    if !abi::random(&mut fresh) {
        fresh[..8].copy_from_slice(&abi::current_time_nanos().to_le_bytes());
    }
    // Create-only: whoever comes second reads what the first has written.
    let _ = abi::set_shared_data(&key, &fresh, CREATE_ONLY);
    let stored = abi::shared_data(&key).ok().flatten().map(|(bytes, _)| bytes);
    let bytes = stored
        .and_then(|bytes| <[u8; 16]>::try_from(bytes).ok())
        .unwrap_or(fresh);
    let number = u128::from_le_bytes(bytes);
    [number as u64, (number >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker_cells(name: &str, count: u32) -> (HostCells, Cell) {
        let mut needs = Needs::default();
        let group = needs.cells(name, Scope::Worker, count, 16);
        (
            HostCells::new(b"plugin/", &needs, Faults::none()),
            Cell { group, index: 0 },
        )
    }

    fn append(cells: &HostCells, cell: Cell, byte: u8) -> Result<usize, CellError> {
        cells.update(cell, |old, new| {
            new.extend_from_slice(old.unwrap_or_default());
            new.push(byte);
            Step::Write(new.len())
        })
    }

    #[test]
    fn heap_cells_continue_under_the_next_config() {
        let (first, cell) = worker_cells("continues", 4);
        assert_eq!(append(&first, cell, 1), Ok(1));
        let (second, cell) = worker_cells("continues", 4);
        assert_eq!(append(&second, cell, 2), Ok(2));
    }

    #[test]
    fn heap_cells_of_another_size_begin_anew() {
        let (first, cell) = worker_cells("resized", 4);
        assert_eq!(append(&first, cell, 1), Ok(1));
        let (second, cell) = worker_cells("resized", 8);
        assert_eq!(append(&second, cell, 2), Ok(1));
    }

    #[test]
    fn a_kept_cell_keeps_its_bytes() {
        let (cells, cell) = worker_cells("kept", 1);
        assert_eq!(append(&cells, cell, 1), Ok(1));
        let kept = cells.update(cell, |_, new| {
            new.push(9);
            Step::Keep(())
        });
        assert_eq!(kept, Ok(()));
        assert_eq!(append(&cells, cell, 2), Ok(2));
    }

    #[test]
    fn a_cell_that_was_not_declared_is_unavailable() {
        let (cells, cell) = worker_cells("bounds", 2);
        let outside = Cell { index: 2, ..cell };
        assert_eq!(append(&cells, outside, 1), Err(CellError::Unavailable));
    }

    #[test]
    fn without_a_host_shared_cells_are_unavailable_and_nothing_panics() {
        let mut needs = Needs::default();
        let group = needs.cells("shared", Scope::Proxy, 2, 16);
        let cells = HostCells::new(b"plugin/", &needs, Faults::none());
        assert_eq!(
            append(&cells, Cell { group, index: 0 }, 1),
            Err(CellError::Unavailable)
        );
    }
}
