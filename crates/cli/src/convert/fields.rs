//! The fields of an object of a source, each of which somebody has to ask for: what nobody asked for is unknown.

use super::draft::{Log, Place};
use crate::document::{Entry, Kind, Node, join};

/// An object's fields that nobody has asked for yet.
pub(super) struct Fields<'n> {
    path: String,
    left: Vec<&'n Entry>,
}

/// A field that is there, and not null.
#[derive(Clone, Debug)]
pub(super) struct Found<'n> {
    pub(super) key: &'n str,
    pub(super) at: Place,
    pub(super) value: &'n Node,
}

impl<'n> Fields<'n> {
    /// The fields of `node`, which stands at `path`. Something that is no object is a mistake, and has none.
    pub(super) fn of(node: &'n Node, path: &str, log: &mut Log) -> Self {
        let left = match &node.kind {
            Kind::Object(entries) => entries.iter().collect(),
            _ => {
                let at = Place {
                    line: node.line,
                    path: path.to_owned(),
                };
                log.wrong(&at, node, "an object: write its fields");
                Vec::new()
            }
        };
        Self {
            path: path.to_owned(),
            left,
        }
    }

    /// The field of this name. One that is null counts as absent.
    pub(super) fn take(&mut self, key: &str) -> Option<Found<'n>> {
        let index = self.left.iter().position(|entry| entry.key == key)?;
        let entry = self.left.remove(index);
        (entry.value.kind != Kind::Null).then(|| found(&self.path, entry))
    }

    /// Where a field of this name would be, in an object that begins on `line`.
    pub(super) fn place(&self, key: &str, line: usize) -> Place {
        Place {
            line,
            path: join(&self.path, key),
        }
    }

    /// What nobody has asked for.
    pub(super) fn rest(self) -> Vec<Found<'n>> {
        self.left
            .into_iter()
            .map(|entry| found(&self.path, entry))
            .collect()
    }
}

fn found<'n>(path: &str, entry: &'n Entry) -> Found<'n> {
    Found {
        key: &entry.key,
        at: Place {
            line: entry.line,
            path: join(path, &entry.key),
        },
        value: &entry.value,
    }
}

impl<'n> Found<'n> {
    /// The items of a list; something else is a mistake, and has none.
    pub(super) fn items(&self, log: &mut Log) -> Vec<(Place, &'n Node)> {
        let Kind::List(items) = &self.value.kind else {
            log.wrong(&self.at, self.value, "a list");
            return Vec::new();
        };
        let place = |(index, item): (usize, &'n Node)| {
            let at = Place {
                line: item.line,
                path: format!("{}[{index}]", self.at.path),
            };
            (at, item)
        };
        items.iter().enumerate().map(place).collect()
    }

    /// The text; something else is a mistake.
    pub(super) fn text(&self, log: &mut Log) -> Option<&'n str> {
        let text = self.value.text();
        if text.is_none() {
            log.wrong(&self.at, self.value, "text: write it in quotes");
        }
        text
    }

    /// The boolean; something else is a mistake.
    pub(super) fn flag(&self, log: &mut Log) -> Option<bool> {
        match &self.value.kind {
            Kind::Bool(flag) => Some(*flag),
            Kind::Text(text) if text == "true" => Some(true),
            Kind::Text(text) if text == "false" => Some(false),
            _ => {
                log.wrong(&self.at, self.value, "true or false");
                None
            }
        }
    }

    /// The number, which some formats allow to be written as text; something else is a mistake.
    pub(super) fn number(&self, log: &mut Log) -> Option<f64> {
        let number = match &self.value.kind {
            Kind::Number(number) => number.as_f64(),
            Kind::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| number.is_finite());
        if number.is_none() {
            log.wrong(&self.at, self.value, "a number: write one without a unit");
        }
        number
    }

    /// A whole number of at least 0; something else is a mistake.
    pub(super) fn whole(&self, log: &mut Log) -> Option<u64> {
        let number = self.number(log)?;
        if number < 0.0 || number.fract() != 0.0 {
            log.wrong(&self.at, self.value, "a whole number of 0 or more");
            return None;
        }
        Some(number as u64)
    }
}
