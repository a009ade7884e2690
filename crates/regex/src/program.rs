//! The automaton: instructions whose jumps are relative, so that a piece of it can be moved and copied.
//!
//! That is what makes a syntax tree needless: an operator inserts an instruction before the piece that it is about, and
//! a count copies the piece.

use crate::class::Classes;
use std::mem;

/// The most states of an automaton, since a match costs states times characters.
pub const MAX_STATES: usize = 1024;

/// One state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Inst {
    /// Takes this character.
    Char(u32),
    /// Takes a character of the class with this number.
    Class(u32),
    /// Goes on if the assertion holds.
    Assert(Assertion),
    /// Goes on at a distance.
    Jump(i32),
    /// Goes on here and at a distance.
    Split(i32),
    /// The whole value matches, if this is its end.
    Match,
}

/// A condition on a place between two characters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Assertion {
    Start,
    End,
    LineStart,
    LineEnd,
    Word,
    NotWord,
}

/// An automaton, finished or being built.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Program {
    pub(crate) code: Vec<Inst>,
    pub(crate) classes: Classes,
    /// Something did not fit into [`MAX_STATES`]: what is there is of no use.
    pub(crate) full: bool,
}

impl Program {
    pub(crate) fn push(&mut self, inst: Inst) {
        if self.code.len() < MAX_STATES {
            self.code.push(inst);
        } else {
            self.full = true;
        }
    }

    /// The distance from `at` to the end.
    fn distance(&self, at: usize) -> i32 {
        self.code.len().wrapping_sub(at) as i32
    }

    fn insert(&mut self, at: usize, inst: Inst) {
        let mut carried = inst;
        for slot in self.code.iter_mut().skip(at) {
            mem::swap(slot, &mut carried);
        }
        self.push(carried);
    }

    fn copy(&mut self, start: usize, len: usize) {
        for at in start..start.saturating_add(len) {
            if let Some(&inst) = self.code.get(at) {
                self.push(inst);
            }
        }
    }

    /// Makes what is from `start` to the end the first of two alternatives. The second is what is pushed until
    /// [`Self::end_alternative`] gets the place that is returned.
    pub(crate) fn alternative(&mut self, start: usize) -> usize {
        let past_jump = self.distance(start).wrapping_add(2);
        self.insert(start, Inst::Split(past_jump));
        let jump = self.code.len();
        self.push(Inst::Jump(0));
        jump
    }

    pub(crate) fn end_alternative(&mut self, jump: usize) {
        let distance = self.distance(jump);
        if let Some(slot) = self.code.get_mut(jump) {
            *slot = Inst::Jump(distance);
        }
    }

    /// Makes what is from `start` to the end occur `min` times to `max` times, or any number of times above `min`.
    pub(crate) fn repeat(&mut self, start: usize, min: usize, max: Option<usize>) {
        let len = self.code.len().saturating_sub(start);
        if max == Some(0) {
            self.code.truncate(start);
            return;
        }
        let copies = min.max(1);
        for _ in 1..copies {
            self.copy(start, len);
        }
        if max.is_none() {
            self.push(Inst::Split((len as i32).wrapping_neg()));
        }
        // Each to the end of all, as in a(a(a)?)?: (a?){2} matches the same, but all of its copies would be alive.
        for left in (1..=max.unwrap_or(0).saturating_sub(copies)).rev() {
            self.push(Inst::Split(left.wrapping_mul(len.wrapping_add(1)) as i32));
            self.copy(start, len);
        }
        if min == 0 {
            let past_end = self.distance(start).wrapping_add(1);
            self.insert(start, Inst::Split(past_end));
        }
    }
}
