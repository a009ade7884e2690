//! Rate limiting without a clock, a store or a host: who may spend how much, and what the client is told about it.
//!
//! - [`Rate`] and [`Quota`]: what the operator wrote, checked once when a config is read;
//! - [`decide`]: one decision of the Generic Cell Rate Algorithm (GCRA) on one stored number;
//! - [`Table`]: a fixed amount of memory for the buckets of any number of keys, cut into cells that are replaced whole;
//! - [`fields`]: the header fields that state limits to clients.
//!
//! Every entry point takes `now`. Nothing here reads a clock, logs, does I/O or keeps a global, and no input panics:
//! neither traffic nor stored bytes nor a clock that jumps.
//!
//! What this crate does not do: match requests, find a key in a request, store cells, lease tokens.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        reason = "a test that overflows fails, which is what it is for"
    )
)]

pub mod fields;
mod gcra;
mod key;
mod quota;
mod rate;
mod table;

pub use gcra::{CLOCK_LAG_TOLERANCE, Decision, Outcome, decide};
pub use key::{KeyHash, KeyHasher};
pub use quota::{LONGEST_FILL, Quota, QuotaError};
pub use rate::{Period, Rate, RateError};
pub use table::{OnOverflow, Overflow, Place, Receipt, Spent, Table};
