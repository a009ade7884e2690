//! Lean builds: what a module without some of its callbacks is called, and how it knows (`crates/guest`, `lean`).

use anyhow::bail;
use std::collections::BTreeSet;

/// The callbacks that a lean build may leave out. The bit of each is its position, as the module counts them.
const MAY_GO: [&str; 4] = ["response_headers", "response_body", "response_trailers", END];

/// Without it a module does not learn when a stream or a plugin ends.
const END: &str = "delete";

/// All that a module without it may be called for: it keeps nothing of a stream, and hears by ticks which plugins are there.
const WITHOUT_END: [&str; 2] = ["request_headers", "tick"];

/// The name of the lean build of a filter's module.
pub(super) fn name(filter: &str) -> String {
    format!("{filter}-lean")
}

/// The callbacks of `all` that are not `kept`, a bit each.
///
/// # Errors
/// A config could not be refused for the lack of one of them, or one is kept that is not there.
pub(super) fn left_out(all: &BTreeSet<String>, kept: &BTreeSet<String>) -> anyhow::Result<i32> {
    if !all.contains(END) {
        bail!("`callbacks` lacks {END}: the full build would keep every stream for ever");
    }
    if let Some(unknown) = kept.difference(all).next() {
        bail!("`lean` keeps {unknown}, which is not in `callbacks`");
    }
    let mut bits = 0;
    for gone in all.difference(kept) {
        match MAY_GO.iter().position(|callback| callback == gone) {
            Some(bit) => bits |= 1 << bit,
            None => bail!("`lean` leaves {gone} out: choose from {}", MAY_GO.join(", ")),
        }
    }
    if !kept.contains(END) && !kept.iter().eq(WITHOUT_END) {
        bail!(
            "`lean` leaves {END} out: then it keeps {}",
            WITHOUT_END.join(" and ")
        );
    }
    Ok(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(callbacks: &[&str]) -> BTreeSet<String> {
        callbacks.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn what_goes_is_counted_in_bits() {
        let all = set(&[
            "delete",
            "request_headers",
            "response_body",
            "response_trailers",
            "tick",
        ]);
        assert_eq!(left_out(&all, &all).unwrap(), 0);
        let kept = set(&["delete", "request_headers", "tick"]);
        assert_eq!(left_out(&all, &kept).unwrap(), 6);
        assert_eq!(left_out(&all, &set(&["request_headers", "tick"])).unwrap(), 14);
    }

    #[test]
    fn what_no_config_is_refused_for_stays() {
        let all = set(&["delete", "request_headers", "tick"]);
        assert!(left_out(&all, &set(&["delete", "request_headers"])).is_err());
        assert!(left_out(&all, &set(&["delete", "request_headers", "tick", "log"])).is_err());
    }

    #[test]
    fn who_is_not_told_of_ends_sees_only_requests_and_ticks() {
        let all = set(&["delete", "request_headers", "response_headers", "tick"]);
        for kept in [
            &["request_headers"][..],
            &["tick"],
            &["request_headers", "response_headers", "tick"],
        ] {
            assert!(left_out(&all, &set(kept)).is_err(), "{kept:?}");
        }
    }

    #[test]
    fn a_full_build_is_told_of_ends() {
        let all = set(&["request_headers", "tick"]);
        assert!(left_out(&all, &all).is_err());
    }
}
