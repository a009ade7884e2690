//! The header fields of a response that is served from the store, beyond those that were kept.

use crate::list::MAX_SECONDS;
use std::time::Duration;

/// Value of `warning`: RFC 7234, 5.5.1. RFC 9111 has retired the field, since hardly anybody reads it, and has put nothing
/// in its place: it is the only standard word for this, and does no harm.
pub const WARNING: &str = "110 - \"Response is Stale\"";

/// Appends the value of `age`: whole seconds, at most 2^31 (RFC 9111, 5.1 and 1.2.2).
pub fn push_age(out: &mut Vec<u8>, age: Duration) {
    let mut seconds = u32::try_from(age.as_secs()).map_or(MAX_SECONDS, |seconds| seconds.min(MAX_SECONDS));
    let mut digits = [b'0'; 10];
    let mut first = digits.len();
    for (position, digit) in digits.iter_mut().enumerate().rev() {
        // Below 10: it fits.
        *digit = b'0'.saturating_add((seconds % 10) as u8);
        seconds /= 10;
        first = position;
        if seconds == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn age(age: Duration) -> String {
        let mut out = Vec::new();
        push_age(&mut out, age);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_age_is_whole_seconds_and_ends_at_its_bound() {
        assert_eq!(age(Duration::ZERO), "0");
        assert_eq!(age(Duration::from_millis(1999)), "1");
        assert_eq!(age(Duration::from_secs(600)), "600");
        assert_eq!(age(Duration::from_secs(3_000_000_000)), "2147483648");
        assert_eq!(age(Duration::MAX), "2147483648");
    }

    proptest! {
        #[test]
        fn an_age_is_written_as_everybody_writes_numbers(seconds in 0..=MAX_SECONDS) {
            prop_assert_eq!(age(Duration::from_secs(seconds.into())), seconds.to_string());
        }
    }
}
