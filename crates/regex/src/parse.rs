//! From text to automaton in one pass, with a stack of open groups instead of recursion.

use crate::MAX_LENGTH;
use crate::class;
use crate::error::{Error, ErrorKind};
use crate::program::{Assertion, Inst, MAX_STATES, Program};
use crate::utf8::decode;

const IGNORE_CASE: u8 = 1;
const LINES: u8 = 2;
const DOT_ALL: u8 = 4;

/// A group that is not yet closed, or the whole expression.
#[derive(Clone, Copy, Default)]
struct Group {
    /// Where its `(` is.
    at: usize,
    /// Its first state.
    start: usize,
    /// The jump at the end of the alternative before the one being read.
    jump: Option<usize>,
    /// The flags that hold here.
    flags: u8,
}

/// What an escape or an item of a class stands for.
enum Item {
    Char(char),
    /// See [`class::Classes::add`]; `true` for what is not in the pairs.
    Set(&'static [u8], bool),
    Assert(Assertion),
}

struct Parser<'p> {
    pattern: &'p [u8],
    at: usize,
    program: Program,
    /// Set by whatever returns `None`.
    error: Error,
}

pub(crate) fn parse(pattern: &str) -> Result<Program, Error> {
    let mut parser = Parser {
        pattern: pattern.as_bytes(),
        at: 0,
        program: Program::default(),
        error: Error {
            kind: ErrorKind::TooLong,
            at: MAX_LENGTH,
        },
    };
    if pattern.len() > MAX_LENGTH || parser.expression().is_none() {
        return Err(parser.error);
    }
    Ok(parser.program)
}

