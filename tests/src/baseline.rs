//! Numbers that are known, and the numbers of now: what the gates of fuel and of instructions compare.
//!
//! Both directions count: what has become cheaper belongs into the known numbers, or it may become dear again unseen.

use std::collections::BTreeMap;

/// How far a number may be off by default, in percent of the known one.
pub const TOLERANCE_PERCENT: u64 = 2;

/// Numbers by what they are of.
pub type Numbers = BTreeMap<String, u64>;

/// One line for each number that is off by more than so many percent of the known one, and for each that is on one side
/// only. Empty: the gate is passed.
#[must_use]
pub fn differences(known: &Numbers, now: &Numbers, tolerance_percent: u64) -> Vec<String> {
    let of_known = known.iter().filter_map(|(name, was)| match now.get(name) {
        None => Some(format!("{name}: was {was}, is gone")),
        Some(is) if is.abs_diff(*was) * 100 > was * tolerance_percent => {
            Some(format!("{name}: was {was}, is {is}"))
        }
        Some(_) => None,
    });
    let new = now.iter().filter(|(name, _)| !known.contains_key(*name));
    of_known
        .chain(new.map(|(name, is)| format!("{name}: is new, {is}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers<const N: usize>(of: [(&str, u64); N]) -> Numbers {
        of.map(|(name, number)| (name.to_owned(), number)).into()
    }

    #[test]
    fn a_number_may_be_off_by_the_tolerance_either_way_and_no_further() {
        let known = numbers([("a", 10_000)]);
        for (now, passes) in [
            (9_799, false),
            (9_800, true),
            (10_000, true),
            (10_200, true),
            (10_201, false),
        ] {
            let found = differences(&known, &numbers([("a", now)]), 2);
            let expected = if passes {
                vec![]
            } else {
                vec![format!("a: was 10000, is {now}")]
            };
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_row_that_is_new_or_gone_is_a_difference() {
        let found = differences(&numbers([("a", 1), ("b", 2)]), &numbers([("b", 2), ("c", 3)]), 2);
        assert_eq!(found, ["a: was 1, is gone", "c: is new, 3"]);
    }
}
