//! Canary releases without a clock, a store or a host: who is drawn, by what, for how long, and when a canary is taken out.
//!
//! - [`Share`]: a part of a whole, in parts per million;
//! - [`decide`]: in which order the reasons for a variant count;
//! - [`draw`]: a user's place between 0 and 1,000,000, and [`ranges`]: the variant that lies there;
//! - [`Ramp`]: weights that follow the clock, so that all proxies agree without talking;
//! - [`token`]: what the release cookie holds, so that nobody can write one;
//! - [`baggage`] and [`trace`]: how a decision travels on;
//! - [`guard`]: outcomes of each variant in windows, and the judgement whether the canary is worse.
//!
//! Every entry point takes `now`. Nothing here reads a clock, logs, does I/O or keeps a global, and no input panics:
//! neither traffic nor stored bytes nor a clock that jumps.
//!
//! What this crate does not do: match requests, find a key in a request, store cells, write headers.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        reason = "a test that overflows fails, which is what it is for"
    )
)]

pub mod baggage;
pub mod draw;
pub mod guard;
mod precedence;
mod ramp;
pub mod ranges;
pub mod token;
pub mod trace;

pub use fairlead_stage::{Share, ShareError};
pub use precedence::{Choice, Evidence, Reason, decide, forced};
pub use ramp::{Finish, Ramp, RampError, RampStep, Standing};
