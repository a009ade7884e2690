//! YAML as it is written: maps that keep their order, with comments, in block style.
//!
//! A text is in quotes unless it is text in every version of YAML: a cluster reads YAML 1.1, in which `off` is a boolean,
//! `010` is eight and `1:30` is ninety, Envoy reads YAML 1.2, and a digest of digits with one `e` among them is a number to
//! both. Emitters of the ecosystem follow one version each, and have no comment between two fields; the whole of what is
//! needed here is a page. What this module does not do: read YAML.

#[cfg(test)]
pub(crate) mod tests;

use serde_json::{Number, Value};

/// A value, as a document has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Yaml {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(Number),
    /// Text.
    Text(String),
    /// Text of several lines that is to be read, as a literal block: of plain characters, and none of its lines is empty.
    Block(String),
    /// A list.
    List(Vec<Yaml>),
    /// A map.
    Map(Map),
}

/// Fields in the order in which they were added.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    fields: Vec<Field>,
    above: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
struct Field {
    key: String,
    value: Yaml,
    above: Vec<String>,
}

impl Map {
    /// Writes a comment above what is added next: a line each.
    pub fn comment(&mut self, line: impl Into<String>) {
        self.above.push(line.into());
    }

    /// Adds a field.
    pub fn add(&mut self, key: impl Into<String>, value: impl Into<Yaml>) {
        self.fields.push(Field {
            key: key.into(),
            value: value.into(),
            above: std::mem::take(&mut self.above),
        });
    }

    /// Adds a field if there is a value for it.
    pub fn maybe(&mut self, key: &str, value: Option<impl Into<Yaml>>) {
        if let Some(value) = value {
            self.add(key, value);
        }
    }

    /// The first field of that name.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Yaml> {
        let found = self.fields.iter().find(|field| field.key == key);
        found.map(|field| &field.value)
    }

    /// The fields in their order.
    pub(crate) fn fields(&self) -> impl ExactSizeIterator<Item = (&str, &Yaml)> {
        self.fields.iter().map(|field| (field.key.as_str(), &field.value))
    }

    /// This as a document.
    #[must_use]
    pub fn document(&self) -> String {
        let mut out = String::new();
        write_map(&mut out, self, 0);
        out
    }
}

/// A map of fields that need no comments.
impl<K: Into<String>, V: Into<Yaml>, const N: usize> From<[(K, V); N]> for Map {
    fn from(fields: [(K, V); N]) -> Self {
        let mut map = Self::default();
        for (key, value) in fields {
            map.add(key, value);
        }
        map
    }
}

impl From<Map> for Yaml {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<&str> for Yaml {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Yaml {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u16> for Yaml {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<i32> for Yaml {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Yaml {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl<T: Into<Yaml>> From<Vec<T>> for Yaml {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl Yaml {
    /// The value as JSON has it. Of a repeated key the first one counts.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) | Self::Block(text) => Value::String(text.clone()),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(map) => {
                let mut out = serde_json::Map::new();
                for field in &map.fields {
                    out.entry(field.key.clone())
                        .or_insert_with(|| field.value.to_json());
                }
                Value::Object(out)
            }
        }
    }