impl Parser<'_> {
    #[inline(never)]
    fn expression(&mut self) -> Option<()> {
        let mut outer: Vec<Group> = Vec::new();
        let mut group = Group::default();
        // Where the piece starts that a repetition would be about.
        let mut piece = None;
        loop {
            let at = self.at;
            let start = self.program.code.len();
            let Some(c) = self.next() else { break };
            let repeated = piece.replace(start);
            match c {
                '|' => {
                    self.end_alternative(&mut group);
                    group.jump = Some(self.program.alternative(group.start));
                    piece = None;
                }
                '(' => {
                    let (flags, is_group) = self.group(at, group.flags)?;
                    if is_group {
                        outer.push(group);
                        group = Group {
                            at,
                            start,
                            jump: None,
                            flags,
                        };
                    }
                    group.flags = flags;
                    piece = None;
                }
                ')' => {
                    self.end_alternative(&mut group);
                    piece = Some(group.start);
                    let Some(enclosing) = outer.pop() else {
                        return self.fail(ErrorKind::UnopenedGroup, at);
                    };
                    group = enclosing;
                }
                '*' | '+' | '?' | '{' => {
                    let (min, max) = match c {
                        '*' => (0, None),
                        '+' => (1, None),
                        '?' => (0, Some(1)),
                        _ => self.count(at)?,
                    };
                    let Some(start) = repeated else {
                        return self.fail(ErrorKind::NothingToRepeat, at);
                    };
                    self.eat('?');
                    self.program.repeat(start, min, max);
                    piece = None;
                }
                _ => self.single(c, at, group.flags)?,
            }
            if self.program.full {
                return self.fail(ErrorKind::TooLarge, at);
            }
        }
        if !outer.is_empty() {
            return self.fail(ErrorKind::UnclosedGroup, group.at);
        }
        self.end_alternative(&mut group);
        self.program.push(Inst::Match);
        if self.program.full {
            return self.fail(ErrorKind::TooLarge, self.at);
        }
        Some(())
    }

    #[inline(never)]
    fn end_alternative(&mut self, group: &mut Group) {
        if let Some(jump) = group.jump.take() {
            self.program.end_alternative(jump);
        }
    }

    /// One character, class or assertion.
    #[inline(never)]
    fn single(&mut self, c: char, at: usize, flags: u8) -> Option<()> {
        let lines = flags & LINES != 0;
        let item = match c {
            '^' if lines => Item::Assert(Assertion::LineStart),
            '$' if lines => Item::Assert(Assertion::LineEnd),
            '^' => Item::Assert(Assertion::Start),
            '$' => Item::Assert(Assertion::End),
            '.' if flags & DOT_ALL != 0 => Item::Set(b"", true),
            '.' => Item::Set(b"\n\n", true),
            '\\' => self.escape(at)?,
            '[' => {
                self.start_class();
                return self.class(at, flags);
            }
            c => Item::Char(c),
        };
        let fold = flags & IGNORE_CASE != 0;
        match item {
            Item::Assert(assertion) => self.program.push(Inst::Assert(assertion)),
            Item::Char(c) if !(fold && c.is_ascii_alphabetic()) => {
                self.program.push(Inst::Char(u32::from(c)))
            }
            item => {
                self.start_class();
                self.add(&item, fold);
            }
        }
        Some(())
    }

    /// What follows a `(`: the flags that hold from here, and whether this opens a group.
    #[inline(never)]
    fn group(&mut self, at: usize, mut flags: u8) -> Option<(u8, bool)> {
        if !self.eat('?') {
            return Some((flags, true));
        }
        let mut on = true;
        let mut last = '?';
        loop {
            let c = self.next().unwrap_or_default();
            let flag = match c {
                'i' => IGNORE_CASE,
                'm' => LINES,
                's' => DOT_ALL,
                'U' => 0,
                '-' if on => {
                    on = false;
                    0
                }
                ':' if last != '-' => return Some((flags, true)),
                ')' if last != '-' && last != '?' => return Some((flags, false)),
                'P' | '<' | '=' | '!' if last == '?' => {
                    self.name(c, at)?;
                    return Some((flags, true));
                }
                _ => return self.fail(ErrorKind::BadGroup, at),
            };
            flags = if on { flags | flag } else { flags & !flag };
            last = c;
        }
    }

    /// The rest of `(?P<name>` or `(?<name>`, of which `c` has been read; the name is of no use.
    #[inline(never)]
    fn name(&mut self, c: char, at: usize) -> Option<()> {
        if c == 'P' && (self.eat('=') || self.eat('>')) {
            return self.fail(ErrorKind::BackReference, at);
        }
        if c == '=' || c == '!' || (c == '<' && (self.eat('=') || self.eat('!'))) {
            return self.fail(ErrorKind::LookAround, at);
        }
        if c == 'P' && !self.eat('<') {
            return self.fail(ErrorKind::BadGroup, at);
        }
        let start = self.at;
        while let Some(c) = self.next() {
            if c == '>' && self.at > start.wrapping_add(1) {
                return Some(());
            }
            if !(c.is_ascii_alphanumeric() || c == '_') {
                break;
            }
        }
        self.fail(ErrorKind::BadGroup, at)
    }

    /// The rest of a count: `n}`, `n,}` or `n,m}`.
    #[inline(never)]
    fn count(&mut self, at: usize) -> Option<(usize, Option<usize>)> {
        let min = self.number(10, usize::MAX);
        let max = if self.eat(',') {
            self.number(10, usize::MAX)
        } else {
            min
        };
        let most = max.or(min).unwrap_or(0);
        match min {
            Some(min) if self.eat('}') && min <= most => {
                if most > MAX_STATES as u32 {
                    return self.fail(ErrorKind::TooLarge, at);
                }
                Some((min as usize, max.map(|max| max as usize)))
            }
            _ => self.fail(ErrorKind::BadRepeat, at),
        }
    }

    /// At most so many digits, if there are any; a number that is too large for all uses stays so.
    #[inline(never)]
    fn number(&mut self, radix: u32, digits: usize) -> Option<u32> {
        let mut number = None;
        let end = self.at.saturating_add(digits);
        while self.at < end
            && let Some(digit) = self.peek().and_then(|c| c.to_digit(radix))
        {
            self.next();
            number = Some(
                number
                    .unwrap_or(0_u32)
                    .saturating_mul(radix)
                    .saturating_add(digit),
            );
        }
        number
    }

    /// What follows a backslash.
    #[inline(never)]
    fn escape(&mut self, at: usize) -> Option<Item> {
        let c = self.next().unwrap_or_default();
        if let Some(pairs) = class::perl(c.to_ascii_lowercase()) {
            return Some(Item::Set(pairs, c.is_ascii_uppercase()));
        }
        // From U+0007 on; U+0008 would be `\b`, which is the assertion.
        if let Some(place) = b"a\0tnvfr"
            .iter()
            .position(|&letter| char::from(letter) == c && c != '\0')
        {
            return char::from_u32(7_u32.wrapping_add(place as u32)).map(Item::Char);
        }
        Some(Item::Char(match c {
            'x' => self.hex(2, at)?,
            'u' => self.hex(4, at)?,
            'U' => self.hex(8, at)?,
            'b' => return Some(Item::Assert(Assertion::Word)),
            'B' => return Some(Item::Assert(Assertion::NotWord)),
            'A' => return Some(Item::Assert(Assertion::Start)),
            'z' => return Some(Item::Assert(Assertion::End)),
            'p' | 'P' | 'X' => return self.fail(ErrorKind::Unicode, at),
            '1'..='9' | 'k' | 'g' => return self.fail(ErrorKind::BackReference, at),
            ' ' => c,
            c if c.is_ascii_punctuation() && c != '<' && c != '>' => c,
            _ => return self.fail(ErrorKind::BadEscape, at),
        }))
    }

    /// A character by its number: so many digits, or any number of them within braces.
    #[inline(never)]
    fn hex(&mut self, digits: usize, at: usize) -> Option<char> {
        let braces = self.eat('{');
        let start = self.at;
        let number = self.number(16, if braces { usize::MAX } else { digits });
        let whole = if braces {
            self.eat('}')
        } else {
            self.at == start.wrapping_add(digits)
        };
        match number.and_then(char::from_u32) {
            Some(c) if whole => Some(c),
            _ => self.fail(ErrorKind::BadEscape, at),
        }
    }

    /// The rest of a class whose `[` is at `open`.
    #[inline(never)]
    fn class(&mut self, open: usize, flags: u8) -> Option<()> {
        let fold = flags & IGNORE_CASE != 0;
        let negated = self.eat('^');
        // A `]` that comes first is a character.
        let first = self.at;
        while self.at == first || !self.eat(']') {
            let at = self.at;
            let item = self.item(open)?;
            let rest = self.pattern.get(self.at..).unwrap_or_default();
            if matches!(rest, [b'-', after, ..] if !matches!(after, b']' | b'-')) {
                self.next();
                match (item, self.item(open)?) {
                    (Item::Char(from), Item::Char(to)) if from <= to => {
                        self.program
                            .classes
                            .add_range(u32::from(from), u32::from(to), fold);
                    }
                    _ => return self.fail(ErrorKind::BadRange, at),
                }
            } else {
                self.add(&item, fold);
            }
            if self.program.classes.is_full() {
                return self.fail(ErrorKind::TooManyRanges, open);
            }
        }
        if negated {
            self.program.classes.negate();
        }
        Some(())
    }

    /// One item of a class, or an end of a range.
    #[inline(never)]
    fn item(&mut self, open: usize) -> Option<Item> {
        let at = self.at;
        let Some(c) = self.next() else {
            return self.fail(ErrorKind::UnclosedClass, open);
        };
        match c {
            '\\' => match self.escape(at)? {
                Item::Assert(_) => self.fail(ErrorKind::BadClass, at),
                item => Some(item),
            },
            '[' if self.eat(':') => {
                let negate = self.eat('^');
                let start = self.at;
                while self.peek().is_some_and(|c| c.is_ascii_lowercase()) {
                    self.next();
                }
                let name = self.pattern.get(start..self.at).unwrap_or_default();
                let found = class::posix(name).filter(|_| self.eat(':') && self.eat(']'));
                match found {
                    Some(pairs) => Some(Item::Set(pairs, negate)),
                    None => self.fail(ErrorKind::BadClass, at),
                }
            }
            '[' => self.fail(ErrorKind::BadClass, at),
            '&' | '-' | '~' if self.eat(c) => self.fail(ErrorKind::BadClass, at),
            c => Some(Item::Char(c)),
        }
    }

    #[inline(never)]
    fn fail<T>(&mut self, kind: ErrorKind, at: usize) -> Option<T> {
        self.error = Error { kind, at };
        None
    }

    fn peek(&self) -> Option<char> {
        match decode(self.pattern, self.at) {
            (_, 0) => None,
            (c, _) => char::from_u32(c),
        }
    }

    #[inline(never)]
    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at = self.at.wrapping_add(c.len_utf8());
        Some(c)
    }

    #[inline(never)]
    fn eat(&mut self, c: char) -> bool {
        let here = self.peek() == Some(c);
        if here {
            self.next();
        }
        here
    }

    fn start_class(&mut self) {
        let number = self.program.classes.start();
        self.program.push(Inst::Class(number as u32));
    }

    #[inline(never)]
    fn add(&mut self, item: &Item, fold: bool) {
        let classes = &mut self.program.classes;
        match *item {
            Item::Char(c) => classes.add_range(u32::from(c), u32::from(c), fold),
            Item::Set(pairs, negate) => classes.add(pairs, negate, fold),
            Item::Assert(_) => {}
        }
    }
}
