//! State that outlives a stream: the contract between a stage and whatever stores its state.
//!
//! State is cut into *cells*, small byte strings that are read and replaced whole. Their number is fixed when the
//! filter is configured, because the store of a proxy can never delete a key. A cell is changed by a pure step that may
//! run again: the store runs it on what it has read, and once more on the new value when another worker was faster. So
//! a lost race recomputes the decision and never re-applies it.

/// Who shares a group of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The streams of one worker thread: cheapest, and each worker has its own.
    Worker,
    /// All workers of the proxy process, exactly.
    Proxy,
}

/// A group of cells that a stage declares in [`crate::Needs::cells`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellGroup {
    /// Names the state across config updates: a group of the same name and size continues with what it holds. What makes
    /// old cells unreadable for the new config (a size that moves keys) belongs in the name.
    pub name: String,
    /// Who shares it.
    pub scope: Scope,
    /// How many cells, at least 1.
    pub cells: u32,
    /// The most bytes that one cell holds: with `cells`, the ceiling of its memory.
    pub cell_bytes: u32,
}

/// A declared group of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub(crate) u16);

impl GroupId {
    /// Position among the groups of [`crate::Needs`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The address of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell {
    /// The group.
    pub group: GroupId,
    /// Position in the group, below [`CellGroup::cells`].
    pub index: u32,
}

/// What a step made of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// Leave the cell as it is.
    Keep(T),
    /// Replace the cell by the bytes that the step has left in its buffer.
    Write(T),
}

/// Why an update has not been made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellError {
    /// Other workers were faster each time, until the bound on attempts was reached. Nothing was written.
    Contended,
    /// The store refused, or there is no such cell. Nothing was written.
    Unavailable,
}

/// The state contract.
pub trait Cells {
    /// A seed for hashing what clients send and signing what they are given, unknown to them, the same for all that share
    /// cells and for as long as the cells live. [`crate::Needs::seed`] must ask for it.
    fn seed(&self) -> [u64; 2];

    /// Runs `step` on a cell and stores what it says.
    ///
    /// `step` gets the cell's bytes (`None` if it was never written) and an empty buffer for its new bytes. It is pure
    /// but for that buffer, and may run several times; the answer of the run that took effect is returned.
    ///
    /// # Errors
    /// [`CellError`]: nothing was written, and the caller has to have an outcome for it.
    fn update<T>(
        &self,
        cell: Cell,
        step: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> Step<T>,
    ) -> Result<T, CellError>;
}