    /// Whether there is a field of that name anywhere in it.
    #[must_use]
    pub fn mentions(&self, key: &str) -> bool {
        match self {
            Self::List(items) => items.iter().any(|item| item.mentions(key)),
            Self::Map(map) => (map.fields.iter()).any(|field| field.key == key || field.value.mentions(key)),
            _ => false,
        }
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn write_map(out: &mut String, map: &Map, indent: usize) {
    for field in &map.fields {
        write_comments(out, &field.above, indent);
        write_field(out, field, indent);
    }
}

fn write_comments(out: &mut String, lines: &[String], indent: usize) {
    for line in lines {
        pad(out, indent);
        out.push_str("# ");
        // A comment ends with its line, wherever some YAML sees the end of one.
        out.extend(line.chars().map(|c| if is_plain(c) { c } else { ' ' }));
        out.push('\n');
    }
}

fn write_field(out: &mut String, field: &Field, indent: usize) {
    pad(out, indent);
    out.push_str(&scalar(&field.key));
    out.push(':');
    match &field.value {
        Yaml::Map(map) if !map.fields.is_empty() => {
            out.push('\n');
            write_map(out, map, indent.saturating_add(2));
        }
        Yaml::List(items) if !items.is_empty() => {
            out.push('\n');
            write_list(out, items, indent);
        }
        Yaml::Block(text) => {
            out.push_str(" |-\n");
            for line in text.lines() {
                pad(out, indent.saturating_add(2));
                out.push_str(line);
                out.push('\n');
            }
        }
        other => {
            out.push(' ');
            out.push_str(&flat(other));
            out.push('\n');
        }
    }
}

fn write_list(out: &mut String, items: &[Yaml], indent: usize) {
    let inside = indent.saturating_add(2);
    for item in items {
        let mut block = String::new();
        match item {
            Yaml::Map(map) if !map.fields.is_empty() => {
                let mut fields = map.fields.iter();
                if let Some(first) = fields.next() {
                    // What is said about the first field is said about the item.
                    write_comments(out, &first.above, indent);
                    write_field(&mut block, first, inside);
                }
                for field in fields {
                    write_comments(&mut block, &field.above, inside);
                    write_field(&mut block, field, inside);
                }
            }
            Yaml::List(items) if !items.is_empty() => write_list(&mut block, items, inside),
            other => block = format!("{}\n", flat(other)),
        }
        pad(out, indent);
        out.push_str("- ");
        out.push_str(block.trim_start_matches(' '));
    }
}

/// What takes one line.
fn flat(value: &Yaml) -> String {
    match value {
        Yaml::Null => "null".to_owned(),
        Yaml::Bool(value) => value.to_string(),
        Yaml::Number(number) => number.to_string(),
        Yaml::Text(text) | Yaml::Block(text) => scalar(text),
        Yaml::List(_) => "[]".to_owned(),
        Yaml::Map(_) => "{}".to_owned(),
    }
}

/// A text, with quotes where it might be anything else.
fn scalar(text: &str) -> String {
    if is_word(text) || is_quantity(text) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// `reviews`, `x-api-key`, `/api/search`, `registry.example.com/fairlead/suite:0.1.0`
fn is_word(text: &str) -> bool {
    // Every spelling of a boolean, of nothing and of what is no number, in any version.
    const TAKEN: [&str; 12] = [
        "y", "yes", "n", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity",
    ];
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let inside = |c: char| c.is_ascii_alphanumeric() || "_-./:@".contains(c);
    begins
        && text.chars().all(inside)
        && !text.ends_with(':')
        && !is_digest(text)
        && !TAKEN.contains(&text.to_ascii_lowercase().as_str())
}

/// Half of all digests in hex begin with a letter; with quotes they all look alike.
fn is_digest(text: &str) -> bool {
    text.len() >= 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// `10s`, `2.5%`, `100/s`: digits that end in a unit, which no version of YAML takes for a number.
fn is_quantity(text: &str) -> bool {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text.strip_prefix(digits).unwrap_or_default();
    let units = [
        "%", "us", "ms", "s", "m", "h", "d", "/s", "/m", "/h", "/d", "KiB", "MiB",
    ];
    let number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let whole = digits.split_once('.').unwrap_or((digits, "0"));
    units.contains(&unit) && number(whole.0) && number(whole.1)
}

/// A character that every reader of YAML takes as it stands.
pub(crate) fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~') || (c > '\u{a0}' && c.is_alphanumeric())
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_plain(c) => out.push(c),
            c if u32::from(c) > 0xffff => out.push_str(&format!("\\U{:08x}", u32::from(c))),
            c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}
