//! Lean builds: modules without the callbacks that many configs have no use for.
//!
//! The proxy calls every callback that a module exports, for 1,800 instructions a request (docs/adr/0015). A lean build is the
//! same module with fewer exports, and refuses a config that would need one of those: it would be half at work, silently.

use fairlead_stage::Needs;

/// The callbacks about responses that this build leaves out, a bit each. `cargo xtask build` counts the bits as this does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeftOut(pub(crate) u32);

const HEADERS: u32 = 1;
const BODY: u32 = 2;
const TRAILERS: u32 = 4;

impl LeftOut {
    /// Whether this build lacks a callback that a config with these needs cannot do without.
    #[inline(never)]
    pub(crate) fn is_needed(self, needs: &Needs) -> bool {
        let lacks = |bit, needed: bool| needed && self.0 & bit != 0;
        lacks(HEADERS, needs.response) || lacks(BODY, needs.body) || lacks(TRAILERS, needs.trailers)
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
        let refused = |left_out, response, body, trailers| {
            let mut needs = Needs::default();
            (needs.response, needs.body, needs.trailers) = (response, body, trailers);
            LeftOut(left_out).is_needed(&needs)
        };
        for (bit, needs) in [
            (HEADERS, [true, false, false]),
            (BODY, [false, true, false]),
            (TRAILERS, [false, false, true]),
        ] {
            let [headers, body, trailers] = needs;
            assert!(refused(bit, headers, body, trailers));
            assert!(refused(7, headers, body, trailers));
            assert!(!refused(0, headers, body, trailers));
            assert!(!refused(7 ^ bit, headers, body, trailers));
            assert!(!refused(bit, !headers, !body, !trailers));
        }
    }
}
