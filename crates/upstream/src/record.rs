//! What the upstream has served: exact counts, and the last request heads.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hyper::http::request::Parts;
use serde_json::{Value, json};

/// Paths counted one by one; the requests for any further path are counted under [`Counts::OTHER`].
const MAX_PATHS: usize = 1000;

/// How many requests were served. A request counts when its answer is decided, which is as soon as its body is
/// read and before its delay: also when the client does not wait for the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All requests.
    pub total: u64,
    /// By path, without the query.
    pub by_path: BTreeMap<String, u64>,
    /// By status of the answer. Requests that were reset have none.
    pub by_status: BTreeMap<u16, u64>,
    /// Requests that were closed without an answer on purpose.
    pub resets: u64,
}

impl Counts {
    /// The key in [`by_path`](Self::by_path) for what does not fit in it.
    pub const OTHER: &str = "(other)";

    /// Requests for a path.
    pub fn path(&self, path: &str) -> u64 {
        self.by_path.get(path).copied().unwrap_or(0)
    }

    /// Requests answered with a status.
    pub fn status(&self, status: u16) -> u64 {
        self.by_status.get(&status).copied().unwrap_or(0)
    }

    /// The same as JSON.
    pub fn to_json(&self) -> Value {
        let by_status: BTreeMap<String, u64> = self
            .by_status
            .iter()
            .map(|(status, count)| (status.to_string(), *count))
            .collect();
        json!({"total": self.total, "by_path": self.by_path, "by_status": by_status, "resets": self.resets})
    }
}

/// The head of a request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// `GET`
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// The path alone.
    pub path: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: String,
    /// Lower-case names with values, repeated ones included; bytes that are not UTF-8 are replaced. `host` is also
    /// where HTTP/2 sends `:authority`.
    pub headers: Vec<(String, String)>,
    /// When it was there, with its body.
    pub arrived: Instant,
}

impl RequestHead {
    pub(crate) fn new(parts: &Parts) -> Self {
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let mut headers: Vec<(String, String)> = Vec::with_capacity(parts.headers.len().saturating_add(1));
        // In HTTP/2 the host is not a header but a part of the target.
        if let Some(authority) = parts.uri.authority()
            && !parts.headers.contains_key("host")
        {
            headers.push(("host".into(), authority.to_string()));
        }
        for (name, value) in &parts.headers {
            headers.push((
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            ));
        }
        Self {
            method: parts.method.to_string(),
            target: target.to_owned(),
            path: parts.uri.path().to_owned(),
            version: format!("{:?}", parts.version),
            headers,
            arrived: Instant::now(),
        }
    }

    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "method": self.method,
            "target": self.target,
            "path": self.path,
            "version": self.version,
            "headers": self.headers,
        })
    }
}

/// How a request was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Status(u16),
    Reset,
}

/// Counts and heads, changed together.
#[derive(Debug)]
pub(crate) struct Record {
    state: Mutex<State>,
    keep: usize,
}

#[derive(Debug, Default)]
struct State {
    counts: Counts,
    heads: VecDeque<RequestHead>,
}

impl Record {
    /// A record that keeps the last `keep` heads.
    pub(crate) fn new(keep: usize) -> Self {
        Self {
            state: Mutex::default(),
            keep,
        }
    }

    pub(crate) fn add(&self, head: RequestHead, outcome: Outcome) {
        let mut state = self.state();
        let counts = &mut state.counts;
        counts.total = counts.total.saturating_add(1);
        let full = counts.by_path.len() >= MAX_PATHS && !counts.by_path.contains_key(&head.path);
        let path = if full {
            Counts::OTHER.to_owned()
        } else {
            head.path.clone()
        };
        let count = counts.by_path.entry(path).or_default();
        *count = count.saturating_add(1);
        match outcome {
            Outcome::Status(status) => {
                let count = counts.by_status.entry(status).or_default();
                *count = count.saturating_add(1);
            }
            Outcome::Reset => counts.resets = counts.resets.saturating_add(1),
        }
        if self.keep == 0 {
            return;
        }
        if state.heads.len() >= self.keep {
            state.heads.pop_front();
        }
        state.heads.push_back(head);
    }

    pub(crate) fn counts(&self) -> Counts {
        self.state().counts.clone()
    }

    pub(crate) fn heads(&self) -> Vec<RequestHead> {
        self.state().heads.iter().cloned().collect()
    }

    pub(crate) fn reset(&self) {
        *self.state() = State::default();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
