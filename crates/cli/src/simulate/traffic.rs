//! Traffic files: JSON lines, a request or an event each.
//!
//! All mistakes of a file are reported at once. Lines stay as they are written: a line that repeats a thousand times is
//! unfolded only while it is played ([`super::play`]).

mod fields;
mod request;
#[cfg(test)]
mod tests;

use crate::document::{Kind, Mistake, Node};
use crate::time;
use fairlead_emulator::Request;
use fields::Fields;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A line of a traffic file.
#[derive(Debug)]
pub(crate) struct Line {
    /// In the file, counted from 1.
    pub(crate) number: usize,
    /// Since the start.
    pub(crate) at: Duration,
    pub(crate) what: What,
}

/// What a line is about.
#[derive(Debug)]
pub(crate) enum What {
    Request(Box<Repeated>),
    Event(Event),
}

/// A request that is sent once or more.
#[derive(Debug)]
pub(crate) struct Repeated {
    pub(crate) id: String,
    pub(crate) request: Request,
    /// At least 1.
    pub(crate) times: u64,
    pub(crate) every: Duration,
}

impl Repeated {
    /// The id of repetition `index`, counted from 0: `alice`, `alice#2`, `alice#3`.
    pub(crate) fn id_of(&self, index: u64) -> String {
        if index == 0 {
            return self.id.clone();
        }
        format!("{}#{}", self.id, index.saturating_add(1))
    }
}

/// Something else that happens.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The policy in this file, beside the traffic file, is sent to the proxy.
    Policy(PathBuf),
    /// The wall clock moves by so many nanoseconds.
    ClockJump(i64),
    KillWorker(usize),
    Tick,
}

/// What the lines of a file are read against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting<'a> {
    /// Where the files of `policy` lines are.
    pub(crate) folder: &'a Path,
    pub(crate) workers: usize,
}

/// The fields of a request.
const REQUEST: &[&str] = &[
    "at",
    "id",
    "method",
    "authority",
    "path",
    "headers",
    "source",
    "cluster",
    "route",
    "worker",
    "upstream",
    "abort_after",
    "times",
    "every",
];
/// The field that makes a line an event.
const EVENTS: &[&str] = &["policy", "clock_jump", "kill_worker", "tick"];

/// Reads a file.
///
/// # Errors
/// Every mistake.
pub(crate) fn parse(text: &str, setting: Setting<'_>) -> Result<Vec<Line>, Vec<Mistake>> {
    let mut lines: Vec<Line> = Vec::new();
    let mut mistakes = Vec::new();
    for (index, text) in text.lines().enumerate() {
        if text.trim().is_empty() {
            continue;
        }
        let before = lines.last().map_or(Duration::ZERO, |line| line.at);
        lines.extend(read(
            index.saturating_add(1),
            text,
            before,
            setting,
            &mut mistakes,
        ));
    }
    if mistakes.is_empty() {
        Ok(lines)
    } else {
        Err(mistakes)
    }
}

fn read(
    number: usize,
    text: &str,
    before: Duration,
    setting: Setting<'_>,
    mistakes: &mut Vec<Mistake>,
) -> Option<Line> {
    let node: Node = match serde_json::from_str(text) {
        Ok(node) => node,
        Err(error) => {
            let message = format!(
                "is not JSON: column {}: {}: write one object a line",
                error.column(),
                syntax(&error)
            );
            mistakes.push(Mistake::at(number, message));
            return None;
        }
    };
    let Kind::Object(entries) = &node.kind else {
        mistakes.push(Mistake::at(
            number,
            format!("{} is not a request: write one object a line", node.excerpt()),
        ));
        return None;
    };
    let count = mistakes.len();
    let event = entries.iter().find(|entry| EVENTS.contains(&entry.key.as_str()));
    let mut fields = Fields::of_line(number, entries, mistakes);
    let at = fields.read("at", "", fields::after_start).unwrap_or(before);
    if at < before {
        let message = format!(
            "{} is before the line above it ({}): sort the lines, or leave at out to mean the same moment",
            time::seconds(at),
            time::seconds(before)
        );
        fields.wrong("at", message);
    }
    let what = match event {
        Some(event) => {
            fields.known(&["at", &event.key], "an event");
            read_event(&mut fields, &event.key, setting).map(What::Event)
        }
        None => {
            fields.known(REQUEST, "a request");
            Some(What::Request(Box::new(read_request(
                &mut fields,
                number,
                setting,
            ))))
        }
    };
    // A line with a mistake still sets the time for the next one, so that one slip is not reported on every line.
    let what = what
        .filter(|_| mistakes.len() == count)
        .unwrap_or(What::Event(Event::Tick));
    Some(Line { number, at, what })
}

/// What `serde_json` says, without the line, which is always 1 here.
fn syntax(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

fn read_event(fields: &mut Fields<'_, '_>, key: &str, setting: Setting<'_>) -> Option<Event> {
    match key {
        "policy" => fields.read(key, "the name of a policy file beside this one", |value, _| {
            value
                .text()
                .filter(|text| !text.is_empty())
                .map(|text| Event::Policy(setting.folder.join(text)))
        }),
        "clock_jump" => fields.read(key, "", |value, wrong| {
            fields::nanos(value, wrong).map(Event::ClockJump)
        }),
        "kill_worker" => fields.read(key, "", |value, wrong| {
            fields::worker(value, setting.workers, wrong).map(Event::KillWorker)
        }),
        _ => fields.read(key, "true: write true, or leave the line out", |value, _| {
            (value.kind == Kind::Bool(true)).then_some(Event::Tick)
        }),
    }
}

fn read_request(fields: &mut Fields<'_, '_>, number: usize, setting: Setting<'_>) -> Repeated {
    let id = fields.read("id", "an id: write text or a number", |value, _| {
        match &value.kind {
            Kind::Text(text) => Some(text.clone()),
            Kind::Number(number) => Some(number.to_string()),
            _ => None,
        }
    });
    let times = fields.read(
        "times",
        "a number of requests: write an integer from 1 to 100000000",
        |value, _| fields::integer(value).filter(|times| (1..=100_000_000).contains(times)),
    );
    let every = fields.read("every", "", fields::after_start);
    if every.is_some() && times.is_none_or(|times| times < 2) && !fields.has_mistake("times") {
        fields.wrong(
            "every",
            "means nothing without times: write times, or leave it out".to_owned(),
        );
    }
    Repeated {
        id: id.unwrap_or_else(|| number.to_string()),
        request: request::read(fields, setting),
        times: times.unwrap_or(1),
        every: every.unwrap_or_default(),
    }
}
