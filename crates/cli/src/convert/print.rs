//! What was made, on paper: a policy in YAML with comments, notes a line each, or both in JSON.

use super::draft::{Draft, Fate, Made, Note, node, object, text};
use crate::document::{Entry, Kind, Node, place};
use serde_json::{Value, json};

/// How wide a line of comment may be.
const WIDE: usize = 120;

/// The policy.
pub(super) fn policy(made: &Made) -> Node {
    let breaker = |draft: &Draft| {
        let mut fields = vec![("name", text(&draft.name))];
        fields.extend(draft.fields.iter().map(|field| (field.key, field.value.clone())));
        object(fields)
    };
    let breakers = node(Kind::List(made.drafts.iter().map(breaker).collect()));
    object(vec![("circuit_breaker", object(vec![("breakers", breakers)]))])
}

/// The policy in YAML, with what differs and what is lost in comments.
pub(super) fn yaml(made: &Made) -> String {
    let mut out = String::new();
    comment(
        &mut out,
        0,
        &format!("Made by fairlead convert from {}.", made.from),
    );
    if made.notes.iter().any(|note| note.fate == Fate::Stays) {
        comment(
            &mut out,
            0,
            &format!("Keep the {}: what stays there is on standard error.", made.from),
        );
    }
    for fate in [Fate::Changed, Fate::Lost] {
        for note in made.notes.iter().filter(|note| note.fate == fate) {
            let path = if note.path.is_empty() {
                String::new()
            } else {
                format!(" {}", note.path)
            };
            comment(&mut out, 0, &format!("{}{path}: {}", fate.word(), note.text));
        }
    }
    out.push_str("circuit_breaker:\n");
    if made.drafts.is_empty() {
        out.push_str("  breakers: []\n");
        return out;
    }
    out.push_str("  breakers:\n");
    for draft in &made.drafts {
        comment(&mut out, 2, &draft.of);
        out.push_str(&format!("  - name: {}\n", scalar(&draft.name)));
        for field in &draft.fields {
            let mut line = format!("    {}: ", field.key);
            flow(&mut line, &field.value);
            if !field.from.is_empty() {
                line.push_str(&format!("   # {}", one_line(&field.from)));
            }
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

/// A comment, in as many lines as it takes.
fn comment(out: &mut String, indent: usize, text: &str) {
    let begin = format!("{}# ", " ".repeat(indent));
    let mut line = begin.clone();
    for word in one_line(text).split(' ') {
        let fits = line.chars().count().saturating_add(word.chars().count()) < WIDE;
        if !fits && line.trim_end() != begin.trim_end() {
            out.push_str(line.trim_end());
            out.push('\n');
            line = format!("{begin}  ");
        }
        line.push_str(word);
        line.push(' ');
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

/// `text` without what would end a comment.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || is_break(c) { ' ' } else { c })
        .collect()
}

fn is_break(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// A value on one line.
fn flow(out: &mut String, value: &Node) {
    match &value.kind {
        Kind::Null => out.push_str("null"),
        Kind::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Kind::Number(number) => out.push_str(&number.to_string()),
        Kind::Text(text) => out.push_str(&scalar(text)),
        Kind::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                flow(out, item);
            }
            out.push(']');
        }
        Kind::Object(entries) => {
            out.push('{');
            for (index, Entry { key, value, .. }) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                out.push_str(&scalar(key));
                out.push_str(": ");
                flow(out, value);
            }
            out.push('}');
        }
    }
}

/// A text as YAML has it: without quotes only where it is text in every version of YAML.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '%' | '/');
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic())
        || text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with(['%', 's', 'm', 'h']);
    // 5e3 and 0x1f are numbers in some versions, and so are 1:30 and 1_000, whose characters are not plain.
    if begins && text.chars().all(plain) && !WORDS.contains(&text.to_ascii_lowercase().as_str()) {
        text.to_owned()
    } else {
        Value::String(text.to_owned()).to_string()
    }
}

/// Every note on standard error, a line each, and how many there are.
pub(super) fn notes(made: &Made, file: &str) {
    for what in &made.skipped {
        eprintln!("{file}: note: skipped: {what}");
    }
    for note in &made.notes {
        eprintln!("{}", line(note, file));
    }
    eprintln!("{file}: {}", summary(made));
}

/// `file:12: spec.host: became: match: ..`
fn line(note: &Note, file: &str) -> String {
    let word = note.fate.word();
    let text = one_line(&note.text);
    format!("{}{word}: {text}", place(file, note.line, &note.path))
}

/// `2 breakers: 5 became, 1 changed, 2 lost, 3 stay`
fn summary(made: &Made) -> String {
    let count = |fate: Fate| made.notes.iter().filter(|note| note.fate == fate).count();
    let breakers = made.drafts.len();
    let plural = if breakers == 1 { "" } else { "s" };
    let counts: Vec<String> = Fate::ALL
        .iter()
        .map(|fate| {
            let word = if *fate == Fate::Stays { "stay" } else { fate.word() };
            format!("{} {word}", count(*fate))
        })
        .collect();
    format!("{breakers} breaker{plural}: {}", counts.join(", "))
}

/// The policy and the notes in one document.
pub(super) fn report(made: &Made, file: &str) -> Value {
    let note = |note: &Note| {
        json!({
            "fate": note.fate.word(),
            "line": note.line,
            "path": note.path,
            "message": note.text,
        })
    };
    json!({
        "file": file,
        "from": made.from,
        "policy": policy(made).to_value(),
        "notes": made.notes.iter().map(note).collect::<Vec<_>>(),
        "skipped": made.skipped,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::draft::{Field, texts};
    use crate::yaml;

    #[test]
    fn any_text_reads_back_as_the_text_that_it_was() {
        for text in [
            "",
            "reviews",
            "off",
            "No",
            "null",
            "~",
            "5",
            "5e3",
            "0x1f",
            "1:30",
            "1_000",
            "10s",
            "50%",
            "5xx",
            "502-504",
            "*.example.com",
            "a: b",
            "a #b",
            "- a",
            "{a}",
            "\"",
            "it's",
            "zwei\nZeilen",
            "\u{2028}",
            "10.5",
            "1e5s",
            "y",
        ] {
            let mut out = String::from("value: ");
            flow(&mut out, &texts([text]));
            let read = yaml::documents(&out).unwrap();
            assert_eq!(read[0].to_value(), json!({ "value": [text] }), "{out}");
        }
    }

    #[test]
    fn a_comment_cannot_end_before_its_line() {
        let mut made = Made::new("opossum");
        made.notes.push(Note {
            fate: Fate::Lost,
            line: 1,
            path: "[\"a\\nb\"]".to_owned(),
            text: "one\ntwo: \r\u{85}three ".repeat(30),
        });
        let mut draft = Draft::new("a", "of\nthis");
        draft.fields.push(Field {
            key: "timeout",
            value: text("3s"),
            from: "x\ny: z".to_owned(),
        });
        made.drafts.push(draft);
        let read = yaml::documents(&yaml(&made)).unwrap();
        assert_eq!(read[0].to_value(), policy(&made).to_value());
        assert!(yaml(&made).lines().all(|line| line.chars().count() <= WIDE));
    }
}
