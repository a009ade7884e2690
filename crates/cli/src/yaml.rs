//! YAML (and with it JSON) into [`Node`]s, read as Kubernetes reads it.
//!
//! `saphyr-parser` finds the tokens; what a plain word means follows YAML 1.1 as `kubectl` and Helm apply it (source:
//! `sigs.k8s.io/yaml/goyaml.v2`, `resolve.go`), so that a policy means the same here and in a cluster: `off` and `no` are
//! booleans, `010` is eight, `<<` merges. Anchors work, up to a bound on what they unfold to. Keys are text; a number as a
//! key is its text, as Kubernetes makes it, and a boolean as a key is refused, because nobody means it.

#[cfg(test)]
mod tests;

use crate::document::{Entry, Kind, Mistake, Node};
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::Number;
use std::borrow::Cow;
use std::collections::HashMap;

/// The most values that a file may hold, after aliases.
const MOST_NODES: usize = 200_000;
/// The deepest nesting.
const DEEPEST: usize = 100;

/// Reads all documents of a file; empty ones are left out.
///
/// # Errors
/// Everything found up to the first mistake in the syntax.
pub(crate) fn documents(text: &str) -> Result<Vec<Node>, Vec<Mistake>> {
    let mut loader = Loader::default();
    let mut parser = Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    while let Some(next) = parser.next_event() {
        match next {
            Ok((event, span)) => loader.on(event, span.start.line()),
            Err(error) => {
                let message = format!("cannot be read: {}", error.info());
                loader.mistakes.push(Mistake::at(error.marker().line(), message));
                break;
            }
        }
        if loader.nodes > MOST_NODES || loader.stack.len() > DEEPEST {
            loader
                .mistakes
                .push(Mistake::at(0, "is too large or too deep for a policy"));
            break;
        }
    }
    if !loader.mistakes.is_empty() {
        return Err(loader.mistakes);
    }
    Ok(loader.documents)
}

/// A list or an object while it is open.
struct Open {
    node: Node,
    anchor: usize,
    /// The key whose value comes next.
    key: Option<(String, usize)>,
    /// What `<<` brought; fields of its own come first.
    merged: Vec<Entry>,
}

#[derive(Default)]
struct Loader {
    documents: Vec<Node>,
    stack: Vec<Open>,
    anchors: HashMap<usize, Node>,
    mistakes: Vec<Mistake>,
    nodes: usize,
}

impl Loader {
    fn on(&mut self, event: Event<'_>, line: usize) {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let kind = self.scalar(&text, style, tag, line);
                self.add(Node { line, kind }, anchor);
            }
            Event::SequenceStart(anchor, _) => self.open(Kind::List(Vec::new()), anchor, line),
            Event::MappingStart(anchor, _) => self.open(Kind::Object(Vec::new()), anchor, line),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(mut open) = self.stack.pop() {
                    if let Kind::Object(entries) = &mut open.node.kind {
                        for entry in open.merged {
                            if !entries.iter().any(|own| own.key == entry.key) {
                                entries.push(entry);
                            }
                        }
                    }
                    self.add(open.node, open.anchor);
                }
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => {
                    self.nodes = self.nodes.saturating_add(size(&node));
                    self.add(node, 0);
                }
                None => self
                    .mistakes
                    .push(Mistake::at(line, "an alias to something that is not complete")),
            },
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
    }

    fn open(&mut self, kind: Kind, anchor: usize, line: usize) {
        self.stack.push(Open {
            node: Node { line, kind },
            anchor,
            key: None,
            merged: Vec::new(),
        });
    }

    fn add(&mut self, node: Node, anchor: usize) {
        self.nodes = self.nodes.saturating_add(1);
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.stack.last_mut() else {
            if node.kind != Kind::Null {
                self.documents.push(node);
            }
            return;
        };
        match (&mut open.node.kind, open.key.take()) {
            (Kind::List(items), _) => items.push(node),
            (Kind::Object(_), Some((key, _))) if key == "<<" => {
                if let Err(mistake) = merge(&mut open.merged, node) {
                    self.mistakes.push(mistake);
                }
            }
            (Kind::Object(entries), Some((key, line))) => entries.push(Entry {
                key,
                line,
                value: node,
            }),
            (_, _) => {
                let line = node.line;
                open.key = Some((key_of(node, &mut self.mistakes), line));
            }
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<Cow<'_, Tag>>, line: usize) -> Kind {
        let suffix = match &tag {
            Some(tag) if tag.is_yaml_core_schema() => Some(tag.suffix.as_str()),
            Some(tag) => {
                self.mistakes.push(Mistake::at(
                    line,
                    format!("the tag {tag} means nothing here: leave it out"),
                ));
                None
            }
            None => None,
        };
        match suffix {
            Some("str") => Kind::Text(text.to_owned()),
            Some(_) => plain(text),
            None if style == ScalarStyle::Plain => plain(text),
            None => Kind::Text(text.to_owned()),
        }
    }
}

/// A key as text.
fn key_of(node: Node, mistakes: &mut Vec<Mistake>) -> String {
    let problem = match node.kind {
        Kind::Text(text) => return text,
        Kind::Number(number) => return number.to_string(),
        Kind::Bool(value) => format!("this key is the boolean {value} in YAML 1.1: put it in quotes"),
        Kind::Null => "this key is empty: write a name".to_owned(),
        Kind::List(_) | Kind::Object(_) => "a key cannot be a list or an object: write a name".to_owned(),
    };
    mistakes.push(Mistake::at(node.line, problem));
    String::new()
}

/// What `<<` brings.
fn merge(merged: &mut Vec<Entry>, node: Node) -> Result<(), Mistake> {
    match node.kind {
        Kind::Object(entries) => merged.extend(entries),
        Kind::List(items) => items.into_iter().try_for_each(|item| merge(merged, item))?,
        _ => {
            return Err(Mistake::at(
                node.line,
                "<< merges objects only: write an alias to one",
            ));
        }
    }
    Ok(())
}

fn size(node: &Node) -> usize {
    match &node.kind {
        Kind::List(items) => items.iter().map(size).sum::<usize>().saturating_add(1),
        Kind::Object(entries) => entries
            .iter()
            .map(|entry| size(&entry.value))
            .sum::<usize>()
            .saturating_add(1),
        _ => 1,
    }
}

/// What an unquoted word is in YAML 1.1.
fn plain(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Kind::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Kind::Bool(false);
        }
        _ => {}
    }
    let starts = text.trim_start_matches(['+', '-']).trim_start_matches('.');
    if !starts.starts_with(|c: char| c.is_ascii_digit()) {
        return Kind::Text(text.to_owned());
    }
    let digits = text.replace('_', "");
    match integer(&digits).or_else(|| decimal(&digits)) {
        Some(number) => Kind::Number(number),
        None => Kind::Text(text.to_owned()),
    }
}

fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, digits.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, digits.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, digits.get(2..)?),
        [b'0', _, ..] => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    if !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let value = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        i64::try_from(value).ok().map(|value| (-value).into())
    } else {
        Some(value.into())
    }
}

fn decimal(text: &str) -> Option<Number> {
    let known = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    if !text.chars().all(known) {
        return None;
    }
    Number::from_f64(text.parse().ok()?)
}
