//! Lean builds: modules without the callbacks that many configs have no use for.
//!
//! The proxy calls every callback that a module exports, for 1,800 instructions a request (docs/adr/0015). A lean build is the
//! same module with fewer exports, and refuses a config that would need one of those: it would be half at work, silently.

use fairlead_stage::{Done, Needs};

/// The callbacks that this build leaves out, a bit each. `cargo xtask build` counts the bits as this does.
#[derive(Clone, Copy, Debug)]
pub struct LeftOut(pub u32);

const HEADERS: u32 = 1;
const BODY: u32 = 2;
const TRAILERS: u32 = 4;
const END: u32 = 8;

impl LeftOut {
    /// Whether this build lacks a callback that a config with these needs cannot do without.
    #[inline(never)]
    pub(crate) fn is_needed(self, needs: &Needs) -> bool {
        let lacks = |bit, needed: bool| needed && self.0 & bit != 0;
        lacks(HEADERS, needs.response)
            || lacks(BODY, needs.body)
            || lacks(TRAILERS, needs.trailers)
            || lacks(END, needs.done > Done::Decided)
    }

    /// Whether this build is not told when a stream or a plugin ends. It then sees nothing of a stream but its request
    /// headers.
    #[inline(always)]
    #[must_use]
    pub const fn without_ends(self) -> bool {
        self.0 & END != 0
    }
}

/// Why a config is refused then.
pub(crate) const MESSAGE: &str =
    "needs more of responses than a lean build sees: load the module without -lean";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_and_left_out_is_refused() {
        let refused = |left_out, [response, body, trailers, end]: [bool; 4]| {
            let mut needs = Needs::default();
            (needs.response, needs.body, needs.trailers) = (response, body, trailers);
            needs.done = if end { Done::Ended } else { Done::Decided };
            LeftOut(left_out).is_needed(&needs)
        };
        for (position, bit) in [HEADERS, BODY, TRAILERS, END].into_iter().enumerate() {
            let needs = [0, 1, 2, 3].map(|it| it == position);
            assert!(refused(bit, needs));
            assert!(refused(15, needs));
            assert!(!refused(0, needs));
            assert!(!refused(15 ^ bit, needs));
            assert!(!refused(bit, needs.map(|it| !it)));
        }
    }
}
