//! A document as it was written: objects keep their order and their repeated keys, and everything knows its line.
//!
//! YAML ([`crate::yaml`]) and JSON both become this tree. What this module does not do: know what a policy is.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;
use std::fmt;

/// A value and the line on which it begins, counted from 1; 0 where lines are not known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) kind: Kind,
}

/// What a [`Node`] is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Object(Vec<Entry>),
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) value: Node,
}

/// Something wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Counted from 1; 0: the file as a whole.
    pub(crate) line: usize,
    /// Where in the document; empty for all of it.
    pub(crate) path: String,
    /// What is wrong with which value, and what to write instead.
    pub(crate) message: String,
}

impl Mistake {
    /// A mistake of a line, or (0) of the file.
    pub(crate) fn at(line: usize, message: impl Into<String>) -> Self {
        Self {
            line,
            path: String::new(),
            message: message.into(),
        }
    }

    /// `file:line: path: message`, as editors and compilers write it.
    pub(crate) fn show(&self, file: &str) -> String {
        place(file, self.line, &self.path) + &self.message
    }
}

/// `file:line: path: `, without what is not known.
pub(crate) fn place(file: &str, line: usize, path: &str) -> String {
    let mut out = file.to_owned();
    if line > 0 {
        out.push_str(&format!(":{line}"));
    }
    out.push_str(": ");
    if !path.is_empty() {
        out.push_str(path);
        out.push_str(": ");
    }
    out
}

impl Node {
    /// The value as `serde_json` has it. Of a repeated key the first one counts; [`Node::repeated`] finds the others.
    pub(crate) fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Kind::Object(entries) => {
                let mut map = Map::new();
                for entry in entries {
                    map.entry(entry.key.clone())
                        .or_insert_with(|| entry.value.to_value());
                }
                Value::Object(map)
            }
        }
    }

    /// The first field of that name, if this is an object that has one.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Object(entries) => entries
                .iter()
                .find(|entry| entry.key == key)
                .map(|entry| &entry.value),
            _ => None,
        }
    }

    /// The text, if this is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Every key that an object has twice.
    pub(crate) fn repeated(&self) -> Vec<Mistake> {
        let mut found = Vec::new();
        self.walk("", &mut |path, entry, earlier| {
            if earlier {
                found.push(Mistake {
                    line: entry.line,
                    path: path.to_owned(),
                    message: "is there twice: write it once".to_owned(),
                });
            }
        });
        found
    }

    /// Where everything is.
    pub(crate) fn lines(&self) -> Lines {
        let mut lines = BTreeMap::from([(String::new(), self.line)]);
        self.walk("", &mut |path, entry, _| {
            lines.entry(path.to_owned()).or_insert(entry.line);
        });
        Lines(lines)
    }

    /// Visits every field and list item with its path. A list item counts as a field of its own line. The flag says
    /// whether the object had the key before.
    fn walk(&self, path: &str, visit: &mut impl FnMut(&str, &Entry, bool)) {
        match &self.kind {
            Kind::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    let entry = Entry {
                        key: String::new(),
                        line: item.line,
                        value: Self {
                            line: 0,
                            kind: Kind::Null,
                        },
                    };
                    visit(&path, &entry, false);
                    item.walk(&path, visit);
                }
            }
            Kind::Object(entries) => {
                for (index, entry) in entries.iter().enumerate() {
                    let path = join(path, &entry.key);
                    visit(
                        &path,
                        entry,
                        entries.iter().take(index).any(|earlier| earlier.key == entry.key),
                    );
                    entry.value.walk(&path, visit);
                }
            }
            _ => {}
        }
    }

    /// The value as it is shown in a message: short, on one line.
    pub(crate) fn excerpt(&self) -> String {
        match &self.kind {
            Kind::Null => "null".to_owned(),
            Kind::Bool(value) => value.to_string(),
            Kind::Number(number) => number.to_string(),
            Kind::Text(text) => quoted(text),
            Kind::List(_) => "a list".to_owned(),
            Kind::Object(_) => "an object".to_owned(),
        }
    }
}

/// The line of each path of a document.
#[derive(Clone, Debug)]
pub(crate) struct Lines(BTreeMap<String, usize>);

impl Lines {
    /// The line of `path`, or of the nearest thing around it that exists: a missing field is on the line of its object.
    pub(crate) fn of(&self, path: &str) -> usize {
        let ends = path
            .char_indices()
            .filter(|(_, c)| matches!(c, '.' | '['))
            .map(|(index, _)| index);
        let mut around: Vec<usize> = std::iter::once(0).chain(ends).chain([path.len()]).collect();
        around.reverse();
        around
            .into_iter()
            .filter_map(|end| path.get(..end))
            .find_map(|prefix| self.0.get(prefix).copied())
            .unwrap_or(0)
    }
}

/// The path of a field, written as `fairlead_config` writes it.
pub(crate) fn join(path: &str, key: &str) -> String {
    let plain = !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    match (plain, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => format!("{path}[{}]", quoted(key)),
    }
}

/// `text` in quotes, without control characters, cut after 60 characters.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut out = String::from("\"");
    for c in text.chars().take(SHOWN) {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out.push_str(if text.chars().nth(SHOWN).is_some() {
        "...\""
    } else {
        "\""
    });
    out
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(AnyValue)
            .map(|kind| Self { line: 0, kind })
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(Kind::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Kind, E> {
        Ok(Number::from_f64(value).map_or(Kind::Null, Kind::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Kind, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Kind::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Kind, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = fields.next_entry()? {
            entries.push(Entry { key, line: 0, value });
        }
        Ok(Kind::Object(entries))
    }
}
