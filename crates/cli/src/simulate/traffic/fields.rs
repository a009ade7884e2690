//! The fields of an object of a line, and the values that several fields have in common.

use crate::document::{Entry, Kind, Mistake, Node, join, quoted};
use crate::time;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::time::Duration;

/// An object of a line while it is read.
pub(super) struct Fields<'e, 'm> {
    line: usize,
    path: String,
    entries: &'e [Entry],
    mistakes: &'m mut Vec<Mistake>,
}

/// Where a reader says what is wrong with a value in more words than "is not ...".
pub(super) type Wrong<'w> = &'w mut Vec<(String, String)>;

impl<'e, 'm> Fields<'e, 'm> {
    pub(super) fn of_line(line: usize, entries: &'e [Entry], mistakes: &'m mut Vec<Mistake>) -> Self {
        Self {
            line,
            path: String::new(),
            entries,
            mistakes,
        }
    }

    /// The object in a field, while the outer one waits; `None` where the field is absent or no object.
    pub(super) fn object<'s>(&'s mut self, key: &str, expected: &str) -> Option<Fields<'e, 's>> {
        let value = self.get(key)?;
        let path = join(&self.path, key);
        let Kind::Object(entries) = &value.kind else {
            self.wrong(key, format!("{} is not {expected}", value.excerpt()));
            return None;
        };
        Some(Fields {
            line: self.line,
            path,
            entries,
            mistakes: self.mistakes,
        })
    }

    pub(super) fn get(&self, key: &str) -> Option<&'e Node> {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// Notes what is wrong with a field.
    pub(super) fn wrong(&mut self, key: &str, message: String) {
        self.mistakes.push(Mistake {
            line: self.line,
            path: join(&self.path, key),
            message,
        });
    }

    pub(super) fn has_mistake(&self, key: &str) -> bool {
        let path = join(&self.path, key);
        self.mistakes
            .iter()
            .any(|mistake| mistake.line == self.line && mistake.path == path)
    }

    /// Notes fields that are not among `known`, and repeated ones.
    pub(super) fn known(&mut self, known: &[&str], what: &str) {
        for (index, entry) in self.entries.iter().enumerate() {
            if self
                .entries
                .iter()
                .take(index)
                .any(|earlier| earlier.key == entry.key)
            {
                self.wrong(&entry.key, "is there twice: write it once".to_owned());
            } else if !known.contains(&entry.key.as_str()) {
                self.wrong(
                    &entry.key,
                    format!("unknown field: {what} can have {}", known.join(", ")),
                );
            }
        }
    }

    /// Reads a field. `read` gives `None` for a value that is not `expected`, or says itself what is wrong.
    pub(super) fn read<T>(
        &mut self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&'e Node, Wrong<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(key)?;
        let mut wrong = Vec::new();
        let found = read(value, &mut wrong);
        if found.is_none() && wrong.is_empty() {
            wrong.push((String::new(), format!("{} is not {expected}", value.excerpt())));
        }
        let path = join(&self.path, key);
        for (below, message) in wrong {
            self.mistakes.push(Mistake {
                line: self.line,
                path: format!("{path}{below}"),
                message,
            });
        }
        found
    }
}

/// Notes a mistake of the value itself.
fn here(wrong: Wrong<'_>, message: String) {
    wrong.push((String::new(), message));
}

/// A duration, perhaps negative.
pub(super) fn nanos(value: &Node, wrong: Wrong<'_>) -> Option<i64> {
    let found = match &value.kind {
        Kind::Number(number) => number.as_f64().and_then(time::millis_to_nanos),
        Kind::Text(text) => time::parse_nanos(text),
        _ => None,
    };
    if found.is_none() {
        here(wrong, format!("{} is not {}", value.excerpt(), time::EXPECTED));
    }
    found
}

/// A duration that is not negative.
pub(super) fn after_start(value: &Node, wrong: Wrong<'_>) -> Option<Duration> {
    let nanos = nanos(value, wrong)?;
    match u64::try_from(nanos) {
        Ok(nanos) => Some(Duration::from_nanos(nanos)),
        Err(_) => {
            here(wrong, format!("{} is negative: write 0 or more", value.excerpt()));
            None
        }
    }
}

/// An integer that is not negative.
pub(super) fn integer(value: &Node) -> Option<u64> {
    match &value.kind {
        Kind::Number(number) => number.as_u64(),
        _ => None,
    }
}

/// The index of a worker.
pub(super) fn worker(value: &Node, workers: usize, wrong: Wrong<'_>) -> Option<usize> {
    let found = integer(value)
        .and_then(|index| usize::try_from(index).ok())
        .filter(|index| *index < workers);
    if found.is_none() {
        let last = workers.saturating_sub(1);
        here(
            wrong,
            format!(
                "{} is not a worker: write 0 to {last}, or run more with --workers",
                value.excerpt()
            ),
        );
    }
    found
}

/// Text, or `{"base64": ..}` for bytes that are not UTF-8.
pub(super) fn bytes(value: &Node, path: &str, wrong: Wrong<'_>) -> Option<Vec<u8>> {
    const EXPECTED: &str = "text: write it in quotes, or bytes as {\"base64\": \"..\"}";
    match &value.kind {
        Kind::Text(text) => return Some(text.clone().into_bytes()),
        Kind::Object(entries) => {
            if let [
                Entry {
                    key, value: inner, ..
                },
            ] = &entries[..]
                && key == "base64"
                && let Some(encoded) = inner.text()
            {
                match STANDARD.decode(encoded) {
                    Ok(bytes) => return Some(bytes),
                    Err(error) => {
                        let message = format!("{} is not base64: {error}", quoted(encoded));
                        wrong.push((format!("{path}.base64"), message));
                        return None;
                    }
                }
            }
        }
        _ => {}
    }
    wrong.push((path.to_owned(), format!("{} is not {EXPECTED}", value.excerpt())));
    None
}
