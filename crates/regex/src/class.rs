//! Sets of characters: a bit for each ASCII character, ranges for the others.
//!
//! A set says for each of 128 characters in one look whether it is in it; what is beyond ASCII is rare and short
//! in operators' expressions, so that a scan of at most 32 ranges is enough.

use crate::utf8::INVALID;

/// The most ranges beyond ASCII in one class, since a step scans all of them.
pub(crate) const MAX_RANGES: usize = 32;

/// The sets of an automaton, by number from 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Classes {
    sets: Vec<Class>,
    /// First and last characters, of use only beyond ASCII: of the first set, then of the second and so on; within a set in no order,
    /// perhaps overlapping. [`INVALID`] is above all characters.
    ranges: Vec<(u32, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Class {
    /// Bit `c % 32` of word `c / 32`.
    ascii: [u32; 4],
    /// Where its ranges start and end.
    ranges: (usize, usize),
    /// Whether its ranges are what is not in the set. `ascii` never is turned round in that way.
    others: bool,
}

impl Classes {
    /// Starts an empty set and gives its number. What follows is about that set until the next one is started.
    pub(crate) fn start(&mut self) -> usize {
        let ranges = self.ranges.len();
        let number = self.sets.len();
        self.sets.push(Class {
            ascii: [0; 4],
            ranges: (ranges, ranges),
            others: false,
        });
        number
    }

    /// Adds what is in `pairs` (a first and a last ASCII character, and so on), or with `negate` what is not in them.
    /// `fold` adds the other case of ASCII letters, before `negate`.
    pub(crate) fn add(&mut self, pairs: &[u8], negate: bool, fold: bool) {
        let within = |c: u8| {
            pairs
                .chunks(2)
                .any(|pair| matches!(pair, [first, last] if (*first..=*last).contains(&c)))
        };
        let Some(set) = self.sets.last_mut() else { return };
        for c in 0..128_u8 {
            let other_case = if fold && c.is_ascii_alphabetic() {
                c ^ 0x20
            } else {
                c
            };
            if (within(c) || within(other_case)) != negate
                && let Some(word) = set.ascii.get_mut(usize::from(c.wrapping_shr(5)))
            {
                *word |= 1_u32.wrapping_shl(u32::from(c));
            }
        }
        if negate {
            self.add_range(0x80, INVALID, fold);
        }
    }

    /// Adds the characters from `first` to `last`.
    pub(crate) fn add_range(&mut self, first: u32, last: u32, fold: bool) {
        if first < 0x80 {
            self.add(&[first as u8, last.min(0x7f) as u8], false, fold);
        }
        if last >= 0x80
            && let Some(set) = self.sets.last_mut()
        {
            self.ranges.push((first, last));
            set.ranges.1 = self.ranges.len();
        }
    }

    /// Turns the set round.
    pub(crate) fn negate(&mut self) {
        if let Some(set) = self.sets.last_mut() {
            set.ascii = set.ascii.map(|word| !word);
            set.others = !set.others;
        }
    }

    /// Whether the set has more than [`MAX_RANGES`].
    pub(crate) fn is_full(&self) -> bool {
        self.sets
            .last()
            .is_some_and(|set| self.ranges.len().saturating_sub(set.ranges.0) > MAX_RANGES)
    }

    /// Whether a character, or [`INVALID`], is in a set.
    pub(crate) fn contains(&self, number: usize, c: u32) -> bool {
        let Some(set) = self.sets.get(number) else {
            return false;
        };
        if let Some(word) = set.ascii.get(c.wrapping_shr(5) as usize) {
            return word.wrapping_shr(c) & 1 != 0;
        }
        let ranges = self.ranges.get(set.ranges.0..set.ranges.1).unwrap_or_default();
        ranges.iter().any(|range| range.0 <= c && c <= range.1) != set.others
    }
}

/// The pairs of `\d`, `\s` and `\w`, as [`Class::add`] takes them.
pub(crate) fn perl(letter: char) -> Option<&'static [u8]> {
    Some(match letter {
        'd' => b"09",
        's' => b"\t\r  ",
        'w' => b"09AZ__az",
        _ => return None,
    })
}

/// The pairs of a name in `[[:name:]]`.
pub(crate) fn posix(name: &[u8]) -> Option<&'static [u8]> {
    POSIX.iter().find(|class| class.0 == name).map(|class| class.1)
}

const POSIX: [(&[u8], &[u8]); 14] = [
    (b"alnum", b"09AZaz"),
    (b"alpha", b"AZaz"),
    (b"ascii", b"\0\x7f"),
    (b"blank", b"\t\t  "),
    (b"cntrl", b"\0\x1f\x7f\x7f"),
    (b"digit", b"09"),
    (b"graph", b"!~"),
    (b"lower", b"az"),
    (b"print", b" ~"),
    (b"punct", b"!/:@[`{~"),
    (b"space", b"\t\r  "),
    (b"upper", b"AZ"),
    (b"word", b"09AZ__az"),
    (b"xdigit", b"09AFaf"),
];
