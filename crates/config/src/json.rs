//! A JSON document as it was written: objects keep their order and their repeated keys.
//!
//! `serde_json::Value` would drop a repeated key without a word, and its ordered maps are a large part of what parsing
//! costs in a .wasm. Numbers are kept as doubles, as Istio hands them over: `5`, `5.0` and `5e0` are the same number.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// One JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Parses a document. Empty input is `{}`: Istio sends nothing when `pluginConfig` is absent.
    ///
    /// # Errors
    /// What is wrong with the syntax, with line and column.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::Object(Vec::new()));
        }
        serde_json::from_slice(bytes)
    }

    /// Whether it is an object with this field.
    pub(crate) fn has(&self, key: &str) -> bool {
        matches!(self, Self::Object(fields) if fields.iter().any(|(name, _)| name == key))
    }

    /// The value as it is shown in a message: short, on one line.
    pub(crate) fn excerpt(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(true) => "true".to_owned(),
            Self::Bool(false) => "false".to_owned(),
            Self::Number(number) => number_text(*number),
            Self::Text(text) => quoted(text),
            Self::List(_) => "a list".to_owned(),
            Self::Object(_) => "an object".to_owned(),
        }
    }
}

/// `text` in quotes, without control characters, cut after 60 characters.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut out = String::from("\"");
    let mut chars = text.chars();
    for c in chars.by_ref().take(SHOWN) {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out.push_str(if chars.next().is_some() { "...\"" } else { "\"" });
    out
}

/// A number with at most six decimals. Written by hand: the exact formatting of doubles would be 10 KiB of a .wasm.
fn number_text(number: f64) -> String {
    const EXACT: f64 = 1e15;
    const MICRO: u64 = 1_000_000;
    if number.abs() >= EXACT {
        return if number < 0.0 {
            "a number below -1e15"
        } else {
            "a number above 1e15"
        }
        .to_owned();
    }
    let micros = (number.abs() * 1e6).round() as u64;
    if micros == 0 && number != 0.0 {
        return "a number near 0".to_owned();
    }
    let sign = if number < 0.0 { "-" } else { "" };
    let (whole, decimals) = (micros / MICRO, micros % MICRO);
    let text = format!("{sign}{whole}.{decimals:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value as f64))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    #[inline(never)]
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    #[inline(never)]
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut object = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            object.push(entry);
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Json {
        Json::parse(text.as_bytes()).expect("valid JSON")
    }

    #[test]
    fn nothing_and_white_space_are_an_empty_object() {
        assert_eq!(parsed(""), Json::Object(Vec::new()));
        assert_eq!(parsed(" \n"), Json::Object(Vec::new()));
    }

    #[test]
    fn repeated_keys_are_kept_in_order() {
        let text = |s: &str| Json::Text(s.to_owned());
        assert_eq!(
            parsed(r#"{"b":"1","a":"2","b":"3"}"#),
            Json::Object(vec![
                ("b".to_owned(), text("1")),
                ("a".to_owned(), text("2")),
                ("b".to_owned(), text("3"))
            ])
        );
    }

    #[test]
    fn values_are_shown_short_and_on_one_line() {
        for (json, shown) in [
            ("null", "null"),
            ("5", "5"),
            ("5.0", "5"),
            ("1e3", "1000"),
            ("-7", "-7"),
            ("0", "0"),
            ("1.5", "1.5"),
            ("-0.25", "-0.25"),
            ("0.9999999", "1"),
            ("1e-9", "a number near 0"),
            ("1e21", "a number above 1e15"),
            ("-1e21", "a number below -1e15"),
            (r#""a\"b\\\n""#, r#""a\"b\\\n""#),
            ("[1]", "a list"),
            ("{}", "an object"),
        ] {
            assert_eq!(parsed(json).excerpt(), shown, "{json}");
        }
        assert_eq!(quoted(&"x".repeat(100)), format!("\"{}...\"", "x".repeat(60)));
        assert_eq!(quoted(&"x".repeat(60)), format!("\"{}\"", "x".repeat(60)));
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_stack_overflow() {
        assert!(Json::parse("[".repeat(100_000).as_bytes()).is_err());
    }
}
