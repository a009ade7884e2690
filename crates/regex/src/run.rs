//! Following all states of an automaton at once, a character at a time.
//!
//! The sets of states are bit sets on the stack (384 bytes): priorities between states do not matter for a match of the
//! whole, so no order has to be kept. A state is visited at most once at each place of the value.

use crate::program::{Assertion, Inst, MAX_STATES, Program};
use crate::utf8::decode;

/// Which of 64 states are in which set.
#[derive(Clone, Copy, Default)]
struct Word {
    /// Reached, not yet visited.
    pending: u64,
    /// Reached.
    seen: u64,
    /// Reached once the character is taken.
    next: u64,
}

/// Whether the whole value matches; `visit` is told of each step: the place in the value, and the state.
pub(crate) fn run(program: &Program, value: &[u8], mut visit: impl FnMut(usize, usize)) -> bool {
    let mut words = [Word::default(); MAX_STATES.div_ceil(64)];
    let words = words
        .get_mut(..program.code.len().div_ceil(64))
        .unwrap_or_default();
    if let Some(first) = words.first_mut() {
        first.next = 1;
    }
    let mut at = 0_usize;
    loop {
        let mut alive = 0;
        for word in words.iter_mut() {
            alive |= word.next;
            word.pending = word.next;
            word.seen = word.next;
            word.next = 0;
        }
        if alive == 0 {
            return false;
        }
        let (c, len) = decode(value, at);
        let mut index = 0_usize;
        while let Some(word) = words.get_mut(index) {
            if word.pending == 0 {
                index = index.wrapping_add(1);
                continue;
            }
            let state = index.wrapping_shl(6) | word.pending.trailing_zeros() as usize;
            word.pending &= word.pending.wrapping_sub(1);
            visit(at, state);
            let after = state.wrapping_add(1);
            let taken = match program.code.get(state) {
                Some(&Inst::Char(wanted)) => c == wanted,
                Some(&Inst::Class(number)) => program.classes.contains(number as usize, c),
                Some(&Inst::Assert(assertion)) => {
                    if holds(assertion, value, at) {
                        reach(words, after, &mut index);
                    }
                    false
                }
                Some(&Inst::Jump(distance)) => {
                    reach(words, state.wrapping_add_signed(distance as isize), &mut index);
                    false
                }
                Some(&Inst::Split(distance)) => {
                    reach(words, after, &mut index);
                    reach(words, state.wrapping_add_signed(distance as isize), &mut index);
                    false
                }
                Some(Inst::Match) if len == 0 => return true,
                Some(Inst::Match) | None => false,
            };
            if taken && let Some(word) = words.get_mut(after.wrapping_shr(6)) {
                word.next |= 1_u64.wrapping_shl(after as u32);
            }
        }
        if len == 0 {
            return false;
        }
        at = at.wrapping_add(len);
    }
}

/// Adds a state to those to visit at this place, unless it has been there; `index` goes back to it if it is behind.
fn reach(words: &mut [Word], state: usize, index: &mut usize) {
    let at = state.wrapping_shr(6);
    if let Some(word) = words.get_mut(at) {
        let bit = 1_u64.wrapping_shl(state as u32);
        word.pending |= bit & !word.seen;
        word.seen |= bit;
        *index = at.min(*index);
    }
}

fn holds(assertion: Assertion, value: &[u8], at: usize) -> bool {
    let before = value.get(at.wrapping_sub(1));
    let after = value.get(at);
    match assertion {
        Assertion::Start => before.is_none(),
        Assertion::End => after.is_none(),
        Assertion::LineStart => before.is_none_or(|&byte| byte == b'\n'),
        Assertion::LineEnd => after.is_none_or(|&byte| byte == b'\n'),
        Assertion::Word => is_word(before) != is_word(after),
        Assertion::NotWord => is_word(before) == is_word(after),
    }
}

#[inline(never)]
fn is_word(byte: Option<&u8>) -> bool {
    byte.is_some_and(|&byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
