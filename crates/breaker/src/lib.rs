//! Circuit breakers without a clock, a store or a host: when to stop sending requests to what fails, and when to begin again.
//!
//! - [`policy`]: what a breaker is told: its window, what trips it, how long it stays open, how it probes;
//! - [`classes`]: what a response counts as;
//! - [`preset`]: the starting values and comparison rules of known libraries;
//! - [`Breaker`]: what a window trips, and what can be answered from what a worker knows;
//! - [`Table`]: the breakers of a rule, one or one a key, in cells that all workers share: the state machine's only door;
//! - [`Snapshots`]: windows over counters that only grow;
//! - [`Bulkheads`]: how many requests are in flight;
//! - [`Presence`]: which workers are alive, so that what a dead one held comes back;
//! - [`throttle`]: shedding in proportion instead of opening.
//!
//! Every entry point takes `now`. Nothing here reads a clock, logs, does I/O or keeps a global, and no input panics:
//! neither traffic nor stored bytes nor a clock that jumps.
//!
//! What this crate does not do: match requests, find a key in a request, store cells, write replies.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        reason = "a test that overflows fails, which is what it is for"
    )
)]

mod breaker;
mod bulkhead;
pub mod classes;
mod counts;
mod known;
mod ledger;
mod machine;
pub mod policy;
mod presence;
pub mod preset;
mod read;
mod record;
mod ring;
mod snapshots;
mod table;
pub mod throttle;

pub use breaker::{Admission, Breaker, Call, Cause, Completion, Moment, Pass, Ticket, Transition};
pub use bulkhead::{Bulkhead, Bulkheads};
pub use counts::{Counted, Counts};
pub use known::{Known, Phase};
pub use presence::Presence;
pub use snapshots::Snapshots;
pub use table::{Place, Table};

#[cfg(test)]
mod tests;
