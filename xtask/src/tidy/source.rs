//! Rust source as paths and attributes, without comments, strings and test modules.
//!
//! Enough of a lexer to ask "does this file name `std::fs`", however the import is written. It is not a parser: macros
//! are read as plain tokens, and a name is never resolved.

use std::iter::Peekable;
use std::str::Chars;

/// An identifier or one character of punctuation, with its line, from 1. `::` is one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

impl Token {
    fn is(&self, text: &str) -> bool {
        self.text == text
    }

    fn is_name(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// A path as the code names it: `std::time::Instant`, also when it is written `use std::{time::{Instant}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
    /// Followed by `!`.
    pub(super) is_macro: bool,
}

impl Path {
    /// Whether `piece` stands somewhere in the path.
    pub(super) fn contains(&self, piece: &[&str]) -> bool {
        self.segments
            .windows(piece.len())
            .any(|window| window.iter().zip(piece).all(|(segment, name)| segment == name))
    }
}

/// Splits source into tokens; comments are dropped, and each literal of text becomes `""`.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        rest: source.chars().peekable(),
        line: 1,
        tokens: Vec::new(),
    };
    while let Some(first) = lexer.next() {
        lexer.token(first);
    }
    lexer.tokens
}

struct Lexer<'s> {
    rest: Peekable<Chars<'s>>,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.rest.next();
        self.line += usize::from(next == Some('\n'));
        next
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().copied()
    }

    fn push(&mut self, text: impl Into<String>, line: usize) {
        self.tokens.push(Token {
            text: text.into(),
            line,
        });
    }

    fn token(&mut self, first: char) {
        let line = self.line;
        match (first, self.peek()) {
            ('/', Some('/')) => {
                while self.peek().is_some_and(|next| next != '\n') && self.next().is_some() {}
            }
            ('/', Some('*')) => self.block_comment(),
            ('"', _) => {
                self.text('"');
                self.push("\"\"", line);
            }
            ('\'', _) => self.character_or_lifetime(),
            (':', Some(':')) => {
                self.next();
                self.push("::", line);
            }
            (first, _) if first.is_alphanumeric() || first == '_' => self.word(first),
            (first, _) if first.is_whitespace() => {}
            (first, _) => self.push(first, line),
        }
    }

    fn block_comment(&mut self) {
        self.next();
        let mut depth: usize = 1;
        while depth > 0 {
            match (self.next(), self.peek()) {
                (Some('*'), Some('/')) => {
                    self.next();
                    depth -= 1;
                }
                (Some('/'), Some('*')) => {
                    self.next();
                    depth += 1;
                }
                (None, _) => return,
                _ => {}
            }
        }
    }

    /// Skips to the end of a literal whose opening quote has been read.
    fn text(&mut self, quote: char) {
        while let Some(next) = self.next() {
            if next == '\\' {
                self.next();
            } else if next == quote {
                return;
            }
        }
    }

    fn character_or_lifetime(&mut self) {
        let mut ahead = self.rest.clone();
        let (first, second) = (ahead.next(), ahead.next());
        if first == Some('\\') || second == Some('\'') {
            self.text('\'');
        }
        // Else a lifetime, whose name is read as a word.
    }

    fn word(&mut self, first: char) {
        let line = self.line;
        let mut word = String::from(first);
        while let Some(next) = self.peek().filter(|next| next.is_alphanumeric() || *next == '_') {
            word.push(next);
            self.next();
        }
        match (word.as_str(), self.peek()) {
            ("r" | "br" | "cr", Some('"' | '#')) => self.raw(line),
            ("b" | "c", Some('"')) => {
                self.next();
                self.text('"');
                self.push("\"\"", line);
            }
            _ => self.push(word, line),
        }
    }

    /// A raw string, or a raw identifier (`r#type`).
    fn raw(&mut self, line: usize) {
        let mut hashes: usize = 0;
        while self.peek() == Some('#') {
            self.next();
            hashes += 1;
        }
        if self.peek() != Some('"') {
            return;
        }
        self.next();
        let mut closing: Option<usize> = None;
        while closing != Some(hashes) {
            closing = match (self.next(), closing) {
                (Some('"'), _) => Some(0),
                (Some('#'), Some(seen)) => Some(seen + 1),
                (Some(_), _) => None,
                (None, _) => break,
            };
        }
        self.push("\"\"", line);
    }
}

/// Drops every item under `#[cfg(test)]`.
pub(super) fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const START: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut rest = tokens;
    while let Some((first, tail)) = rest.split_first() {
        if rest.len() >= START.len() && rest.iter().zip(START).all(|(token, text)| token.is(text)) {
            rest = after_item(rest.get(START.len()..).unwrap_or_default());
        } else {
            kept.push(first.clone());
            rest = tail;
        }
    }
    kept
}

/// What follows an item: it ends with `;` or with the bracket that closes its body.
fn after_item(tokens: &[Token]) -> &[Token] {
    let mut depth: usize = 0;
    for (position, token) in tokens.iter().enumerate() {
        let next = tokens.get(position + 1..).unwrap_or_default();
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            // The end of what the item stands in.
            ")" | "]" | "}" if depth == 0 => return tokens.get(position..).unwrap_or_default(),
            "}" if depth == 1 => return next,
            ")" | "]" | "}" => depth -= 1,
            ";" if depth == 0 => return next,
            _ => {}
        }
    }
    &[]
}

