//! What breakers log: one line of JSON a transition.

use serde::Deserialize;

/// A transition as the log has it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Transition {
    /// The breaker.
    pub breaker: String,
    /// What a proxy knows its key by, or a hash of it.
    #[serde(default, alias = "key_hash")]
    pub key: String,
    /// Where it stood: `closed`, `open` or `half_open`.
    pub from: String,
    /// Where it stands.
    pub to: String,
    /// Why.
    pub cause: String,
    /// The calls it was judged by.
    pub calls: u64,
    /// Of which failed.
    pub failures: u64,
    /// Of which were slow.
    pub slow: u64,
    /// The number of the transition.
    pub generation: u32,
    /// For how long it is open.
    pub open_for_ms: u64,
}

/// The transitions in a log, in order.
///
/// # Panics
/// If a line about a breaker is not as it should be.
#[must_use]
pub fn transitions<'l>(lines: impl IntoIterator<Item = &'l str>) -> Vec<Transition> {
    let lines = lines.into_iter();
    let parts = lines.filter_map(|line| Some(&line[line.find(r#"{"breaker":"#)?..]));
    parts
        .map(|part| serde_json::from_str(part).unwrap_or_else(|error| panic!("{part}: {error}")))
        .collect()
}
