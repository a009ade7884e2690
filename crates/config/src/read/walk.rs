//! The steps of a walk over a document, for all readers: what is neither specific to a type nor to a place.

use super::{Malformed, Need, Shape};
use crate::json::{Json, quoted};
use crate::problem::{Mark, Problems, nearest, or_list};

type Fields = [(String, Json)];
type ReadFn<O> = fn(&Json, &mut Problems) -> Option<O>;
type ParseFn<O> = fn(&str) -> Result<O, Malformed>;

impl Problems {
    /// The fields of an object, after noting those that are unknown, repeated, null, missing or too many.
    pub(crate) fn object<'j>(&mut self, value: &'j Json, shape: &Shape) -> Option<&'j Fields> {
        let Json::Object(fields) = value else {
            self.wrong(value, shape.what);
            return None;
        };
        self.not_too_many(fields)?;
        let before = self.count();
        for (index, (key, value)) in fields.iter().enumerate() {
            if fields.iter().take(index).any(|(earlier, _)| earlier == key) {
                self.say_at(key, &["is there twice: write it once"]);
            } else if let Some((_, why)) = shape.later.iter().find(|(name, _)| name == key) {
                self.say_at(key, &[why]);
            } else {
                match shape.fields.iter().find(|(name, _)| name == key) {
                    None => self.unknown(key, shape),
                    Some((_, need)) if matches!(value, Json::Null) && *need != Need::Nullable => {
                        self.say_at(key, &["is null: write a value, or leave the field out"]);
                    }
                    Some(_) => {}
                }
            }
        }
        self.needed(fields, shape, before);
        Some(fields)
    }

    /// Notes the fields that are missing, and choices of which none or too many are there.
    #[inline(never)]
    fn needed(&mut self, fields: &Fields, shape: &Shape, before: usize) {
        let has = |key: &str| fields.iter().any(|(name, _)| name == key);
        let mut among = Vec::new();
        let mut given = Vec::new();
        let mut least = "";
        for (key, need) in shape.fields {
            match need {
                Need::Required if !has(key) => self.say_at(key, &["is missing: ", shape.what, " needs it"]),
                Need::Either | Need::AnyOf => {
                    among.push(*key);
                    if has(key) {
                        given.push(*key);
                    }
                    if *need == Need::AnyOf {
                        least = "at least ";
                    }
                }
                _ => {}
            }
        }
        if given.len() > 1 && least.is_empty() {
            self.say(&["has ", &given.join(" and "), " together: write one of them"]);
        } else if given.is_empty() && !among.is_empty() && before == self.count() {
            let among = or_list(&among);
            self.say(&["is not ", shape.what, " yet: write ", least, "one of ", &among]);
        }
    }

    /// Fields are compared with each other, so that their number must be bounded.
    #[inline(never)]
    fn not_too_many(&mut self, fields: &Fields) -> Option<()> {
        const MOST: usize = 256;
        if fields.len() > MOST {
            self.say(&["has ", &fields.len().to_string(), " fields, and 256 are the most"]);
            return None;
        }
        Some(())
    }

    #[inline(never)]
    fn unknown(&mut self, key: &str, shape: &Shape) {
        let known: Vec<&str> = shape.fields.iter().map(|(name, _)| *name).collect();
        match nearest(key, &known) {
            Some(name) => self.say_at(key, &["unknown field: did you mean ", name, "?"]),
            None => self.say_at(
                key,
                &["unknown field: ", shape.what, " can have ", &known.join(", ")],
            ),
        }
    }

    /// Reads a field that [`Problems::object`] has looked at; `None` where it is absent or has a problem.
    pub(crate) fn field<O>(&mut self, fields: &Fields, key: &str, read: ReadFn<O>) -> Option<O> {
        let (value, mark) = self.enter_field(fields, key)?;
        let out = read(value, self);
        self.leave(mark);
        out
    }

    #[inline(never)]
    fn enter_field<'j>(&mut self, fields: &'j Fields, key: &str) -> Option<(&'j Json, Mark)> {
        let (_, value) = fields.iter().find(|(name, _)| name == key)?;
        if matches!(value, Json::Null) {
            return None;
        }
        Some((value, self.enter(key)))
    }

    pub(super) fn leaf<O>(&mut self, value: &Json, expected: &str, parse: ParseFn<O>) -> Option<O> {
        let shown;
        let (text, quotes) = match value {
            Json::Text(text) => (text, true),
            // YAML reads an unquoted 1 or true as something else than text.
            Json::Number(_) | Json::Bool(_) => {
                shown = value.excerpt();
                (&shown, false)
            }
            _ => {
                self.wrong(value, expected);
                return None;
            }
        };
        match parse(text) {
            Ok(out) if quotes => return Some(out),
            Ok(_) => self.wrong(value, "text: put it in quotes"),
            Err(reason) => self.malformed(value, expected, &reason),
        }
        None
    }

    fn malformed(&mut self, value: &Json, expected: &str, reason: &Malformed) {
        match reason {
            Malformed::Expected => self.wrong(value, expected),
            Malformed::Fix(fix) => {
                let what = expected.split(':').next().unwrap_or(expected);
                self.wrong(value, &[what, ": ", fix].concat());
            }
        }
    }

    pub(super) fn list<O>(&mut self, value: &Json, read: ReadFn<O>) -> Option<Vec<O>> {
        let Json::List(items) = value else {
            self.wrong(value, "a list: write it in [ ]");
            return None;
        };
        let mut out = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let mark = self.enter_item(index);
            out.extend(read(item, self));
            self.leave(mark);
        }
        Some(out)
    }

    pub(super) fn not_empty(&mut self, value: &Json) -> Option<()> {
        match value {
            Json::List(items) if items.is_empty() => {}
            Json::Object(fields) if fields.is_empty() => {}
            _ => return Some(()),
        }
        self.say(&["is empty: write at least one entry, or leave the field out"]);
        None
    }

    pub(super) fn map<O>(
        &mut self,
        value: &Json,
        expected: &str,
        parse: ParseFn<String>,
        read: ReadFn<O>,
    ) -> Option<Vec<(String, O)>> {
        let Json::Object(fields) = value else {
            self.wrong(value, "an object: write name: value pairs");
            return None;
        };
        self.not_empty(value)?;
        self.not_too_many(fields)?;
        let mut names: Vec<String> = Vec::new();
        let mut out = Vec::new();
        for (key, value) in fields {
            let mark = self.enter(key);
            let entry = read(value, self);
            match parse(key) {
                Ok(name) => {
                    if names.contains(&name) {
                        self.say(&["is there twice: write it once"]);
                    }
                    names.push(name.clone());
                    out.extend(entry.map(|entry| (name, entry)));
                }
                Err(reason) => self.malformed(&Json::Text(key.clone()), expected, &reason),
            }
            self.leave(mark);
        }
        Some(out)
    }

    pub(super) fn integer(&mut self, value: &Json, min: u32, max: u32) -> Option<u32> {
        let mut fix = "";
        match value {
            Json::Number(n) if *n >= f64::from(min) && *n <= f64::from(max) && n.fract() == 0.0 => {
                return Some(*n as u32);
            }
            Json::Text(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
                fix = ": write it without quotes";
            }
            _ => {}
        }
        self.wrong(
            value,
            &[
                "an integer from ",
                &min.to_string(),
                " to ",
                &max.to_string(),
                fix,
            ]
            .concat(),
        );
        None
    }

    /// The place of a word among the known ones.
    pub(crate) fn word(
        &mut self,
        value: &Json,
        what: &str,
        known: &[&str],
        later: &[(&str, &str)],
    ) -> Option<usize> {
        if let Json::Text(text) = value {
            if let Some(index) = known.iter().position(|word| word == text) {
                return Some(index);
            }
            if let Some((_, why)) = later.iter().find(|(word, _)| word == text) {
                self.say(&[&quoted(text), " is not supported by this version: ", why]);
                return None;
            }
        }
        self.wrong(value, &[what, ": write ", &or_list(known)].concat());
        None
    }

    /// Notes the items of a list that have the same text in a field that names them.
    pub(crate) fn unique(&mut self, list: &Json, key: &str) {
        let Json::List(items) = list else { return };
        let name = |item: &Json| match item {
            Json::Object(fields) => match fields.iter().find(|(name, _)| name == key) {
                Some((_, Json::Text(text))) => Some(text.clone()),
                _ => None,
            },
            _ => None,
        };
        let mut names: Vec<Option<String>> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let name = name(item);
            if let (Some(text), Some(first)) = (&name, names.iter().position(|known| *known == name)) {
                let mark = self.enter_item(index);
                self.say_at(
                    key,
                    &[
                        &quoted(text),
                        " is taken by entry ",
                        &first.to_string(),
                        ": write a unique one",
                    ],
                );
                self.leave(mark);
            }
            names.push(name);
        }
    }
}