/// All paths, of imports and of expressions.
pub(super) fn paths(tokens: &[Token]) -> Vec<Path> {
    let mut paths = Vec::new();
    let mut rest = tokens;
    while let Some((first, tail)) = rest.split_first() {
        if first.is("use") {
            rest = use_tree(tail, &[], &mut paths);
        } else if first.is_name() {
            rest = path(rest, &mut paths);
        } else {
            rest = tail;
        }
    }
    paths
}

/// Reads `a::b::c` and returns what follows.
fn path<'t>(tokens: &'t [Token], paths: &mut Vec<Path>) -> &'t [Token] {
    let mut segments = Vec::new();
    let mut line = 0;
    let mut rest = tokens;
    while let Some((first, tail)) = rest.split_first()
        && first.is_name()
    {
        segments.push(first.text.clone());
        line = first.line;
        rest = tail;
        match tail {
            [colons, next, ..] if colons.is("::") && next.is_name() => {
                rest = tail.get(1..).unwrap_or_default()
            }
            _ => break,
        }
    }
    let is_macro = rest.first().is_some_and(|it| it.is("!")) && !rest.get(1).is_some_and(|it| it.is("="));
    paths.push(Path {
        segments,
        line,
        is_macro,
    });
    rest
}

/// Reads one tree of a `use` (up to `,`, `}` or `;`) and returns what follows. A `*` is kept as a segment.
fn use_tree<'t>(tokens: &'t [Token], prefix: &[String], paths: &mut Vec<Path>) -> &'t [Token] {
    let mut segments = prefix.to_vec();
    let mut line = 0;
    let mut rest = tokens;
    while let Some((first, tail)) = rest.split_first() {
        if first.is("{") {
            rest = tail;
            while !rest.first().is_none_or(|it| it.is("}")) {
                rest = use_tree(rest, &segments, paths);
                if rest.first().is_some_and(|it| it.is(",")) {
                    rest = rest.get(1..).unwrap_or_default();
                }
            }
            return rest.get(1..).unwrap_or_default();
        }
        if first.is("as") {
            rest = tail.get(1..).unwrap_or_default();
            continue;
        }
        if first.is_name() || first.is("*") {
            segments.push(first.text.clone());
            line = first.line;
        } else if !first.is("::") {
            break;
        }
        rest = tail;
    }
    if segments.len() > prefix.len() {
        paths.push(Path {
            segments,
            line,
            is_macro: false,
        });
    } else if let Some((_, tail)) = rest.split_first()
        && !rest.first().is_some_and(|it| it.is("}") || it.is(","))
    {
        rest = tail;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &[&str]) {
        let paths = paths(&without_tests(&tokens(source)));
        let found: Vec<String> = (paths.iter())
            .map(|path| path.segments.join("::") + if path.is_macro { "!" } else { "" })
            .collect();
        assert_eq!(found, expected, "{source}");
    }

    #[test]
    fn imports_are_read_however_they_are_written() {
        check("use std::fs;", &["std::fs"]);
        check(
            "use std::{fs, time::{Duration, Instant}};",
            &["std::fs", "std::time::Duration", "std::time::Instant"],
        );
        check(
            "use std::time::{self as clock, Instant as Now,};",
            &["std::time::self", "std::time::Instant"],
        );
        check("use std::*; use ::std::env;", &["std::*", "std::env"]);
        check("pub(crate) use a::b; c::d();", &["pub", "crate", "a::b", "c::d"]);
    }

    #[test]
    fn paths_in_code_are_read_with_their_macros() {
        check("std::fs::read(x)", &["std::fs::read", "x"]);
        check("println!(a); b != c", &["println!", "a", "b", "c"]);
        check(
            "Vec::<std::time::Instant>::new()",
            &["Vec", "std::time::Instant", "new"],
        );
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        check("// std::fs\n/* std::fs /* nested */ std::env */ a", &["a"]);
        check(
            r##"a("std::fs \" std::env"); b(r#"std::fs " "#); c(b"std::env")"##,
            &["a", "b", "c"],
        );
        check(
            "let a: &'static str = '\\'' ; f('\"'); std::fs",
            &["let", "a", "static", "str", "f", "std::fs"],
        );
    }

    #[test]
    fn test_items_are_left_out_wherever_they_stand() {
        check(
            "#[cfg(test)] mod tests; #[cfg(test)] #[allow(x)] fn f(a: [u8; 2]) { b(); } c()",
            &["c"],
        );
        check("mod a { #[cfg(test)] use b::{c}; } d()", &["mod", "a", "d"]);
        check(
            "match a { b => c, #[cfg(test)] d => e } f()",
            &["match", "a", "b", "c", "f"],
        );
        check(
            "a(); #[cfg(test)] mod tests { fn x() { std::fs::read(1); } }",
            &["a"],
        );
    }

    #[test]
    fn lines_are_counted_through_literals_and_comments() {
        let tokens = tokens("/* a\n */ \"x\ny\"\nlast");
        assert_eq!(
            tokens.last(),
            Some(&Token {
                text: "last".into(),
                line: 4
            })
        );
    }

    #[test]
    fn unfinished_source_ends_the_reading() {
        for source in ["/* a", "\"a", "r#\"a", "use a::{b", "use {", "'", "use"] {
            let _ = paths(&tokens(source));
        }
    }
}
