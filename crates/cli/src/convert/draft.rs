//! What a conversion makes: breakers as they will be written, and a note for each field of the source.

use crate::document::{Entry, Kind, Mistake, Node};

/// All that was made of a file.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// What was read: `DestinationRule`, `opossum`, `resilience4j`.
    pub(super) from: &'static str,
    pub(super) drafts: Vec<Draft>,
    pub(super) notes: Vec<Note>,
    /// What was left out, and why.
    pub(super) skipped: Vec<String>,
}

impl Made {
    pub(super) fn new(from: &'static str) -> Self {
        Self {
            from,
            drafts: Vec::new(),
            notes: Vec::new(),
            skipped: Vec::new(),
        }
    }
}

/// One breaker.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) name: String,
    /// What it was made of, for the comment above it.
    pub(super) of: String,
    /// Its fields but the name, in the order in which they are written.
    pub(super) fields: Vec<Field>,
}

/// A field of a breaker.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) key: &'static str,
    pub(super) value: Node,
    /// Where it comes from, for the comment behind it; empty: no comment.
    pub(super) from: String,
}

impl Draft {
    pub(super) fn new(name: impl Into<String>, of: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            of: of.into(),
            fields: Vec::new(),
        }
    }

    /// Writes a field, after those that are there.
    pub(super) fn set(&mut self, key: &'static str, value: Node, from: impl Into<String>) {
        self.fields.push(Field {
            key,
            value,
            from: from.into(),
        });
    }
}

/// What became of a field of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// A field that means the same.
    Became,
    /// A field that means nearly the same.
    Changed,
    /// Nothing: a policy cannot say it.
    Lost,
    /// Nothing: it does its work where it is.
    Stays,
}

impl Fate {
    pub(super) const ALL: [Self; 4] = [Self::Became, Self::Changed, Self::Lost, Self::Stays];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Became => "became",
            Self::Changed => "changed",
            Self::Lost => "lost",
            Self::Stays => "stays",
        }
    }
}

/// What became of one field, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) fate: Fate,
    pub(super) line: usize,
    pub(super) path: String,
    pub(super) text: String,
}

/// Collects notes and mistakes while a source is read.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) notes: Vec<Note>,
    pub(super) mistakes: Vec<Mistake>,
}

/// Where something is in a source.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) path: String,
}

impl Log {
    pub(super) fn note(&mut self, fate: Fate, at: &Place, text: impl Into<String>) {
        self.notes.push(Note {
            fate,
            line: at.line,
            path: at.path.clone(),
            text: text.into(),
        });
    }

    pub(super) fn became(&mut self, at: &Place, text: impl Into<String>) {
        self.note(Fate::Became, at, text);
    }

    pub(super) fn changed(&mut self, at: &Place, text: impl Into<String>) {
        self.note(Fate::Changed, at, text);
    }

    pub(super) fn lost(&mut self, at: &Place, text: impl Into<String>) {
        self.note(Fate::Lost, at, text);
    }

    pub(super) fn stays(&mut self, at: &Place, text: impl Into<String>) {
        self.note(Fate::Stays, at, text);
    }

    /// `expected` says what belongs here and how to write it.
    pub(super) fn wrong(&mut self, at: &Place, value: &Node, expected: &str) {
        self.mistake(at, format!("{} is not {expected}", value.excerpt()));
    }

    pub(super) fn mistake(&mut self, at: &Place, message: impl Into<String>) {
        self.mistakes.push(Mistake {
            line: at.line,
            path: at.path.clone(),
            message: message.into(),
        });
    }

    /// What was made, unless there were mistakes.
    ///
    /// # Errors
    /// The mistakes, by line.
    pub(super) fn finish(mut self, mut made: Made) -> Result<Made, Vec<Mistake>> {
        if !self.mistakes.is_empty() {
            self.mistakes.sort_by_key(|mistake| mistake.line);
            return Err(self.mistakes);
        }
        made.notes = self.notes;
        Ok(made)
    }
}

/// A text in a policy.
pub(super) fn text(value: impl Into<String>) -> Node {
    node(Kind::Text(value.into()))
}

/// A whole number in a policy.
pub(super) fn number(value: u64) -> Node {
    node(Kind::Number(value.into()))
}

/// A list of texts in a policy.
pub(super) fn texts<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Node {
    node(Kind::List(items.into_iter().map(text).collect()))
}

/// An object in a policy.
pub(super) fn object(fields: Vec<(&str, Node)>) -> Node {
    let entry = |(key, value): (&str, Node)| Entry {
        key: key.to_owned(),
        line: 0,
        value,
    };
    node(Kind::Object(fields.into_iter().map(entry).collect()))
}

pub(super) fn node(kind: Kind) -> Node {
    Node { line: 0, kind }
}
