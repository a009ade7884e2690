//! What is wrong with a config: every mistake, each with its path.

use crate::json::Json;
use std::fmt;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, as in `limits[2].rate`. Empty for the config as a whole.
    pub path: String,
    /// What is wrong with which value, and what to write instead.
    pub message: String,
}

impl Problem {
    fn write(&self, out: &mut String) {
        if !self.path.is_empty() {
            out.push_str(&self.path);
            out.push_str(": ");
        }
        out.push_str(&self.message);
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.write(&mut out);
        f.write_str(&out)
    }
}

/// Every mistake of a config, at least one. Displayed as a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors(pub(crate) Vec<Problem>);

impl Errors {
    /// The mistakes, in the order in which the fields are documented.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }

    /// The text that stands in a log or on a terminal: a line each, the first hundred.
    #[must_use]
    pub fn message(&self) -> String {
        const SHOWN: usize = 100;
        let mut out = String::new();
        for problem in self.0.iter().take(SHOWN) {
            if !out.is_empty() {
                out.push('\n');
            }
            problem.write(&mut out);
        }
        let more = self.0.len().saturating_sub(SHOWN);
        if more > 0 {
            out.push_str("\nand ");
            out.push_str(&more.to_string());
            out.push_str(" more");
        }
        out
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for Errors {}

/// A place to come back to: the length of the path there.
#[derive(Clone, Copy)]
pub(crate) struct Mark(usize);

/// Collects problems while a document is walked, and knows where the walk is.
#[derive(Default)]
pub(crate) struct Problems {
    path: String,
    list: Vec<Problem>,
}

impl Problems {
    /// Steps into a field.
    pub(crate) fn enter(&mut self, key: &str) -> Mark {
        let mark = Mark(self.path.len());
        if !key.is_empty()
            && key
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        {
            if !self.path.is_empty() {
                self.path.push('.');
            }
            self.path.push_str(key);
        } else {
            self.path.push('[');
            self.path.push_str(&crate::json::quoted(key));
            self.path.push(']');
        }
        mark
    }

    /// Steps into an item of a list.
    pub(crate) fn enter_item(&mut self, index: usize) -> Mark {
        let mark = Mark(self.path.len());
        self.path.push('[');
        self.path.push_str(&index.to_string());
        self.path.push(']');
        mark
    }

    /// Steps back out.
    pub(crate) fn leave(&mut self, mark: Mark) {
        self.path.truncate(mark.0);
    }

    /// Notes a problem here.
    pub(crate) fn add(&mut self, message: String) {
        self.list.push(Problem {
            path: self.path.clone(),
            message,
        });
    }

    /// Notes a problem made of pieces. One function instead of a `format!` in each place keeps the .wasm small.
    #[inline(never)]
    pub(crate) fn say(&mut self, pieces: &[&str]) {
        self.add(pieces.concat());
    }

    /// Notes that `value` is not what belongs here: `expected` says what does and, after a colon, how to write it.
    #[inline(never)]
    pub(crate) fn wrong(&mut self, value: &Json, expected: &str) {
        self.say(&[&value.excerpt(), " is not ", expected]);
    }

    /// Notes a problem in a field of the object where the walk is.
    #[inline(never)]
    pub(crate) fn say_at(&mut self, key: &str, pieces: &[&str]) {
        let mark = self.enter(key);
        self.say(pieces);
        self.leave(mark);
    }

    /// How many problems there are so far.
    pub(crate) fn count(&self) -> usize {
        self.list.len()
    }

    /// The problems, or `value` where there are none.
    ///
    /// A value that is missing without a problem would be a defect of this crate; it is still refused.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Errors> {
        match value {
            Some(value) if self.list.is_empty() => Ok(value),
            _ if self.list.is_empty() => Err(Errors(vec![Problem {
                path: self.path,
                message: "cannot be used".to_owned(),
            }])),
            _ => Err(Errors(self.list)),
        }
    }
}

/// `a`, `a or b`, `a, b or c`.
pub(crate) fn or_list(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => [&first.join(", "), " or ", last].concat(),
    }
}

/// The known word that `word` was probably meant to be: at most two edits away, about one for three letters.
pub(crate) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let mut best: Option<(usize, &'k str)> = None;
    for candidate in known {
        let distance = edits(word, candidate);
        let allowed = (candidate.len().saturating_add(1) / 3).clamp(1, 2);
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Levenshtein distance without regard to case, `-` and `_`; words of more than 40 bytes are far from everything.
fn edits(a: &str, b: &str) -> usize {
    const LONGEST: usize = 40;
    let fold = |text: &str| -> Vec<u8> {
        text.bytes()
            .filter(|b| !matches!(b, b'-' | b'_'))
            .map(|b| b.to_ascii_lowercase())
            .collect()
    };
    if a.len() > LONGEST {
        return usize::MAX;
    }
    let (a, b) = (fold(a), fold(b));
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (above, y) in row.iter_mut().skip(1).zip(&b) {
            let replaced = diagonal.saturating_add(usize::from(x != y));
            diagonal = *above;
            left = replaced.min(above.saturating_add(1)).min(left.saturating_add(1));
            *above = left;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_word_finds_its_neighbour() {
        let known = ["name", "match", "key", "rate", "burst", "on_overflow", "max_keys"];
        for (word, expected) in [
            ("burts", Some("burst")),
            ("brust", Some("burst")),
            ("bursts", Some("burst")),
            ("Rate", Some("rate")),
            ("keys", Some("key")),
            ("onOverflow", Some("on_overflow")),
            ("max-keys", Some("max_keys")),
            ("maxkey", Some("max_keys")),
            ("matches", Some("match")),
            ("requests", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &known), expected, "{word}");
        }
        assert_eq!(nearest(&"k".repeat(1000), &known), None);
    }

    #[test]
    fn paths_read_as_they_are_written_in_yaml() {
        let mut at = Problems::default();
        let outer = at.enter("limits");
        at.enter_item(2);
        at.enter("x-tier");
        at.enter("a b");
        at.say(&["oops"]);
        at.leave(outer);
        at.say(&["top"]);
        let errors = at.finish::<()>(None).unwrap_err();
        assert_eq!(errors.to_string(), "limits[2].x-tier[\"a b\"]: oops\ntop");
    }
}
